"""Say lines one after another, and fall silent at once when asked: the interviewer's mouth.

A line is synthesised by one child process and played by another; killing the player is silence.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Protocol

from voice_coach.errors import PlaybackError, VoiceCoachError
from voice_coach.voice.speaker import RATE_WPM, synthesize


class Utterance(Protocol):
    """A line that is being said."""

    @property
    def error(self) -> VoiceCoachError | None:
        """Why it could not be said; None while it goes well."""
        ...

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until it is said or stopped; False if it still goes on."""
        ...

    def stop(self) -> None:
        """Silence within a tenth of a second; safe to call again, from any thread."""
        ...


class Voice(Protocol):
    """Whatever says lines aloud."""

    def say(self, text: str) -> Utterance:
        """Begin to say `text`; returns at once. A line that can't be said ends with its error, never raises."""
        ...


class EngineVoice:
    """The system's speech engine."""

    def __init__(self, *, rate_wpm: int = RATE_WPM, name: str | None = None) -> None:
        self._rate_wpm, self._name = rate_wpm, name

    def say(self, text: str) -> Utterance:
        return _EngineUtterance(text, self._rate_wpm, self._name)


class _EngineUtterance:
    def __init__(self, text: str, rate_wpm: int, name: str | None) -> None:
        self._text, self._rate_wpm, self._name = text, rate_wpm, name
        self._player: subprocess.Popen[str] | None = None
        self._stopped = False
        self._lock = threading.Lock()
        self._done = threading.Event()
        self.error: VoiceCoachError | None = None
        threading.Thread(target=self._work, daemon=True, name="voice").start()

    def wait(self, timeout_s: float | None = None) -> bool:
        return self._done.wait(timeout_s)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._player is not None:
                self._player.kill()

    def _work(self) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="voice-coach-") as folder:
                wav = Path(folder) / "line.wav"
                synthesize(self._text, wav, rate_wpm=self._rate_wpm, voice=self._name)
                self._play(wav)
        except VoiceCoachError as exc:
            self.error = exc
        finally:
            self._done.set()

    def _play(self, wav: Path) -> None:
        with self._lock:
            if self._stopped:
                return
            command = [sys.executable, "-m", "voice_coach.voice.player", str(wav)]
            self._player = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        _, told = self._player.communicate()
        if self._player.returncode != 0 and not self._stopped:
            last = (told.strip().splitlines() or ["no reason given"])[-1][:120]
            raise PlaybackError(f"no sound output on this machine ({last}); the words are shown instead")
