#!/usr/bin/env python3
"""Cut written answers where a recogniser would, for a reader to say which part of a unit tells what.

Usage:
  scripts/cut_corpus.py sheet models/lifecycle/data/train/w23_*.txt --share 0.2 --to build/cut/w23.txt
  scripts/cut_corpus.py gather models/lifecycle/data/train/w23_*.txt --read build/cut/w23.read.txt --to FOLDER

Whisper writes a full stop where a writer put a comma: a unit is heard as two or three sentences, of which each may or
may not tell what the unit tells. On the sheet every line is a unit, with its labels; a cut one has its parts side by
side, separated by ` / `. The reader's file has a line for each labelled unit that was cut, with its parts' labels:

  w23-05 7: det+ act / -

Together the parts carry the unit's labels, none more and none less; `gather` names where they do not, and lines that
are of no labelled unit that was cut, leaves those answers out and exits with 1. Answers in which no labelled unit was
cut need no reader and are gathered, too. Answers gathered before stay. Places are drawn by the answer's id and hang on
its words: where an answer's words change, its parts must be read again.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from corpus_units import answer_id, marks_of, read_decisions, read_units, tell_gathered
from mishearing import place_before, sentence_of
from speak_corpus import chosen

CUT = {"comma other": 0.45, "comma joint": 0.25, "stop other": 0.8, "stop joint": 0.8, "none joint": 0.02}
"""Share of the places of each kind that are cut. At commas half again as many as the speech path does (mishearing.py),
so that an answer that a reader saw teaches more."""

SHORTEST_PART = 2
"""Words; one in four of the parts that Whisper makes has no more than three."""


def parts_of(text: str, chance: random.Random) -> list[str]:
    """A unit's parts, as sentences; the unit itself where it is not cut."""
    words = [(word, 0) for word in text.split()]
    parts: list[list[str]] = [[]]
    for k, (word, _) in enumerate(words):
        long_enough = min(len(parts[-1]), len(words) - k) >= SHORTEST_PART
        if long_enough and chance.random() < CUT.get(place_before(words, k), 0.0):
            parts.append([])
        parts[-1].append(word)
    return [sentence_of(part) for part in parts] if len(parts) > 1 else [text]


def cut_answer(header: str, units: Sequence[tuple[str, str]]) -> Iterator[tuple[int, str, list[str]]]:
    """(number from 1, labels, parts) of each unit."""
    chance = random.Random(f"cut {answer_id(header)} {len(units)}")
    for number, (labels, text) in enumerate(units, 1):
        yield number, labels, parts_of(text, chance)


def sheet(args: argparse.Namespace) -> int:
    lines: list[str] = []
    for header, units in chosen(args.files, args.only, args.share):
        lines += ["", header]
        lines += [f"{number} | {labels} | {' / '.join(parts)}" for number, labels, parts in cut_answer(header, units)]
    args.to.parent.mkdir(parents=True, exist_ok=True)
    args.to.write_text("\n".join(lines[1:]) + "\n", encoding="utf-8")
    return 0


def read_labels(paths: Sequence[Path]) -> dict[tuple[str, int], list[str]]:
    """Readers' labels of the parts, by answer and number of the unit."""
    read = read_decisions(paths, "answer number: labels / labels")
    return {place: [part.strip() or "-" for part in said.split("/")] for place, said in read.items()}


def fault_of(labels: str, read: Sequence[str] | None, parts: Sequence[str]) -> str:
    """What is wrong with a reader's labels of a unit's parts; empty if nothing is."""
    if read is None:
        return "not read"
    if len(read) != len(parts):
        return f"{len(read)} labelled of {len(parts)} parts"
    told = {mark for part in read for mark in marks_of(part)}
    # a stage told with something specific in one part may be named in passing in another
    told -= {mark.rstrip("+") for mark in told if mark.endswith("+")}
    return "" if told == marks_of(labels) else f"'{' '.join(sorted(told))}' where the unit has '{labels}'"


def in_parts(
    header: str, units: Sequence[tuple[str, str]], read: Mapping[tuple[str, int], Sequence[str]]
) -> tuple[str, list[str]]:
    """The answer in the corpus' form, a line a part, and what is wrong with it; faulty units are left out."""
    lines, faults = [header], []
    for number, labels, parts in cut_answer(header, units):
        marks: Sequence[str] = [labels] * len(parts)
        if len(parts) > 1 and labels != "-":
            given = read.get((answer_id(header), number))
            if fault := fault_of(labels, given, parts):
                faults.append(f"{answer_id(header)} {number}: {fault}")
                continue
            marks = given or []
        lines += [f"{mark} | {part}" for mark, part in zip(marks, parts, strict=True)]
    return "\n".join(lines) + "\n", faults


def gather(args: argparse.Namespace) -> int:
    read = read_labels(args.read)
    blocks: dict[str, dict[str, str]] = {}
    faults: list[str] = []
    unasked = set(read)
    for header, units in (answer for path in args.files for answer in read_units(path)):
        id = answer_id(header)
        cut = [(number, labels) for number, labels, parts in cut_answer(header, units) if len(parts) > 1]
        asked = {(id, number) for number, labels in cut if labels != "-"}
        if not cut or (asked and not asked & read.keys()):
            continue
        unasked -= asked
        block, wrong = in_parts(header, units, read)
        faults += wrong
        if not wrong:
            blocks.setdefault(id.rpartition("-")[0], {})[id] = block
    faults += [f"{id} {number}: no labelled unit of these files that was cut" for id, number in sorted(unasked)]
    for writer, answers in blocks.items():
        file = args.to / f"{writer}.txt"
        kept = file.read_text(encoding="utf-8").split("\n\n") if file.exists() else []
        whole = {answer_id(block): block.strip() + "\n" for block in kept} | answers
        args.to.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(whole[answer] for answer in sorted(whole)), encoding="utf-8")
    return tell_gathered(sum(map(len, blocks.values())), faults)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    steps = parser.add_subparsers(required=True)
    cutting = steps.add_parser("sheet", help="answers to a sheet for a reader")
    cutting.add_argument("files", nargs="+", type=Path)
    cutting.add_argument("--to", type=Path, required=True)
    cutting.add_argument("--only", default="", help="ids, separated by commas")
    cutting.add_argument("--share", type=float, default=1.0)
    cutting.set_defaults(step=sheet)
    gathering = steps.add_parser("gather", help="a reader's labels to answers in parts")
    gathering.add_argument("files", nargs="+", type=Path, help="the answers as written")
    gathering.add_argument("--read", nargs="*", type=Path, default=[], help="none for answers that need no reader")
    gathering.add_argument("--to", type=Path, required=True, help="folder; a file for each writer")
    gathering.set_defaults(step=gather)
    args = parser.parse_args()
    return int(args.step(args))


if __name__ == "__main__":
    sys.exit(main())
