"""Look at everything a live rehearsal needs, one finding a line."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from voice_coach.audio.capture import describe, level_line, listen
from voice_coach.audio.devices import SoundSystem, choose, sound_system
from voice_coach.audio.microphone import Microphone
from voice_coach.errors import AudioError, MicrophoneError, ModelError, OutputError, SpeechEngineError, UsageError
from voice_coach.scratch import scratch_folder
from voice_coach.speech.device import choose_device
from voice_coach.speech.model_files import DEFAULT_WHISPER, LIFECYCLE, find, verified
from voice_coach.voice.catalogue import voice_in_use
from voice_coach.voice.speaker import synthesize

LISTEN_S = 1.0
"""Long enough to tell a muted microphone from a silent moment."""

FREE_BYTES = 200_000_000
"""Half an hour of recording takes 58 MB (16 kHz, 16 bits); a full disk also stops the rest of the machine."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. told: what was found, or what to do. needed: no live rehearsal without it."""

    subject: str
    good: bool
    told: str
    needed: bool = True


def examine(microphone: str | None, takes: Path, history: Path, *, voice: str | None = None) -> Iterator[Finding]:
    """Each finding as soon as it is made; never raises for what it looks for.

    takes, history: the folders in which answers are recorded and kept. voice: the one chosen, None for the default.
    """
    try:
        system = sound_system()
    except MicrophoneError as exc:
        yield Finding("PortAudio", False, str(exc))
    else:
        yield Finding("PortAudio", True, system.portaudio.partition(",")[0])
        yield from _microphone(system, microphone)
        yield _output(system)
    yield _speech_engine(voice)
    yield from _models()
    yield from _storage(takes)
    yield _history(history)


def _microphone(system: SoundSystem, name: str | None) -> Iterator[Finding]:
    try:
        chosen = choose(system.inputs, name)
        reading = listen(Microphone(chosen.name), LISTEN_S)
    except AudioError as exc:
        yield Finding("microphone", False, str(exc))
        return
    yield Finding("microphone", True, f"{chosen.name}, {chosen.rate_hz} Hz (all of them: voice-coach devices)")
    # nobody was asked to speak, so near silence is as it should be
    faults = [fault for fault in reading.faults if fault.kind != "quiet"]
    if faults:
        yield Finding("level", False, "; ".join(describe(fault) for fault in faults))
    elif reading.duration_s == 0.0:
        yield Finding("level", False, "the microphone opens, but no sound comes; connect it again")
    else:
        yield Finding("level", True, level_line(reading).removeprefix("level: "))


def _output(system: SoundSystem) -> Finding:
    if system.output is None:
        return Finding(
            "sound output", False, "none: connect a headset or speakers; what is said is shown, too", needed=False
        )
    return Finding("sound output", True, system.output, needed=False)


def _speech_engine(voice: str | None) -> Finding:
    try:
        in_use = voice_in_use(voice)
        with scratch_folder() as folder:
            synthesize("Ready.", folder / "ready.wav", voice=in_use)
    except (SpeechEngineError, OutputError, UsageError) as exc:
        return Finding("speech engine", False, f"{exc}; until then words are shown", needed=False)
    return Finding("speech engine", True, f"speaks{f' with {in_use}' if in_use else ''}", needed=False)


def _models() -> Iterator[Finding]:
    for name in (DEFAULT_WHISPER, LIFECYCLE):
        try:
            folder = verified(find(name))
        except ModelError as exc:
            yield Finding("model", False, str(exc))
            continue
        yield Finding("model", True, f"{name} is sound ({folder})")
        if name == DEFAULT_WHISPER:
            yield _gpu(folder)


def _gpu(folder: Path) -> Finding:
    device = choose_device("auto", folder)
    if device.note is not None:
        return Finding("GPU", False, device.note, needed=False)
    return Finding("GPU", True, "serves" if device.name == "cuda" else "none; the CPU serves", needed=False)


def _history(folder: Path) -> Finding:
    from voice_coach.errors import HistoryError
    from voice_coach.history.store import Store

    if not folder.exists():
        return Finding("history", True, "none yet; it begins with the first rehearsal", needed=False)
    try:
        with Store.open(folder) as store:
            if store.notes:
                return Finding("history", False, "; ".join(store.notes), needed=False)
            return Finding("history", True, f"{store.count()} takes ({folder})", needed=False)
    except HistoryError as exc:
        return Finding("history", False, str(exc), needed=False)


def _storage(folder: Path) -> Iterator[Finding]:
    """Whether takes can be kept there, for the user's eyes only."""
    try:
        existing = next(one for one in (folder, *folder.parents) if one.exists())
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"\0")
            file.flush()
        free = shutil.disk_usage(existing).free
    except OSError as exc:
        yield Finding(
            "storage", False, f"{folder} can't be written ({exc.strerror}); choose another with takes in your settings"
        )
        return
    if free < FREE_BYTES:
        yield Finding(
            "storage",
            False,
            f"only {free / 1e6:.0f} MB free at {existing}, {FREE_BYTES / 1e6:.0f} MB are needed; free some space",
        )
    else:
        yield Finding("storage", True, f"{folder}, {free / 1e9:.1f} GB free")
    if os.name == "posix" and folder.exists() and folder.stat().st_mode & 0o077:
        yield Finding("permissions", False, f"others can read your takes; run: chmod 700 {folder}", needed=False)
