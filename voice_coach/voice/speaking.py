"""Say lines one after another, and fall silent at once when asked: the interviewer's mouth.

A line is synthesised sentence by sentence in one child process while another plays those that are ready; the
player is started along with the first sentence. Killing the player is silence.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Protocol

from voice_coach.errors import PlaybackError, SpeechEngineError, VoiceCoachError
from voice_coach.scratch import scratch_folder
from voice_coach.voice.player import UNREADABLE
from voice_coach.voice.speaker import synthesizer
from voice_coach.voice.synthesis import INSTEAD, RATE_WPM, SENTENCE_LIMIT_S, Synthesizer

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


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

    def close(self) -> None:
        """End what is kept between lines; nothing is said afterwards."""
        ...


class EngineVoice:
    """A voice that is synthesised in child processes.

    name: its id, None for the system's own. engine: what synthesises it, in place of the one of that name.
    """

    def __init__(self, *, rate_wpm: int = RATE_WPM, name: str | None = None, engine: Synthesizer | None = None) -> None:
        self._synthesizer = engine or synthesizer(rate_wpm=rate_wpm, voice=name, limit_s=SENTENCE_LIMIT_S)

    def say(self, text: str) -> Utterance:
        return _EngineUtterance(text, self._synthesizer)

    def close(self) -> None:
        self._synthesizer.close()


class _EngineUtterance:
    def __init__(self, text: str, synthesizer: Synthesizer) -> None:
        self._text, self._synthesizer = text, synthesizer
        self._children: list[subprocess.Popen[str]] = []
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
            for child in self._children:
                child.kill()

    def _started(self, child: subprocess.Popen[str]) -> None:
        with self._lock:
            self._children.append(child)
            if self._stopped:
                child.kill()

    def _work(self) -> None:
        try:
            # the natural voice may still be at a sentence that nobody waits for
            with scratch_folder() as folder:
                self._say(folder)
        except VoiceCoachError as exc:
            # a child that was killed on request fails, too
            self.error = None if self._stopped else exc
        except OSError as exc:
            self.error = SpeechEngineError(f"nothing can be said at present ({exc.strerror}); {INSTEAD}")
        finally:
            self._done.set()

    def _say(self, folder: Path) -> None:
        with subprocess.Popen(
            [sys.executable, "-m", "voice_coach.voice.player"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as player:
            self._started(player)
            try:
                self._feed(player, folder)
                _, told = player.communicate()
            finally:
                # does nothing to one that has ended
                player.kill()
        if player.returncode != 0 and not self._stopped:
            last = (told.strip().splitlines() or ["no reason given"])[-1][:120]
            if last.startswith(UNREADABLE):
                raise SpeechEngineError(f"the speech engine wrote no sound that can be played; {INSTEAD}")
            raise PlaybackError(f"no sound output on this machine ({last}); {INSTEAD}")

    def _feed(self, player: subprocess.Popen[str], folder: Path) -> None:
        """Synthesise sentence after sentence, and tell the player of each as soon as it is there."""
        assert player.stdin is not None
        for k, sentence in enumerate(part for part in _SENTENCE_END.split(self._text) if part.strip()):
            if self._stopped:
                return
            wav = folder / f"{k}.wav"
            self._synthesizer.write(sentence, wav, started=self._started, stopped=lambda: self._stopped)
            try:
                player.stdin.write(f"{wav}\n")
                player.stdin.flush()
            except BrokenPipeError:
                # it says why on its way out
                return
