"""Where pauses begin and end, by the sound itself.

The voice detector says where somebody speaks, but it lets a word go 0.05 s late on average, hears through short
pauses and drops weak syllables. The sound between knows better: a pause is where nothing stands over the room.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from voice_coach.records import Sound, Span

HEARD_ROOM_DB = 0.2
"""Presence of a window's background from which there is noise; under it the background is silence, cut off."""

LOUDEST_ROOM_DB = 1.5
"""Most that a background stands over its own median; where the frames outside the voice have more, they are no
background but sound that the detector dropped."""

OVER_NOISE_DB, OVER_SILENCE_DB = 0.3, 1.0
"""Presence over the background's own from which there is sound: in noise two standard deviations of the background,
in silence one band in twenty standing 20 dB over it. Chosen on the tuning half (scripts/LOG.md)."""

BRIDGED_FRAMES = 4
"""Frames, 64 ms in all, that stand out of a silence and are none the less part of it: a lip's click, a key."""

SHORTEST_SILENCE_S = 0.1
"""A shorter silence moves no edge: it is a stop closure, up to 0.15 s with the averaging taken off."""

OUTWARDS_S = 0.1
"""How far an edge moves into what the detector took for voice: its lag, twice."""

INWARDS_S = 0.35
"""How far an edge of a pause moves inwards. What sounds for longer at its end is a breath, and part of it."""

MISSED_FROM_S = 0.35
"""A silence that the detector heard through is a pause from this length on: two closures in a row last 0.3 s."""

TRUSTED_FROM_S = 0.5
"""A pause of the detector's in which it is never silent is believed from this length on (a breath), else a weak
syllable was dropped."""


def sharpened(voiced: Sequence[Span], sounds: Sequence[Sound]) -> tuple[Span, ...]:
    """The stretches of voice with their inner edges moved to the sound's; first start and last end are kept.

    Without sounds, as given.
    """
    if len(voiced) == 0 or not sounds:
        return tuple(voiced)
    silences = [silence for sound in sounds for silence in _silences(sound, voiced)]
    gaps = [_sharpened_gap(Span(one.end_s, other.start_s), silences) for one, other in pairwise(voiced)]
    gaps += [
        silence
        for silence in silences
        if silence.duration_s >= MISSED_FROM_S
        and any(span.start_s < silence.start_s and silence.end_s < span.end_s for span in voiced)
        and not any(gap is not None and gap.start_s < silence.end_s and silence.start_s < gap.end_s for gap in gaps)
    ]
    edges = [voiced[0].start_s]
    for gap in sorted((gap for gap in gaps if gap is not None), key=lambda one: one.start_s):
        if gap.end_s >= voiced[-1].end_s:
            continue
        if gap.start_s > edges[-1]:
            edges += [gap.start_s, gap.end_s]
        elif len(edges) > 1:
            # between two silences that meet there was no voice, but a click
            edges[-1] = max(edges[-1], gap.end_s)
    edges.append(voiced[-1].end_s)
    return tuple(Span(start_s, end_s) for start_s, end_s in zip(edges[::2], edges[1::2], strict=True))


def _silences(sound: Sound, voiced: Sequence[Span]) -> list[Span]:
    """Where nothing stands over the room for SHORTEST_SILENCE_S and more."""
    if len(sound.time_s) < 2:
        return []
    outside = np.ones(len(sound.time_s), dtype=np.bool_)
    for span in voiced:
        first, last = np.searchsorted(sound.time_s, [span.start_s, span.end_s])
        outside[first:last] = False
    room_db = min(float(np.median(sound.presence_db[outside])), LOUDEST_ROOM_DB) if outside.any() else 0.0
    line_db = room_db + OVER_NOISE_DB if room_db > HEARD_ROOM_DB else OVER_SILENCE_DB
    frames = np.flatnonzero(sound.presence_db < line_db)
    if not len(frames):
        return []
    half_s = float(np.diff(sound.time_s).min()) / 2
    breaks = np.flatnonzero(np.diff(frames) > 1 + BRIDGED_FRAMES) + 1
    spans = [
        Span(float(sound.time_s[run[0]]) - half_s, float(sound.time_s[run[-1]]) + half_s)
        for run in np.split(frames, breaks)
    ]
    return [span for span in spans if span.duration_s >= SHORTEST_SILENCE_S]


def _sharpened_gap(gap: Span, silences: Sequence[Span]) -> Span | None:
    """The detector's pause at its silence's edges; None where it is none."""
    inside = [one for one in silences if one.end_s > gap.start_s - OUTWARDS_S and one.start_s < gap.end_s + OUTWARDS_S]
    if not inside:
        return gap if gap.duration_s >= TRUSTED_FROM_S else None
    start_s = max(inside[0].start_s, gap.start_s - OUTWARDS_S)
    end_s = min(inside[-1].end_s, gap.end_s + OUTWARDS_S)
    if gap.duration_s >= TRUSTED_FROM_S:
        start_s = gap.start_s if start_s - gap.start_s > INWARDS_S else start_s
        end_s = gap.end_s if gap.end_s - end_s > INWARDS_S else end_s
    return Span(start_s, end_s) if end_s > start_s else None
