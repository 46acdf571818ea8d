#!/usr/bin/env python3
"""Let a larger encoder read every answer that it was not taught, for the small one to learn from.

Usage: scripts/teach_coverage.py                           all folds, one after another
       scripts/teach_coverage.py --fold 0                  one fold, into build/coverage/teachers/
       scripts/teach_coverage.py --gather                  the folds that are there, into the corpus

Writers are dealt into FOLDS; each fold is read by a teacher (all-mpnet-base-v2) that learnt from the others, so
that what it says is no memory of the labels (out-of-fold distillation). It reads the variants of every epoch of
training (scripts/variants.py): the sentences are the very ones that the small encoder will be shown, and of a unit
that was cut the teacher says which part tells it. One process; a GPU needs minutes, two cores a day.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parent))
from coverage_scores import Coder, best_thresholds, f1, sigmoid, windows_logits
from coverage_training import Lessons, Process, Recipe, Taught, new_model, run_phase
from fetch_encoder import fetch
from train_coverage import ROOT, TAUGHT, lessons_and_dev
from variants import Variant

from voice_coach.coverage.corpus import Answer
from voice_coach.coverage.labels import OUTPUTS

FOLDS = 4
TEACHER = Recipe(
    encoder="mpnet", whole_epochs=0, short_epochs=5, short_rounds=1, short_rate=5e-5, short_head_rate=1e-3, batch=8
)


def fold_of(writer: str, writers: list[str]) -> int:
    return writers.index(writer) % FOLDS


def read_fold(
    fold: int, teacher: Recipe, lessons: Lessons, dev: Sequence[Answer], source: Path, here: Process, work: Path
) -> None:
    """Teach one teacher and let it read its fold of every epoch's variants."""
    writers = sorted({answer.writer for answer in lessons.written})
    others = replace(
        lessons,
        written=[answer for answer in lessons.written if fold_of(answer.writer, writers) != fold],
        heard=[answer for answer in lessons.heard if fold_of(answer.writer, writers) != fold],
    )
    coder = Coder(source)
    model = new_model(source, teacher, here.device)
    for phase in teacher.phases():
        run_phase(model, phase, teacher, others, dev, coder, here, work / f"teacher-{fold}.pt")
    started = time.perf_counter()
    mine = [variant for variant in every_variant(lessons) if fold_of(variant.writer, writers) == fold]
    logits = windows_logits(model, coder, [variant.texts for variant in mine], here.device, fast=here.half_precision)
    Taught.save(work / f"fold-{fold}.npz", mine, sigmoid(logits))
    here.say(f"fold {fold} read in {time.perf_counter() - started:.0f} s")


def every_variant(lessons: Lessons) -> list[Variant]:
    """Of all epochs of a training from the start."""
    return [one for phase in Recipe().phases() for k in phase.epochs_run for one in lessons.variants(phase, k)]


def gather(lessons: Lessons, work: Path, file: Path) -> None:
    """All folds' readings in one file, and how well they agree with the labels."""
    variants = every_variant(lessons)
    said = Taught(*(work / f"fold-{fold}.npz" for fold in range(FOLDS))).of(variants)
    Taught.save(file, variants, said)
    print(f"{file}: {len(said)} sentences, {agreement(variants, said)}")


def agreement(variants: Sequence[Variant], said: npt.NDArray[np.float32]) -> str:
    """F1 of each output of what was said against the labels, where these are known."""
    goal = np.concatenate([variant.goal for variant in variants])
    known = ~np.isnan(goal).any(axis=1)
    said, actual = said[known], goal[known] > 0.5
    limits = best_thresholds(said, actual)
    return " ".join(f"{name} {f1(said[:, k] >= limits[k], actual[:, k]):.3f}" for k, name in enumerate(OUTPUTS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--fold", type=int, choices=range(FOLDS))
    parser.add_argument("--gather", action="store_true")
    parser.add_argument("--epochs", type=int, default=TEACHER.short_epochs)
    parser.add_argument("--limit", type=int, default=0, help="only so many answers (to try things out)")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "coverage" / "teachers")
    parser.add_argument("--out", type=Path, default=TAUGHT)
    args = parser.parse_args()
    if args.limit and args.out == TAUGHT:
        parser.error("--limit reads a few answers only: say with --out where their readings go")
    here = Process.find()
    args.work.mkdir(parents=True, exist_ok=True)
    lessons, dev = lessons_and_dev()
    if args.limit:
        lessons, dev = lessons.few(args.limit), dev[: args.limit]
    teacher = replace(TEACHER, short_epochs=args.epochs)
    for fold in [args.fold] if args.fold is not None else range(FOLDS) if not args.gather else []:
        source = fetch(teacher.encoder, ROOT / "build" / "encoders")
        read_fold(fold, teacher, lessons, dev, source, here, args.work)
    if args.fold is None:
        gather(lessons, args.work, args.out)


if __name__ == "__main__":
    main()
