"""Hesitations in the sound itself: where the ear confirms what the primed reading wrote, or only nearly wrote.

A hesitation is a held vowel: for 150 ms and more the spectrum stands still. The pitch is not asked for, since a
hoarse or creaky voice has none. A held sound alone proves nothing (people draw out "and" and "so", too),
so it never adds a hesitation that no reading suspected.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from voice_coach.records import Sound, Span

STEADY_BELOW_DB = 4.5
"""Most that the spectrum changes over 64 ms in a held vowel. On human recordings 1 to 4 dB inside hesitations,
6 to 13 dB from one sound of a word to the next (measured, three clips of one speaker)."""

SHORTEST_STEADY_S = 0.14
"""Filled pauses last 200 ms and more; the 64 ms over which the spectrum is compared come off that."""

ABOVE_FLOOR_DB = 6.0
"""Held sound is this much louder than the quietest tenth of its window: steady noise is steady, too."""

BRIDGED_FRAMES = 1
"""A single frame out of line, 16 ms, is a crack of the voice, not another sound."""


def steady_stretches(sounds: Sequence[Sound]) -> tuple[Span, ...]:
    """Where the spectrum stands still while somebody makes a sound, in order."""
    found: list[Span] = []
    for sound in sounds:
        if not len(sound.time_s):
            continue
        floor_dbfs = float(np.percentile(sound.level_dbfs, 10.0))
        steady = (sound.change_db <= STEADY_BELOW_DB) & (sound.level_dbfs >= floor_dbfs + ABOVE_FLOOR_DB)
        frames = np.flatnonzero(steady)
        if not len(frames):
            continue
        breaks = np.flatnonzero(np.diff(frames) > 1 + BRIDGED_FRAMES) + 1
        for run in np.split(frames, breaks):
            span = Span(float(sound.time_s[run[0]]), float(sound.time_s[run[-1]]))
            if span.duration_s >= SHORTEST_STEADY_S:
                found.append(span)
    return tuple(found)


def held_between(
    steady: Sequence[Span], start_s: float, end_s: float, near_s: float, shortest_s: float = SHORTEST_STEADY_S
) -> Span | None:
    """The held sound inside a stretch of time that lies nearest to a point of it; None where none is long enough."""
    inside = [
        Span(max(span.start_s, start_s), min(span.end_s, end_s))
        for span in steady
        if min(span.end_s, end_s) - max(span.start_s, start_s) >= shortest_s
    ]
    return min(inside, key=lambda span: max(span.start_s - near_s, near_s - span.end_s), default=None)
