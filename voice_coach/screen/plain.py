"""A rehearsal as plain lines: for `--plain`, pipes, logs, and terminals that can't be drawn on.

Keys are read one character at a time where standard input is a terminal, and from whatever is piped in
elsewhere. A time line comes every PROGRESS_S, and at each card.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from voice_coach.records import Assessment, Changes, Question
from voice_coach.rehearsal.closing import summary_lines
from voice_coach.rehearsal.surface import KEYS, Answered, CardColour, Key, Progress
from voice_coach.screen.view import assessment_text, timer

PROGRESS_S = 15.0
WIDTH = 92
KEY_LINE = "space finish   r start over   p pause   s skip   h stop the voice   q quit"


class PlainSurface:
    """Writes lines to `out`, reads keys from the file descriptor `keys`; None reads none."""

    def __init__(self, out: TextIO, keys: int | None) -> None:
        self._out, self._keys = out, keys
        self._told_s = 0.0
        self._card: CardColour = "white"
        self._notice = ""

    def tell(self, line: str) -> None:
        print(line, file=self._out, flush=True)

    def warn(self, line: str) -> None:
        self.tell(f"! {line}")

    def ask(self, question: Question, number: int) -> None:
        self.tell(f"\nQuestion {number}: {question.text}")
        self.tell(f"  ({question.target_min_s:.0f} to {question.target_max_s:.0f} s; {KEY_LINE})")

    def go(self) -> None:
        self._told_s, self._card, self._notice = 0.0, "white", ""
        self.tell("● Recording. Speak now.")

    def progress(self, progress: Progress) -> None:
        if progress.answered_s - self._told_s >= PROGRESS_S or progress.card != self._card:
            self._told_s, self._card = progress.answered_s, progress.card
            self.tell(f"  {timer(progress)}")
        if progress.notice and progress.notice != self._notice:
            self.tell(f"  {progress.notice}")
        self._notice = progress.notice

    def heard(self) -> None:
        self.tell("■ Heard.")

    def say(self, text: str) -> None:
        self.tell(f"Coach: {text}")

    def assessed(self, assessment: Assessment, changes: Changes | None) -> None:
        self.tell(assessment_text(assessment, WIDTH, changes=changes, colour=False))

    def choose(self, line: str) -> None:
        self.tell(line)

    def close(self, answers: tuple[Answered, ...]) -> None:
        if answers:
            self.tell("\nThis rehearsal")
        for line in summary_lines(answers):
            self.tell(line)

    def key(self, timeout_s: float) -> Key | None:
        if self._keys is None:
            # nobody can press anything; waiting is all that is asked
            time.sleep(timeout_s)
            return None
        ready, _, _ = select.select([self._keys], [], [], timeout_s)
        if not ready:
            return None
        character = os.read(self._keys, 1)
        if not character:
            # a terminal that went away is a wish to end; what was piped in is just over
            gone, self._keys = os.isatty(self._keys), None
            return "quit" if gone else None
        return KEYS.get(character.decode("latin-1").lower())


@contextmanager
def single_keys() -> Iterator[int]:
    """Standard input as a source of single keys: a terminal stops waiting for whole lines meanwhile."""
    descriptor = sys.stdin.fileno()
    if not os.isatty(descriptor):
        yield descriptor
        return
    import termios
    import tty

    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    # Ctrl-C becomes a key like the others: it ends the rehearsal and keeps what was said
    mode = termios.tcgetattr(descriptor)
    mode[3] &= ~termios.ISIG
    termios.tcsetattr(descriptor, termios.TCSANOW, mode)
    try:
        yield descriptor
    finally:
        with suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
