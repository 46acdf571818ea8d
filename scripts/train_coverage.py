#!/usr/bin/env python3
"""Train the lifecycle classifier from the corpus and write the model that ships.

Usage:
  scripts/train_coverage.py                          train and write models/lifecycle/
  scripts/train_coverage.py --no-export --work build/coverage/trial --whole-epochs 3
                                                     one experiment; prints its dev scores
  scripts/train_coverage.py --resume                 go on after the last whole epoch of a run that was cut off
  accelerate launch --multi_gpu scripts/train_coverage.py
                                                     the same on several GPUs (the `train` extra has accelerate)

Reads models/lifecycle/data/train, data/speech/train and data/cut (DEV_WRITERS choose epoch, calibration and
thresholds, APART_WRITERS are left out, the others teach); never the test split. The steps, top to bottom: fetch the
encoder, fine-tune in phases, once a seed, and average the weights, calibrate on dev, choose
thresholds on dev, export to int8 ONNX, compare ONNX and torch. On a GPU it uses it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from coverage_scores import Coder, truth
from coverage_training import Lessons, Process, Recipe, Taught, new_model, run_phase, state_file
from export_coverage import ship
from fetch_encoder import fetch

from voice_coach.coverage.corpus import APART_WRITERS, DEV_WRITERS, Answer, read_corpus
from voice_coach.coverage.labels import OUTPUTS
from voice_coach.coverage.network import LifecycleNetwork
from voice_coach.coverage.torch_backend import lifted_weights
from voice_coach.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "models" / "lifecycle" / "data"
TAUGHT = DATA / "taught.npz"


def lessons_and_dev() -> tuple[Lessons, list[Answer]]:
    """The answers that teach, and those that choose: these in every form there is, as thresholds must suit all."""
    folders = (DATA / "train", DATA / "speech" / "train", DATA / "cut")
    forms = [read_corpus(sorted(folder.glob("*.txt"))) for folder in folders]
    silent = {*DEV_WRITERS, *APART_WRITERS}
    written, heard, in_parts = ([answer for answer in answers if answer.writer not in silent] for answers in forms)
    dev = [answer for answers in forms for answer in answers if answer.writer in DEV_WRITERS]
    return Lessons.of(written, heard, in_parts), dev


def train_one(
    recipe: Recipe,
    lessons: Lessons,
    dev: Sequence[Answer],
    folder: Path,
    here: Process,
    work: Path,
    start: Path | None = None,
    *,
    resume: bool = False,
) -> Path:
    """Fine-tune once, phase after phase; the path of the last phase's best weights.

    start: weights that stand for the first phase, which is then left out. resume: go on where a run of the same recipe
    in the same folder was cut off.

    Raises: UsageError if `work` holds weights that must not be written over, or those of another recipe to go on from.
    """
    coder = Coder(folder)
    model = new_model(folder, recipe, here.device)
    phases = recipe.phases()
    if start is not None:
        model.load_state_dict(weights_of(start, model))
        phases = tuple(phase for phase in phases if phase.name != "whole")
    taught = Taught(TAUGHT) if recipe.soft else None
    checkpoint = start or work
    checkpoints = [work / f"{recipe.encoder}-{recipe.seed}-{phase.title}.pt" for phase in phases]
    made = {**vars(recipe), "start": started_from(start) if start else None}
    for checkpoint in checkpoints:
        if start is not None and checkpoint.exists() and checkpoint.samefile(start):
            raise UsageError(f"--start {start} would be written over; name another folder with --work")
        kept = recipe_file(checkpoint)
        if resume and kept.exists() and json.loads(kept.read_text(encoding="utf-8")) != made:
            raise UsageError(f"{kept}: is of another recipe; go on with that one, or leave out --resume")
    if not resume and here.first:
        # all of them before the first phase: what an older run left is never gone on from
        for checkpoint in checkpoints:
            state_file(checkpoint).unlink(missing_ok=True)
            recipe_file(checkpoint).unlink(missing_ok=True)
    for phase, checkpoint in zip(phases, checkpoints, strict=True):
        if here.first:
            recipe_file(checkpoint).write_text(json.dumps(made), encoding="utf-8")
        run_phase(model, phase, recipe, lessons, dev, coder, here, checkpoint, taught, resume=resume)
    return checkpoint


def weights_of(source: Path, model: LifecycleNetwork) -> dict[str, torch.Tensor]:
    """Of a checkpoint, or of a model folder, where they are rounded to eight bits: training goes on from either."""
    if source.is_dir():
        return {**model.state_dict(), **lifted_weights(source / "model.onnx", model)}
    weights: dict[str, torch.Tensor] = torch.load(source, map_location="cpu")
    return weights


def started_from(start: Path) -> object:
    """How the first weights were made, where that is known; else their name."""
    if start.is_dir():
        made = json.loads((start / "classifier.json").read_text(encoding="utf-8"))["recipes"]
        return {"rounded": made[0] if len(made) == 1 else {"mean_of": made}}
    kept = recipe_file(start)
    return json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else start.stem


def recipe_file(checkpoint: Path) -> Path:
    """Beside the weights, how they were made."""
    return checkpoint.with_suffix(".recipe.json")


def average(states: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of several runs' weights (Wortsman et al. 2022, "model soups")."""
    return {
        name: torch.stack([state[name].float() for state in states]).mean(dim=0).to(value.dtype)
        for name, value in states[0].items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    defaults = Recipe()
    for name, value in vars(defaults).items():
        if name != "seed":
            parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--out", type=Path, default=ROOT / "models" / "lifecycle")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "coverage" / "shipped", help="checkpoints")
    parser.add_argument("--no-export", action="store_true", help="train and score only")
    parser.add_argument("--from-checkpoints", nargs="+", type=Path, help="skip training; average these and export")
    parser.add_argument(
        "--start", type=Path, help="weights that stand for the first phase: a checkpoint or a model folder"
    )
    parser.add_argument("--resume", action="store_true", help="go on after the last epoch that --work holds")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="one run each; their weights are averaged")
    parser.add_argument("--limit", type=int, default=0, help="only so many answers (to try things out)")
    args = parser.parse_args()
    if args.limit and not args.no_export and args.out == parser.get_default("out"):
        parser.error("--limit is to try things out: add --no-export, or --out FOLDER")
    recipe = Recipe(**{name: getattr(args, name) for name in vars(defaults) if name != "seed"})
    here = Process.find()
    lessons, dev = lessons_and_dev()
    unknown = recipe.fresh_writers - {answer.writer for answer in lessons.written}
    if unknown:
        parser.error(f"--fresh: nobody called {', '.join(sorted(unknown))} wrote answers to train on")
    if args.limit:
        lessons = lessons.few(args.limit)
    told = truth(dev) if dev else np.zeros((1, len(OUTPUTS)), dtype=bool)
    if unjudged := [name for name, some, all in zip(OUTPUTS, told.any(0), told.all(0), strict=True) if not some or all]:
        parser.error(f"no dev answer tells {', '.join(unjudged)} apart; name more DEV_WRITERS (coverage/corpus.py)")
    here.say(
        f"{len(lessons.written)} answers to train, {len(lessons.heard)} of them also as heard, "
        f"{len(lessons.in_parts)} also in parts, {len(dev)} dev, "
        f"{here.count} on {here.device}; {recipe}"
    )
    if here.first:
        fetch(recipe.encoder, ROOT / "build" / "encoders")
    here.wait()
    source = fetch(recipe.encoder, ROOT / "build" / "encoders")
    args.work.mkdir(parents=True, exist_ok=True)
    checkpoints = args.from_checkpoints or [
        train_one(replace(recipe, seed=seed), lessons, dev, source, here, args.work, args.start, resume=args.resume)
        for seed in args.seeds
    ]
    if args.no_export or not here.first:
        return
    model = new_model(source, recipe, "cpu")
    model.load_state_dict(average([weights_of(path, model) for path in checkpoints]))
    recipes = [started_from(path) for path in checkpoints]
    ship(model, Coder(source), dev, recipes, source, args.out)


if __name__ == "__main__":
    try:
        main()
    except UsageError as exc:
        print(f"train_coverage: {exc}", file=sys.stderr)
        sys.exit(2)
