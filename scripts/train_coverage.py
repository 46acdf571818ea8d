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
import json
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
import onnx
import torch
from onnx import numpy_helper
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer
from torch.nn import functional
from transformers import AutoConfig, AutoModel, get_linear_schedule_with_warmup

sys.path.insert(0, str(Path(__file__).resolve().parent))
from fetch_encoder import fetch

from voice_coach.coverage.classifier import Classifier
from voice_coach.coverage.corpus import DEV_WRITERS, Answer, Unit, read_corpus
from voice_coach.coverage.labels import LABELS, OUTPUTS, STAGES, STAR
from voice_coach.coverage.network import LifecycleNetwork, as_tensors
from voice_coach.coverage.packing import Packed, collate, pack, tokenize

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "models" / "lifecycle" / "data"
TRAINING_CORE, TRAINING_BEFORE = 440, 64
"""Tokens of a window that teach, and of context before them: of a long answer more than at run time."""

CUT_ANYWHERE = 0.3
"""So many answers are cut into windows at any place, not only where they grow too long for one."""

ENCODER_SETTINGS = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
    "hidden_act",
    "layer_norm_eps",
)
"""What the torch back end needs to build the encoder again."""

INITIAL_SEED = 0

QUANTIZED_BLOCK = 128
"""Weights that share a scale."""

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
    short_epochs: int = 2
    short_rate: float = 3e-5
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


def targets(unit: Unit) -> list[float]:
    """1.0 for each output the unit carries, in the order of OUTPUTS."""
    return [float(label in unit.labels) for label in LABELS] + [float(bool(unit.specific))]


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


class Coder:
    """Tokenizer with the ids of its markers."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.cls_id = self._id("[CLS]", "<s>")
        self.sep_id = self._id("[SEP]", "</s>")
        self.pad_id = self._id("[PAD]", "<pad>")

    def _id(self, *names: str) -> int:
        return next(found for name in names if (found := self.tokenizer.token_to_id(name)) is not None)

    def windows(self, texts: Sequence[str]) -> list[Packed]:
        return pack(tokenize(self.tokenizer, texts), self.cls_id, self.sep_id)

    def training_windows(self, texts: Sequence[str], rng: random.Random) -> list[Packed]:
        first = rng.randint(TRAINING_CORE // 4, TRAINING_CORE) if rng.random() < CUT_ANYWHERE else None
        ids = tokenize(self.tokenizer, texts)
        return pack(ids, self.cls_id, self.sep_id, first_core=first, core=TRAINING_CORE, before_most=TRAINING_BEFORE)


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


def predict(
    model: LifecycleNetwork, coder: Coder, answers: Sequence[Answer], device: str, *, fast: bool = False
) -> npt.NDArray[np.float32]:
    """Logits, float32 [units, outputs], of all units in order."""
    model.eval()
    rows: list[npt.NDArray[np.float32]] = []
    with torch.no_grad(), torch.autocast(device.partition(":")[0], dtype=torch.bfloat16, enabled=fast):
        for answer in answers:
            windows = coder.windows([unit.text for unit in answer.units])
            logits = model(**as_tensors(collate(windows, coder.pad_id), device)).float().cpu().numpy()
            rows += [logits[row, : len(window.sentences)] for row, window in enumerate(windows)]
    return np.concatenate(rows)


def truth(answers: Sequence[Answer]) -> npt.NDArray[np.bool_]:
    return np.asarray([targets(unit) for answer in answers for unit in answer.units], dtype=bool)


def f1(predicted: npt.NDArray[np.bool_], actual: npt.NDArray[np.bool_]) -> float:
    """F1 of one label, 1.0 where it neither occurs nor is predicted."""
    both, either = int((predicted & actual).sum()), int(predicted.sum() + actual.sum())
    return 2 * both / either if either else 1.0


def best_thresholds(probabilities: npt.NDArray[np.float32], actual: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Per output, half of the best F1 that any threshold reaches.

    For calibrated probabilities that is the threshold of the best F1 (Lipton, Elkan & Narayanaswamy 2014,
    arXiv 1402.1892). The best F1 of a small dev split is known far better than where it is reached.
    """
    grid = np.linspace(0.1, 0.9, 81)
    chosen = [max(f1(probabilities[:, k] >= t, actual[:, k]) for t in grid) / 2.0 for k in range(actual.shape[1])]
    return np.asarray(chosen, dtype=np.float32)


