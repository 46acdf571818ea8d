"""What a rehearsal needs from whatever shows it: lines out, keys in.

The interview runs in one thread and calls these methods; a surface that lives in another thread (the
full screen) hands them over by itself. None of them may wait for the person except `key`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from voice_coach.records import Assessment, Cards, Changes, Question

Key = Literal["go", "over", "pause", "skip", "ask", "hush", "quit"]
"""What a person can ask for at any time:

go     finish the answer; elsewhere: go on
over   start this answer over; after one: answer the same question again
pause  stop listening for a while, or go on
skip   leave this question for the next; where none is left that ends it
ask    hear the question again, while it is asked or answered
hush   stop the voice
quit   end the rehearsal and keep what was said
"""

KEYS: dict[str, Key] = {
    " ": "go",
    "\r": "go",
    "\n": "go",
    "r": "over",
    "p": "pause",
    "s": "skip",
    "a": "ask",
    "h": "hush",
    "\x1b": "hush",
    "q": "quit",
    "\x03": "quit",
    "\x04": "quit",
}
"""The characters that stand for each; the screen shows them."""

CardColour = Literal["white", "green", "yellow", "red", "overrun"]


def card_at(time_s: float, cards: Cards) -> CardColour:
    """The card that is up at that time of the answer; white before the first."""
    if time_s >= cards.overrun_s:
        return "overrun"
    if time_s >= cards.red_s:
        return "red"
    if time_s >= cards.yellow_s:
        return "yellow"
    return "green" if time_s >= cards.green_s else "white"


@dataclass(frozen=True, slots=True)
class Progress:
    """What is shown while somebody answers.

    answered_s: seconds of sound kept so far. level_dbfs: of the last tenth of a second, None for exact zeros.
    notice: one quiet line, empty if there is nothing to say. spoken_to: the coach is speaking, and nothing is kept.
    """

    answered_s: float
    card: CardColour
    level_dbfs: float | None
    paused: bool = False
    notice: str = ""
    spoken_to: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer of a rehearsal, for the closing summary.

    assessment: None where it was not judged. kept: what was told of where it is, None where there is nothing to tell.
    """

    question: Question
    take_id: str
    assessment: Assessment | None
    kept: str | None = None


class Surface(Protocol):
    """Shows a rehearsal, and hands over keys."""

    def tell(self, line: str) -> None:
        """A line from the coach: a greeting, what to do next."""
        ...

    def warn(self, line: str) -> None:
        """A line about something that went wrong."""
        ...

    def ask(self, question: Question, number: int) -> None:
        """The question that is being asked; number counts from 1."""
        ...

    def go(self) -> None:
        """The go sign: from now on everything is heard."""
        ...

    def progress(self, progress: Progress) -> None:
        """About ten times a second while somebody answers."""
        ...

    def heard(self) -> None:
        """The answer has ended."""
        ...

    def say(self, text: str) -> None:
        """Words that are being said aloud."""
        ...

    def assessed(self, assessment: Assessment, changes: Changes | None) -> None:
        """All that was found; changes against an earlier try at the same question, where there was one."""
        ...

    def choose(self, line: str) -> None:
        """What can be done now, with its keys."""
        ...

    def close(self, answers: tuple[Answered, ...]) -> None:
        """The summary at the end."""
        ...

    def key(self, timeout_s: float) -> Key | None:
        """The next key, or None if none comes in time."""
        ...
