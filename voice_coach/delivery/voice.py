"""The voice: how far its pitch and loudness move, and whether the recording is good enough to say so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from voice_coach.records import Sound, Span, Voice, Word

LEAST_PITCHED_S = 8.0
"""Pitched sound needed to judge: three or four sentences, so that one exclamation does not make the range."""

FRAME_S = 0.016
"""Length of a frame of `Sound`."""

HOARSE_BELOW = 0.35
"""Share of voiced time with a pitch under which the voice is hoarse, whispering or creaking. Measured: 0.47 to 0.67
for two human and eleven synthetic clear voices, 0.16 and 0.28 for one of the humans with a cold, 0.25 for a whispery
synthetic one."""

NOISY_BELOW_DB = 10.0
"""Distance of voice and background under which the pitch of the background enters the figures."""

OUTER_PERCENT = 5.0
"""Left out at both ends of each range: octave errors of the pitch network and onsets of sounds."""

FLAT_BELOW_ST = 1.5
"""Standard deviation in semitones under which a sentence is flat. Ours: under half of what the fixtures' and generated
voices show over a whole answer (2.0 to 5.2, median 3.4), and well above the pitch network's own jitter."""

SHORTEST_SENTENCE_S = 0.8
"""Pitched sound a sentence needs to be called flat or lively."""

SILENCE_MARGIN_S = 0.1
"""How far from voice a frame lies that is taken for background: word ends fade."""

BACKGROUND_PERCENT = 25.0
"""Which of the frames in the pauses is the background: the others hold breaths, keys and word ends."""

QUIETEST_DBFS = -96.0
"""The last bit of 16: a gate's exact zeros are not quieter than that."""

LEAST_BACKGROUND_FRAMES = 12
"""A fifth of a second of background, spread over the pauses."""

CLIPPED_ABOVE = 0.01
"""Share of samples at full scale from which loudness says nothing: the loudest part was cut off."""


def measure_voice(
    sounds: Sequence[Sound], words: Sequence[Word], voiced: Sequence[Span], *, clipped: float | None = None
) -> Voice | None:
    """What the voice did; None where nothing was heard.

    Where the recording does not bear it, pitch and loudness are None and `unjudged` says why. clipped: share of
    samples at full scale, 0 to 1.
    """
    if not any(len(sound.time_s) for sound in sounds) or not voiced:
        return None
    time_s = np.concatenate([sound.time_s for sound in sounds])
    pitch_hz = np.concatenate([sound.pitch_hz for sound in sounds])
    level_dbfs = np.concatenate([sound.level_dbfs for sound in sounds])
    inside, near = _covered(time_s, voiced, 0.0), _covered(time_s, voiced, SILENCE_MARGIN_S)
    pitched = inside & ~np.isnan(pitch_hz)
    background = level_dbfs[~near]
    noise_dbfs = None
    if len(background) >= LEAST_BACKGROUND_FRAMES:
        noise_dbfs = max(float(np.percentile(background, BACKGROUND_PERCENT)), QUIETEST_DBFS)
    loud_dbfs = 10.0 * np.log10(np.mean(10.0 ** (level_dbfs[inside] / 10.0))) if inside.any() else None
    snr_db = None if noise_dbfs is None or loud_dbfs is None else float(loud_dbfs - noise_dbfs)
    unjudged = _unjudged(float(pitched.sum()) * FRAME_S, float(inside.sum()) * FRAME_S, snr_db, clipped)
    if unjudged is not None:
        return Voice(None, None, None, None, noise_dbfs, snr_db, clipped, unjudged)
    semitones = np.full(len(pitch_hz), np.nan)
    semitones[pitched] = 12.0 * np.log2(pitch_hz[pitched] / np.median(pitch_hz[pitched]))
    return Voice(
        pitch_hz=float(np.median(pitch_hz[pitched])),
        pitch_range_semitones=_range(semitones[pitched]),
        flat_sentences=_flat_share(semitones, time_s, words),
        loudness_range_db=_range(level_dbfs[pitched]),
        noise_dbfs=noise_dbfs,
        snr_db=snr_db,
        clipped=clipped,
        unjudged=None,
    )


def _unjudged(pitched_s: float, voiced_s: float, snr_db: float | None, clipped: float | None) -> str | None:
    """Why the voice can't be judged; None where it can."""
    if voiced_s < LEAST_PITCHED_S:
        return "too little speech"
    if snr_db is not None and snr_db < NOISY_BELOW_DB:
        return "too much background noise"
    if clipped is not None and clipped > CLIPPED_ABOVE:
        return "the recording is overdriven"
    if pitched_s < HOARSE_BELOW * voiced_s or pitched_s < LEAST_PITCHED_S:
        return "hoarse or too quiet a voice"
    return None


def _covered(time_s: npt.NDArray[np.float32], spans: Sequence[Span], margin_s: float) -> npt.NDArray[np.bool_]:
    covered = np.zeros(len(time_s), dtype=np.bool_)
    for span in spans:
        first, last = np.searchsorted(time_s, [span.start_s - margin_s, span.end_s + margin_s])
        covered[first:last] = True
    return covered


def _range(values: npt.NDArray[np.floating]) -> float:
    low, high = np.percentile(values, [OUTER_PERCENT, 100.0 - OUTER_PERCENT])
    return float(high - low)


def _flat_share(
    semitones: npt.NDArray[np.float64], time_s: npt.NDArray[np.float32], words: Sequence[Word]
) -> float | None:
    """Share of the sentences long enough to tell in which the pitch hardly moves; None where there is none."""
    flat: list[bool] = []
    start_s: float | None = None
    for word in words:
        start_s = word.start_s if start_s is None else start_s
        if word.text.endswith((".", "?", "!")):
            first, last = np.searchsorted(time_s, [start_s, word.end_s])
            inside = semitones[first:last]
            inside = inside[~np.isnan(inside)]
            if len(inside) * FRAME_S >= SHORTEST_SENTENCE_S:
                flat.append(float(np.std(inside)) < FLAT_BELOW_ST)
            start_s = None
    return sum(flat) / len(flat) if flat else None
