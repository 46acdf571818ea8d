"""The figures that choose a model, its thresholds and its doubt, by hand-worked cases."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from agreement import kappa
from check_corpus import check
from coverage_scores import best_thresholds, f1, sigmoid, summary
from evaluate_coverage import expected_calibration_error, gold_level, gold_mistakes, loss_on_the_way, score
from export_coverage import RIM, WIDEST_DOUBT, doubtful_band

from voice_coach.coverage.corpus import Answer, Unit
from voice_coach.coverage.labels import OUTPUTS

RNG = np.random.default_rng(0)


def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels that are there as often as these say."""
    logits = RNG.normal(-1.0, 2.5, (count, len(OUTPUTS))).astype(np.float32)
    return logits, RNG.random(logits.shape) < sigmoid(logits)


def test_overconfident_logits_are_worth_no_less_than_the_same_said_soberly() -> None:
    logits, actual = drawn(2_000)
    sober, loud = summary(logits, actual), summary(3.0 * logits + 2.0, actual)
    assert loud == pytest.approx(sober, abs=0.004)


def test_a_threshold_is_half_of_the_best_f1() -> None:
    probabilities = np.tile(np.array([[0.9], [0.8], [0.3], [0.2]], dtype=np.float32), (1, len(OUTPUTS)))
    actual = np.tile(np.array([[True], [False], [True], [False]]), (1, len(OUTPUTS)))
    # at best three are called, two of them rightly: F1 is 0.8
    assert best_thresholds(probabilities, actual) == pytest.approx(np.full(len(OUTPUTS), 0.4))
    assert f1(np.zeros(3, dtype=bool), np.zeros(3, dtype=bool)) == 1.0


def test_doubt_ends_where_two_in_three_are_right() -> None:
    logits, actual = drawn(60_000)
    found = doubtful_band(sigmoid(logits), actual, np.full(len(OUTPUTS), 0.5, dtype=np.float32))
    # calibrated probabilities around 0.5 are right as often as they say
    assert found == pytest.approx(2 / 3 - 0.5, abs=2 * RIM)


def test_where_nothing_is_right_doubt_is_widest() -> None:
    probabilities = np.tile(RNG.random((5_000, 1)).astype(np.float32), (1, len(OUTPUTS)))
    limits = np.full(len(OUTPUTS), 0.5, dtype=np.float32)
    assert doubtful_band(probabilities, probabilities < 0.5, limits) == WIDEST_DOUBT


def test_precision_recall_and_calibration_error() -> None:
    found = score(np.array([True, True, False, False]), np.array([True, False, True, False]))
    assert (found.precision, found.recall, found.f1, found.support) == (0.5, 0.5, 0.5, 2)
    # of what is said with 0.85 half is true, of what is said with 0.05 nothing
    error = expected_calibration_error(np.array([0.85, 0.85, 0.05, 0.05]), np.array([True, False, False, False]))
    assert error == pytest.approx(0.5 * 0.35 + 0.5 * 0.05)


def test_loss_on_the_way_is_of_the_same_answers_and_knows_how_sure_it_is() -> None:
    actual = np.zeros((40, 11), dtype=bool)
    actual[:, :5] = True
    rows = np.repeat(np.arange(20), 2)
    missed = actual.copy()
    missed[::2, 0] = False  # every second sentence's detection: recall 0.5, F1 2/3
    low, middle, high = loss_on_the_way([(actual, actual, rows), (missed, actual, rows)], 20)
    assert middle == pytest.approx((1 - 2 / 3) / 5)
    # each answer loses alike
    assert (low, high) == pytest.approx((middle, middle))
    missed = actual.copy()
    missed[:20, 0] = False  # half of the answers lose all of it
    low, middle, high = loss_on_the_way([(actual, actual, rows), (missed, actual, rows)], 20)
    assert middle == pytest.approx((1 - 2 / 3) / 5)
    assert low < middle < high


def told(*units: tuple[str, str]) -> Answer:
    made = [Unit("x", frozenset(labels.split()), frozenset(specific.split())) for labels, specific in units]
    return Answer("w-1", "main", False, False, tuple(made))


def test_gold_levels_and_mistakes() -> None:
    answer = told(("detection severity", "detection"), ("mitigation cowboy", ""), ("", ""))
    assert [gold_level(answer, stage) for stage in ("detection", "mitigation", "prevention")] == [
        "strong",
        "mentioned",
        "missing",
    ]
    assert gold_mistakes(answer) == {"purely_technical", "no_customer_impact", "heroic", "no_follow_through"}
    assert gold_mistakes(told(("situation", ""))) == set()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([True, True, False, False], [True, True, False, False], 1.0),
        # agreed in half, as chance would
        ([True, True, False, False], [True, False, True, False], 0.0),
        ([True, True], [True, True], 1.0),
        ([False, False], [False, False], None),
    ],
)
def test_kappa(first: list[bool], second: list[bool], expected: float | None) -> None:
    assert kappa(first, second) == expected


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("det+ act | We looked at it.", None),
        (" | We looked at it.", "no labels"),
        ("det++ | We looked at it.", "unknown label"),
        ("sit+ | It was Monday.", "unknown label"),
        ("det det+ | We looked at it.", "a label twice"),
        ("- |  ", "no words"),
    ],
)
def test_faults_of_form_are_found(tmp_path: Path, line: str, fault: str | None) -> None:
    file = tmp_path / "w01.txt"
    file.write_text(f"@ w01-01 | question: main | root_cause_first: no | vague: no\n{line}\n", encoding="utf-8")
    faults = check(file, Counter(), Counter(), Counter())
    assert (not faults) if fault is None else (len(faults) == 1 and fault in faults[0])
