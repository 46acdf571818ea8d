"""The sound of a take as FLAC: nothing of it is lost, at about half the size."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from voice_coach.errors import HistoryError
from voice_coach.history.files import replacing

if TYPE_CHECKING:
    import soundfile

BLOCK = 65_536
"""Frames at a time: memory does not grow with the length of a recording."""

ROOM_BYTES = 1 << 20
"""More than libsndfile holds back before it writes, so that a full disk refuses it too."""

_DEEP = {"PCM_24", "PCM_32", "FLOAT", "DOUBLE"}
"""Kinds of samples that 16 bits would cut; FLAC holds at most 24."""


def keep_as_flac(source: Path, flac: Path) -> None:
    """Copy a sound file into a FLAC file, with its rate and channels; whole, synced and private, or not at all.

    Raises: HistoryError if it is no sound file that libsndfile reads; OSError if the disk refuses.
    """
    import soundfile

    with replacing(flac) as new:
        try:
            with soundfile.SoundFile(os.fsencode(source)) as sound:
                _encode(sound, new)
        except soundfile.LibsndfileError as exc:
            # the disk's own refusals come through here too: look whether it takes anything at all
            _check_room(new)
            raise HistoryError(
                f"{source}: can't be read as sound ({exc.error_string}); convert it to wav or flac first"
            ) from exc


def _encode(sound: soundfile.SoundFile, new: Path) -> None:
    import numpy as np
    import soundfile

    deep = sound.subtype in _DEEP
    exact = sound.subtype in {"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32"}
    with soundfile.SoundFile(
        new, "w", sound.samplerate, sound.channels, "PCM_24" if deep else "PCM_16", format="FLAC"
    ) as flac:
        for block in sound.blocks(BLOCK, dtype="int32" if exact else "float32"):
            # what is not finite has no place in FLAC, and is read as silence everywhere else
            flac.write(block if exact else np.nan_to_num(block, posinf=0.0, neginf=0.0))


def _check_room(new: Path) -> None:
    """Raises: OSError if the disk is full or fails: libsndfile only says that something did."""
    with new.open("ab") as file:
        file.write(bytes(ROOM_BYTES))
        file.flush()
