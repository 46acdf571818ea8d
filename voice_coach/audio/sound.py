"""Pitch, level and spectral change of a window: what tells a drawn-out "um" and a lively voice from words alone.

The samples are needed only here: what goes on is four small arrays a window, so memory stays flat.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from voice_coach.records import SAMPLE_RATE_HZ, Samples, Sound, Window

if TYPE_CHECKING:
    from swift_f0 import SwiftF0

HOP = 256
"""Samples a frame, 16 ms: the pitch network's own step."""

SPAN = 512
"""Samples a spectrum is taken over, 32 ms: two periods of the lowest voices."""

PITCH_RANGE_HZ = (60.0, 500.0)
"""Speaking voices, men's creak left out; beyond it the network hears hum or whistles."""

VOICED_ABOVE = 0.5
"""Confidence at which a frame has a pitch. Source: SwiftF0's own rule."""

MEL_BANDS = 24
"""Bands of the spectrum, a quarter of an octave at the vowels: vowels differ, harmonics do not show."""

BAND_RANGE_HZ = (150.0, 4000.0)
"""Where vowels differ and a telephone still carries; room rumble and hiss lie outside."""

BAND_FLOOR_DB = 30.0
"""Bands this far under the frame's loudest are noise, whose changes say nothing."""

CHANGE_FRAMES = 2
"""The spectrum is compared over 2 frames to either side, 64 ms: longer than a glottal cycle, shorter than a sound."""


@lru_cache(maxsize=1)
def _detector() -> SwiftF0:
    from swift_f0 import SwiftF0

    # one thread that sleeps between calls: Whisper has the others
    return SwiftF0(threads=1, spin=False)


def listen(window: Window) -> Sound:
    """What a window sounds like."""
    samples = np.asarray(window.samples)
    frames = len(samples) // HOP
    if frames == 0:
        return Sound(*(np.zeros(0, dtype=np.float32) for _ in range(4)))
    heard = _detector().detect(samples, SAMPLE_RATE_HZ, *PITCH_RANGE_HZ)
    pitch = np.where(heard.confidence >= VOICED_ABOVE, heard.pitch_hz, np.nan)[:frames]
    times = [window.time_s((k + 0.5) * HOP / SAMPLE_RATE_HZ) for k in range(frames)]
    spectra = _spectra(samples, frames)
    return Sound(
        time_s=np.asarray(times, dtype=np.float32),
        pitch_hz=pitch.astype(np.float32),
        level_dbfs=_levels(samples, frames),
        change_db=_changes(spectra),
    )


def _levels(samples: Samples, frames: int) -> Samples:
    power = np.square(samples[: frames * HOP].reshape(frames, HOP), dtype=np.float64).mean(axis=1)
    return np.asarray(10.0 * np.log10(power + 1e-12), dtype=np.float32)


def _spectra(samples: Samples, frames: int) -> npt.NDArray[np.float64]:
    """Level of each band in dB under the frame's loudest, shape (frames, MEL_BANDS), 0 to -BAND_FLOOR_DB."""
    half = (SPAN - HOP) // 2
    padded = np.pad(samples, (half, half + HOP))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, SPAN)[::HOP][:frames]
    power = np.square(np.abs(np.fft.rfft(pieces * np.hanning(SPAN), axis=1)))
    bands = 10.0 * np.log10(power @ _filters() + 1e-12)
    return np.asarray(np.maximum(bands - bands.max(axis=1, keepdims=True), -BAND_FLOOR_DB))


@lru_cache(maxsize=1)
def _filters() -> npt.NDArray[np.float64]:
    """Triangles spaced evenly in mel (O'Shaughnessy 1987), shape (SPAN / 2 + 1, MEL_BANDS)."""
    low, high = (1127.0 * np.log(1.0 + hz / 700.0) for hz in BAND_RANGE_HZ)
    edges = 700.0 * (np.exp(np.linspace(low, high, MEL_BANDS + 2) / 1127.0) - 1.0)
    bins = np.fft.rfftfreq(SPAN, 1.0 / SAMPLE_RATE_HZ)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))


def _changes(spectra: npt.NDArray[np.float64]) -> Samples:
    """Mean difference in dB between the bands before and after each frame."""
    padded = np.pad(spectra, ((CHANGE_FRAMES, CHANGE_FRAMES), (0, 0)), mode="edge")
    before, after = padded[: len(spectra)], padded[2 * CHANGE_FRAMES :]
    return np.asarray(np.abs(after - before).mean(axis=1), dtype=np.float32)
