#!/usr/bin/env python3
"""Check corpus files for form: labels known, headers whole, no unit written twice.

Usage: scripts/check_corpus.py FILE…

Prints one line per fault and the totals; exit code 1 if anything is wrong. Uses only the
standard library, so that a writer can run it before the package is installed.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from corpus_units import CODES, STAGE_CODES

HEADER = re.compile(
    r"@ (?P<id>[\w-]+) \| question: (?P<question>.+?) \| root_cause_first: (yes|no) \| vague: (yes|no)$"
)


def check(path: Path, ids: Counter[str], units: Counter[str], labels: Counter[str]) -> list[str]:
    """The faults of one file, as printable lines; the counters are added to."""
    faults: list[str] = []
    inside = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{path.name}:{number}"
        if not line.strip():
            inside = False
        elif line.startswith("@"):
            header = HEADER.match(line.strip())
            inside = True
            if header is None:
                faults.append(f"{where}: header is not '@ id | question: … | root_cause_first: yes/no | vague: yes/no'")
            else:
                ids[header["id"]] += 1
        elif not inside:
            faults.append(f"{where}: a unit outside an answer (an empty line ends the answer)")
        elif " | " not in line:
            faults.append(f"{where}: no ' | ' between labels and words")
        else:
            marks, _, text = line.partition(" | ")
            given = marks.split()
            bare = [mark.removesuffix("+") for mark in given]
            if not given:
                faults.append(f"{where}: no labels; '-' for none")
            if not text.strip():
                faults.append(f"{where}: no words")
            if given != ["-"]:
                for mark, name in zip(given, bare, strict=True):
                    if name not in CODES or (mark.endswith("+") and name not in STAGE_CODES):
                        faults.append(f"{where}: unknown label '{mark}'")
                if len(set(bare)) != len(bare):
                    faults.append(f"{where}: a label twice")
            labels.update(bare)
            units[text.strip().lower()] += 1
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    ids: Counter[str] = Counter()
    units: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    faults: list[str] = []
    for path in parser.parse_args().files:
        faults += check(path, ids, units, labels)
    faults += [f"answer {name} written {n} times" for name, n in ids.items() if n > 1]
    faults += [f"unit written {n} times: {text}" for text, n in units.items() if n > 1 and len(text.split()) > 4]
    total = sum(units.values())
    print(*faults, sep="\n")
    print(f"{len(ids)} answers, {total} units, {labels['-'] / max(total, 1):.0%} with no label")
    print("  ".join(f"{name} {labels[name]}" for name in sorted(labels)))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
