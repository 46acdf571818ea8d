"""Words as they are spoken."""

from __future__ import annotations

import pytest

from voice_coach.delivery.pace import count_words, pace_changes, pace_curve, rate_wpm, spoken_words
from voice_coach.records import Span, Word


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("deploy", 1),
        ("it's", 1),
        ("–", 0),
        ("post-mortem", 2),
        ("40%", 2),  # forty percent
        ("9%", 2),
        ("0.5", 3),  # zero point five
        ("2,000", 2),  # two thousand
        ("1,300", 2),  # thirteen hundred
        ("1,400", 2),
        ("1900", 2),
        ("2,400", 4),  # two thousand four hundred
        ("21", 2),
        ("15", 1),
        ("120", 3),  # one hundred twenty
        ("2019", 2),  # twenty nineteen
        ("1999", 3),  # nineteen ninety nine
        ("5xx", 3),  # five x x
        ("p99", 3),  # p ninety nine
        ("SEV-1", 2),
        ("SLO", 1),
    ],
)
def test_spoken_words(token: str, words: int) -> None:
    assert spoken_words(token) == words


def test_filled_pauses_are_no_words() -> None:
    said = ["So,", "um,", "we", "rolled", "back", "uh", "at", "5:30."]
    assert count_words([Word(text, 0.0, 0.0, None) for text in said]) == 7


def test_no_time_no_rate() -> None:
    assert rate_wpm(10, 0.0) is None


def test_rate() -> None:
    assert rate_wpm(150, 60.0) == 150.0


def test_negative_time_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        rate_wpm(1, -1.0)


def told(*rates: float) -> list[Word]:
    """Sentences of 15 s each, at these rates in words a minute."""
    words = []
    for k, rate in enumerate(rates):
        count = round(rate / 4)
        step = 15.0 / count
        for n in range(count):
            text = f"part{chr(97 + k)}" + ("." if n == count - 1 else "")
            words.append(Word(text, 15.0 * k + n * step, 15.0 * k + n * step + 0.1, 0.9))
    return words


def test_the_curve_has_no_gaps_and_keeps_every_word() -> None:
    words = told(140, 160, 100, 120)
    curve = pace_curve(Span(0.0, 60.0), words)
    assert [(one.start_s, one.end_s) for one in curve] == [(0, 15), (15, 30), (30, 45), (45, 60)]
    assert [round(one.wpm) for one in curve] == [140, 160, 100, 120]
    assert sum(one.wpm * 15 / 60 for one in curve) == pytest.approx(len(words))


@pytest.mark.parametrize(("end_s", "windows"), [(3.0, 1), (15.0, 1), (22.0, 1), (22.6, 2), (37.4, 2), (60.0, 4)])
def test_a_short_rest_belongs_to_the_window_before(end_s: float, windows: int) -> None:
    curve = pace_curve(Span(0.0, end_s), [])
    assert len(curve) == windows
    assert curve[-1].end_s == end_s


def test_bursts_and_drags_name_their_sentence() -> None:
    words = told(140, 220, 140, 60, 140)
    changes = pace_changes(pace_curve(Span(0.0, 75.0), words), words)
    assert [(one.kind, one.start_s) for one in changes] == [("burst", 15.0), ("drag", 45.0)]
    assert changes[0].sentence.startswith("partb")
    assert changes[1].sentence.startswith("partd")


def test_an_even_pace_has_neither() -> None:
    words = told(150, 160, 140, 155)
    assert pace_changes(pace_curve(Span(0.0, 60.0), words), words) == ()


def test_an_answer_of_no_length_has_no_curve() -> None:
    assert pace_curve(Span(1.0, 1.0), []) == ()
