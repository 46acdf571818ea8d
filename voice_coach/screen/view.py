"""Pieces that both screens show: the timer's line, the level, an assessment with its transcript."""

from __future__ import annotations

import io
import textwrap

from rich.console import Console
from rich.text import Text

from voice_coach.records import Assessment, Changes, FillerEvent
from voice_coach.rehearsal.surface import CardColour, Progress
from voice_coach.report.changes_view import print_changes
from voice_coach.report.terminal import print_assessment
from voice_coach.report.wording import clock

CARD_WORDS: dict[CardColour, str] = {
    "white": "",
    "green": "GREEN: long enough, finish when the story is told",
    "yellow": "YELLOW: come to the end",
    "red": "RED: time is up",
    "overrun": "OVERRUN: an interviewer would cut in now",
}

METER_CELLS = 24
METER_FLOOR_DBFS = -60.0
"""An empty meter: a quiet room through an ordinary microphone."""


def meter(level_dbfs: float | None) -> str:
    """A level as a bar of METER_CELLS cells."""
    share = 0.0 if level_dbfs is None else (level_dbfs - METER_FLOOR_DBFS) / -METER_FLOOR_DBFS
    cells = round(min(max(share, 0.0), 1.0) * METER_CELLS)
    return "▮" * cells + "▯" * (METER_CELLS - cells)


def wrapped(line: str, width: int) -> str:
    """A line broken between words, what goes on under its first word; one that holds a command stays whole."""
    if "voice-coach " in line:
        # a break in a command would be copied along
        return line
    indent = line[: len(line) - len(line.lstrip())]
    parts = textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(parts)


def timer(progress: Progress) -> str:
    """The time and what the card says, in words: it must read without colour."""
    word = CARD_WORDS[progress.card]
    return clock(progress.answered_s) + (f"  {word}" if word else "") + ("  PAUSED" if progress.paused else "")


def assessment_text(assessment: Assessment, width: int, *, changes: Changes | None = None, colour: bool = True) -> str:
    """The assessment as on the command line, what changed, then the transcript; with ANSI colours where wanted."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        legacy_windows=False,
    )
    print_assessment(console, assessment)
    if changes is not None:
        console.print()
        console.print(Text("Against the try before", style="bold"))
        print_changes(console, changes)
    if assessment.coverage is not None:
        console.print()
        console.print(Text("What you said: [stage], (hesitation), {empty or repeated word}", style="dim"))
        console.print(transcript(assessment))
    return out.getvalue()


def transcript(assessment: Assessment) -> Text:
    """The sentences with their stages before them; fillers are marked by brackets as well as by colour."""
    text = Text()
    if assessment.coverage is None:
        return text
    fillers = () if assessment.delivery is None else assessment.delivery.fillers.events
    for sentence in assessment.coverage.sentences:
        if sentence.start_s is None or sentence.end_s is None:
            inside: list[FillerEvent] = []
        else:
            text.append(f"{clock(sentence.start_s):>5} ", style="dim")
            inside = [event for event in fillers if sentence.start_s <= event.start_s < sentence.end_s]
        stages = [label for label in sentence.assigned if label in assessment.coverage.stages]
        if stages:
            text.append(f"[{', '.join(stages)}] ", style="cyan")
        text.append(sentence.text)
        if inside:
            text.append("  " + " ".join(_marked(event) for event in inside), style="yellow")
        text.append("\n")
    return text


def _marked(event: FillerEvent) -> str:
    return f"({event.text})" if event.kind == "filled_pause" else f"{{{event.text}}}"
