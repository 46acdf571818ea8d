"""Pauses at the sound's own edges: hand-worked rooms, and a fixture whose silences are known to the sample."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from voice_coach.audio.files import AudioFile
from voice_coach.audio.sound import HOP, listen
from voice_coach.audio.windows import WindowCutter
from voice_coach.delivery.edges import sharpened
from voice_coach.records import SAMPLE_RATE_HZ, Sound, Span

FRAME_S = HOP / SAMPLE_RATE_HZ
FIXTURES = Path(__file__).resolve().parent.parent / "audio_fixtures"


def room(*parts: tuple[float, float], start_s: float = 0.0) -> Sound:
    """Stretches of (seconds, presence_db) one after the other."""
    presence = np.concatenate([np.full(round(seconds / FRAME_S), presence_db) for seconds, presence_db in parts])
    count = len(presence)
    nothing = np.zeros(count, dtype=np.float32)
    return Sound(
        time_s=(start_s + (np.arange(count) + 0.5) * FRAME_S).astype(np.float32),
        pitch_hz=nothing.copy(),
        level_dbfs=nothing.copy(),
        change_db=nothing.copy(),
        presence_db=presence.astype(np.float32),
    )


SPEECH, SILENCE, NOISE, FAINT = 20.0, 0.0, 0.8, 0.9


@pytest.mark.parametrize(
    ("voiced", "parts", "pauses"),
    [
        # the detector's lag: 0.08 s of silence taken for voice
        ([(0.0, 1.08), (1.5, 3.0)], [(1.0, SPEECH), (0.5, SILENCE), (1.5, SPEECH)], [(1.0, 1.5)]),
        # it moves no further than 0.1 s into what the detector heard
        ([(0.0, 1.3), (2.0, 3.0)], [(1.0, SPEECH), (1.0, SILENCE), (1.0, SPEECH)], [(1.2, 2.0)]),
        # a weak syllable that the detector dropped is no pause; half a second of something is a breath
        ([(0.0, 1.0), (1.3, 3.0)], [(3.0, SPEECH)], []),
        ([(0.0, 1.0), (1.6, 3.0)], [(3.0, SPEECH)], [(1.0, 1.6)]),
        # a breath at the end of a pause is part of it, 0.3 s of a late onset are not
        ([(0.0, 1.0), (2.0, 3.0)], [(1.0, SPEECH), (0.5, SILENCE), (1.5, SPEECH)], [(1.0, 2.0)]),
        ([(0.0, 1.0), (2.0, 3.0)], [(1.0, SPEECH), (0.7, SILENCE), (1.3, SPEECH)], [(1.0, 1.7)]),
        # a pause that the detector heard through; a closure is none
        ([(0.0, 3.0)], [(1.0, SPEECH), (0.4, SILENCE), (1.6, SPEECH)], [(1.0, 1.4)]),
        ([(0.0, 3.0)], [(1.0, SPEECH), (0.3, SILENCE), (1.7, SPEECH)], []),
        # a click of 48 ms in a pause
        (
            [(0.0, 1.0), (2.0, 3.0)],
            [(1.0, SPEECH), (0.5, SILENCE), (0.048, SPEECH), (0.452, SILENCE), (1.0, SPEECH)],
            [(1.0, 2.0)],
        ),
        # one of 60 ms that the detector took for voice
        (
            [(0.0, 5.0), (6.0, 6.188), (8.0, 10.0)],
            [(5.0, SPEECH), (1.03, SILENCE), (0.06, SPEECH), (1.91, SILENCE), (2.0, SPEECH)],
            [(5.0, 8.0)],
        ),
        # in a room that is heard a faint sound is still silence, and one a little louder is not
        ([(0.0, 1.05), (2.0, 3.0)], [(1.0, SPEECH), (1.0, NOISE), (1.0, SPEECH)], [(1.0, 2.0)]),
        ([(0.0, 1.0), (2.0, 3.0)], [(1.0, SPEECH), (0.7, NOISE), (0.3, NOISE + 0.5), (1.0, SPEECH)], [(1.0, 1.7)]),
        ([(0.0, 1.0), (2.0, 3.0)], [(1.0, SPEECH), (0.7, SILENCE), (0.3, FAINT), (1.0, SPEECH)], [(1.0, 2.0)]),
        ([], [(1.0, SILENCE)], []),
    ],
)
def test_pauses(
    voiced: list[tuple[float, float]], parts: list[tuple[float, float]], pauses: list[tuple[float, float]]
) -> None:
    spans = sharpened([Span(*one) for one in voiced], [room(*parts)])
    found = [(one.end_s, other.start_s) for one, other in pairwise(spans)]
    assert found == [pytest.approx(pause, abs=2 * FRAME_S) for pause in pauses]
    if voiced:
        assert (spans[0].start_s, spans[-1].end_s) == (voiced[0][0], voiced[-1][1])


def test_a_pause_between_two_windows_takes_an_edge_from_each() -> None:
    first, second = room((1.0, SPEECH), (0.3, SILENCE)), room((0.3, SILENCE), (1.0, SPEECH), start_s=3.0)
    spans = sharpened([Span(0.0, 1.06), Span(3.4, 4.3)], [first, second])
    assert [(one.end_s, other.start_s) for one, other in pairwise(spans)] == [pytest.approx((1.0, 3.3), abs=0.04)]


def test_without_sounds_the_detectors_edges_stand() -> None:
    voiced = (Span(0.0, 1.0), Span(1.5, 2.0))
    assert sharpened(voiced, []) == voiced


@pytest.mark.parametrize("name", ["filler_heavy", "strong_answer"])
def test_a_fixtures_pauses_are_found_to_a_tenth_of_a_second(name: str) -> None:
    known = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
    cutter = WindowCutter()
    with AudioFile(FIXTURES / f"{name}.flac") as audio:
        windows = [window for block in audio for window in cutter.push(block)]
    windows += cutter.finish()
    spans = sharpened(cutter.voiced, [listen(window) for window in windows])
    found = [(one.end_s, other.start_s) for one, other in pairwise(spans) if other.start_s - one.end_s >= 0.25]
    there = [(pause["start_s"], pause["end_s"]) for pause in known["pauses"]]
    right = sum(any(abs(a - s) <= 0.1 and abs(b - e) <= 0.1 for a, b in found) for s, e in there)
    print(f"{name}: {right} of {len(there)} pauses, {len(found)} found")
    assert 2 * right >= 0.95 * (len(there) + len(found))
