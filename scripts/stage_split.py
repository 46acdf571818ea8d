#!/usr/bin/env python3
"""Print how exemplary answers divide their words among the five stages.

    scripts/stage_split.py

These are the bands of STAGE_SHARES in voice_coach/report/wording.py: the 10th to the 90th percentile of the
training corpus's answers of LEAST_WORDS words and more that make every stage specific, name the
impact, and commit none of the mistakes that the corpus marks.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from voice_coach.coverage.corpus import Answer, read_corpus
from voice_coach.coverage.labels import COWBOY, IMPACT, STAGES

TRAIN = Path(__file__).resolve().parent.parent / "models" / "lifecycle" / "data" / "train"
LEAST_WORDS = 150
"""About a minute: shorter answers have no room for a split."""


def exemplary(answer: Answer) -> bool:
    labels = set().union(*(unit.labels for unit in answer.units))
    specific = set().union(*(unit.specific for unit in answer.units))
    long_enough = sum(len(unit.text.split()) for unit in answer.units) >= LEAST_WORDS
    return (
        long_enough
        and set(STAGES) <= specific
        and IMPACT in labels
        and COWBOY not in labels
        and not (answer.root_cause_first or answer.vague)
    )


def shares(answer: Answer) -> list[float]:
    told = [sum(len(unit.text.split()) for unit in answer.units if stage in unit.labels) for stage in STAGES]
    return [words / sum(told) for words in told]


def main() -> None:
    answers = read_corpus(sorted(TRAIN.glob("*.txt")))
    table = np.array([shares(answer) for answer in answers if exemplary(answer)])
    print(f"{len(table)} of {len(answers)} answers; share of the words that are told about stages")
    for stage, column in zip(STAGES, table.T, strict=True):
        low, middle, high = np.percentile(column, [10, 50, 90])
        print(f"{stage:14} {low:4.0%} to {high:4.0%}, median {middle:4.0%}")


if __name__ == "__main__":
    main()
