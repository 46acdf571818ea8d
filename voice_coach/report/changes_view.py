"""What changed between two takes, in lines: the same ones on the screen, at the terminal and on the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.text import Text

from voice_coach.records import Changes, Evidence, JudgedSentence, Measure, StageChange
from voice_coach.report.compare import cut_by_stage
from voice_coach.report.wording import MISTAKE_WORDS, clock, length_clock

Direction = Literal["better", "worse", "same"]

SIGNS: dict[Direction, str] = {"better": "▲", "worse": "▼", "same": "="}
_STYLES: dict[Direction, str] = {"better": "green", "worse": "red", "same": "dim"}

SAME_DURATION_S = 3.0
"""A change this small in two minutes is no change to a listener."""

SAME_STORY = 0.2
"""With a smaller share of the sentences told again it is another story, and a list of what was cut says nothing."""

QUOTES_MOST = 3
"""Sentences quoted under one heading."""


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One thing that changed. quotes: the sentences that show it, from the take that `quoted` names."""

    direction: Direction
    text: str
    quotes: tuple[Evidence, ...] = ()
    quoted: Literal["before", "after"] = "after"

    @property
    def sign(self) -> str:
        return SIGNS[self.direction]


def change_lines(changes: Changes) -> tuple[ChangeLine, ...]:
    """Everything worth telling, stages first."""
    return tuple(
        line
        for lines in (_stage_lines(changes), _mistake_lines(changes), _figure_lines(changes), _cut_lines(changes))
        for line in lines
    )


def print_changes(console: Console, changes: Changes) -> None:
    """Print the lines, each with its quotes below it."""
    for line in change_lines(changes):
        console.print(Text.assemble((f"{line.sign} ", _STYLES[line.direction]), line.text))
        for quote in line.quotes:
            at = "" if quote.start_s is None else f"{clock(quote.start_s)} "
            console.print(Text(f"    {at}“{quote.text}”", style="dim"))


def _stage_lines(changes: Changes) -> Iterator[ChangeLine]:
    for stage, change in changes.stages.items():
        if change.move == "same":
            continue
        better = change.move in ("gained", "firmer")
        doubt = " (not sure: the wording is close to the line)" if change.unsure else ""
        yield ChangeLine(
            "better" if better else "worse",
            f"{stage}: {_move_words(change)}{doubt}",
            change.evidence[:1],
            "after" if better else "before",
        )
    same = [stage for stage, change in changes.stages.items() if change.move == "same"]
    if same and len(same) == len(changes.stages):
        yield ChangeLine("same", "every stage as strong as before")


def _move_words(change: StageChange) -> str:
    if change.move == "gained":
        return "now heard" + (", with something specific" if change.after == "strong" else "")
    if change.move == "lost":
        return "no longer heard; before it was"
    return "now with something specific" if change.move == "firmer" else "now only mentioned; before it was specific"


def _mistake_lines(changes: Changes) -> Iterator[ChangeLine]:
    for name in changes.mistakes_gone:
        yield ChangeLine("better", f"no longer: {_lower_first(MISTAKE_WORDS[name])}")
    for name in changes.mistakes_new:
        yield ChangeLine("worse", f"new: {_lower_first(MISTAKE_WORDS[name])}")


def _figure_lines(changes: Changes) -> Iterator[ChangeLine]:
    yield from _time_line(changes)
    yield from _filler_line(changes)
    pace = changes.speech_rate_wpm
    if pace.before is not None and pace.after is not None:
        yield ChangeLine("same", f"pace {pace.before:.0f} → {pace.after:.0f} words a minute")
    pauses = changes.long_pauses
    if pauses.difference:
        yield ChangeLine(
            "better" if pauses.difference < 0 else "worse", f"long pauses {pauses.before:.0f} → {pauses.after:.0f}"
        )


def _time_line(changes: Changes) -> Iterator[ChangeLine]:
    """Better or worse is only what moves into the target or out of it."""
    time = changes.duration_s
    if time.before is None or time.after is None or time.difference is None:
        return
    was, now = changes.verdicts
    moved = "" if abs(time.difference) < SAME_DURATION_S else f", {_longer(time)}"
    lengths = (length_clock(*one) for one in ((time.before, was), (time.after, now)))
    told = f"time {' → '.join(lengths)}{moved}"
    if was != "in_range" and now == "in_range":
        yield ChangeLine("better", f"{told}: now inside the target")
    elif was == "in_range" and now != "in_range":
        yield ChangeLine("worse", f"{told}: now too {now}")
    else:
        yield ChangeLine("same", told)


def _longer(time: Measure) -> str:
    seconds = time.difference or 0.0
    return f"{abs(seconds):.0f} s {'longer' if seconds > 0 else 'shorter'}"


def _filler_line(changes: Changes) -> Iterator[ChangeLine]:
    rate = changes.fillers_per_minute
    if rate.before is None or rate.after is None:
        return
    told = f"fillers {rate.before:.1f} → {rate.after:.1f} a minute"
    if changes.fillers_moved:
        yield ChangeLine("better" if rate.after < rate.before else "worse", told)
    else:
        yield ChangeLine("same", f"{told}, no more than the measurement's own range")


def _cut_lines(changes: Changes) -> Iterator[ChangeLine]:
    if changes.stages and not changes.cut and not changes.added:
        yield ChangeLine("same", "nothing cut and nothing new: every sentence is told again")
    told = changes.kept + len(changes.cut)
    if told and changes.kept < SAME_STORY * told:
        yield ChangeLine("same", f"another story: only {changes.kept} of {_sentences(told)} are told again")
        return
    for stage, cut in cut_by_stage(changes).items():
        yield ChangeLine("same", f"cut from {stage}: {_sentences(len(cut))}", _quotes(cut), "before")
    rest = [one for one in changes.cut if not set(changes.stages) & set(one.assigned)]
    if rest:
        yield ChangeLine("same", f"cut, of no stage: {_sentences(len(rest))}", _quotes(rest), "before")
    if changes.added:
        yield ChangeLine("same", f"new: {_sentences(len(changes.added))}", _quotes(changes.added))


def _quotes(sentences: tuple[JudgedSentence, ...] | list[JudgedSentence]) -> tuple[Evidence, ...]:
    return tuple(Evidence(one.text, one.start_s, one.end_s, 1.0) for one in sentences[:QUOTES_MOST])


def _sentences(count: int) -> str:
    return f"{count} sentence" + ("s" if count != 1 else "")


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
