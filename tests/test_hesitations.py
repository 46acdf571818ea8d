"""Held sounds, by made-up frames and made-up sound; hesitations in doubt, by hand-worked cases."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from voice_coach.audio.sound import HOP, listen
from voice_coach.delivery.fillers import filled_pauses
from voice_coach.delivery.hesitations import held_between, steady_stretches
from voice_coach.records import SAMPLE_RATE_HZ, Samples, Sound, Span, Window, Word

FRAME_S = HOP / SAMPLE_RATE_HZ


def sound(changes: list[float], levels: list[float] | None = None, start_s: float = 0.0) -> Sound:
    count = len(changes)
    return Sound(
        time_s=(start_s + FRAME_S * np.arange(count)).astype(np.float32),
        pitch_hz=np.full(count, np.nan, dtype=np.float32),
        level_dbfs=np.asarray(levels or [-30.0] * count, dtype=np.float32),
        change_db=np.asarray(changes, dtype=np.float32),
        presence_db=np.full(count, 20.0, dtype=np.float32),
    )


QUIET = [-60.0] * 10


@pytest.mark.parametrize(
    ("changes", "levels", "runs"),
    [
        ([], [], 0),
        ([9.0] * 40, QUIET + [-30.0] * 30, 0),
        ([9.0] * 10 + [2.0] * 20 + [9.0] * 10, QUIET + [-30.0] * 30, 1),
        # a crack of one frame is bridged, one of two frames is not
        ([9.0] * 10 + [2.0] * 6 + [9.0] + [2.0] * 6 + [9.0] * 10, QUIET + [-30.0] * 23, 1),
        ([9.0] * 10 + [2.0] * 6 + [9.0] * 2 + [2.0] * 6 + [9.0] * 10, QUIET + [-30.0] * 24, 0),
        # steady noise, no louder than the rest of the window
        ([2.0] * 60, [-50.0] * 60, 0),
    ],
)
def test_held_sounds(changes: list[float], levels: list[float], runs: int) -> None:
    assert len(steady_stretches([sound(changes, levels)])) == runs


def test_the_nearest_held_sound_is_cut_to_the_stretch() -> None:
    steady = [Span(1.0, 1.3), Span(2.0, 2.6)]
    assert held_between(steady, 0.0, 3.0, 2.3) == Span(2.0, 2.6)
    assert held_between(steady, 0.0, 3.0, 1.1) == Span(1.0, 1.3)
    assert held_between(steady, 2.4, 3.0, 2.5) == Span(2.4, 2.6)
    assert held_between(steady, 2.5, 3.0, 2.5) is None


VOICED = [Span(0.0, 10.0)]
HELD = sound([9.0] * 10 + [2.0] * 20 + [9.0] * 10, QUIET + [-30.0] * 30, start_s=1.0)  # held from 1.16 to 1.46 s


def reading(confidence: float, before_end_s: float = 1.1) -> list[Word]:
    return [
        Word("it", 0.7, before_end_s, 0.9),
        Word("uh", 1.2, 1.3, confidence),
        Word("broke", 1.5, 2.0, 0.9),
    ]


PLAIN = [Word("it", 0.7, 1.4, 0.9), Word("broke", 1.4, 2.0, 0.9)]


@pytest.mark.parametrize(
    ("confidence", "sounds", "times"),
    [
        (0.9, [], (1.2, 1.3)),
        # held sound gives the time
        (0.9, [HELD], (1.16, 1.464)),
        # in doubt: only with held sound
        (0.12, [], None),
        (0.12, [HELD], (1.16, 1.464)),
    ],
)
def test_a_doubtful_hesitation_needs_held_sound(
    confidence: float, sounds: list[Sound], times: tuple[float, float] | None
) -> None:
    events = filled_pauses(PLAIN, reading(confidence), VOICED, sounds)
    assert [(e.start_s, e.end_s) for e in events] == ([] if times is None else [pytest.approx(times, abs=0.002)])


def test_what_only_held_sound_speaks_for_is_probable() -> None:
    assert [e.confidence for e in filled_pauses(PLAIN, reading(0.12), VOICED, [HELD])] == [0.5]
    assert [e.confidence for e in filled_pauses(PLAIN, reading(0.9), VOICED, [HELD])] == [0.8]


@pytest.mark.parametrize(("held_s", "found"), [(0.16, 0), (0.24, 1)])
def test_a_faint_hesitation_needs_long_held_sound(held_s: float, found: int) -> None:
    steady = round(held_s / FRAME_S) + 1
    sounds = [sound([9.0] * 10 + [2.0] * steady + [9.0] * 10, QUIET + [-30.0] * (steady + 10), start_s=1.0)]
    assert len(filled_pauses(PLAIN, reading(0.07), VOICED, sounds)) == found
    assert len(filled_pauses(PLAIN, reading(0.12), VOICED, sounds)) == 1


def test_a_hesitation_in_both_readings_is_one_though_its_sound_is_late() -> None:
    """Both readings ended a sentence 0.6 s before the held sound: the plain one was counted beside it."""
    plain = [Word("it", 0.1, 0.5, 0.9), Word("Uh...", 0.6, 0.7, 0.9), Word("broke", 1.6, 2.0, 0.9)]
    primed = [Word("it", 0.1, 0.5, 0.9), Word("Uh,", 0.6, 1.0, 0.9), Word("broke", 1.6, 2.0, 0.9)]
    events = filled_pauses(plain, primed, VOICED, [HELD])
    assert [(round(e.start_s, 2), e.confidence) for e in events] == [(1.16, 0.95)]


def test_a_drawn_out_word_does_not_vouch_for_a_doubtful_hesitation() -> None:
    lengthened = [Word("and", 0.7, 1.44, 0.9), Word("uh", 1.44, 1.5, 0.12), Word("broke", 1.5, 2.0, 0.9)]
    assert filled_pauses(PLAIN, lengthened, VOICED, [HELD]) == ()


def test_a_hesitation_aligned_to_the_silence_before_the_voice_moves_into_it() -> None:
    verbatim = [Word("uh", 1.37, 1.47, 0.36), Word("So", 1.47, 1.83, 0.9)]
    events = filled_pauses([Word("So", 1.37, 1.83, 0.9)], verbatim, [Span(1.67, 3.0)])
    assert [e.start_s for e in events] == [1.67]
    # with the next word in its place, nothing was said before the voice
    assert filled_pauses([], [verbatim[0], Word("So", 1.7, 1.9, 0.9)], [Span(1.67, 3.0)]) == ()


def vowel(seconds: float, hz: float) -> Samples:
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    tones = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 20))
    return np.asarray(0.1 * tones, dtype=np.float32)


def test_the_pitch_of_a_made_vowel_is_heard_and_stands_still() -> None:
    samples = np.concatenate([np.zeros(8000, np.float32), vowel(1.0, 120.0), np.zeros(8000, np.float32)])
    window = Window(samples, (Span(10.0, 12.0),), (Span(10.5, 11.5),))
    heard = listen(window)
    assert len(heard.time_s) == len(heard.pitch_hz) == len(heard.level_dbfs) == len(heard.change_db) == 125
    assert heard.time_s[0] == pytest.approx(10.008, abs=1e-3)
    middle = (heard.time_s > 10.6) & (heard.time_s < 11.4)
    assert np.nanmedian(heard.pitch_hz[middle]) == pytest.approx(120.0, rel=0.02)
    assert heard.change_db[middle].max() < 1.0
    steady = steady_stretches([heard])
    assert [(s.start_s, s.end_s) for s in steady] == [pytest.approx((10.5, 11.5), abs=0.06)]


@pytest.mark.parametrize("make", [lambda n: np.zeros(n, np.float32), lambda n: np.zeros(0, np.float32)])
def test_silence_holds_nothing(make: Callable[[int], Samples]) -> None:
    samples = make(16000)
    window = Window(samples, (Span(0.0, len(samples) / SAMPLE_RATE_HZ),), ())
    assert steady_stretches([listen(window)]) == ()
