"""Silence, breath, keys and music yield no words: made-up sounds through the shipped voice detector and Whisper."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from voice_coach.audio.windows import WindowCutter
from voice_coach.records import SAMPLE_RATE_HZ, Samples
from voice_coach.session import Coach

SECONDS = 12
COUNT = SECONDS * SAMPLE_RATE_HZ


def room() -> Samples:
    return np.asarray(10 ** (-60 / 20) * np.random.default_rng(1).standard_normal(COUNT), dtype=np.float32)


def breath() -> Samples:
    """Shaped hiss that swells and dies, every three seconds."""
    rng = np.random.default_rng(2)
    hz = np.fft.rfftfreq(COUNT, 1 / SAMPLE_RATE_HZ)
    shape = np.exp(-(((hz - 1200.0) / 900.0) ** 2))
    hiss = np.fft.irfft(np.fft.rfft(rng.standard_normal(COUNT)) * shape, COUNT)
    t = np.arange(COUNT) / SAMPLE_RATE_HZ % 3.0
    swell = np.where(t < 1.0, np.sin(np.pi * np.minimum(t, 1.0)) ** 2, 0.0)
    return np.asarray(0.03 * hiss / np.abs(hiss).max() * swell + room(), dtype=np.float32)


def keyboard() -> Samples:
    """Clicks of 8 ms, seven a second, not quite even."""
    rng = np.random.default_rng(3)
    sound = np.asarray(room(), dtype=np.float64)
    for at in np.cumsum(rng.uniform(0.08, 0.2, 80)):
        first = round(at * SAMPLE_RATE_HZ)
        click = rng.standard_normal(128) * np.exp(-np.arange(128) / 24.0) * rng.uniform(0.05, 0.2)
        sound[first : first + len(click)] += click[: len(sound[first : first + len(click)])]
    return np.asarray(sound, dtype=np.float32)


def music() -> Samples:
    """A plucked chord progression, half a second a chord."""
    sound = np.zeros(COUNT)
    t = np.arange(SAMPLE_RATE_HZ // 2) / SAMPLE_RATE_HZ
    for k in range(2 * SECONDS):
        for semitone in np.asarray([0, 4, 7]) + (0, 5, 7, 0)[k % 4]:
            hz = 220.0 * 2 ** (semitone / 12)
            note = sum(np.sin(2 * np.pi * hz * n * t) / n**2 for n in range(1, 6)) * np.exp(-3.0 * t)
            sound[k * len(t) : (k + 1) * len(t)] += 0.05 * note
    return np.asarray(sound, dtype=np.float32)


@pytest.mark.parametrize("make", [room, breath, keyboard, music])
def test_no_words(coach: Coach, make: Callable[[], Samples]) -> None:
    cutter = WindowCutter()
    windows = [*cutter.push(make()), *cutter.finish()]
    heard = [coach.whisper.transcribe(window) for window in windows]
    assert [word.text for text in heard for word in text.words] == []
    assert [word.text for text in heard for word in text.verbatim] == []
