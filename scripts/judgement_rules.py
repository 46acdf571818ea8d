#!/usr/bin/env python3
"""Print how far the rules that need no model are right: on the training corpus's own labels.

    scripts/judgement_rules.py

Vague and root cause first (voice_coach/coverage/judgement.py) are rules over labels; here they get the readers' labels
in the classifier's place, and are held against what the readers said of the whole answer. The last line is for
ON_SUBJECT (scripts/variants.py).
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from evaluate_coverage import read_grid
from variants import off_subject

from voice_coach.coverage.corpus import APART_WRITERS, DEV_WRITERS, Answer, read_corpus
from voice_coach.coverage.judgement import judge_answer
from voice_coach.coverage.labels import LABELS, OUTPUTS, STAGES
from voice_coach.records import JudgedSentence, MistakeName

TRAIN = Path(__file__).resolve().parent.parent / "models" / "lifecycle" / "data" / "train"


def as_labelled(answer: Answer) -> list[JudgedSentence]:
    """The answer as a classifier that reads like its labels would judge it."""
    return [
        JudgedSentence(
            text=unit.text,
            start_s=None,
            end_s=None,
            labels={label: float(label in unit.labels) for label in LABELS},
            assigned=tuple(label for label in LABELS if label in unit.labels),
            specific=float(bool(unit.specific)),
        )
        for unit in answer.units
    ]


def main() -> None:
    answers = read_corpus(sorted(TRAIN.glob("*.txt")))
    told = [one for one in answers if any(unit.labels & set(STAGES) for unit in one.units)]
    found = [judge_answer(as_labelled(one), dict.fromkeys(OUTPUTS, 0.5), 0.0).sure_mistakes for one in told]
    said: dict[MistakeName, list[bool]] = {
        "vague": [one.vague for one in told],
        "root_cause_first": [one.root_cause_first for one in told],
    }
    for name, actual in said.items():
        hits = sum(is_so and name in names for is_so, names in zip(actual, found, strict=True))
        false = sum(not is_so and name in names for is_so, names in zip(actual, found, strict=True))
        print(f"{name}: {hits} of {sum(actual)} found, {false} false calls among {len(told) - sum(actual)}")
    grid, silent = read_grid(), {*DEV_WRITERS, *APART_WRITERS}
    teaching = [one for one in answers if one.writer not in silent]
    astray = [one for one in teaching if grid[one.id]["quality"].startswith("off-topic")]
    print(f"off-topic answers with hardly a stage: {sum(map(off_subject, astray))} of {len(astray)}")


if __name__ == "__main__":
    main()