def sigmoid(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return (1.0 / (1.0 + np.exp(-np.clip(x, -30, 30)))).astype(np.float32)


def summary(logits: npt.NDArray[np.float32], actual: npt.NDArray[np.bool_]) -> dict[str, float]:
    """F1 per output and the two macro averages, thresholds chosen on the same data."""
    probabilities = sigmoid(logits)
    thresholds = best_thresholds(probabilities, actual)
    scores = {name: f1(probabilities[:, k] >= thresholds[k], actual[:, k]) for k, name in enumerate(OUTPUTS)}
    scores["stages"] = float(np.mean([scores[name] for name in STAGES]))
    scores["star"] = float(np.mean([scores[name] for name in STAR]))
    return scores


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
    """Fine-tune once; the path of the best dev epoch's weights.

    The best weights of a phase are what the next one starts from. start: weights that stand for the
    first phase, which is then left out.
    """
    # the head starts the same in every run, or averaging runs would average unlike things
    torch.manual_seed(INITIAL_SEED)
    coder = Coder(folder)
    encoder = AutoModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="eager")
    model = LifecycleNetwork(encoder, encoder.config.hidden_size, recipe.dropout).to(here.device)
    actual = truth(dev)
    for phase in recipe.phases():
        if phase.name == "whole" and start is not None:
            checkpoint = start
        elif not phase.epochs:
            continue
        else:
            checkpoint = work / f"{recipe.encoder}-{recipe.seed}-{phase.name}.pt"
            rng = random.Random(f"{recipe.seed} {phase.name}")
            torch.manual_seed(1000 * recipe.seed + here.rank)
            answers = [*train, *spoken] if phase.spoken else train
            rows = epoch_windows(answers, coder, recipe, phase, random.Random(0))
            steps = len(rows) // recipe.batch // here.count + 1
            parallel: torch.nn.Module = model
            if here.count > 1:
                parallel = torch.nn.parallel.DistributedDataParallel(model)
            optimizer = torch.optim.AdamW(parameter_groups(model, recipe, phase))
            schedule = get_linear_schedule_with_warmup(
                optimizer, min(steps, 150), steps * max(phase.schedule, phase.epochs)
            )
            best = -1.0
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
                extras = scores["impact"] + scores["cowboy"] + scores["specific"]
                value = scores["stages"] + 0.5 * scores["star"] + 0.1 * extras
                if value > best:
                    best = value
                    if here.first:
                        torch.save(model.state_dict(), checkpoint)
            here.wait()
        model.load_state_dict(torch.load(checkpoint, map_location=here.device))
    return checkpoint


def calibrate(logits: npt.NDArray[np.float32], actual: npt.NDArray[np.bool_]) -> tuple[list[float], list[float]]:
    """Slope and offset of each output by Platt scaling on the dev split."""
    slopes, offsets = [], []
    for k in range(actual.shape[1]):
        fit = LogisticRegression(C=10.0).fit(logits[:, k : k + 1], actual[:, k])
        slopes.append(float(fit.coef_[0, 0]))
        offsets.append(float(fit.intercept_[0]))
    return slopes, offsets


def doubtful_band(
    probabilities: npt.NDArray[np.float32], actual: npt.NDArray[np.bool_], thresholds: npt.NDArray[np.float32]
) -> float:
    """Half-width of the band around the thresholds in which stages are right less than two times in three."""
    stages = slice(0, len(STAGES))
    away = np.abs(probabilities[:, stages] - thresholds[stages])
    right = (probabilities[:, stages] >= thresholds[stages]) == actual[:, stages]
    width = 0.02
    for candidate in np.arange(0.02, 0.26, 0.01):
        inside = away <= candidate
        if inside.sum() >= 10 and right[inside].mean() < 2 / 3:
            width = float(candidate)
    return round(width, 2)


def export_onnx(model: LifecycleNetwork, coder: Coder, answers: Sequence[Answer], folder: Path) -> Path:
    """The network as int8 ONNX; batch, sentences and tokens may vary."""
    model = model.to("cpu").float().eval()
    windows = [window for answer in answers[:3] for window in coder.windows([unit.text for unit in answer.units])]
    example = as_tensors(collate(windows[:3], coder.pad_id), "cpu")
    exact, small = folder / "model.fp32.onnx", folder / "model.onnx"
    batch, tokens, sentences = (torch.export.Dim(name, min=1) for name in ("batch", "tokens", "sentences"))
    torch.onnx.export(
        model,
        (example["input_ids"], example["attention_mask"], example["pool"]),
        str(exact),
        input_names=["input_ids", "attention_mask", "pool"],
        output_names=["logits"],
        dynamic_shapes={
            "input_ids": {0: batch, 1: tokens},
            "attention_mask": {0: batch, 1: tokens},
            "pool": {0: batch, 1: sentences, 2: tokens},
        },
        dynamo=True,
        external_data=False,
    )
    # Eight bits a weight, with a scale for every block of QUANTIZED_BLOCK: rounding whole matrices, and
    # activations by whole tensors, moved probabilities by up to 0.19.
    graph = onnx.load(exact)
    quantize_tables(graph.graph)
    blocks = MatMulNBitsQuantizer(graph, bits=8, block_size=QUANTIZED_BLOCK, is_symmetric=True, accuracy_level=4)
    blocks.process()
    blocks.model.save_model_to_file(str(small))
    exact.unlink()
    return small


