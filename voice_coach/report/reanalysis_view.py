"""Two assessments of the same recording side by side: what a newer model hears that the older one did not."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from voice_coach.records import Assessment, Fillers
from voice_coach.report.wording import LEVEL_SIGNS, clock, length_clock, mistake_words

if TYPE_CHECKING:
    from rich.console import Console

Row = tuple[str, str, str]


def print_side_by_side(console: Console, before: Assessment, after: Assessment) -> None:
    """Every figure of both, with a mark where they differ."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    for heading in ("", "Before", "Now", ""):
        table.add_column(heading, overflow="fold")
    for name, old, new in side_by_side(before, after):
        differs = old != new
        table.add_row(name, Text(old), Text(new, style="bold" if differs else ""), "≠" if differs else "")
    console.print(table)
    console.print(Text(words_changed(before, after)))


def side_by_side(before: Assessment, after: Assessment) -> Iterator[Row]:
    """Name, old value and new value of every figure that both may have."""
    yield "Models", _models(before), _models(after)
    yield from zip(_FIGURES, _figures(before), _figures(after), strict=True)
    old_stages, new_stages = _stages(before), _stages(after)
    for stage in dict.fromkeys((*old_stages, *new_stages)):
        yield stage, old_stages.get(stage, "–"), new_stages.get(stage, "–")
    yield "STAR", _star(before), _star(after)
    yield "Mistakes", _mistakes(before), _mistakes(after)


def changes_in_a_line(before: Assessment, after: Assessment) -> str:
    """What differs, in one line; "the same" where nothing does."""
    told = [f"{name} {old} → {new}" for name, old, new in side_by_side(before, after) if old != new]
    return "; ".join(told) or "the same"


def words_changed(before: Assessment, after: Assessment) -> str:
    """How much of the transcript differs, as a sentence."""
    old = [word.text.lower().strip(".,?!") for word in before.transcript.words]
    new = [word.text.lower().strip(".,?!") for word in after.transcript.words]
    matcher = SequenceMatcher(a=old, b=new, autojunk=False)
    changed = sum(max(i2 - i1, j2 - j1) for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal")
    if not changed:
        return f"The transcript is the same, {len(new)} words."
    return f"{changed} of {max(len(old), len(new))} words of the transcript differ."


_FIGURES = ("Time", "Speaking", "Pace", "Fillers a minute", "um/uh", "Like, you know", "Repeated", "Long pauses")


def _figures(assessment: Assessment) -> tuple[str, ...]:
    delivery = assessment.delivery
    if delivery is None:
        return ("–",) * len(_FIGURES)
    fillers, length_s = delivery.fillers, delivery.answer_duration_s
    return (
        "–" if length_s is None else length_clock(length_s, delivery.target.verdict),
        "–" if delivery.speaking_time_s is None else clock(delivery.speaking_time_s),
        "–" if delivery.speech_rate_wpm is None else f"{delivery.speech_rate_wpm:.0f}",
        _rate(fillers),
        str(fillers.filled_pauses),
        str(fillers.discourse_markers),
        str(fillers.repetitions),
        str(sum(pause.kind != "short" for pause in delivery.pauses)),
    )


def _rate(fillers: Fillers) -> str:
    if fillers.per_minute is None:
        return "–"
    least, most = fillers.per_minute_range or (fillers.per_minute, fillers.per_minute)
    return f"{fillers.per_minute:.1f} ({least:.0f} to {most:.0f})"


def _models(assessment: Assessment) -> str:
    return ", ".join(name for name in (assessment.models.whisper, assessment.models.lifecycle) if name)


def _stages(assessment: Assessment) -> dict[str, str]:
    if assessment.coverage is None:
        return {}
    return {
        stage: f"{LEVEL_SIGNS[found.level]} {found.level}{' ?' if found.unsure else ''}"
        for stage, found in assessment.coverage.stages.items()
    }


def _star(assessment: Assessment) -> str:
    if assessment.coverage is None:
        return "–"
    return ", ".join(
        f"{part} {'–' if found.seconds is None else f'{found.seconds:.0f} s'}"
        for part, found in assessment.coverage.star.items()
    )


def _mistakes(assessment: Assessment) -> str:
    # in an answer to something else nobody looks for any
    if assessment.coverage is None or not assessment.coverage.on_subject:
        return "–"
    return ", ".join(mistake_words(one) for one in assessment.coverage.mistakes) or "none"
