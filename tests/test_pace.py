"""Words as they are spoken."""

from __future__ import annotations

import pytest

from voice_coach.delivery.pace import count_words, rate_wpm, spoken_words
from voice_coach.records import Word


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
        ("1,300", 4),  # one thousand three hundred
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