def quantize_tables(graph: onnx.GraphProto) -> None:
    """Embedding tables as int8 with a scale for every row: rare words keep their small numbers."""
    for node in [node for node in graph.node if node.op_type == "Gather"]:
        table = next((one for one in graph.initializer if one.name == node.input[0]), None)
        if table is None or len(table.dims) != 2:
            continue
        real = numpy_helper.to_array(table)
        scale = np.maximum(np.abs(real).max(axis=1, keepdims=True), 1e-12) / 127.0
        name, ids, output = table.name, node.input[1], node.output[0]
        graph.initializer.remove(table)
        graph.initializer.extend(
            [
                numpy_helper.from_array(np.round(real / scale).astype(np.int8), f"{name}_quantized"),
                numpy_helper.from_array(scale.astype(np.float32), f"{name}_scale"),
            ]
        )
        place = list(graph.node).index(node)
        graph.node.remove(node)
        steps = [
            onnx.helper.make_node("Gather", [f"{name}_quantized", ids], [f"{output}_whole"]),
            onnx.helper.make_node("Cast", [f"{output}_whole"], [f"{output}_real"], to=onnx.TensorProto.FLOAT),
            onnx.helper.make_node("Gather", [f"{name}_scale", ids], [f"{output}_scale"]),
            onnx.helper.make_node("Mul", [f"{output}_real", f"{output}_scale"], [output]),
        ]
        for offset, step in enumerate(steps):
            graph.node.insert(place + offset, step)


def ship(model: LifecycleNetwork, coder: Coder, dev: Sequence[Answer], recipe: Recipe, source: Path, out: Path) -> None:
    """Write the model folder: int8 ONNX, tokenizer, calibration and thresholds of the int8 model."""
    out.mkdir(parents=True, exist_ok=True)
    logits = predict(model, coder, dev, "cpu")
    export_onnx(model, coder, dev, out)
    (out / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
    actual = truth(dev)
    write_classifier_file(out, recipe, np.ones(len(OUTPUTS)), np.zeros(len(OUTPUTS)), np.full(len(OUTPUTS), 0.5), 0.05)
    # what ships is calibrated as it ships: on the logits of the int8 model
    shipped = Classifier(out)
    small = np.concatenate([shipped.logits([unit.text for unit in answer.units]) for answer in dev])
    slopes, offsets = calibrate(small, actual)
    probabilities = sigmoid(small * np.asarray(slopes, dtype=np.float32) + np.asarray(offsets, dtype=np.float32))
    thresholds = best_thresholds(probabilities, actual)
    doubt = doubtful_band(probabilities, actual, thresholds)
    write_classifier_file(out, recipe, slopes, offsets, thresholds, doubt)
    apart = np.abs(sigmoid(small) - sigmoid(logits))
    scores = summary(small, actual)
    print(f"int8 against torch: largest difference of a probability {apart.max():.3f}, mean {apart.mean():.4f}")
    print("dev, int8: " + " ".join(f"{name} {value:.3f}" for name, value in scores.items()) + f"; doubt ±{doubt}")


def write_classifier_file(
    out: Path,
    recipe: Recipe,
    slopes: Sequence[float],
    offsets: Sequence[float],
    thresholds: Sequence[float],
    doubt: float,
) -> None:
    config = AutoConfig.from_pretrained(ROOT / "build" / "encoders" / recipe.encoder)

    def column(values: Sequence[float]) -> dict[str, float]:
        return {name: round(float(value), 5) for name, value in zip(OUTPUTS, values, strict=True)}

    content = {
        "name": f"lifecycle-{recipe.encoder}-int8/1",
        "outputs": list(OUTPUTS),
        "slope": column(slopes),
        "offset": column(offsets),
        "threshold": column(thresholds),
        "doubt": doubt,
        "encoder": {name: getattr(config, name) for name in ENCODER_SETTINGS},
        "recipe": vars(recipe),
    }
    (out / "classifier.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


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
    ship(model, Coder(source), dev, recipe, source, args.out)


if __name__ == "__main__":
    main()
