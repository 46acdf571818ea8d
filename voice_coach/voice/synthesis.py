"""Sentences to wav files by the system's speech engine, a process for each."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from voice_coach.errors import SpeechEngineError

RATE_WPM = 155
"""A calm reading pace for the engine; its own default is hurried and varies."""

SYNTHESIS_LIMIT_S = 30.0
"""A line of feedback takes a tenth of a second; an engine that takes longer hangs."""

SENTENCE_LIMIT_S = 5.0
"""The same for one sentence while somebody waits to hear it: the rehearsal must not hang with the engine."""

INSTEAD = "the words are shown instead"

_SPOKEN_AS = (
    (re.compile(r"\bSLOs\b"), "S L Os"),
    (re.compile(r"\bSLO\b"), "S L O"),
    (re.compile(r"\bSEV-(\d)"), r"sev \1"),
    (re.compile(r"\bp(\d\d)\b"), r"p \1"),
    (re.compile(r"[“”\"]"), ""),
    (re.compile(r"\s…"), ","),
)


class Synthesizer(Protocol):
    """Whatever turns a sentence into sound."""

    def write(
        self, text: str, out: Path, *, started: Callable[[subprocess.Popen[str]], None], stopped: Callable[[], bool]
    ) -> None:
        """Write `text` as spoken to the wav file `out`.

        started: told of a process that may be killed when the sentence is not wanted any more. stopped: whether
        that is so; then it returns soon, with or without the file.
        Raises: SpeechEngineError.
        """
        ...

    def close(self) -> None:
        """End whatever is kept."""
        ...


class SystemEngine:
    """The system's engine; voice: an id of its own, None for its default. limit_s: how long one text may take."""

    def __init__(
        self, *, rate_wpm: int = RATE_WPM, voice: str | None = None, limit_s: float = SYNTHESIS_LIMIT_S
    ) -> None:
        self._limit_s = limit_s
        self._arguments = [str(rate_wpm), voice] if voice else [str(rate_wpm)]

    def write(
        self, text: str, out: Path, *, started: Callable[[subprocess.Popen[str]], None], stopped: Callable[[], bool]
    ) -> None:
        if stopped():
            return
        with subprocess.Popen(
            [sys.executable, "-m", "voice_coach.voice.engine", str(out), *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as child:
            started(child)
            try:
                _, told = child.communicate(spoken_form(text), timeout=self._limit_s)
            except subprocess.TimeoutExpired as exc:
                raise SpeechEngineError(f"the speech engine did not answer; {INSTEAD}") from exc
            finally:
                # does nothing to one that has ended
                child.kill()
        if child.returncode != 0 or not out.exists():
            raise SpeechEngineError(why_no_speech(told))

    def close(self) -> None:
        return None


def spoken_form(text: str) -> str:
    """Written words as an engine pronounces them."""
    for pattern, said in _SPOKEN_AS:
        text = pattern.sub(said, text)
    return text


def why_no_speech(stderr: str) -> str:
    """What the engine's process wrote on its way out, as a line that says what to do."""
    if "eSpeak" in stderr or "espeak" in stderr:
        return "no speech engine: install one with apt install libespeak-ng1, or pip install espeakng-loader"
    last = stderr.strip().splitlines()[-1:] or ["it gave no reason"]
    return f"the speech engine failed ({last[0][:120]})"
