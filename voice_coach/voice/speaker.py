"""Read text aloud, or write the speech to a file."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from voice_coach.errors import OutputError, PlaybackError, SpeechEngineError

RATE_WPM = 155
"""A calm reading pace for the engine; its own default is hurried and varies."""

SYNTHESIS_LIMIT_S = 30.0
"""A line of feedback takes a tenth of a second; an engine that takes longer hangs."""

_SPOKEN_AS = (
    (re.compile(r"\bSLOs\b"), "S L Os"),
    (re.compile(r"\bSLO\b"), "S L O"),
    (re.compile(r"\bSEV-(\d)"), r"sev \1"),
    (re.compile(r"\bp(\d\d)\b"), r"p \1"),
    (re.compile(r"[“”\"]"), ""),
    (re.compile(r"\s…"), ","),
)


def synthesize(
    text: str,
    out: Path,
    *,
    rate_wpm: int = RATE_WPM,
    voice: str | None = None,
    started: Callable[[subprocess.Popen[str]], None] | None = None,
) -> None:
    """Write `text` as spoken by the system's engine to the wav file `out`.

    started: told the child process, so that another thread can kill it.
    Raises: SpeechEngineError if there is no engine or it wrote nothing; OutputError if the file
    can't be put there.
    """
    for pattern, said in _SPOKEN_AS:
        text = pattern.sub(said, text)
    with tempfile.TemporaryDirectory(prefix="voice-coach-") as folder:
        wav = Path(folder) / "speech.wav"
        command = [sys.executable, "-m", "voice_coach.voice.engine", str(wav), str(rate_wpm)]
        child = subprocess.Popen(
            [*command, voice] if voice else command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if started:
            started(child)
        try:
            _, told = child.communicate(text, timeout=SYNTHESIS_LIMIT_S)
        except subprocess.TimeoutExpired as exc:
            raise SpeechEngineError("the speech engine did not answer; the words are shown instead") from exc
        finally:
            # does nothing to one that has ended
            child.kill()
            child.wait()
        if child.returncode != 0 or not wav.exists():
            raise SpeechEngineError(_why(told))
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

    Raises: SpeechEngineError, PlaybackError.
    """
    with tempfile.TemporaryDirectory(prefix="voice-coach-") as folder:
        wav = Path(folder) / "speech.wav"
        synthesize(text, wav, rate_wpm=rate_wpm, voice=voice)
        play(wav)


def _why(stderr: str) -> str:
    if "eSpeak" in stderr or "espeak" in stderr:
        return "no speech engine: install one with apt install libespeak-ng1, or pip install espeakng-loader"
    last = stderr.strip().splitlines()[-1:] or ["it gave no reason"]
    return f"the speech engine failed ({last[0][:120]})"
