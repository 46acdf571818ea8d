#!/usr/bin/env python3
"""Train the lifecycle classifier from the corpus and write the model that ships.

Usage:
  scripts/train_coverage.py                          train and write models/lifecycle/
  scripts/train_coverage.py --no-export --work build/coverage/trial --whole-epochs 3
                                                     one experiment; prints its dev scores
  accelerate launch --multi_gpu scripts/train_coverage.py
                                                     the same on several GPUs (the `train` extra has accelerate)

Reads models/lifecycle/data/train and data/speech/train (writers not in DEV_WRITERS teach, DEV_WRITERS
choose epoch, calibration and thresholds); never the test split. The steps, top to bottom: fetch the
encoder, fine-tune in two phases, once a seed, and average the weights, calibrate on dev, choose
thresholds on dev, export to int8 ONNX, compare ONNX and torch. On a GPU it uses it.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional
from transformers import AutoModel, get_linear_schedule_with_warmup

sys.path.insert(0, str(Path(__file__).resolve().parent))
from coverage_scores import Coder, predict, summary, targets, truth
from export_coverage import ship
from fetch_encoder import fetch

from voice_coach.coverage.corpus import DEV_WRITERS, Answer, Unit, read_corpus
from voice_coach.coverage.labels import OUTPUTS, STAGES
from voice_coach.coverage.network import LifecycleNetwork, as_tensors
from voice_coach.coverage.packing import Packed, collate

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "models" / "lifecycle" / "data"
INITIAL_SEED = 0

SHORTEST_PART = 3
"""Words of the shorter part of a unit that is cut in two."""

FILLERS = ("um,", "uh,", "like,", "you know,", "I mean,", "so,", "well,", "er,")


@dataclass(frozen=True)
class Phase:
    """A stretch of training with a learning rate of its own, falling from its peak to zero.

    schedule: epochs in which the rate falls to zero; only the first `epochs` of them are run. excerpt: share
    of the answers that is cut down to one to six sentences. spoken: learn from what the speech path made
    of answers, too, and from sentences cut in two as it cuts them.
    """

    name: str
    epochs: int
    schedule: int
    rate: float
    head_rate: float
    excerpt: float
    spoken: bool


@dataclass(frozen=True)
class Recipe:
    """One training run's settings; what ships is the default."""

    encoder: str = "gte-small"
    whole_epochs: int = 4
    whole_schedule: int = 5
    rate: float = 8e-5
    head_rate: float = 1e-3
    short_epochs: int = 5
    short_rate: float = 4e-5
    short_head_rate: float = 3e-4
    excerpt: float = 0.35
    layer_decay: float = 0.9
    batch: int = 4
    dropout: float = 0.1
    r_drop: float = 0.0
    positive_weight: float = 1.5
    merge: float = 0.08
    split: float = 0.08
    presence: float = 0.3
    unpunctuated: float = 0.3
    fillers: float = 0.08
    seed: int = 0

    def phases(self) -> tuple[Phase, Phase]:
        """Whole answers first; then short ones and recognised speech, which would blur the start.

        The first phase leaves its last, slowest epoch to the second.
        """
        return (
            Phase("whole", self.whole_epochs, self.whole_schedule, self.rate, self.head_rate, 0.0, spoken=False),
            Phase(
                "short",
                self.short_epochs,
                self.short_epochs,
                self.short_rate,
                self.short_head_rate,
                self.excerpt,
                spoken=True,
            ),
        )


