"""Time and pauses, by hand-worked cases."""

from __future__ import annotations

import pytest

from voice_coach.delivery.timing import answer_span, cards_for, held_against_target, silent_pauses, speaking_time_s
from voice_coach.records import Cards, Pause, Span, Word


def word(start_s: float, end_s: float, text: str = "word") -> Word:
    return Word(text, start_s, end_s, 0.9)


def test_silence_has_no_span() -> None:
    assert answer_span([], [Span(0.0, 1.0)]) is None


def test_the_ends_come_from_the_voice_not_from_the_word_times() -> None:
    words = [word(1.3, 1.6), word(4.0, 4.2)]
    assert answer_span(words, [Span(1.1, 1.7), Span(3.9, 4.6)]) == Span(1.1, 4.6)


def test_a_cough_long_before_is_not_part_of_the_answer() -> None:
    words = [word(5.0, 5.4), word(5.5, 6.0)]
    assert answer_span(words, [Span(0.2, 0.5), Span(5.0, 6.1)]) == Span(5.0, 6.1)


def test_words_without_any_voice_keep_their_own_times() -> None:
    assert answer_span([word(2.0, 2.5)], []) == Span(2.0, 2.5)


@pytest.mark.parametrize(
    ("gap_s", "expected"),
    [
        (0.24, None),
        (0.25, "short"),
        (1.99, "short"),
        (2.0, "long"),
        (4.99, "long"),
        (5.0, "lost_thread"),
    ],
)
def test_pauses_by_length(gap_s: float, expected: str | None) -> None:
    voiced = [Span(0.0, 1.0), Span(1.0 + gap_s, 9.0)]
    pauses = silent_pauses(Span(0.0, 9.0), voiced)
    assert [pause.kind for pause in pauses] == ([expected] if expected else [])


def test_pauses_outside_the_answer_do_not_count() -> None:
    voiced = [Span(0.0, 0.5), Span(3.0, 4.0), Span(4.5, 6.0), Span(9.0, 9.3)]
    assert silent_pauses(Span(3.0, 6.0), voiced) == (Pause(4.0, 4.5, "short"),)


def test_speaking_time_is_the_voice_inside_the_answer() -> None:
    assert speaking_time_s(Span(1.0, 5.0), [Span(0.0, 2.0), Span(3.0, 4.0), Span(4.5, 7.0)]) == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(None, None), (0.0, "short"), (89.9, "short"), (90.0, "in_range"), (180.0, "in_range"), (180.1, "long")],
)
def test_verdict(seconds: float | None, verdict: str | None) -> None:
    assert held_against_target(seconds).verdict == verdict


def test_own_target() -> None:
    assert held_against_target(70.0, min_s=60.0, max_s=90.0).verdict == "in_range"


def test_a_pause_lies_between_clauses_or_inside_one() -> None:
    words = [
        Word("We", 0.0, 0.2, 0.9),
        Word("looked.", 0.2, 1.0, 0.9),
        Word("Then", 2.0, 2.2, 0.9),
        Word("the", 2.2, 2.4, 0.9),
        Word("database", 3.4, 4.0, 0.9),
        Word("died", 4.0, 4.4, 0.9),
        Word("so", 5.4, 5.6, 0.9),
        Word("we", 5.6, 5.8, 0.9),
    ]
    voiced = [Span(0.0, 1.0), Span(2.0, 2.4), Span(3.4, 4.4), Span(5.4, 5.8)]
    assert [pause.place for pause in silent_pauses(Span(0.0, 5.8), voiced, words)] == ["clause", "inside", "clause"]


@pytest.mark.parametrize(("seconds", "margin"), [(80.0, -10.0), (90.0, 0.0), (120.0, 0.0), (180.0, 0.0), (200.5, 20.5)])
def test_margin(seconds: float, margin: float) -> None:
    assert held_against_target(seconds).margin_s == margin


def test_nothing_said_has_no_margin() -> None:
    assert held_against_target(None).margin_s is None


@pytest.mark.parametrize(
    ("target", "cards"),
    [
        ((90.0, 180.0), Cards(90.0, 150.0, 180.0, 210.0)),
        ((60.0, 90.0), Cards(60.0, 75.0, 90.0, 105.0)),
        ((180.0, 240.0), Cards(180.0, 220.0, 240.0, 280.0)),
        # a range too narrow for a full warning
        ((20.0, 30.0), Cards(20.0, 25.0, 30.0, 40.0)),
    ],
)
def test_cards_follow_the_target(target: tuple[float, float], cards: Cards) -> None:
    assert cards_for(*target) == cards


@pytest.mark.parametrize("target", [(0.0, 60.0), (60.0, 60.0), (90.0, 60.0), (-1.0, 5.0), (float("nan"), 5.0)])
def test_cards_need_a_range(target: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="not a range"):
        cards_for(*target)
