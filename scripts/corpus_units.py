"""Read corpus files as they are written, labels and words of each unit, with the standard library alone: voices and
second readers work where the project itself is not installed. What trains and judges reads the same files through
voice_coach/coverage/corpus.py, which knows what the labels mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

STAGE_CODES = ("det", "sev", "mit", "com", "pre")
"""Codes of the stages, in the rubric's order; a `+` behind one says: with something specific."""

CODES = (*STAGE_CODES, "sit", "tas", "act", "res", "imp", "cow")
"""Codes of all labels, in the rubric's order."""

HOLDS = 0.5
FILLS = 0.5
"""A recognised sentence tells a unit of which it holds this share, or which fills this share of its own: of the time
where it is known, else of the words."""

CorpusUnit = tuple[str, str]
"""(labels as written, `-` for none; words)."""

_READ = re.compile(r"(?P<id>[\w-]+) (?P<number>\d+): (?P<said>.+)$")


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
    return " ".join(f"{c}+" if f"{c}+" in given else c for c in CODES if given & {c, f"{c}+"}) or "-"


def read_decisions(
    paths: Sequence[Path], form: str, known: Callable[[str], bool] = lambda said: True
) -> dict[tuple[str, int], str]:
    """What readers said, by answer and number: of each line `id number: …` what stands behind the colon.

    form: how such a line looks, for whoever wrote another. known: whether what was said can be understood.

    Raises: SystemExit naming file and line where it is not in the form, or not known.
    """
    found: dict[tuple[str, int], str] = {}
    for path in paths:
        for line in filter(None, map(str.strip, path.read_text(encoding="utf-8").splitlines())):
            match = _READ.match(line)
            if match is None or not known(match["said"]):
                raise SystemExit(f"{path}: '{line}' is not '{form}'")
            found[match["id"], int(match["number"])] = match["said"]
    return found


def tell_gathered(answers: int, faults: Sequence[str]) -> int:
    """Print what was gathered and what is wrong with the rest; the exit code."""
    print(*faults, f"{answers} answers gathered, {len(faults)} faults", sep="\n")
    return 1 if faults else 0
