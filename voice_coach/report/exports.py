"""Past takes for other programs and other people: JSON, CSV, Markdown or a page, scrubbed where asked."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from voice_coach.records import Correction, Entry
from voice_coach.report.history_view import VERDICT_WORDS, entry_as_dict
from voice_coach.report.pages import render
from voice_coach.report.scrub import Scrubber
from voice_coach.report.wording import LEVEL_SIGNS, MISTAKE_WORDS, length_clock

Format = Literal["json", "csv", "markdown", "html"]

_RISKY = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text for a formula."""


@dataclass(frozen=True, slots=True)
class PastTake:
    """One take to export. assessment: as `assessment_as_dict` gives it, fillers as corrected; None if never judged."""

    entry: Entry
    assessment: Mapping[str, Any] | None
    corrections: tuple[Correction, ...] = ()


def exported(takes: Iterable[PastTake], form: Format, scrubber: Scrubber | None = None) -> Iterator[str]:
    """The export piece by piece; takes are asked for one at a time, in the order given."""
    tables = (_table(take, scrubber) for take in takes)
    yield from _WRITERS[form](tables)


def _table(take: PastTake, scrubber: Scrubber | None) -> dict[str, Any]:
    table = {
        **entry_as_dict(take.entry),
        "corrected": [
            {"action": one.action, "text": one.text, "kind": one.kind, "start_s": one.start_s}
            for one in take.corrections
        ],
        "assessment": take.assessment,
    }
    if scrubber is None:
        return table
    if take.assessment is not None:
        scrubber.learn(take.assessment["transcript"]["text"])
    scrubbed: dict[str, Any] = scrubber.scrub_object(table)
    return scrubbed


def _json(tables: Iterator[dict[str, Any]]) -> Iterator[str]:
    before = "["
    for table in tables:
        yield before + "\n" + json.dumps(table, ensure_ascii=False)
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


def _csv(tables: Iterator[dict[str, Any]]) -> Iterator[str]:
    """One line a take, figures only; what was said is in the other formats."""
    rows = [_flat(table) for table in tables]
    # takes judged by different rubrics have different stages
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["id", "taken_at"]
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: harmless(value) for name, value in row.items()})
    yield out.getvalue()


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    least, most = table["fillers_range"] or (None, None)
    plain = {
        name: value
        for name, value in table.items()
        if name not in ("fillers_range", "stages", "star", "mistakes", "corrected", "assessment")
    }
    return {
        **plain,
        "fillers_per_minute_least": least,
        "fillers_per_minute_most": most,
        **{f"stage_{name}": level for name, level in table["stages"].items()},
        **{f"star_{name}_s": seconds for name, seconds in table["star"].items()},
        "mistakes": " ".join(table["mistakes"]),
    }


def harmless(value: object) -> object:
    """A text that a spreadsheet takes for a text. Source: OWASP, CSV injection."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_RISKY) else value


def _markdown(tables: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield "# Takes\n"
    for table in tables:
        yield f"\n## {_day(table)} · {_plain(table['question'] or 'question not known')}\n\n"
        yield f"{_facts(table)}\n"
        if table["stages"]:
            yield "\n| Stage | Heard |\n| --- | --- |\n"
            yield "".join(f"| {name} | {LEVEL_SIGNS[level]} {level} |\n" for name, level in table["stages"].items())
        if table["mistakes"]:
            yield "\n" + "".join(f"- {MISTAKE_WORDS[mistake]}\n" for mistake in table["mistakes"])
        assessment = table["assessment"]
        if assessment is None:
            continue
        if assessment["feedback"] is not None:
            yield "".join(f"\n{n}. {_plain(fix)}" for n, fix in enumerate(assessment["feedback"]["fixes"], 1)) + "\n"
        yield f"\n> {_plain(assessment['transcript']['text'])}\n"


def _html(tables: Iterator[dict[str, Any]]) -> Iterator[str]:
    takes = [
        {
            **table,
            "day": _day(table),
            "facts": _facts(table),
            "signs": [(name, LEVEL_SIGNS[level], level) for name, level in table["stages"].items()],
            "mistake_words": [MISTAKE_WORDS[name] for name in table["mistakes"]],
            "said": "" if table["assessment"] is None else table["assessment"]["transcript"]["text"],
        }
        for table in tables
    ]
    yield render("export.html", styles=("page.css", "export.css"), title="Takes", takes=takes)


def _day(table: Mapping[str, Any]) -> str:
    return f"{datetime.fromisoformat(table['taken_at']).astimezone():%Y-%m-%d %H:%M}"


def _facts(table: Mapping[str, Any]) -> str:
    """The figures of a take in one line; what could not be measured is left out."""
    told: Sequence[str | None] = (
        table["id"],
        None if table["level"] is None else f"level {table['level']}",
        None if table["purpose"] == "main" else table["purpose"].replace("_", " "),
        None if table["duration_s"] is None else length_clock(table["duration_s"], table["verdict"]),
        None if table["verdict"] is None else f"length {VERDICT_WORDS[table['verdict']]}",
        None if table["speech_rate_wpm"] is None else f"{table['speech_rate_wpm']:.0f} words a minute",
        None if table["fillers_per_minute"] is None else f"{table['fillers_per_minute']:.1f} fillers a minute",
    )
    return ", ".join(one for one in told if one)


def _plain(text: str) -> str:
    """A text in which Markdown sees no marks of its own, on one line."""
    escaped = "".join(f"\\{letter}" if letter in "\\`*_[]<>|#" else letter for letter in text)
    return " ".join(escaped.split())


_WRITERS = {"json": _json, "csv": _csv, "markdown": _markdown, "html": _html}
