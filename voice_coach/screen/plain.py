"""A rehearsal as plain lines: for `--plain`, pipes, logs, and terminals that can't be drawn on.

Keys are read one character at a time where standard input is a terminal, and from whatever is piped in
elsewhere. A time line comes every PROGRESS_S, and at each card.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import TextIO

from voice_coach.records import Assessment, Changes, Question
from voice_coach.rehearsal.closing import summary_lines
from voice_coach.rehearsal.surface import KEYS, Answered, CardColour, Key, Progress
from voice_coach.screen.view import assessment_text, timer

PROGRESS_S = 15.0
WIDTH = 92

_ESCAPE = b"\x1b"
_LAST_BYTES = frozenset(bytes([code]) for code in range(0x40, 0x7F)) - {b"["}
"""One of these ends what an arrow or a function key sends. Source: ECMA-48, 5.4; without "[", which the Linux console
sends in front of another."""

KEY_LINE = "space finish   r start over   p pause   s skip   a ask again   h stop the voice   q quit"


class PlainSurface:
    """Writes lines to `out`, reads keys from the file descriptor `keys`; None reads none.

    ending: is readable as soon as the process was asked to end; that is a wish to quit, in any state.
    """

    def __init__(self, out: TextIO, keys: int | None, ending: int | None = None) -> None:
        self._out, self._keys, self._ending = out, keys, ending
        self._told_s = 0.0
        self._card: CardColour = "white"
        self._notice = ""
        self._spoken_to = False
        self._choosing = False
        self._ahead = b""

    def tell(self, line: str) -> None:
        print(line, file=self._out, flush=True)

    def warn(self, line: str) -> None:
        self.tell(f"! {line}")

    def ask(self, question: Question, number: int) -> None:
        self.tell(f"\nQuestion {number}: {question.text}")
        self.tell(f"  ({question.target_min_s:.0f} to {question.target_max_s:.0f} s; {KEY_LINE})")

    def go(self) -> None:
        self._told_s, self._card, self._notice = 0.0, "white", ""
        self._choosing = False
        self.tell("● Recording. Speak now.")

    def progress(self, progress: Progress) -> None:
        if progress.spoken_to:
            # the words themselves come as said
            self._spoken_to = True
            return
        if self._spoken_to:
            self._spoken_to, self._notice = False, progress.notice
            self.tell("● Recording again. Speak now.")
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
        self._choosing = True
        self.tell(line)

    def close(self, answers: tuple[Answered, ...]) -> None:
        if answers:
            self.tell("\nThis rehearsal")
        for line in summary_lines(answers):
            self.tell(line)

    def key(self, timeout_s: float) -> Key | None:
        if self._keys is None and self._choosing:
            # nobody can choose any more, and waiting for it would never end
            return "quit"
        watched = [one for one in (self._keys, self._ending) if one is not None]
        # where nobody can press anything, waiting is all that is asked
        ready, _, _ = select.select(watched, [], [], 0.0 if self._ahead else timeout_s)
        if self._ending in ready:
            return "quit"
        if self._keys is None or not (self._ahead or self._keys in ready):
            return None
        character, self._ahead = self._ahead or os.read(self._keys, 1), b""
        if not character:
            # a terminal that went away is a wish to end; what was piped in is just over
            gone, self._keys = os.isatty(self._keys), None
            return "quit" if gone else None
        if character == _ESCAPE and self._in_sequence(self._keys):
            return None
        return KEYS.get(character.decode("latin-1").lower())

    def _in_sequence(self, keys: int) -> bool:
        """After an escape: whether it began what an arrow or a function key sends, which is then read to its end."""
        if not _more(keys):
            return False
        following = os.read(keys, 1)
        if following not in (b"[", b"O"):
            self._ahead = following
            return False
        # what a key sends comes at once, up to a last byte of its own; other keys may wait behind it
        while _more(keys) and (byte := os.read(keys, 1)):
            if following == b"O" or byte in _LAST_BYTES:
                break
        return True


def _more(keys: int) -> bool:
    """Whether something can be read there at once."""
    return bool(select.select([keys], [], [], 0.0)[0])


class Ending:
    """Signals that ask the process to end, for the time of a `with` block: the first one is only noted.

    Whoever watches `descriptor` (readable from then on) ends in good order. A second one ends the process as
    it would have without this. number: the signal that came, None while there was none.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.descriptor, self._noted = os.pipe()

    def __enter__(self) -> Ending:
        self._before = {one: signal.signal(one, self._note) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
        os.close(self.descriptor)
        os.close(self._noted)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        os.write(self._noted, b"!")
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


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
