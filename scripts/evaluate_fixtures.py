#!/usr/bin/env python3
"""Run the whole pipeline over the fixtures and hold it against their sidecars.

Usage: scripts/evaluate_fixtures.py

Prints a row a fixture: word error rate (hesitations, case, punctuation and the spelling of numbers
left out), error of the answer's duration, verdict on time, hesitations found and there, stages
whose presence is right. The fixtures are synthetic voices: they flatter every figure.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import jiwer
from plain_text import plain

from voice_coach.session import Coach

ROOT = Path(__file__).resolve().parent.parent
SAME_EVENT_S = 0.5


def matched(found: list[float], known: list[float]) -> int:
    """How many known times have a found one of their own within SAME_EVENT_S."""
    left, count = list(found), 0
    for time_s in known:
        near = [other for other in left if abs(other - time_s) <= SAME_EVENT_S]
        if near:
            left.remove(min(near, key=lambda other: abs(other - time_s)))
            count += 1
    return count


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    coach = Coach(device="cpu")
    print("| fixture | WER | duration off by | verdict | hesitations hit/found/there | stages |")
    print("| --- | --- | --- | --- | --- | --- |")
    totals = [0, 0, 0]
    for path in sorted((ROOT / "audio_fixtures").glob("*.json")):
        known = json.loads(path.read_text(encoding="utf-8"))
        if not known["units"]:
            continue
        result = coach.analyze(path.with_suffix(".flac"))
        if result.delivery is None or result.coverage is None:
            raise SystemExit(f"{path.stem}: no speech heard")
        wer = jiwer.wer(plain(known["text_without_fillers"]), plain(result.transcript.text))
        off = (result.delivery.answer_duration_s or 0.0) - known["answer_duration_s"]
        verdict = "right" if result.delivery.target.verdict == known["verdict"] else "wrong"
        found = [e.start_s for e in result.delivery.fillers.events if e.kind == "filled_pause"]
        there = [e["start_s"] for e in known["fillers"]]
        hit = matched(found, there)
        totals = [a + b for a, b in zip(totals, (hit, len(found), len(there)), strict=True)]
        levels = known["expected"]["stages"]
        right = sum(
            (result.coverage.stages[s].level == "missing") == (level == "missing") for s, level in levels.items()
        )
        print(
            f"| {path.stem} | {wer:.1%} | {off:+.2f} s | {verdict} | {hit}/{len(found)}/{len(there)} | {right} of 5 |"
        )
    hit, found_all, there_all = totals
    print(
        f"\nhesitations: precision {hit / max(found_all, 1):.2f}, recall {hit / max(there_all, 1):.2f} of {there_all}"
    )


if __name__ == "__main__":
    main()
