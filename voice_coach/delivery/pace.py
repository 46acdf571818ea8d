"""Pace: words a minute, with numbers and acronyms counted as they are spoken."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from voice_coach.delivery.fillers import is_filled_pause
from voice_coach.records import PaceChange, PaceWindow, Span, Word

WINDOW_S = 15.0
"""Length of a window of the curve: long enough for some forty words, short enough for one thought."""

SHORTEST_WINDOW_S = 7.5
"""A shorter rest at the end is added to the window before it."""

BURST, DRAG = 1.3, 0.65
"""Shares of the answer's own pace from which a window stands out. Ours, set wide: a window is three or four
sentences, which average out the ordinary ups and downs."""

BURST_LEAST_WPM, DRAG_MOST_WPM = 170.0, 120.0
"""A calm speaker's faster window is no burst, a fast speaker's slower one no drag."""

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


def pace_curve(answer: Span, words: Sequence[Word]) -> tuple[PaceWindow, ...]:
    """Speech rate in windows of WINDOW_S from the answer's first word to its last, pauses inside included.

    A word belongs to the window its middle lies in.
    """
    edges = [answer.start_s]
    while answer.end_s - edges[-1] >= WINDOW_S + SHORTEST_WINDOW_S:
        edges.append(edges[-1] + WINDOW_S)
    edges.append(answer.end_s)
    windows = []
    for k, (start_s, end_s) in enumerate(pairwise(edges)):
        last = k == len(edges) - 2
        inside = [w for w in words if start_s <= _middle(w) and (last or _middle(w) < end_s)]
        rate = rate_wpm(count_words(inside), max(0.0, end_s - start_s))
        if rate is not None:
            windows.append(PaceWindow(start_s, end_s, rate))
    return tuple(windows)


def pace_changes(curve: Sequence[PaceWindow], words: Sequence[Word]) -> tuple[PaceChange, ...]:
    """The windows that stand out from the answer's own pace; none in an answer of fewer than three windows."""
    if len(curve) < 3:
        return ()
    whole = sum(one.wpm * (one.end_s - one.start_s) for one in curve) / (curve[-1].end_s - curve[0].start_s)
    changes = []
    for one in curve:
        if one.wpm >= max(BURST * whole, BURST_LEAST_WPM):
            changes.append(PaceChange("burst", one.start_s, one.end_s, one.wpm, _sentence_in(one, words)))
        elif one.wpm <= min(DRAG * whole, DRAG_MOST_WPM):
            changes.append(PaceChange("drag", one.start_s, one.end_s, one.wpm, _sentence_in(one, words)))
    return tuple(changes)


def _middle(word: Word) -> float:
    return (word.start_s + word.end_s) / 2


def _sentence_in(window: PaceWindow, words: Sequence[Word]) -> str:
    """The sentence that has most of its words in the window; empty where it has none."""
    sentences: list[list[Word]] = [[]]
    for word in words:
        sentences[-1].append(word)
        if word.text.endswith((".", "?", "!")):
            sentences.append([])

    def inside(sentence: Sequence[Word]) -> int:
        return sum(window.start_s <= _middle(word) < window.end_s for word in sentence)

    best = max(sentences, key=inside)
    return " ".join(word.text for word in best) if inside(best) else ""


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
    if 1100 <= value < 2000 and value % 100 == 0:
        return words + 2  # "eleven hundred", shorter than "one thousand one hundred" and said more often
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
