"""Read the annotated corpus: answers as lines of `labels | words` (models/lifecycle/data/WRITING.md)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from voice_coach.coverage.labels import CODES, STAGES
from voice_coach.errors import UsageError

DEV_WRITERS = frozenset({"w04", "w17", "w36"})
"""Writers who choose epoch, calibration and thresholds instead of teaching: plain-spoken outages
and raw near misses, what is met at the desk. Training and evaluation must agree on them."""

APART_WRITERS = {
    "w74": "two traps each",
    "w79": "reckless acts of 22 kinds",
    "w118": "of every kind, as the first grid",
    "w119": "two traps each, of every kind",
}
"""Writers of the training split who neither teach nor choose, and what their answers hold: what ships is looked at on
them once more, by kinds of which the test split has few."""

_HEADER = re.compile(
    r"@ (?P<id>[\w-]+) \| question: (?P<question>.+?)"
    r" \| root_cause_first: (?P<root>yes|no) \| vague: (?P<vague>yes|no)$"
)


@dataclass(frozen=True, slots=True)
class Unit:
    """One labelled sentence. specific: the stages it says with something specific."""

    text: str
    labels: frozenset[str]
    specific: frozenset[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """One labelled answer; the writer is the part of the id before the last hyphen."""

    id: str
    question: str
    root_cause_first: bool
    vague: bool
    units: tuple[Unit, ...]

    @property
    def writer(self) -> str:
        return self.id.rpartition("-")[0]


def read_corpus(paths: Iterable[Path]) -> tuple[Answer, ...]:
    """All answers of these files, in order.

    Raises: UsageError naming file and line where a file is not in the corpus format.
    """
    answers: list[Answer] = []
    for path in paths:
        header: re.Match[str] | None = None
        units: list[Unit] = []
        lines = [*path.read_text(encoding="utf-8").splitlines(), "@end"]
        for number, line in enumerate(lines, 1):
            if line.startswith("@"):
                if header is not None:
                    answers.append(_answer(header, units))
                units = []
                header = _HEADER.match(line.strip())
                if header is None and line != "@end":
                    raise UsageError(f"{path}:{number}: not a header line; see WRITING.md for the form")
            elif line.strip():
                if header is None:
                    raise UsageError(f"{path}:{number}: a unit before any header; see WRITING.md for the form")
                units.append(_unit(line, f"{path}:{number}"))
    return tuple(answers)


def _answer(header: re.Match[str], units: list[Unit]) -> Answer:
    return Answer(
        id=header["id"],
        question=header["question"],
        root_cause_first=header["root"] == "yes",
        vague=header["vague"] == "yes",
        units=tuple(units),
    )


def _unit(line: str, where: str) -> Unit:
    marks, bar, text = line.partition(" | ")
    codes = [] if marks.strip() == "-" else marks.split()
    labels = frozenset(CODES.get(code.removesuffix("+"), "") for code in codes)
    specific = frozenset(CODES.get(code[:-1], "") for code in codes if code.endswith("+"))
    if not bar or not marks.strip() or "" in labels or not specific <= frozenset(STAGES):
        known = [f"{code}+" if label in STAGES else code for code, label in CODES.items()]
        raise UsageError(f"{where}: expected 'labels | words' with labels {', '.join(known)} (+ or not) or '-'")
    return Unit(text.strip(), labels, specific)
