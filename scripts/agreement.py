#!/usr/bin/env python3
"""Measure how far two readers agree on the labels.

Usage:
  scripts/agreement.py blind FILE… > sheet.txt     the answers without their labels, for a second reader
  scripts/agreement.py score FILE… --second DIR    Cohen's kappa, agreement and counts per label

The second reader fills in the sheet in the corpus format (WRITING.md) without seeing the first
labels; DIR holds such files. Answers are matched by id, units by order; an answer with another number
of units, or other words, is refused.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from corpus_units import CODES, STAGE_CODES, answer_id, marks_of, read_units

SPECIFIC = tuple(f"{code}+" for code in STAGE_CODES)


def read(paths: list[Path]) -> dict[str, list[tuple[frozenset[str], str]]]:
    """Answers by id: (marks, words) of each unit."""
    return {
        answer_id(header): [(marks_of(labels), words) for labels, words in units]
        for path in paths
        for header, units in read_units(path)
    }


def blind(paths: list[Path]) -> None:
    """Print the answers with every label replaced by '?'."""
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("@"):
                print(" | ".join(line.split(" | ")[:2]) + " | root_cause_first: ? | vague: ?")
            elif line.strip():
                print("? | " + line.partition(" | ")[2])
            else:
                print()


def kappa(first: list[bool], second: list[bool]) -> float | None:
    """Cohen's kappa of two readers of the same units; None where neither ever says yes, 1 where both always do.

    Source: Cohen 1960, doi 10.1177/001316446002000104.
    """
    n = len(first)
    if not any(first) and not any(second):
        return None
    agreed = sum(a == b for a, b in zip(first, second, strict=True)) / n
    p, q = sum(first) / n, sum(second) / n
    chance = p * q + (1 - p) * (1 - q)
    return 1.0 if chance == 1 else (agreed - chance) / (1 - chance)


def score(first_paths: list[Path], second_paths: list[Path]) -> int:
    """Print one row a label; exit code 1 where the sheets do not match."""
    first, second = read(first_paths), read(second_paths)
    shared = sorted(set(first) & set(second))
    for name in shared:
        if len(first[name]) != len(second[name]):
            print(f"{name}: {len(first[name])} units against {len(second[name])}", file=sys.stderr)
            return 1
        if changed := [b for (_, a), (_, b) in zip(first[name], second[name], strict=True) if a != b]:
            print(f"{name}: read in other words: {changed[0]}", file=sys.stderr)
            return 1
    pairs = [(a[0], b[0]) for name in shared for a, b in zip(first[name], second[name], strict=True)]
    print(f"{len(shared)} answers, {len(pairs)} units read twice")
    print(f"{'label':6} {'first':>6} {'second':>6} {'kappa':>6} {'F1':>6}")

    def bare(marks: frozenset[str]) -> set[str]:
        return {mark.rstrip("+") for mark in marks}

    for label in CODES + SPECIFIC:
        a = [label in (m if label.endswith("+") else bare(m)) for m, _ in pairs]
        b = [label in (m if label.endswith("+") else bare(m)) for _, m in pairs]
        both = sum(x and y for x, y in zip(a, b, strict=True))
        k = kappa(a, b)
        f1 = 2 * both / (sum(a) + sum(b)) if sum(a) + sum(b) else 0.0
        print(f"{label:6} {sum(a):6} {sum(b):6} {'-' if k is None else f'{k:.2f}':>6} {f1:6.2f}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=("blind", "score"))
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--second", type=Path, help="folder of the second reader's files")
    args = parser.parse_args()
    if args.command == "blind":
        blind(args.files)
        return 0
    if args.second is None:
        parser.error("score needs --second DIR")
    return score(args.files, sorted(args.second.glob("*.txt")))


if __name__ == "__main__":
    sys.exit(main())
