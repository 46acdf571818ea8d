"""How the classifier learns: phases, windows with what is wanted of them, loss, and the loop."""

from __future__ import annotations

import os
import random
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from coverage_scores import Coder, predict, summary, truth
from mishearing import Mishearing
from torch.nn import functional
from transformers import AutoModel, get_linear_schedule_with_warmup
from variants import Mix, Variant, vary

from voice_coach.coverage.corpus import Answer
from voice_coach.coverage.labels import OUTPUTS, STAGES
from voice_coach.coverage.network import LifecycleNetwork, as_tensors
from voice_coach.coverage.packing import Packed, collate

INITIAL_SEED = 0

WHOLE_IN_PARTS = 0.5
"""Of the first phase, how often answers come in parts beside how often they do in the second."""


@dataclass(frozen=True)
class Phase:
    """A stretch of training with a learning rate of its own, falling from its peak to zero.

    schedule: epochs in which the rate falls to zero; only the first `epochs` of them are run. first_epoch: number of
    the first of them, by which answers are varied. round: how often the phase was gone through before. mix: how
    answers are changed. spoken: how often in every epoch what the speech path really made of answers teaches, too;
    each time varied anew. fresh: writers whose written answers come in every epoch, while the others' come in one of
    `every`.
    """

    name: str
    epochs: int
    schedule: int
    rate: float
    head_rate: float
    mix: Mix
    spoken: int
    first_epoch: int = 0
    round: int = 0
    fresh: frozenset[str] = frozenset()
    every: int = 1

    @property
    def title(self) -> str:
        """The name, and which round it is from the second on: each phase of a run has its own."""
        return f"{self.name}-{self.round + 1}" if self.round else self.name

    @property
    def epochs_run(self) -> range:
        """The numbers of its epochs."""
        return range(self.first_epoch, self.first_epoch + self.epochs)

    def shows(self, answer: Answer, epoch: int) -> bool:
        """Whether this epoch teaches the answer."""
        return answer.writer in self.fresh or (zlib.crc32(answer.id.encode()) + epoch) % self.every == 0


@dataclass(frozen=True)
class Recipe:
    """One training run's settings.

    soft: weight of what the teacher says beside the labels (data/taught.npz); 0 for none. The runs behind the model
    that ships are in its classifier.json.
    short_first: the short phase's first epoch, where an earlier run had those before it. short_schedule: epochs in
    which its rate would fall to zero; 0 for those that it has. short_rounds: so many times it is gone through, the rate
    rising and falling anew (warm restarts, Loshchilov & Hutter 2017), each from the best weights of the one before.
    fresh, every: as a phase's, the writers separated by commas: to learn from new answers without forgetting the rest.
    """

    encoder: str = "gte-small"
    whole_epochs: int = 4
    whole_schedule: int = 5
    rate: float = 1e-4
    head_rate: float = 1e-3
    short_first: int = 0
    short_epochs: int = 5
    short_schedule: int = 0
    short_rounds: int = 2
    short_rate: float = 5e-5
    short_head_rate: float = 3e-4
    excerpt: float = 0.4
    heard: float = 0.45
    spoken: int = 2
    layer_decay: float = 0.9
    batch: int = 8
    dropout: float = 0.1
    positive_weight: float = 1.5
    merge: float = 0.08
    split: float = 0.08
    presence: float = 0.3
    unpunctuated: float = 0.3
    fillers: float = 0.08
    in_parts: float = 0.7
    soft: float = 0.0
    fresh: str = ""
    every: int = 1
    seed: int = 0

    def phases(self) -> tuple[Phase, ...]:
        """Whole answers first; then short ones and recognised speech, which would blur the start.

        The first phase leaves its last, slowest epoch to the second.
        """
        whole = Mix(0.0, 0.0, self.merge, 0.0, self.unpunctuated, self.fillers, WHOLE_IN_PARTS * self.in_parts)
        short = Mix(self.excerpt, self.heard, self.merge, self.split, self.unpunctuated, self.fillers, self.in_parts)
        phases = [
            Phase("whole", self.whole_epochs, self.whole_schedule, self.rate, self.head_rate, whole, spoken=0),
            *(
                Phase(
                    "short",
                    self.short_epochs,
                    self.short_schedule or self.short_epochs,
                    self.short_rate,
                    self.short_head_rate,
                    short,
                    spoken=self.spoken,
                    first_epoch=self.short_first + again * self.short_epochs,
                    round=again,
                )
                for again in range(self.short_rounds)
            ),
        ]
        return tuple(replace(phase, fresh=self.fresh_writers, every=self.every) for phase in phases if phase.epochs)

    @property
    def fresh_writers(self) -> frozenset[str]:
        return frozenset(filter(None, self.fresh.split(",")))


