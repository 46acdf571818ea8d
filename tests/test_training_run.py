"""A training run on a network small enough to be taught in seconds: cut off, and gone on with."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from coverage_scores import Coder
from coverage_training import SHUFFLED, Lessons, Process, Recipe, batches_of, rows_of, run_phase, steps_of
from train_coverage import lessons_and_dev, train_one
from transformers import BertConfig, BertModel

from voice_coach.coverage.corpus import APART_WRITERS, DEV_WRITERS, Answer
from voice_coach.coverage.network import LifecycleNetwork
from voice_coach.errors import UsageError

TOKENIZER = Path(__file__).resolve().parent.parent / "models" / "lifecycle"
RECIPE = Recipe(short_epochs=2)
(_, PHASE, _) = RECIPE.phases()


class CutOff(Exception):
    """What ends a run from outside."""


@dataclass(frozen=True)
class Mortal(Process):
    """Dies as soon as its first epoch is told."""

    def say(self, text: str) -> None:
        raise CutOff


@pytest.fixture(scope="module")
def coder() -> Coder:
    return Coder(TOKENIZER)


@pytest.fixture(scope="module")
def learnt() -> tuple[Lessons, list[Answer]]:
    lessons, dev = lessons_and_dev()
    return lessons.few(6), dev


def small_model() -> LifecycleNetwork:
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, attn_implementation="eager"
    )
    return LifecycleNetwork(BertModel(config, add_pooling_layer=False), 16, 0.1)


def teach(
    learnt: tuple[Lessons, list[Answer]], coder: Coder, checkpoint: Path, here: Process, *, resume: bool = False
) -> None:
    lessons, dev = learnt
    run_phase(small_model(), PHASE, RECIPE, lessons, dev[:40], coder, here, checkpoint, resume=resume)


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    """The newest ones, which need not be the best on dev."""
    state = torch.load(checkpoint.with_suffix(".state.pt"))
    return dict(state["model"])


def test_a_run_that_was_cut_off_ends_as_one_that_was_not(
    learnt: tuple[Lessons, list[Answer]], coder: Coder, tmp_path: Path
) -> None:
    here, whole, cut = Process(0, 1, "cpu"), tmp_path / "whole.pt", tmp_path / "cut.pt"
    teach(learnt, coder, whole, here)
    with pytest.raises(CutOff):
        teach(learnt, coder, cut, Mortal(0, 1, "cpu"))
    after_one = weights(cut)
    teach(learnt, coder, cut, here, resume=True)
    assert any(not torch.equal(after_one[name], one) for name, one in weights(whole).items())
    for name, one in weights(whole).items():
        torch.testing.assert_close(weights(cut)[name], one, rtol=0.0, atol=1e-6)


def test_what_an_older_run_left_is_never_gone_on_from(learnt: tuple[Lessons, list[Answer]], tmp_path: Path) -> None:
    """Cut off in the first phase and gone on with, the later ones begin anew."""
    lessons, dev = learnt
    encoder, here = tmp_path / "encoder", Process(0, 1, "cpu")
    small_model().encoder.save_pretrained(encoder)
    shutil.copy(TOKENIZER / "tokenizer.json", encoder)
    recipe = Recipe(whole_epochs=1, short_epochs=1, short_rounds=1)
    other = replace(recipe, rate=2e-5)
    train_one(recipe, lessons.few(3), dev[:40], encoder, here, tmp_path)
    (short,) = tmp_path.glob("*-short.state.pt")
    with pytest.raises(CutOff):
        train_one(other, lessons, dev[:40], encoder, Mortal(0, 1, "cpu"), tmp_path)
    assert not short.exists()
    train_one(other, lessons.few(3), dev[:40], encoder, here, tmp_path, resume=True)
    # what is refused destroys nothing
    weights = short.with_name(short.name.replace(".state", ""))
    with pytest.raises(UsageError, match="would be written over"):
        train_one(other, lessons, dev[:40], encoder, here, tmp_path, weights)
    assert short.exists()


def test_a_run_in_two_sittings_ends_as_one_in_one(learnt: tuple[Lessons, list[Answer]], tmp_path: Path) -> None:
    lessons, dev = learnt
    encoder, here = tmp_path / "encoder", Process(0, 1, "cpu")
    small_model().encoder.save_pretrained(encoder)
    shutil.copy(TOKENIZER / "tokenizer.json", encoder)
    # one window a step: at the first the rate is still zero
    once = Recipe(whole_epochs=1, short_epochs=1, short_rounds=1, batch=1)

    def train(recipe: Recipe, name: str, start: Path | None = None) -> Path:
        work = tmp_path / name
        work.mkdir()
        return train_one(recipe, lessons, dev[:40], encoder, here, work, start)

    first = train(once, "first")
    second = torch.load(train(replace(once, short_first=1), "second", first))
    at_once = torch.load(train(replace(once, short_rounds=2), "at_once"))
    assert any(not torch.equal(torch.load(first)[name], one) for name, one in at_once.items())
    for name, one in at_once.items():
        torch.testing.assert_close(second[name], one, rtol=0.0, atol=1e-6)


def test_as_many_steps_are_planned_as_are_made(learnt: tuple[Lessons, list[Answer]], coder: Coder) -> None:
    lessons, _ = learnt
    rows = (rows_of(lessons.variants(PHASE, 0), coder, random.Random(0), None) * SHUFFLED)[: 2 * SHUFFLED + 5]
    for batch in (8, 24):
        recipe = replace(RECIPE, batch=batch)
        made = sum(1 for _ in batches_of(list(rows), coder, recipe, random.Random(0), Process(0, 1, "cpu")))
        assert steps_of(len(rows), batch) == made


def test_who_chooses_or_is_kept_apart_does_not_teach() -> None:
    lessons, dev = lessons_and_dev()
    silent = {*DEV_WRITERS, *APART_WRITERS}
    for answers in (lessons.written, lessons.heard, lessons.in_parts.values()):
        assert not silent & {answer.writer for answer in answers}
    assert {answer.writer for answer in dev} == DEV_WRITERS
