"""When an answer has ended by itself: a patient silence, never one in mid-thought."""

from __future__ import annotations

import re

EARLY_SILENCE_S, SILENCE_S = 4.0, 3.0
"""Silence that ends an answer: in its first EARLY_SPEECH_S of speech, and later. People pause 2 to 3 s to
think, and interviewers that cut in after one second are hated. Source: the measured facts on users."""

EARLY_SPEECH_S = 30.0

HANGING_S = 3.0
"""Added where the last word says that more is to come."""

CUE_S = 1.5
"""So long before the end a line says what is about to happen."""

HANGING = frozenset(
    "and but so because or then which that the a an to of with if when while um uh er erm hmm mm ah like".split()
)
"""Words on which nobody ends an answer."""


def silence_that_ends_s(
    *, spoken_s: float, answered_s: float, target_min_s: float, last_words: str | None
) -> float | None:
    """Seconds of silence after which the answer counts as ended; None while only a key ends it.

    spoken_s: voice so far. answered_s: length of the answer so far. last_words: the end of what was said, None
    while it is not transcribed: then it may be a word on which nobody ends.
    """
    if answered_s < target_min_s or not spoken_s:
        return None
    patience_s = EARLY_SILENCE_S if spoken_s < EARLY_SPEECH_S else SILENCE_S
    words = ["and"] if last_words is None else last_words.split()
    if words and re.sub(r"\W", "", words[-1].lower()) in HANGING:
        patience_s += HANGING_S
    return patience_s
