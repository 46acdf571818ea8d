"""Read corpus files as they are written, labels and words of each unit, with the standard library alone: voices and
second readers work where the project itself is not installed. What trains and judges reads the same files through
voice_coach/coverage/corpus.py, which knows what the labels mean."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

STAGE_CODES = ("det", "sev", "mit", "com", "pre")
"""Codes of the stages, in the rubric's order; a `+` behind one says: with something specific."""

OTHER_CODES = ("sit", "tas", "act", "res", "imp", "cow")

CorpusUnit = tuple[str, str]
"""(labels as written, `-` for none; words)."""


def read_units(path: Path) -> list[tuple[str, list[CorpusUnit]]]:
    """(header line, units) of each answer of a file, in order."""
    answers: list[tuple[str, list[CorpusUnit]]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("@"):
            answers.append((line.strip(), []))
        elif line.strip():
            labels, _, words = line.partition(" | ")
            answers[-1][1].append((labels.strip(), words.strip()))
    return answers


def answer_id(header: str) -> str:
    """The answer's id out of its header line, `@ id | question: …`."""
    return header.split()[1]


def marks_of(labels: str) -> frozenset[str]:
    """A unit's labels as a set of codes, `+` kept; empty for `-`."""
    return frozenset(labels.split()) - {"-"}


def written_labels(marks: Iterable[str]) -> str:
    """Codes as a unit's labels are written: in the rubric's order, each once, `+` where any has it; `-` for none."""
    given = set(marks)
    order = (*STAGE_CODES, *OTHER_CODES)
    return " ".join(f"{c}+" if f"{c}+" in given else c for c in order if given & {c, f"{c}+"}) or "-"
