"""Pace: words a minute, with numbers and acronyms counted as they are spoken."""

from __future__ import annotations

import re
from collections.abc import Sequence

from voice_coach.delivery.fillers import is_filled_pause
from voice_coach.records import Word

_TENS_WORDS = 20
_PIECES = re.compile(r"\d[\d,]*(?:\.\d+)?|[A-Za-z]+(?:['’][A-Za-z]+)?|%")


def spoken_words(text: str) -> int:
    """How many words a written token is when said aloud; at least 1 for anything with a letter or digit.

    "2,000" is two thousand, "5xx" five x x, "p99" p ninety nine, "SEV-1" sev one, "40%" forty percent.
    Letters of an acronym said one by one ("SLO") count as one word, as transcribers count them.
    """
    count = 0
    for piece in _PIECES.findall(text):
        if piece[0].isdigit():
            count += _number_words(piece)
        elif re.fullmatch(r"[xX]{2,}", piece):
            count += len(piece)
        else:
            count += 1
    return count


def count_words(words: Sequence[Word]) -> int:
    """Words spoken, filled pauses left out."""
    return sum(spoken_words(word.text) for word in words if not is_filled_pause(word.text))


def rate_wpm(words: int, duration_s: float) -> float | None:
    """Words per minute; None when duration_s is zero.

    Over the answer's duration it is the speech rate, over its speaking time the articulation rate.
    Raises: ValueError if duration_s is negative.
    """
    if duration_s < 0:
        raise ValueError(f"duration_s is negative: {duration_s}")
    return 60.0 * words / duration_s if duration_s else None


def _number_words(digits: str) -> int:
    """Words of a number read aloud: 9 → 1, 21 → 2, 120 → 3 (one hundred twenty), 2,000 → 2, 2019 → 2."""
    whole, _, fraction = digits.partition(".")
    words = 1 + len(fraction) if fraction else 0
    value = int(whole.replace(",", ""))
    if value == 0:
        return words + 1
    if "," not in whole and 1100 <= value < 2100 and value % 100 >= 10:
        # a year, or a number said like one: nineteen ninety nine
        return words + _group_words(value // 100) + _group_words(value % 100)
    words += _scales(value)
    while value:
        value, group = divmod(value, 1000)
        words += _group_words(group)
    return words


def _scales(value: int) -> int:
    """How many of thousand, million, … are said: one for each group of three above the first that is not empty."""
    count, value = 0, value // 1000
    while value:
        count += value % 1000 > 0
        value //= 1000
    return count


def _group_words(group: int) -> int:
    hundreds, rest = divmod(group, 100)
    words = 2 if hundreds else 0
    if rest:
        words += 1 if rest < _TENS_WORDS or rest % 10 == 0 else 2
    return words
