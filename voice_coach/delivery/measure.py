"""All of delivery in one record."""

from __future__ import annotations

from collections.abc import Sequence

from voice_coach.delivery.edges import sharpened
from voice_coach.delivery.fillers import count_fillers
from voice_coach.delivery.pace import count_words, pace_changes, pace_curve, rate_wpm
from voice_coach.delivery.timing import (
    TARGET_MAX_S,
    TARGET_MIN_S,
    answer_span,
    held_against_target,
    silent_pauses,
    speaking_time_s,
)
from voice_coach.delivery.voice import measure_voice
from voice_coach.records import Delivery, Sound, Span, Word


def measure_delivery(
    words: Sequence[Word],
    verbatim: Sequence[Word],
    voiced: Sequence[Span],
    *,
    target_min_s: float = TARGET_MIN_S,
    target_max_s: float = TARGET_MAX_S,
    sounds: Sequence[Sound] = (),
    clipped: float | None = None,
) -> Delivery:
    """How an answer was delivered; every measure is None where no word was spoken.

    sounds: what the windows sounded like; without them fewer hesitations are found, pauses have the voice detector's
    edges, and nothing is said of the voice. clipped: share of samples at full scale, 0 to 1.
    """
    answer = answer_span(words, voiced)
    duration_s = None if answer is None else answer.duration_s
    sharp = sharpened(voiced, sounds)
    speaking_s = None if answer is None else speaking_time_s(answer, sharp)
    spoken = count_words(words)
    curve = () if answer is None else pace_curve(answer, words)
    return Delivery(
        answer_duration_s=duration_s,
        speaking_time_s=speaking_s,
        target=held_against_target(duration_s, min_s=target_min_s, max_s=target_max_s),
        words=spoken,
        speech_rate_wpm=None if duration_s is None else rate_wpm(spoken, duration_s),
        articulation_rate_wpm=None if speaking_s is None else rate_wpm(spoken, speaking_s),
        fillers=count_fillers(words, verbatim, voiced, speaking_s=speaking_s, spoken_words=spoken, sounds=sounds),
        pauses=() if answer is None else silent_pauses(answer, sharp, words),
        latency_s=None if answer is None else answer.start_s,
        pace_curve=curve,
        pace_changes=pace_changes(curve, words),
        voice=None if answer is None else measure_voice(sounds, words, voiced, clipped=clipped),
    )
