"""Read text aloud, or write the speech to a file."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from voice_coach.errors import OutputError, PlaybackError
from voice_coach.scratch import scratch_folder
from voice_coach.voice.natural import NATURAL, NaturalEngine
from voice_coach.voice.synthesis import RATE_WPM, SYNTHESIS_LIMIT_S, Synthesizer, SystemEngine


def synthesizer(
    *, rate_wpm: int = RATE_WPM, voice: str | None = None, limit_s: float = SYNTHESIS_LIMIT_S
) -> Synthesizer:
    """What speaks with the voice of that id; None is the system's own. Close it after use.

    limit_s: how long the system's engine may take over one text.
    """
    if voice == NATURAL:
        return NaturalEngine(rate_wpm=rate_wpm)
    return SystemEngine(rate_wpm=rate_wpm, voice=voice, limit_s=limit_s)


def synthesize(text: str, out: Path, *, rate_wpm: int = RATE_WPM, voice: str | None = None) -> None:
    """Write `text` as spoken to the wav file `out`.

    Raises: SpeechEngineError if there is no engine or it wrote nothing; OutputError if the file
    can't be put there.
    """
    with (
        scratch_folder() as folder,
        closing(synthesizer(rate_wpm=rate_wpm, voice=voice)) as engine,
    ):
        wav = folder / "speech.wav"
        engine.write(text, wav, started=lambda child: None, stopped=lambda: False)
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(wav, out)
        except OSError as exc:
            raise OutputError(f"{out} can't be written ({exc.strerror}); choose another place") from exc


def play(wav: Path, *, start_s: float = 0.0) -> None:
    """Play a sound file from `start_s` to its end on the default output; Ctrl-C stops it at once.

    Raises: PlaybackError if this machine has no working sound output.
    """
    child = subprocess.run(
        [sys.executable, "-m", "voice_coach.voice.player", str(wav), str(start_s)],
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode == 0:
        return
    if "PortAudio library not found" in child.stderr:
        raise PlaybackError("no sound output: install PortAudio with apt install libportaudio2")
    raise PlaybackError("no sound output on this machine; --speak-to FILE writes the speech to a file")


def speak(text: str, *, rate_wpm: int = RATE_WPM, voice: str | None = None) -> None:
    """Say `text` and wait until it is said.

    Raises: SpeechEngineError, PlaybackError; OutputError where there is no room for the sound.
    """
    with scratch_folder() as folder:
        wav = folder / "speech.wav"
        synthesize(text, wav, rate_wpm=rate_wpm, voice=voice)
        play(wav)
