"""Packing: every sentence judged once, with its neighbours, in windows the encoder can take."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_coach.coverage.packing import CONTEXT, CORE, LONGEST_SENTENCE, WINDOW, collate, pack

CLS, SEP = 101, 102
SENTENCES = st.lists(st.lists(st.integers(1000, 2000), min_size=1, max_size=LONGEST_SENTENCE), max_size=40)


@given(SENTENCES)
def test_every_sentence_is_judged_once_in_order(ids: list[list[int]]) -> None:
    windows = pack(ids, CLS, SEP)
    assert [k for window in windows for k in window.sentences] == list(range(len(ids)))


@given(SENTENCES, st.integers(1, CORE))
def test_owners_mark_exactly_the_sentences_tokens(ids: list[list[int]], first: int) -> None:
    for window in pack(ids, CLS, SEP, first_core=first):
        assert len(window.tokens) <= WINDOW
        assert window.tokens[0] == CLS
        for place, sentence in enumerate(window.sentences):
            assert window.tokens[window.owners == place].tolist() == ids[sentence]


def test_neighbours_are_there_to_be_read() -> None:
    ids = [[1000 + k] * 20 for k in range(70)]
    windows = pack(ids, CLS, SEP)
    middle = windows[1]
    assert ids[middle.sentences[0] - 1][0] in middle.tokens
    assert ids[middle.sentences[-1] + 1][0] in middle.tokens


def test_an_answer_that_fits_is_one_window() -> None:
    ids = [[1000 + k] * 20 for k in range(24)]
    (window,) = pack(ids, CLS, SEP)
    assert window.sentences == tuple(range(24))
    assert len(window.tokens) == 1 + 24 * 21
    assert len(pack([*ids, [9] * 10], CLS, SEP)) == 2


def cores(ids: list[list[int]]) -> list[int]:
    return [sum(len(ids[k]) + 1 for k in window.sentences) for window in pack(ids, CLS, SEP)]


@given(SENTENCES)
def test_as_few_windows_as_possible_share_a_long_answer_evenly(ids: list[list[int]]) -> None:
    shares = cores(ids)
    total = sum(len(one) + 1 for one in ids)
    if 1 + total > WINDOW:
        assert len(shares) == math.ceil(total / CORE)
        assert max(shares) - min(shares) <= 2 * (LONGEST_SENTENCE + 1)
    for window, core in zip(pack(ids, CLS, SEP), shares, strict=True):
        assert len(window.tokens) <= 1 + core + 2 * CONTEXT


def test_a_long_sentence_does_not_unbalance_windows() -> None:
    short = [[9] * 20] * 27
    assert cores(short) == [273, 294]
    assert cores([*short, [9] * LONGEST_SENTENCE]) == [336, 328]
    assert cores([[9] * 20] * 60) == [315] * 4


def test_nothing_to_pack() -> None:
    assert pack([], CLS, SEP) == []


def test_collate_pads_and_pools() -> None:
    windows = pack([[5, 6], [7]], CLS, SEP) + pack([[8]], CLS, SEP)
    batch = collate(windows)
    assert batch["input_ids"].tolist() == [[CLS, 5, 6, SEP, 7, SEP], [CLS, 8, SEP, 0, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]]
    assert batch["pool"].shape == (2, 2, 6)
    assert np.flatnonzero(batch["pool"][0, 0]).tolist() == [1, 2]
    assert np.flatnonzero(batch["pool"][0, 1]).tolist() == [4]
    assert not batch["pool"][1, 1].any()


@pytest.mark.parametrize("name", ["tokens", "owners"])
def test_types(name: str) -> None:
    (window,) = pack([[5]], CLS, SEP)
    assert getattr(window, name).dtype == np.int64