@dataclass(frozen=True)
class Process:
    """This process among those that train together, under `accelerate launch`; alone otherwise."""

    rank: int
    count: int
    device: str

    @classmethod
    def find(cls) -> Process:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls(0, 1, device)
        from accelerate import PartialState

        state = PartialState(cpu=device == "cpu")
        return cls(state.process_index, state.num_processes, "cpu" if device == "cpu" else str(state.device))

    @property
    def first(self) -> bool:
        return self.rank == 0

    def wait(self) -> None:
        """Until every process has come this far."""
        if self.count > 1:
            torch.distributed.barrier()

    def say(self, text: str) -> None:
        """Print, once for all processes."""
        if self.first:
            print(text, flush=True)

    def share(self, items: Sequence[Any]) -> Sequence[Any]:
        """This process' part of a list that all have alike; every part is equally long."""
        return items[: len(items) // self.count * self.count][self.rank :: self.count]

    @property
    def half_precision(self) -> bool:
        """Whether bfloat16 is worth it: without instructions for it a processor is five times slower."""
        return self.device != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def cut_in_two(unit: Unit, rng: random.Random) -> list[Unit]:
    """A unit as a recogniser that took a pause for a full stop writes it: both parts carry its labels."""
    words = unit.text.split()
    places = [k for k in range(SHORTEST_PART, len(words) - SHORTEST_PART + 1) if words[k - 1].endswith(",")]
    if not places:
        return [unit]
    place = rng.choice(places)
    first, second = " ".join(words[:place]).rstrip(",") + ".", " ".join(words[place:])
    return [
        Unit(first, unit.labels, unit.specific),
        Unit(second[:1].upper() + second[1:], unit.labels, unit.specific),
    ]


def varied(answer: Answer, recipe: Recipe, phase: Phase, rng: random.Random) -> list[Unit]:
    """The answer as a recogniser and a sentence splitter might have handed it over.

    Merged neighbours carry both units' labels; some answers lose their punctuation; some units
    gain a filler; some answers are cut down to an excerpt of a few units.
    """
    units: list[Unit] = []
    told = answer.units
    if phase.spoken and recipe.split:
        parts = [cut_in_two(unit, rng) if rng.random() < recipe.split else [unit] for unit in told]
        told = tuple(part for both in parts for part in both)
    if rng.random() < phase.excerpt:
        # short answers, and the first sentences of one still being spoken, have little context
        length = min(rng.randint(1, 6), len(told))
        start = rng.choice((0, rng.randint(0, len(told) - length)))
        told = told[start : start + length]
    for unit in told:
        if units and rng.random() < recipe.merge:
            last = units.pop()
            unit = Unit(f"{last.text} {unit.text}", last.labels | unit.labels, last.specific | unit.specific)
        units.append(unit)
    bare = rng.random() < recipe.unpunctuated
    result = []
    for unit in units:
        words = unit.text.split()
        if rng.random() < recipe.fillers:
            words.insert(rng.randrange(len(words) + 1), rng.choice(FILLERS))
        text = " ".join(words)
        if bare:
            text = "".join(c for c in text.lower() if c.isalnum() or c in " '%-")
        result.append(Unit(text, unit.labels, unit.specific))
    return result


def epoch_windows(
    answers: Sequence[Answer], coder: Coder, recipe: Recipe, phase: Phase, rng: random.Random
) -> list[tuple[Packed, npt.NDArray[np.float32]]]:
    """Every answer once, varied afresh, in random order; windows with their targets."""
    rows = []
    for answer in answers:
        units = varied(answer, recipe, phase, rng)
        for window in coder.training_windows([unit.text for unit in units], rng):
            rows.append((window, np.asarray([targets(units[k]) for k in window.sentences], dtype=np.float32)))
    rng.shuffle(rows)
    return rows


def loss_of(logits: torch.Tensor, goal: torch.Tensor, valid: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    """Cross-entropy of the sentences, and of the stages of the window as a whole.

    Whether a stage is told at all hangs on its most certain sentence, so the greatest logit of a window
    is taught as well (multiple-instance learning by max pooling, Zhou & Zhang 2002): one sentence
    wrongly taken for a stage weighs as much there as a stage not heard.
    """
    weight = torch.full((len(OUTPUTS),), recipe.positive_weight, device=logits.device)
    loss = functional.binary_cross_entropy_with_logits(logits[valid], goal[valid], pos_weight=weight)
    if recipe.presence:
        stages = slice(0, len(STAGES))
        most = logits[..., stages].masked_fill(~valid.unsqueeze(-1), -1e4).amax(dim=1)
        told = goal[..., stages].amax(dim=1)
        loss = loss + recipe.presence * functional.binary_cross_entropy_with_logits(most, told)
    return loss


def parameter_groups(model: LifecycleNetwork, recipe: Recipe, phase: Phase) -> list[dict[str, Any]]:
    """The lower a layer, the slower it learns (Howard & Ruder 2018, discriminative fine-tuning)."""
    layers = model.encoder.config.num_hidden_layers
    groups: list[dict[str, Any]] = []
    for name, parameter in model.named_parameters():
        if not name.startswith("encoder."):
            rate = phase.head_rate
        else:
            depth = next((int(p) for p in name.split(".") if p.isdigit()), -1)
            rate = phase.rate * recipe.layer_decay ** (layers - 1 - depth)
        decay = 0.0 if parameter.ndim == 1 else 0.01
        groups.append({"params": [parameter], "lr": rate, "weight_decay": decay})
    return groups


Batch = tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor]


def batches_of(
    rows: list[tuple[Packed, npt.NDArray[np.float32]]], coder: Coder, recipe: Recipe, rng: random.Random, to: Process
) -> Iterator[Batch]:
    """This process' batches of an epoch: inputs, targets, and which of the targets are real."""
    # windows of like length side by side waste less padding; the batches stay in random order
    blocks = [sorted(rows[i : i + 64], key=lambda row: len(row[0].tokens)) for i in range(0, len(rows), 64)]
    batches = [block[i : i + recipe.batch] for block in blocks for i in range(0, len(block), recipe.batch)]
    rng.shuffle(batches)
    for batch in to.share(batches):
        inputs = as_tensors(collate([row[0] for row in batch], coder.pad_id), to.device)
        most = inputs["pool"].shape[1]
        goal = torch.zeros(len(batch), most, len(OUTPUTS))
        valid = torch.zeros(len(batch), most, dtype=torch.bool)
        for row, (_, wanted) in enumerate(batch):
            goal[row, : len(wanted)] = torch.from_numpy(wanted)
            valid[row, : len(wanted)] = True
        yield inputs, goal.to(to.device), valid.to(to.device)


def loss_on(model: torch.nn.Module, batch: Batch, recipe: Recipe, here: Process) -> torch.Tensor:
    inputs, goal, valid = batch
    with torch.autocast(here.device.partition(":")[0], dtype=torch.bfloat16, enabled=here.half_precision):
        logits = model(**inputs)
        again = model(**inputs) if recipe.r_drop else logits
    loss = loss_of(logits.float(), goal, valid, recipe)
    if recipe.r_drop:
        loss = (loss + loss_of(again.float(), goal, valid, recipe)) / 2
        p, q = logits[valid].float(), again[valid].float()
        loss = loss + recipe.r_drop * functional.mse_loss(torch.sigmoid(p), torch.sigmoid(q))
    return loss


def run_phase(
    model: LifecycleNetwork,
    phase: Phase,
    recipe: Recipe,
    answers: Sequence[Answer],
    dev: Sequence[Answer],
    coder: Coder,
    here: Process,
    checkpoint: Path,
) -> None:
    """Teach the model for one phase; the weights of its best dev epoch are then in it and at `checkpoint`."""
    rng = random.Random(f"{recipe.seed} {phase.name}")
    torch.manual_seed(1000 * recipe.seed + here.rank)
    rows = epoch_windows(answers, coder, recipe, phase, random.Random(0))
    steps = len(rows) // recipe.batch // here.count + 1
    parallel: torch.nn.Module = model
    if here.count > 1:
        parallel = torch.nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.AdamW(parameter_groups(model, recipe, phase))
    schedule = get_linear_schedule_with_warmup(optimizer, min(steps, 150), steps * max(phase.schedule, phase.epochs))
    actual, best = truth(dev), -1.0
    for epoch in range(phase.epochs):
        parallel.train()
        started, total = time.perf_counter(), []
        rows = epoch_windows(answers, coder, recipe, phase, rng)
        for batch in batches_of(rows, coder, recipe, rng, here):
            loss = loss_on(parallel, batch, recipe, here)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total.append(float(loss.detach()))
        scores = summary(predict(model, coder, dev, here.device, fast=here.half_precision), actual)
        here.say(
            f"seed {recipe.seed} {phase.name} {epoch + 1}: loss {np.mean(total):.4f}  dev "
            + " ".join(f"{name[:4]} {scores[name]:.3f}" for name in (*OUTPUTS, "stages", "star"))
            + f"  {time.perf_counter() - started:.0f} s"
        )
        value = worth(scores)
        if value > best:
            best = value
            if here.first:
                torch.save(model.state_dict(), checkpoint)
    here.wait()
    model.load_state_dict(torch.load(checkpoint, map_location=here.device))


def worth(scores: dict[str, float]) -> float:
    """What an epoch is chosen by: stages first, then STAR, then the labels that few sentences carry."""
    return scores["stages"] + 0.5 * scores["star"] + 0.1 * (scores["impact"] + scores["cowboy"] + scores["specific"])


def train_one(
    recipe: Recipe,
    train: Sequence[Answer],
    spoken: Sequence[Answer],
    dev: Sequence[Answer],
    folder: Path,
    here: Process,
    work: Path,
    start: Path | None = None,
) -> Path:
    """Fine-tune once, phase after phase; the path of the last phase's best weights.

    start: weights that stand for the first phase, which is then left out.
    """
    # the head starts the same in every run, or averaging runs would average unlike things
    torch.manual_seed(INITIAL_SEED)
    coder = Coder(folder)
    encoder = AutoModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="eager")
    model = LifecycleNetwork(encoder, encoder.config.hidden_size, recipe.dropout).to(here.device)
    phases = [phase for phase in recipe.phases() if phase.epochs]
    if start is not None:
        model.load_state_dict(torch.load(start, map_location=here.device))
        phases = [phase for phase in phases if phase.name != "whole"]
    checkpoint = start or work
    for phase in phases:
        checkpoint = work / f"{recipe.encoder}-{recipe.seed}-{phase.name}.pt"
        answers = [*train, *spoken] if phase.spoken else train
        run_phase(model, phase, recipe, answers, dev, coder, here, checkpoint)
    return checkpoint


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
        if name == "seed":
            continue
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--out", type=Path, default=ROOT / "models" / "lifecycle")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "coverage" / "shipped", help="checkpoints")
    parser.add_argument("--no-export", action="store_true", help="train and score only")
    parser.add_argument("--from-checkpoints", nargs="+", type=Path, help="skip training; average these and export")
    parser.add_argument("--start", type=Path, help="weights that stand for the first phase")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="one run each; their weights are averaged")
    parser.add_argument("--limit", type=int, default=0, help="only so many answers (to try things out)")
    args = parser.parse_args()
    recipe = Recipe(**{name: getattr(args, name) for name in vars(defaults) if name != "seed"})
    here = Process.find()
    answers = read_corpus(sorted((DATA / "train").glob("*.txt")))
    heard = read_corpus(sorted((DATA / "speech" / "train").glob("*.txt")))
    train = [a for a in answers if a.writer not in DEV_WRITERS]
    spoken = [a for a in heard if a.writer not in DEV_WRITERS]
    # thresholds must suit what is read and what is heard
    dev = [a for a in (*answers, *heard) if a.writer in DEV_WRITERS]
    if args.limit:
        train, spoken = train[:: max(1, len(train) // args.limit)], spoken[: args.limit // 8]
    here.say(
        f"{len(train)} answers to train, {len(spoken)} of them also as heard, {len(dev)} dev, "
        f"{here.count} on {here.device}; {recipe}"
    )
    if here.first:
        fetch(recipe.encoder, ROOT / "build" / "encoders")
    here.wait()
    source = fetch(recipe.encoder, ROOT / "build" / "encoders")
    args.work.mkdir(parents=True, exist_ok=True)
    checkpoints = args.from_checkpoints or [
        train_one(replace(recipe, seed=seed), train, spoken, dev, source, here, args.work, args.start)
        for seed in args.seeds
    ]
    if args.no_export or not here.first:
        return
    # the exporter writes out eager attention as fewer steps: an eighth of the time at the desk
    encoder = AutoModel.from_pretrained(source, add_pooling_layer=False, attn_implementation="eager")
    model = LifecycleNetwork(encoder, encoder.config.hidden_size)
    model.load_state_dict(average([torch.load(path, map_location="cpu") for path in checkpoints]))
    ship(model, Coder(source), dev, vars(recipe), source, args.out)


if __name__ == "__main__":
    main()