@dataclass(frozen=True)
class Lessons:
    """What there is to learn from: answers as written, and as the speech path took some of them down.

    in_parts: by id, answers of which a reader labelled the parts (scripts/cut_corpus.py). ears: None without answers
    as heard to learn from.
    """

    written: Sequence[Answer]
    heard: Sequence[Answer]
    in_parts: Mapping[str, Answer]
    ears: Mishearing | None

    @classmethod
    def of(cls, written: Sequence[Answer], heard: Sequence[Answer], in_parts: Sequence[Answer] = ()) -> Lessons:
        ears = Mishearing.learn({answer.id: answer for answer in written}, heard) if heard else None
        return cls(written, heard, {answer.id: answer for answer in in_parts}, ears)

    def few(self, answers: int) -> Lessons:
        """About so many answers of them, to try things out."""
        written = self.written[:: max(1, len(self.written) // answers)]
        writers = {answer.writer for answer in written}
        heard = [answer for answer in self.heard if answer.writer in writers]
        in_parts = {answer.id: self.in_parts[answer.id] for answer in written if answer.id in self.in_parts}
        return replace(self, written=written, heard=heard[: answers // 8], in_parts=in_parts)

    def variants(self, phase: Phase, epoch: int) -> list[Variant]:
        """Of every answer that is shown one, as this epoch (from 0 on) has it; the same in every run."""
        name = f"{phase.name} {epoch}"
        written = {answer.id: answer for answer in self.written}
        variants = [
            vary(self._form(answer, phase.mix, name), phase.mix, name, self.ears, written=answer)
            for answer in self.written
            if phase.shows(answer, epoch)
        ]
        for again in range(phase.spoken):
            variants += [
                vary(answer, phase.mix, f"{name} heard {again}", None, written=written.get(answer.id))
                for answer in self.heard
            ]
        return variants

    def _form(self, answer: Answer, mix: Mix, name: str) -> Answer:
        """The answer in parts, where a reader labelled them and the draw falls so; else as written."""
        drawn = random.Random(f"{name} {answer.id} cut").random() < mix.in_parts
        return self.in_parts.get(answer.id, answer) if drawn else answer


class Taught:
    """What teachers said of variants, kept in one file: of each its fingerprint, and a byte for each probability."""

    def __init__(self, *files: Path) -> None:
        self._said: dict[int, npt.NDArray[np.uint8]] = {}
        for file in files:
            with np.load(file) as kept:
                rows = np.split(kept["probabilities"], np.cumsum(kept["lengths"].astype(np.int64))[:-1])
                self._said |= dict(zip(map(int, kept["fingerprints"]), rows, strict=True))

    def of(self, variants: Sequence[Variant]) -> npt.NDArray[np.float32]:
        """Probabilities, float32 [sentences, outputs], of the variants in order; NaN where no teacher read them."""
        rows = [np.zeros((0, len(OUTPUTS)), dtype=np.float32)]
        for variant in variants:
            read = self._said.get(variant.fingerprint)
            if read is None:
                rows.append(np.full((len(variant.texts), len(OUTPUTS)), np.nan, dtype=np.float32))
            else:
                rows.append(read.astype(np.float32) / 255.0)
        return np.concatenate(rows)

    @staticmethod
    def save(file: Path, variants: Sequence[Variant], said: npt.NDArray[np.float32]) -> None:
        """said: probabilities, float32 [sentences, outputs], of the variants in order.

        Raises: ValueError if they are not as many as the variants' sentences, or not all known.
        """
        lengths = [len(variant.texts) for variant in variants]
        if len(said) != sum(lengths) or np.isnan(said).any():
            raise ValueError(f"{len(said)} readings, {np.isnan(said).sum()} unknown, for {sum(lengths)} sentences")
        np.savez_compressed(
            file,
            fingerprints=np.array([variant.fingerprint for variant in variants], dtype=np.uint64),
            lengths=np.array(lengths, dtype=np.uint16),
            probabilities=np.round(said * 255.0).astype(np.uint8),
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


@dataclass(frozen=True, eq=False)
class Row:
    """One window with what is wanted of its sentences.

    goal: float32 [sentences, outputs], NaN where it is not known. bags: as Variant.bags, of this window's own
    sentences. soft: a teacher's probabilities, float32 [sentences, outputs]; None without a teacher.
    """

    window: Packed
    goal: npt.NDArray[np.float32]
    bags: Sequence[tuple[tuple[int, ...], npt.NDArray[np.float32]]]
    soft: npt.NDArray[np.float32] | None


def rows_of(
    variants: Sequence[Variant], coder: Coder, rng: random.Random, soft: npt.NDArray[np.float32] | None
) -> list[Row]:
    """Windows of all variants, in random order."""
    rows, first = [], 0
    for variant in variants:
        for window in coder.training_windows(variant.texts, rng):
            place = {sentence: k for k, sentence in enumerate(window.sentences)}
            bags = [
                (tuple(place[k] for k in among), wanted)
                for among, wanted in variant.bags
                if all(k in place for k in among)  # cut apart by the window's end: at least one, but where?
            ]
            sentences = list(window.sentences)
            taught = None if soft is None else soft[first : first + len(variant.texts)][sentences]
            rows.append(Row(window, variant.goal[sentences], bags, taught))
        first += len(variant.texts)
    rng.shuffle(rows)
    return rows


@dataclass(frozen=True)
class Batch:
    """inputs: as packing.collate. goal, soft: float [batch, sentences, outputs], NaN where nothing is wanted.
    bags: bool [bags, sentences]; bag_rows: int64 [bags], the window of each; bag_goal: float [bags, outputs]."""

    inputs: dict[str, torch.Tensor]
    goal: torch.Tensor
    soft: torch.Tensor
    bags: torch.Tensor
    bag_rows: torch.Tensor
    bag_goal: torch.Tensor


def batch_of(rows: Sequence[Row], pad_id: int, device: str) -> Batch:
    inputs = as_tensors(collate([row.window for row in rows], pad_id), device)
    most = inputs["pool"].shape[1]
    goal = np.full((len(rows), most, len(OUTPUTS)), np.nan, dtype=np.float32)
    soft = goal.copy()
    members, owners, wanted = [], [], []
    for k, row in enumerate(rows):
        goal[k, : len(row.goal)] = row.goal
        if row.soft is not None:
            soft[k, : len(row.soft)] = row.soft
        for among, labels in row.bags:
            member = np.zeros(most, dtype=bool)
            member[list(among)] = True
            members.append(member)
            owners.append(k)
            wanted.append(labels)
    return Batch(
        inputs,
        torch.from_numpy(goal).to(device),
        torch.from_numpy(soft).to(device),
        torch.from_numpy(np.asarray(members, dtype=bool).reshape(-1, most)).to(device),
        torch.tensor(owners, dtype=torch.long, device=device),
        torch.from_numpy(np.asarray(wanted, dtype=np.float32).reshape(-1, len(OUTPUTS))).to(device),
    )


def loss_of(logits: torch.Tensor, batch: Batch, recipe: Recipe) -> torch.Tensor:
    """Cross-entropy of the sentences, of units that were cut, and of the stages of the window as a whole.

    Whether a stage is told at all hangs on its most certain sentence, so the greatest logit of a window
    is taught as well (multiple-instance learning by max pooling, Zhou & Zhang 2002): one sentence
    wrongly taken for a stage weighs as much there as a stage not heard. Of the parts of a cut unit the likeliest
    is taught in the same way.
    """
    known, said = ~torch.isnan(batch.goal), ~torch.isnan(batch.soft)
    weight = torch.full((len(OUTPUTS),), recipe.positive_weight, device=logits.device)
    each = functional.binary_cross_entropy_with_logits(
        logits, batch.goal.nan_to_num(), pos_weight=weight, reduction="none"
    )
    # Where a teacher read the sentence, it and the label share the weight of one sentence; of a part whose labels are
    # not known, the teacher alone speaks.
    shared = recipe.soft * said
    likeliest = logits[batch.bag_rows].masked_fill(~batch.bags.unsqueeze(-1), -1e4).amax(dim=1)
    total = (each * known * (1.0 - shared)).sum()
    total = total + (functional.softplus(-likeliest) * recipe.positive_weight * batch.bag_goal).sum()
    if recipe.soft:
        apart = functional.binary_cross_entropy_with_logits(logits, batch.soft.nan_to_num(), reduction="none")
        total = total + (apart * shared).sum()
    loss = total / (known.sum() + batch.bag_goal.sum())
    if recipe.presence:
        stages = slice(0, len(STAGES))
        inside = batch.inputs["pool"].amax(dim=-1) > 0
        most = logits[..., stages].masked_fill(~inside.unsqueeze(-1), -1e4).amax(dim=1)
        wanted = batch.goal[..., stages]
        told = wanted.nan_to_num().amax(dim=1)
        told = told.index_add(0, batch.bag_rows, batch.bag_goal[:, stages]).clamp(max=1.0)
        # a unit that the window's end cut off from its other parts: nobody knows whether it is told here
        settled = ~((wanted.isnan() & inside.unsqueeze(-1)).any(dim=1) & (told == 0.0))
        apart = functional.binary_cross_entropy_with_logits(most, told, reduction="none")
        loss = loss + recipe.presence * (apart * settled).sum() / settled.sum().clamp(min=1)
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


SHUFFLED = 64
"""Windows in random order of which like lengths come side by side."""


def steps_of(windows: int, batch: int) -> int:
    """How many batches `batches_of` makes of so many windows, for all processes together."""
    return sum(-(-min(SHUFFLED, windows - first) // batch) for first in range(0, windows, SHUFFLED))


def batches_of(rows: list[Row], coder: Coder, recipe: Recipe, rng: random.Random, to: Process) -> Iterator[Batch]:
    """This process' batches of an epoch."""
    # windows of like length side by side waste less padding; the batches stay in random order
    blocks = [
        sorted(rows[first : first + SHUFFLED], key=lambda row: len(row.window.tokens))
        for first in range(0, len(rows), SHUFFLED)
    ]
    batches = [block[i : i + recipe.batch] for block in blocks for i in range(0, len(block), recipe.batch)]
    rng.shuffle(batches)
    for batch in to.share(batches):
        yield batch_of(batch, coder.pad_id, to.device)


def loss_on(model: torch.nn.Module, batch: Batch, recipe: Recipe, here: Process) -> torch.Tensor:
    with torch.autocast(here.device.partition(":")[0], dtype=torch.bfloat16, enabled=here.half_precision):
        logits = model(**batch.inputs).float()
    return loss_of(logits, batch, recipe)


def new_model(folder: Path, recipe: Recipe, device: str) -> LifecycleNetwork:
    """The pretrained encoder with a fresh head."""
    # the head starts the same in every run, or averaging runs would average unlike things
    torch.manual_seed(INITIAL_SEED)
    # Dropout inside attention draws a number for every pair of tokens and rules out fused attention: together two
    # thirds of a step's time on a processor.
    encoder = AutoModel.from_pretrained(folder, add_pooling_layer=False, attention_probs_dropout_prob=0.0)
    return LifecycleNetwork(encoder, encoder.config.hidden_size, recipe.dropout).to(device)


def run_phase(
    model: LifecycleNetwork,
    phase: Phase,
    recipe: Recipe,
    lessons: Lessons,
    dev: Sequence[Answer],
    coder: Coder,
    here: Process,
    checkpoint: Path,
    taught: Taught | None = None,
    *,
    resume: bool = False,
) -> None:
    """Teach the model for one phase; the weights of its best dev epoch are then in it and at `checkpoint`.

    After each epoch all that it takes to go on is kept beside the checkpoint. resume: go on from there, if it is there;
    an epoch that was begun is begun again, so a run that was cut off ends as one that was not.
    """
    # one epoch's order, windows and dropout hang on nothing but its number
    rows = rows_of(lessons.variants(phase, phase.first_epoch), coder, random.Random(0), None)
    steps = steps_of(len(rows), recipe.batch) // here.count + 1
    parallel: torch.nn.Module = model
    if here.count > 1:
        parallel = torch.nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.AdamW(parameter_groups(model, recipe, phase))
    schedule = get_linear_schedule_with_warmup(optimizer, min(steps, 150), steps * max(phase.schedule, phase.epochs))
    actual, best, first = truth(dev), -1.0, phase.first_epoch
    so_far = state_file(checkpoint)
    if resume and so_far.exists():
        state = torch.load(so_far, map_location=here.device)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        best, first = state["best"], state["next_epoch"]
    for epoch in phase.epochs_run[first - phase.first_epoch :]:
        rng = random.Random(f"{recipe.seed} {phase.name} {epoch}")
        torch.manual_seed(1000 * (1000 * recipe.seed + epoch) + here.rank)
        parallel.train()
        started, total, count = time.perf_counter(), torch.zeros((), device=here.device), 0
        variants = lessons.variants(phase, epoch)
        soft = taught.of(variants) if taught else None
        if soft is not None and epoch == phase.first_epoch and np.isnan(soft).all():
            raise ValueError("no teacher has read these answers in this mix: run scripts/teach_coverage.py")
        rows = rows_of(variants, coder, rng, soft)
        for batch in batches_of(rows, coder, recipe, rng, here):
            loss = loss_on(parallel, batch, recipe, here)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total, count = total + loss.detach(), count + 1
        scores = summary(predict(model, coder, dev, here.device), actual)
        value, best_before = worth(scores), best
        best = max(value, best_before)
        if here.first:
            if value > best_before:
                replace_file(model.state_dict(), checkpoint)
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            state |= {"schedule": schedule.state_dict(), "best": best, "next_epoch": epoch + 1}
            replace_file(state, so_far)
        here.say(
            f"seed {recipe.seed} {phase.name} {epoch + 1}: loss {float(total) / max(count, 1):.4f}  dev "
            + " ".join(f"{name[:4]} {scores[name]:.3f}" for name in (*OUTPUTS, "stages", "star"))
            + ("" if soft is None else f"  {1 - np.isnan(soft[:, 0]).mean():.0%} read by teachers")
            + f"  {time.perf_counter() - started:.0f} s"
        )
    here.wait()
    model.load_state_dict(torch.load(checkpoint, map_location=here.device))


def state_file(checkpoint: Path) -> Path:
    """Beside the weights, all that it takes to go on with the phase."""
    return checkpoint.with_suffix(".state.pt")


def replace_file(content: object, path: Path) -> None:
    """Save it so that a run that is cut off meanwhile leaves the old file or the new one."""
    new = path.with_name(path.name + ".new")
    torch.save(content, new)
    new.replace(path)


def worth(scores: dict[str, float]) -> float:
    """What an epoch is chosen by: stages first, then STAR, then the labels that few sentences carry."""
    return scores["stages"] + 0.5 * scores["star"] + 0.1 * (scores["impact"] + scores["cowboy"] + scores["specific"])
