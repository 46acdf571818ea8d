#!/usr/bin/env python3
"""Have a reader put right the labels of answers as they were heard (scripts/speak_corpus.py hear).

Usage:
  scripts/settle_heard.py sheet build/heard/w23_*.txt --to build/settle/w23.txt
  scripts/settle_heard.py gather build/heard/w23_*.txt --read build/settle/w23.read.txt --to FOLDER

Whisper cuts a unit into several sentences and runs others together; each of the sentences then has all labels of the
units that it tells. The sheet shows each answer as written and, numbered, as heard. A `*` marks the sentences of which
the reader must decide: parts of a labelled unit that was cut, and sentences that tell several labelled units. The
reader's file has a line for each of them, and for any other whose labels are wrong:

  w23-05 7: det+ act

`gather` names what a reader left open or wrote in no known form, leaves those answers out and exits with 1.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from corpus_units import (
    CODES,
    FILLS,
    HOLDS,
    STAGE_CODES,
    CorpusUnit,
    answer_id,
    marks_of,
    read_decisions,
    read_units,
    tell_gathered,
    written_labels,
)

DATA = Path(__file__).resolve().parent.parent / "models" / "lifecycle" / "data"

KNOWN = {*CODES, *(f"{code}+" for code in STAGE_CODES)}


@dataclass(frozen=True, slots=True)
class HeardSentence:
    """labels: all those of the units that it tells. open: a reader must decide."""

    labels: str
    text: str
    open: bool


def told_units(sentences: Sequence[str], units: Sequence[str]) -> list[set[int]]:
    """Which units each recognised sentence tells, by aligning words."""
    said = [(word, k) for k, text in enumerate(units) for word in _plain_words(text)]
    heard = [(word, k) for k, text in enumerate(sentences) for word in _plain_words(text)]
    shared: Counter[tuple[int, int]] = Counter()
    matcher = SequenceMatcher(None, [word for word, _ in said], [word for word, _ in heard], autojunk=False)
    for at, there, size in matcher.get_matching_blocks():
        shared.update((said[at + k][1], heard[there + k][1]) for k in range(size))
    unit_words, sentence_words = Counter(k for _, k in said), Counter(k for _, k in heard)
    told: list[set[int]] = [set() for _ in sentences]
    for (unit, sentence), count in shared.items():
        if count >= HOLDS * unit_words[unit] or count >= FILLS * sentence_words[sentence]:
            told[sentence].add(unit)
    return told


def _plain_words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def sentences_of(heard: Sequence[CorpusUnit], units: Sequence[CorpusUnit]) -> list[HeardSentence]:
    """The answer's sentences as heard, beside the units as written."""
    texts = [text for _, text in heard]
    told = told_units(texts, [text for _, text in units])
    labelled = {k for k, (labels, _) in enumerate(units) if marks_of(labels)}
    cut = {k for k in labelled if sum(k in among for among in told) > 1}
    return [
        HeardSentence(
            labels=written_labels({mark for k in among for mark in marks_of(units[k][0])}),
            text=text,
            open=bool(among & cut) or len(among & labelled) > 1,
        )
        for text, among in zip(texts, told, strict=True)
    ]


def heard_answers(files: Sequence[Path], written: Path) -> Iterator[tuple[str, list[CorpusUnit], list[HeardSentence]]]:
    """(header, units as written, sentences as heard) of each answer.

    Raises: SystemExit naming an answer that was never written.
    """
    known = {answer_id(header): units for path in sorted(written.glob("*.txt")) for header, units in read_units(path)}
    for path in files:
        for header, heard in read_units(path):
            if answer_id(header) not in known:
                raise SystemExit(
                    f"{path}: {answer_id(header)} is in no file of {written}; name its folder with --written"
                )
            units = known[answer_id(header)]
            yield header, units, sentences_of(heard, units)


def sheet(args: argparse.Namespace) -> int:
    lines: list[str] = []
    for header, units, heard in heard_answers(args.files, args.written):
        lines += ["", header, "as written:", *(f"{labels} | {text}" for labels, text in units), "as heard:"]
        lines += [
            f"{number}{'*' if sentence.open else ''} | {sentence.labels} | {sentence.text}"
            for number, sentence in enumerate(heard, 1)
        ]
    args.to.parent.mkdir(parents=True, exist_ok=True)
    args.to.write_text("\n".join(lines[1:]) + "\n", encoding="utf-8")
    return 0


def decisions(paths: Sequence[Path]) -> dict[tuple[str, int], str]:
    """What readers decided, by answer and number of the sentence.

    Raises: SystemExit naming a line that is not in the form.
    """
    read = read_decisions(paths, "answer number: labels", lambda said: marks_of(said) <= KNOWN)
    return {place: written_labels(marks_of(said)) for place, said in read.items()}


def settled(header: str, heard: Sequence[HeardSentence], read: Mapping[tuple[str, int], str]) -> tuple[str, list[str]]:
    """The answer in the corpus' form, and the sentences that the reader left open."""
    lines, faults = [header], []
    for number, sentence in enumerate(heard, 1):
        labels = read.get((answer_id(header), number))
        if labels is None and sentence.open:
            faults.append(f"{answer_id(header)} {number}: not read")
        lines.append(f"{labels or sentence.labels} | {sentence.text}")
    return "\n".join(lines) + "\n", faults


def gather(args: argparse.Namespace) -> int:
    read = decisions(args.read)
    faults: list[str] = []
    numbers: set[tuple[str, int]] = set()
    gathered = 0
    args.to.mkdir(parents=True, exist_ok=True)
    for header, _, heard in heard_answers(args.files, args.written):
        text, wrong = settled(header, heard, read)
        faults += wrong
        numbers |= {(answer_id(header), number) for number in range(1, len(heard) + 1)}
        if not wrong:
            (args.to / f"{answer_id(header).replace('-', '_')}.txt").write_text(text, encoding="utf-8")
            gathered += 1
    faults += [f"{answer} {number}: no such sentence" for answer, number in sorted(set(read) - numbers)]
    return tell_gathered(gathered, faults)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    steps = parser.add_subparsers(required=True)
    for name, step, what in (
        ("sheet", sheet, "answers as heard to a sheet for a reader"),
        ("gather", gather, "a reader's labels to answers as heard"),
    ):
        command = steps.add_parser(name, help=what)
        command.add_argument("files", nargs="+", type=Path, help="the answers as heard")
        command.add_argument("--written", type=Path, default=DATA / "train", help="folder of the answers as written")
        command.add_argument("--to", type=Path, required=True)
        command.set_defaults(step=step)
    command.add_argument("--read", nargs="+", type=Path, required=True, help="the reader's files")
    args = parser.parse_args()
    return int(args.step(args))


if __name__ == "__main__":
    sys.exit(main())
