"""Past takes as lines for a person, and as JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from voice_coach.records import Entry
from voice_coach.report.wording import LEVEL_SIGNS, length_clock

VERDICT_WORDS = {"short": "short", "in_range": "good", "long": "long"}

_HEADINGS = ("ID", "When", "Time", "", "Pace", "Fillers", "Stages", "Question")
_RIGHT = {2, 4, 5}
"""Columns of figures, set flush right."""

_NAMES = tuple(field.name for field in fields(Entry))
_values = attrgetter(*_NAMES)


def entry_as_dict(entry: Entry) -> dict[str, Any]:
    """One take for a program: every figure under its name, unknown as null, times in ISO 8601 and UTC."""
    table = dict(zip(_NAMES, _values(entry), strict=True))
    table["taken_at"] = entry.taken_at.isoformat()
    table["stages"] = dict(entry.stages)
    return table


def entries_as_json(entries: Iterable[Entry]) -> Iterator[str]:
    """A JSON list, piece by piece, so that thousands of takes are told without holding all of it."""
    encode = json.JSONEncoder(ensure_ascii=False).encode
    before = "["
    for entry in entries:
        yield before + encode(entry_as_dict(entry))
        before = ", "
    yield "[]\n" if before == "[" else "]\n"


def history_lines(entries: Sequence[Entry]) -> Iterator[str]:
    """A table of takes in the order given, for a terminal."""
    rows = [_HEADINGS, *map(_row, entries)]
    # the question comes last, as long as it is
    widths = [max(len(row[k]) for row in rows) for k in range(len(_HEADINGS) - 1)]
    for row in rows:
        cells = [
            cell.rjust(width) if k in _RIGHT else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        yield "  ".join([*cells, row[-1]]).rstrip()
    stages = next((list(entry.stages) for entry in entries if entry.stages), None)
    if stages:
        signs = ", ".join(f"{sign} {level}" for level, sign in LEVEL_SIGNS.items())
        yield f"Stages: {', '.join(stages)}; {signs}"


def when(entry: Entry) -> str:
    """Day and time on the reader's own clock."""
    return f"{entry.taken_at.astimezone():%Y-%m-%d %H:%M}"


def rate(entry: Entry) -> str:
    """Fillers a minute with their range; a dash where there was too little speech."""
    if entry.fillers_per_minute is None:
        return "–"
    least, most = (round(end) for end in entry.fillers_range or (entry.fillers_per_minute, entry.fillers_per_minute))
    return f"{least}–{most}" if most > least else f"{entry.fillers_per_minute:.1f}"


def strip(entry: Entry) -> str:
    """A sign for each stage, in the rubric's order."""
    return "".join(LEVEL_SIGNS[level] for level in entry.stages.values())


def asked(entry: Entry) -> str:
    """The question, and what the take was for where that is not simply to answer it."""
    question = entry.question or "question not known"
    purpose = "" if entry.purpose == "main" else f"[{entry.purpose.replace('_', ' ').replace(':', ': ')}] "
    return purpose + question


def remarks(entry: Entry) -> str:
    """What is missing of a take, or was changed in it."""
    told: Iterable[tuple[bool, str]] = (
        (not entry.assessments, "not judged yet"),
        (not entry.audio, "no sound kept"),
        (entry.corrections > 0, "fillers corrected"),
    )
    return ", ".join(words for so, words in told if so)


def _row(entry: Entry) -> tuple[str, ...]:
    remark = remarks(entry)
    return (
        entry.id,
        when(entry),
        "–" if entry.duration_s is None else length_clock(entry.duration_s, entry.verdict),
        "" if entry.verdict is None else VERDICT_WORDS[entry.verdict],
        "–" if entry.speech_rate_wpm is None else f"{entry.speech_rate_wpm:.0f}",
        rate(entry),
        strip(entry) or "–",
        asked(entry) + (f" ({remark})" if remark else ""),
    )
