#!/usr/bin/env python3
"""Count what the corpus holds, and how alike its units are.

Usage:
  scripts/describe_corpus.py            print the table
  scripts/describe_corpus.py --write    put it into models/lifecycle/CARD.md

Near-duplicates: a unit of at least NEAR_WORDS words whose nearest other unit lies at a cosine over
NEAR in all-MiniLM-L6-v2. Shorter ones ("Yeah, so.") are alike because speech is.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from evaluate_coverage import DATA, NOT_ANSWERING, minilm, read_grid, write_card

from voice_coach.coverage.corpus import DEV_WRITERS, Answer, read_corpus

NEAR, NEAR_WORDS = 0.95, 4


def near_duplicates(texts: list[str]) -> list[tuple[float, str, str]]:
    """(cosine, unit, its nearest other unit) of the units that have one too near."""
    texts = sorted(texts, key=len)  # batches of like length waste less padding
    vectors = minilm()(texts)
    found = []
    for k in range(0, len(texts), 1024):
        likeness = vectors[k : k + 1024] @ vectors.T
        rows = np.arange(len(likeness))
        likeness[rows, k + rows] = -1.0
        where = likeness.argmax(axis=1)
        value = likeness[rows, where]
        found += [(float(value[i]), texts[k + i], texts[where[i]]) for i in np.flatnonzero(value > NEAR)]
    return found


def table(parts: dict[str, tuple[Answer, ...]], grid: dict[str, dict[str, str]]) -> list[str]:
    lines = ["| | " + " | ".join(parts) + " |", "| --- |" + " --- |" * len(parts)]

    def row(name: str, values: list[str]) -> None:
        lines.append(f"| {name} | " + " | ".join(values) + " |")

    def count(name: str, of: str) -> None:
        row(name, [str(sum(grid[a.id]["quality"].startswith(of) for a in part)) for part in parts.values()])

    row("answers", [str(len(part)) for part in parts.values()])
    row("writers", [str(len({a.writer for a in part})) for part in parts.values()])
    row("units", [str(sum(len(a.units) for a in part)) for part in parts.values()])
    row("units without a label", [f"{np.mean([not u.labels for a in p for u in a.units]):.0%}" for p in parts.values()])
    row("domains", [str(len({grid[a.id]["domain"] for a in part})) for part in parts.values()])
    for kind in NOT_ANSWERING:
        count(kind, kind)
    row("avoid the usual keywords", [str(sum(grid[a.id]["keywords"] == "avoid" for a in p)) for p in parts.values()])
    row("to a follow-up question", [str(sum(a.question != "main" for a in p)) for p in parts.values()])
    row(
        "under 60 words",
        [str(sum(sum(len(u.text.split()) for u in a.units) < 60 for a in p)) for p in parts.values()],
    )
    row(
        "with two traps or kinds of reckless act each",
        [str(sum(bool(grid[a.id].get("traps")) for a in p)) for p in parts.values()],
    )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    train = read_corpus(sorted((DATA / "train").glob("*.txt")))
    parts = {
        "train": tuple(a for a in train if a.writer not in DEV_WRITERS),
        "dev": tuple(a for a in train if a.writer in DEV_WRITERS),
        "test": read_corpus(sorted((DATA / "test").glob("*.txt"))),
    }
    lines = table(parts, read_grid())
    texts = [u.text for part in parts.values() for a in part for u in a.units if len(u.text.split()) >= NEAR_WORDS]
    near = near_duplicates(texts)
    for value, one, other in near[:20]:
        print(f"{value:.2f}  {one}  |  {other}", file=sys.stderr)
    share = len(near) / len(texts)
    lines += ["", f"Near-duplicates: {len(near)} of {len(texts)} units of {NEAR_WORDS} words and more ({share:.2%})."]
    print("\n".join(lines))
    if args.write:
        write_card({"corpus": lines})


if __name__ == "__main__":
    main()
