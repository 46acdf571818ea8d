"""Pitch, level and spectral change of a window, and how far it stands over its own background: what tells a drawn-out
"um", a lively voice and the edge of a pause from words alone.

The samples are needed only here: what goes on is five small arrays a window, so memory stays flat.
"""

from __future__ import annotations

from collections.abc import Sequence
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


PRESENCE_BANDS = 20
PRESENCE_RANGE_HZ = (200.0, 7000.0)
"""Where speech stands out of a room: above its rumble, and up to the hiss of an s."""

PRESENCE_FRAMES = 5
"""Frames that the power is averaged over, 80 ms: noise then varies by 2 dB in a band, and stop closures are bridged."""

PRESENCE_DEPTH_DB = 55.0
"""Bands this far under the loudest frames' loudest band are silence, whatever lies beneath: a gate's zeros."""

BACKGROUND_MARGINS_S = (0.03, 0.05)
"""How far before and after voice a frame lies that is background."""

LEAST_BACKGROUND_FRAMES = 20
"""A third of a second of background, in pieces; with less the quietest tenth of each band stands for it."""


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
        return Sound(*(np.zeros(0, dtype=np.float32) for _ in range(5)))
    heard = _detector().detect(samples, SAMPLE_RATE_HZ, *PITCH_RANGE_HZ)
    pitch = np.where(heard.confidence >= VOICED_ABOVE, heard.pitch_hz, np.nan)[:frames]
    times = [window.time_s((k + 0.5) * HOP / SAMPLE_RATE_HZ) for k in range(frames)]
    power = _power(samples, frames)
    return Sound(
        time_s=np.asarray(times, dtype=np.float32),
        pitch_hz=pitch.astype(np.float32),
        level_dbfs=_levels(samples, frames),
        change_db=_changes(_shapes(power)),
        presence_db=_presence(power, _background(times, window)),
    )


def _levels(samples: Samples, frames: int) -> Samples:
    power = np.square(samples[: frames * HOP].reshape(frames, HOP), dtype=np.float64).mean(axis=1)
    return np.asarray(10.0 * np.log10(power + 1e-12), dtype=np.float32)


def _power(samples: Samples, frames: int) -> npt.NDArray[np.float64]:
    """Power spectrum around each frame, shape (frames, SPAN / 2 + 1)."""
    half = (SPAN - HOP) // 2
    padded = np.pad(samples, (half, half + HOP))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, SPAN)[::HOP][:frames]
    return np.asarray(np.square(np.abs(np.fft.rfft(pieces * np.hanning(SPAN), axis=1))))


def _shapes(power: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Level of each band in dB under the frame's loudest, shape (frames, MEL_BANDS), 0 to -BAND_FLOOR_DB."""
    bands = 10.0 * np.log10(power @ _filters(MEL_BANDS, BAND_RANGE_HZ) + 1e-12)
    return np.asarray(np.maximum(bands - bands.max(axis=1, keepdims=True), -BAND_FLOOR_DB))


@lru_cache(maxsize=2)
def _filters(count: int, range_hz: tuple[float, float]) -> npt.NDArray[np.float64]:
    """Triangles spaced evenly in mel (O'Shaughnessy 1987), shape (SPAN / 2 + 1, count)."""
    low, high = (1127.0 * np.log(1.0 + hz / 700.0) for hz in range_hz)
    edges = 700.0 * (np.exp(np.linspace(low, high, count + 2) / 1127.0) - 1.0)
    bins = np.fft.rfftfreq(SPAN, 1.0 / SAMPLE_RATE_HZ)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))


def _background(times: Sequence[float], window: Window) -> npt.NDArray[np.bool_]:
    """Which frames lie outside the voice, shape (frames,)."""
    before_s, after_s = BACKGROUND_MARGINS_S
    outside = np.ones(len(times), dtype=np.bool_)
    for span in window.voiced:
        first, last = np.searchsorted(times, [span.start_s - before_s, span.end_s + after_s])
        outside[first:last] = False
    return outside


def _presence(power: npt.NDArray[np.float64], background: npt.NDArray[np.bool_]) -> Samples:
    """How far the bands stand over the window's own background, in dB, mean over the bands, shape (frames,)."""
    bands = power @ _filters(PRESENCE_BANDS, PRESENCE_RANGE_HZ)
    sums = np.vstack([np.zeros((1, PRESENCE_BANDS)), np.cumsum(bands, axis=0)])
    at = np.arange(len(bands))
    first = np.maximum(at - PRESENCE_FRAMES // 2, 0)
    last = np.minimum(at + PRESENCE_FRAMES // 2 + 1, len(bands))
    levels = 10.0 * np.log10((sums[last] - sums[first]).clip(0.0) / (last - first)[:, None] + 1e-12)
    if background.sum() >= LEAST_BACKGROUND_FRAMES:
        floor = np.median(levels[background], axis=0)
    else:
        floor = np.percentile(levels, 10.0, axis=0)
    floor = np.maximum(floor, np.percentile(levels.max(axis=1), 95.0) - PRESENCE_DEPTH_DB)
    return np.asarray(np.maximum(levels - floor, 0.0).mean(axis=1), dtype=np.float32)


def _changes(spectra: npt.NDArray[np.float64]) -> Samples:
    """Mean difference in dB between the bands before and after each frame."""
    padded = np.pad(spectra, ((CHANGE_FRAMES, CHANGE_FRAMES), (0, 0)), mode="edge")
    before, after = padded[: len(spectra)], padded[2 * CHANGE_FRAMES :]
    return np.asarray(np.abs(after - before).mean(axis=1), dtype=np.float32)
