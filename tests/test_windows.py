"""Windows cut at pauses: the same however the audio comes, none too long, no voice lost."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tests.conftest import FIXTURES
from voice_coach.audio.activity import VoiceActivity
from voice_coach.audio.files import AudioFile
from voice_coach.audio.windows import CUT_AFTER_S, LONGEST_S, LONGEST_SILENCE_S, WindowCutter
from voice_coach.records import SAMPLE_RATE_HZ, Samples, Span, Window


def load(name: str) -> Samples:
    with AudioFile(FIXTURES / f"{name}.flac") as audio:
        return np.concatenate(list(audio))


def cut(samples: Samples, block: int) -> tuple[list[Window], list[Span]]:
    cutter = WindowCutter()
    windows: list[Window] = []
    for k in range(0, len(samples), block):
        windows += cutter.push(samples[k : k + block])
    windows += cutter.finish()
    return windows, cutter.voiced


@pytest.fixture(scope="module")
def answer() -> Samples:
    return load("strong_answer")


@pytest.mark.parametrize("block", [160, 512, 4_001, 48_000])
def test_cuts_do_not_depend_on_the_blocks(answer: Samples, block: int) -> None:
    part = answer[: 45 * SAMPLE_RATE_HZ]
    whole, voiced = cut(part, len(part))
    windows, also = cut(part, block)
    assert [window.pieces for window in windows] == [window.pieces for window in whole]
    assert also == voiced


def test_no_voice_is_lost_and_none_comes_twice(answer: Samples) -> None:
    windows, voiced = cut(answer, 8_000)
    total = sum(span.duration_s for span in voiced)
    assert sum(span.duration_s for window in windows for span in window.voiced) == pytest.approx(total, abs=0.1)
    ends = [piece for window in windows for piece in window.pieces]
    assert all(before.end_s <= after.start_s for before, after in pairwise(ends))


def test_windows_are_long_enough_and_not_too_long(answer: Samples) -> None:
    windows, _ = cut(answer, 8_000)
    assert all(window.duration_s <= LONGEST_S + 0.1 for window in windows)
    assert all(window.duration_s >= CUT_AFTER_S * 0.7 for window in windows[:-1])


def test_the_samples_are_the_pieces(answer: Samples) -> None:
    windows, _ = cut(answer, 8_000)
    for window in windows:
        expected = np.concatenate(
            [answer[round(p.start_s * SAMPLE_RATE_HZ) : round(p.end_s * SAMPLE_RATE_HZ)] for p in window.pieces]
        )
        assert np.array_equal(window.samples, expected)


def test_long_silences_are_left_out(answer: Samples) -> None:
    first, second = answer[: 6 * SAMPLE_RATE_HZ], answer[6 * SAMPLE_RATE_HZ : 12 * SAMPLE_RATE_HZ]
    silence = np.full(8 * SAMPLE_RATE_HZ, 1e-4, dtype=np.float32)
    (window,), _ = cut(np.concatenate([first, silence, second]), 8_000)
    assert len(window.pieces) >= 2
    assert window.duration_s < 12.0 + LONGEST_SILENCE_S + 0.7
    join = window.pieces[0].duration_s
    assert window.time_s(join) == window.pieces[1].start_s
    assert window.time_s(join, ends=True) == window.pieces[0].end_s
    assert window.time_s(999.0) == window.pieces[-1].end_s


def test_nothing_piles_up_while_nobody_speaks(answer: Samples) -> None:
    """A few words, then twenty minutes of room noise: the window is given out and the noise forgotten."""
    noise = np.random.default_rng(0).normal(0, 1e-3, 60 * SAMPLE_RATE_HZ).astype(np.float32)
    cutter = WindowCutter()
    windows = list(cutter.push(answer[: 6 * SAMPLE_RATE_HZ]))
    for _ in range(20):
        windows += cutter.push(noise)
    assert len(windows) == 1
    assert len(cutter._audio) <= 61 * SAMPLE_RATE_HZ


def test_each_word_keeps_some_silence_before_it(answer: Samples) -> None:
    windows, _ = cut(answer, 8_000)
    for window in windows[1:]:
        assert window.voiced[0].start_s - window.pieces[0].start_s >= 0.15


def test_speech_without_any_pause_is_cut_where_it_is_quietest(answer: Samples) -> None:
    voice = np.concatenate([answer[round(s.start_s * 16_000) : round(s.end_s * 16_000)] for s in cut(answer, 8_000)[1]])
    windows, voiced = cut(voice[: 70 * SAMPLE_RATE_HZ], 8_000)
    assert len(windows) >= 3
    assert all(window.duration_s <= LONGEST_S + 0.1 for window in windows)
    total = sum(span.duration_s for span in voiced)
    assert sum(span.duration_s for window in windows for span in window.voiced) == pytest.approx(total, abs=0.05)


@pytest.mark.parametrize("name", ["silence", "room_noise"])
def test_no_voice_no_windows(name: str) -> None:
    assert cut(load(name), 8_000) == ([], [])


@pytest.mark.parametrize("level_db", [-12.0, -24.0])
def test_a_quiet_microphone_is_heard_as_well(answer: Samples, level_db: float) -> None:
    part = answer[: 30 * SAMPLE_RATE_HZ]
    loud = sum(span.duration_s for span in cut(part, 8_000)[1])
    quiet = sum(span.duration_s for span in cut(part * np.float32(10 ** (level_db / 20)), 8_000)[1])
    assert quiet == pytest.approx(loud, rel=0.05)


def test_probabilities_do_not_depend_on_the_blocks(answer: Samples) -> None:
    part = answer[: 10 * SAMPLE_RATE_HZ]
    whole = VoiceActivity().push(part)
    activity = VoiceActivity()
    pieces = np.concatenate([activity.push(part[k : k + 777]) for k in range(0, len(part), 777)])
    assert np.allclose(whole, pieces, atol=1e-5)


def test_samples_are_read_only(answer: Samples) -> None:
    (window,), _ = cut(answer[: 10 * SAMPLE_RATE_HZ], 8_000)
    with pytest.raises(ValueError, match="read-only"):
        window.samples[0] = 0.0


def test_fixture_pauses_are_found() -> None:
    """The longest inserted silences of a fixture are silences here: the detector's to 0.2 s, the sound's to 0.1 s."""
    import json

    known = json.loads((FIXTURES / "filler_heavy.json").read_text())
    _, voiced = cut(load("filler_heavy"), 8_000)
    gaps = [(a.end_s, b.start_s) for a, b in pairwise(voiced)]
    long = [p for p in known["pauses"] if p["end_s"] - p["start_s"] >= 2.0]
    assert long, "the fixture has long pauses"
    for pause in long:
        assert any(abs(start - pause["start_s"]) < 0.2 and abs(end - pause["end_s"]) < 0.2 for start, end in gaps), (
            f"{pause} not among the silences"
        )


def test_a_voice_without_its_fundamental_is_heard() -> None:
    """A telephone's band, 300 to 3400 Hz: most of the network's hearing hangs on what lies below."""
    samples = load("strong_answer")[: 40 * SAMPLE_RATE_HZ]
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE_HZ)
    spectrum[(hz < 300.0) | (hz > 3400.0)] = 0.0
    narrow = np.fft.irfft(spectrum, len(samples)).astype(np.float32)
    wide_s, narrow_s = (sum(span.duration_s for span in cut(some, 8_000)[1]) for some in (samples, narrow))
    print(f"voice found: {wide_s:.1f} s, over a telephone {narrow_s:.1f} s")
    assert narrow_s >= 0.85 * wide_s


def test_a_quiet_voice_after_a_loud_one_is_heard() -> None:
    """After a second of silence nothing of the loud voice is remembered."""
    loud = load("strong_answer")[: 20 * SAMPLE_RATE_HZ]
    pause = np.zeros(2 * SAMPLE_RATE_HZ, dtype=np.float32)
    quiet = load("heroic")[: 20 * SAMPLE_RATE_HZ] * np.float32(10.0 ** (-10.0 / 20.0))
    alone_s = sum(span.duration_s for span in cut(quiet, 8_000)[1])
    after = [span for span in cut(np.concatenate([loud, pause, quiet]), 8_000)[1] if span.start_s >= 22.0]
    after_s = sum(span.duration_s for span in after)
    print(f"quiet voice alone {alone_s:.1f} s, after a loud one {after_s:.1f} s")
    assert after_s >= 0.95 * alone_s
