"""How answers are varied and what is wanted of the classifier for them; no training run."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from coverage_training import Batch, Lessons, Phase, Recipe, Row, Taught, batch_of, loss_of
from mishearing import BOOST, Mishearing
from variants import Mix, cut_in_two, vary

from voice_coach.coverage.corpus import Answer, Unit
from voice_coach.coverage.labels import OUTPUTS
from voice_coach.coverage.packing import pack

NOTHING = Mix(excerpt=0.0, heard=0.0, merge=0.0, split=0.0, unpunctuated=0.0, fillers=0.0)
DETECTION, MITIGATION = OUTPUTS.index("detection"), OUTPUTS.index("mitigation")


def unit(text: str, *labels: str) -> Unit:
    return Unit(text, frozenset(labels), frozenset())


def answer(*units: Unit, id: str = "w01-01") -> Answer:
    return Answer(id, "main", False, False, units)


WRITTEN = answer(
    unit("The pager went off at four, and I looked at the graphs.", "detection"),
    unit("We rolled it back, which took two minutes.", "mitigation"),
    unit("That was that."),
)
HEARD = answer(
    unit("The page went off at 4."),
    unit("And I looked at the graphs."),
    unit("We rolled it back, which took two minutes."),
    unit("That was that."),
)


def test_what_is_heard_is_learnt_from_what_was() -> None:
    ears = Mishearing.learn({WRITTEN.id: WRITTEN}, [HEARD])
    assert ears.taken_for["pager",]["page"] == 1
    assert ears.taken_for["four",]["4"] == 1
    assert ears.taken_for["graphs",] == {"graphs": 1}


def test_a_phrase_that_is_often_heard_right_is_seldom_taken_for_another() -> None:
    said = [replace(WRITTEN, id=f"w01-{k}", units=(unit("We put canaries first."),)) for k in range(4)]
    got = [said[0], said[1], said[2], replace(said[3], units=(unit("We could and Aries first."),))]
    ears = Mishearing.learn({answer.id: answer for answer in said}, got)
    # three times as seen, and once as nothing is known of most phrases
    assert ears.taken_for["put", "canaries"] == {"could and Aries": 1, "put canaries": 4}


def test_a_known_mishearing_is_drawn_more_often_than_it_was_met() -> None:
    ears = Mishearing(taken_for=defaultdict(Counter, {("pager",): Counter({"pager": 4, "page": 1})}))
    drawn = Counter(ears.hear(["The pager."], random.Random(k))[0].text for k in range(2000))
    assert drawn["The page."] / 2000 == pytest.approx(BOOST / (BOOST + 4), abs=0.03)


def test_a_place_seldom_seen_ends_no_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Mishearing.learn({WRITTEN.id: WRITTEN}, [HEARD]).ends == {}
    monkeypatch.setattr("mishearing.FEWEST_GAPS", 1)
    ends = Mishearing.learn({WRITTEN.id: WRITTEN}, [HEARD]).ends
    assert ends["comma joint"] == 0.0
    assert ends["unit stop"] == 1.0
    assert ends["none other"] == 0.0


def test_pieces_hold_every_word_and_know_their_units() -> None:
    ears = Mishearing(ends={"comma joint": 1.0, "unit stop": 1.0})
    pieces = ears.hear([one.text for one in WRITTEN.units], random.Random(0))
    assert [(piece.text, piece.units) for piece in pieces] == [
        ("The pager went off at four.", (0,)),
        ("And I looked at the graphs.", (0,)),
        ("We rolled it back.", (1,)),
        ("Which took two minutes.", (1,)),
        ("That was that.", (2,)),
    ]
    joined = Mishearing(ends={}).hear([one.text for one in WRITTEN.units], random.Random(0))
    assert [piece.units for piece in joined] == [(0, 1, 2)]


def test_words_are_taken_for_others_and_lost() -> None:
    taken_for = {("the", "pager"): Counter(["a paper"]), ("at",): Counter([""]), ("four",): Counter(["4"])}
    [piece] = Mishearing(taken_for, {}).hear(["The pager went off, at four."], random.Random(0))
    assert piece.text == "A paper went off, 4."


def test_a_window_that_ends_inside_a_cut_unit_settles_nothing() -> None:
    goal = np.zeros((2, len(OUTPUTS)))
    goal[1, DETECTION] = np.nan  # its other part lies in the next window
    batch = batch_of([row(goal, [])], 0, "cpu")
    low, high = torch.full((1, 2, len(OUTPUTS)), -8.0), torch.full((1, 2, len(OUTPUTS)), -8.0)
    high[0, 1, DETECTION] = 8.0
    only_presence = Recipe(presence=1.0)
    assert float(loss_of(high, batch, only_presence)) == pytest.approx(float(loss_of(low, batch, only_presence)))


def test_of_a_cut_unit_one_part_is_wanted_and_no_part_is_named() -> None:
    split = Mix(**{**vars(NOTHING), "split": 1.0})
    variant = vary(WRITTEN, split, "short 0", None)
    assert len(variant.texts) == 5
    assert np.isnan(variant.goal[:2, DETECTION]).all()
    assert (variant.goal[:2, MITIGATION] == 0.0).all()
    assert [among for among, _ in variant.bags] == [(0, 1), (2, 3)]
    assert variant.bags[0][1][DETECTION] == 1.0


def test_units_run_together_carry_the_labels_of_both() -> None:
    merged = vary(WRITTEN, Mix(**{**vars(NOTHING), "merge": 1.0}), "whole 0", None)
    assert len(merged.texts) == 1
    assert merged.goal[0, DETECTION] == merged.goal[0, MITIGATION] == 1.0
    assert merged.bags == ()


def test_an_answer_off_the_subject_keeps_the_beginning_that_shows_it() -> None:
    texts = [f"Sentence {k}." for k in range(20)]
    on, off = (
        answer(*(unit(text, *(["mitigation"] if k < told else [])) for k, text in enumerate(texts))) for told in (10, 2)
    )
    short = replace(NOTHING, excerpt=1.0)

    def beginnings(one: Answer) -> Counter[str]:
        return Counter(vary(one, short, f"short {k}", None).texts[0] for k in range(40))

    assert beginnings(off) == {"Sentence 0.": 40}
    assert 10 < beginnings(on)["Sentence 0."] < 35


def test_a_variant_hangs_on_its_name_alone() -> None:
    mix = Mix(excerpt=0.5, heard=0.5, merge=0.3, split=0.5, unpunctuated=0.5, fillers=0.5)
    ears = Mishearing(ends={"comma joint": 0.5})
    names = [f"short {epoch}" for epoch in range(20)]
    first = [vary(WRITTEN, mix, name, ears) for name in names]
    again = [vary(WRITTEN, mix, name, ears) for name in names]
    assert [one.fingerprint for one in first] == [one.fingerprint for one in again]
    assert len({variant.texts for variant in first}) > 5
    # the same in another process, whose hashes are salted otherwise
    assert first[0].texts[0] == "The pager went like, off at four."


def test_a_sentence_without_a_comma_is_not_cut() -> None:
    assert cut_in_two("We rolled it back", random.Random(0)) == ["We rolled it back"]
    assert cut_in_two("We rolled it back, and that was the end", random.Random(0)) == [
        "We rolled it back.",
        "And that was the end",
    ]


def row(goal: np.ndarray, bags: list, soft: np.ndarray | None = None) -> Row:  # type: ignore[type-arg]
    [window] = pack([[5, 6]] * len(goal), 1, 2)
    return Row(window, goal.astype(np.float32), bags, soft)


def batch_of_a_cut_unit() -> Batch:
    """One window of two sentences that together are one unit of detection."""
    wanted = np.zeros(len(OUTPUTS), dtype=np.float32)
    wanted[DETECTION] = 1.0
    goal = np.zeros((2, len(OUTPUTS)))
    goal[:, DETECTION] = np.nan
    return batch_of([row(goal, [((0, 1), wanted)])], 0, "cpu")


def test_either_part_of_a_cut_unit_satisfies_the_loss() -> None:
    batch = batch_of_a_cut_unit()
    recipe = Recipe(presence=0.0)

    def loss(first: float, second: float) -> float:
        logits = torch.full((1, 2, len(OUTPUTS)), -8.0)
        logits[0, 0, DETECTION], logits[0, 1, DETECTION] = first, second
        return float(loss_of(logits, batch, recipe))

    assert loss(8.0, -8.0) == pytest.approx(loss(-8.0, 8.0))
    assert loss(8.0, -8.0) < 0.01 < loss(-8.0, -8.0)
    assert loss(8.0, 8.0) == pytest.approx(loss(8.0, -8.0))


def test_a_stage_told_only_by_a_cut_unit_is_present_in_its_window() -> None:
    batch = batch_of_a_cut_unit()
    unheard, heard = torch.full((1, 2, len(OUTPUTS)), -8.0), torch.full((1, 2, len(OUTPUTS)), -8.0)
    heard[0, 1, DETECTION] = 8.0
    only_presence = Recipe(presence=1.0, positive_weight=0.0)
    assert float(loss_of(heard, batch, only_presence)) < 0.1 < float(loss_of(unheard, batch, only_presence))


def test_a_teacher_pulls_towards_what_it_said() -> None:
    said = np.full((2, len(OUTPUTS)), 0.9, dtype=np.float32)
    batch = batch_of([row(np.zeros((2, len(OUTPUTS))), [], said)], 0, "cpu")
    sure, torn = torch.full((1, 2, len(OUTPUTS)), -6.0), torch.full((1, 2, len(OUTPUTS)), 0.0)
    assert float(loss_of(sure, batch, Recipe(presence=0.0))) < float(loss_of(torn, batch, Recipe(presence=0.0)))
    assert float(loss_of(sure, batch, Recipe(presence=0.0, soft=0.9))) > float(
        loss_of(torn, batch, Recipe(presence=0.0, soft=0.9))
    )


def test_an_answer_that_was_labelled_in_parts_comes_in_them_as_often_as_asked() -> None:
    answers = [replace(WRITTEN, id=f"w01-{k:02}") for k in range(100)]
    in_parts = [replace(HEARD, id=one.id) for one in answers[:50]]
    lessons = Lessons.of(answers, [], in_parts)
    spoken = Phase("short", 1, 1, 1e-5, 1e-3, replace(NOTHING, in_parts=0.5), spoken=1)
    lengths = [len(variant.texts) for variant in lessons.variants(spoken, 0)]
    assert 15 < lengths[:50].count(len(HEARD.units)) < 35
    assert set(lengths[50:]) == {len(WRITTEN.units)}
    whole = lessons.variants(replace(spoken, mix=NOTHING), 0)
    assert {len(variant.texts) for variant in whole} == {len(WRITTEN.units)}


def test_new_answers_come_in_every_epoch_and_the_rest_in_turn() -> None:
    answers = [replace(WRITTEN, id=f"{writer}-{k:02}") for writer in ("w01", "w02") for k in range(30)]
    [phase] = Recipe(whole_epochs=0, short_epochs=3, short_rounds=1, fresh="w02", every=3).phases()
    lessons = Lessons.of(answers, [])
    epochs = [[one.writer for one in lessons.variants(phase, epoch)] for epoch in range(3)]
    assert [writers.count("w02") for writers in epochs] == [30, 30, 30]
    assert sum(writers.count("w01") for writers in epochs) == 30
    assert min(writers.count("w01") for writers in epochs) > 3


def test_no_two_epochs_of_the_short_phase_are_alike() -> None:
    whole, *rounds = Recipe(short_epochs=3, short_rounds=2).phases()
    assert [phase.name for phase in (whole, *rounds)] == ["whole", "short", "short"]
    assert [list(phase.epochs_run) for phase in rounds] == [[0, 1, 2], [3, 4, 5]]
    lessons = Lessons.of([replace(WRITTEN, id=f"w01-{k:02}") for k in range(40)], [])
    epochs = [[one.texts for one in lessons.variants(phase, k)] for phase in rounds for k in phase.epochs_run]
    assert all(one != other for one, other in combinations(epochs, 2))


def test_a_teacher_speaks_only_of_the_variants_that_it_read(tmp_path: Path) -> None:
    phase = Phase("short", 1, 1, 1e-5, 1e-3, NOTHING, spoken=1)
    variants = Lessons.of([WRITTEN], [HEARD]).variants(phase, 0)
    assert [len(variant.texts) for variant in variants] == [3, 4]
    said = np.linspace(0.0, 1.0, 7 * len(OUTPUTS), dtype=np.float32).reshape(7, -1)
    Taught.save(tmp_path / "taught.npz", variants, said)
    taught = Taught(tmp_path / "taught.npz")
    assert np.abs(taught.of(variants) - said).max() < 0.003
    # in any order, among answers written since and others that have changed
    since = vary(answer(unit("Nobody has read this."), id="w99-01"), NOTHING, "short 0", None)
    more = taught.of([variants[1], since, variants[0]])
    assert np.isnan(more).all(axis=1).tolist() == [False] * 4 + [True] + [False] * 3
    assert np.abs(more[5:] - said[:3]).max() < 0.003
    with pytest.raises(ValueError, match="6 readings, 0 unknown, for 7 sentences"):
        Taught.save(tmp_path / "taught.npz", variants, said[:-1])


def test_teachers_who_each_read_a_part_are_heard_together(tmp_path: Path) -> None:
    variants = [vary(answer(unit(f"We put {what} back."), id="w01-01"), NOTHING, "x", None) for what in "ab"]
    for k, variant in enumerate(variants):
        Taught.save(tmp_path / f"{k}.npz", [variant], np.full((1, len(OUTPUTS)), 0.2 + 0.6 * k, dtype=np.float32))
    both = Taught(tmp_path / "0.npz", tmp_path / "1.npz").of(variants)
    assert both[:, 0] == pytest.approx([0.2, 0.8], abs=0.003)


def test_a_sentence_that_no_teacher_read_is_taught_by_its_label_alone() -> None:
    logits = torch.linspace(-3.0, 3.0, 2 * len(OUTPUTS)).reshape(1, 2, -1)
    unread = batch_of([row(np.zeros((2, len(OUTPUTS))), [])], 0, "cpu")
    alone = loss_of(logits, unread, Recipe(presence=0.0))
    assert float(loss_of(logits, unread, Recipe(presence=0.0, soft=0.4))) == pytest.approx(float(alone))
    # a teacher that says what the label says changes nothing, either, as long as positives weigh no more
    goal = np.tile([1.0, 0.0], (2, len(OUTPUTS) // 2)).astype(np.float32)
    plain = Recipe(presence=0.0, positive_weight=1.0)
    agreed = batch_of([row(goal, [], goal)], 0, "cpu")
    assert float(loss_of(logits, agreed, replace(plain, soft=0.4))) == pytest.approx(
        float(loss_of(logits, agreed, plain))
    )


def test_of_a_part_with_unknown_labels_the_teacher_alone_speaks() -> None:
    goal, said = np.zeros((2, len(OUTPUTS))), np.zeros((2, len(OUTPUTS)), np.float32)
    goal[1, DETECTION], said[1, DETECTION] = np.nan, 1.0
    batch = batch_of([row(goal, [], said)], 0, "cpu")

    def loss(logit: float, soft: float) -> float:
        logits = torch.zeros((1, 2, len(OUTPUTS)))
        logits[0, 1, DETECTION] = logit
        return float(loss_of(logits, batch, Recipe(presence=0.0, soft=soft)))

    assert loss(4.0, 0.4) < loss(-4.0, 0.4)
    assert loss(4.0, 0.0) == loss(-4.0, 0.0)
