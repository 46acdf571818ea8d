"""The voice's measures, by made-up frames."""

from __future__ import annotations

import numpy as np
import pytest

from voice_coach.delivery.voice import FRAME_S, measure_voice
from voice_coach.records import Sound, Span, Word

SECONDS = 20.0


def talk(
    *, spread_st: float = 4.0, pitched: float = 1.0, noise_dbfs: float = -60.0, seconds: float = SECONDS
) -> tuple[list[Sound], list[Span]]:
    """Voice at -20 dBFS and 150 Hz ± a swing, with a second of background before and after it."""
    frames, rest = round(seconds / FRAME_S), round(1.0 / FRAME_S)
    swing = spread_st / 2 * np.sin(np.arange(frames) / 20.0)
    pitch = np.where(np.arange(frames) % 100 < 100 * pitched, 150.0 * 2 ** (swing / 12), np.nan)
    level = np.full(frames + 2 * rest, noise_dbfs)
    level[rest:-rest] = -20.0
    count = len(level)
    nothing = np.full(rest, np.nan)
    made = Sound(
        time_s=((np.arange(count) + 0.5) * FRAME_S).astype(np.float32),
        pitch_hz=np.concatenate([nothing, pitch, nothing]).astype(np.float32),
        level_dbfs=level.astype(np.float32),
        change_db=np.full(count, 8.0, dtype=np.float32),
        presence_db=np.where(level > -25.0, 20.0, 0.0).astype(np.float32),
    )
    return [made], [Span(rest * FRAME_S, (rest + frames) * FRAME_S)]


def test_nothing_heard_is_no_voice() -> None:
    assert measure_voice([], [], []) is None


def test_range_and_background() -> None:
    sounds, voiced = talk()
    voice = measure_voice(sounds, [], voiced, clipped=0.0)
    assert voice is not None
    assert voice.unjudged is None
    assert voice.pitch_hz == pytest.approx(150.0, rel=0.01)
    assert voice.pitch_range_semitones == pytest.approx(3.95, abs=0.1)
    assert voice.loudness_range_db == pytest.approx(0.0, abs=0.01)
    assert voice.noise_dbfs == pytest.approx(-60.0)
    assert voice.snr_db == pytest.approx(40.0, abs=0.1)
    assert voice.flat_sentences is None


@pytest.mark.parametrize(("spread_st", "share"), [(0.5, 1.0), (6.0, 0.0)])
def test_flat_sentences(spread_st: float, share: float) -> None:
    sounds, voiced = talk(spread_st=spread_st)
    # the third is too short to tell
    words = [Word("One.", 1.0, 6.0, 0.9), Word("Two", 6.0, 8.0, 0.9), Word("two.", 8.0, 12.0, 0.9)]
    words.append(Word("Three.", 12.0, 12.4, 0.9))
    voice = measure_voice(sounds, words, voiced)
    assert voice is not None
    assert voice.flat_sentences == share


@pytest.mark.parametrize(
    ("made", "clipped", "reason"),
    [
        (talk(seconds=5.0), 0.0, "too little speech"),
        (talk(noise_dbfs=-28.0), 0.0, "too much background noise"),
        (talk(pitched=0.2), 0.0, "hoarse or too quiet a voice"),
        (talk(), 0.05, "the recording is overdriven"),
    ],
)
def test_what_cannot_be_judged_is_none_with_a_reason(
    made: tuple[list[Sound], list[Span]], clipped: float, reason: str
) -> None:
    voice = measure_voice(made[0], [], made[1], clipped=clipped)
    assert voice is not None
    assert voice.unjudged == reason
    assert voice.pitch_range_semitones is None
    assert voice.loudness_range_db is None
    assert voice.noise_dbfs is not None


def test_a_gate_is_no_quieter_than_sixteen_bits() -> None:
    sounds, voiced = talk(noise_dbfs=-120.0)
    voice = measure_voice(sounds, [], voiced)
    assert voice is not None
    assert voice.noise_dbfs == -96.0
