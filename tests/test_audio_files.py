"""Recordings of every kind in, 16 kHz mono out; and what can't be read says so in one line."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from voice_coach.audio.files import AudioFile
from voice_coach.errors import AudioFileError
from voice_coach.records import SAMPLE_RATE_HZ, Recording, Samples


def tone(rate_hz: int, seconds: float, *, hz: float = 440.0, level: float = 0.5) -> Samples:
    times = np.arange(round(rate_hz * seconds)) / rate_hz
    return (level * np.sin(2 * np.pi * hz * times)).astype(np.float32)


def read(path: Path) -> tuple[Samples, Recording]:
    with AudioFile(path) as audio:
        blocks = list(audio)
        return np.concatenate(blocks), audio.recording(())


def loudest_hz(samples: Samples) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * SAMPLE_RATE_HZ / len(samples))


def encode(path: Path, codec: str, rate_hz: int, channels: int, seconds: float) -> None:
    """Write a tone with one of FFmpeg's encoders."""
    layout = {1: "mono", 2: "stereo"}[channels]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        data = np.repeat((tone(rate_hz, seconds)[np.newaxis] * 32767).astype(np.int16), channels, axis=0)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(data.T.reshape(1, -1)), format="s16", layout=layout)
        frame.sample_rate = rate_hz
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


@pytest.mark.parametrize(
    ("suffix", "codec", "rate_hz", "channels"),
    [
        ("mp3", "mp3", 44_100, 2),
        ("m4a", "aac", 44_100, 1),
        ("webm", "libopus", 48_000, 2),
        ("ogg", "libopus", 48_000, 1),
        ("flac", "flac", 96_000, 2),
    ],
)
def test_compressed_formats(tmp_path: Path, suffix: str, codec: str, rate_hz: int, channels: int) -> None:
    path = tmp_path / f"tone.{suffix}"
    encode(path, codec, rate_hz, channels, 3.0)
    samples, recording = read(path)
    assert (recording.sample_rate_hz, recording.channels) == (rate_hz, channels)
    assert recording.duration_s == pytest.approx(3.0, abs=0.1)
    assert len(samples) / SAMPLE_RATE_HZ == pytest.approx(recording.duration_s, abs=0.001)
    assert loudest_hz(samples) == pytest.approx(440.0, abs=2.0)
    assert not recording.truncated


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
def test_wav_depths_and_rates(tmp_path: Path, subtype: str, rate_hz: int) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(rate_hz, 1.0), rate_hz, subtype=subtype)
    samples, recording = read(path)
    assert len(samples) == SAMPLE_RATE_HZ
    assert recording.duration_s == 1.0
    assert recording.peak_dbfs == pytest.approx(-6.0, abs=0.3)
    assert recording.rms_dbfs == pytest.approx(-9.0, abs=0.3)
    assert loudest_hz(samples) == pytest.approx(440.0, abs=2.0)


def test_six_channels_of_odd_length(tmp_path: Path) -> None:
    path = tmp_path / "six.wav"
    soundfile.write(path, np.stack([tone(44_100, 0.4567)] * 6, axis=1), 44_100)
    samples, recording = read(path)
    assert recording.channels == 6
    assert len(samples) == round(recording.duration_s * SAMPLE_RATE_HZ)


def test_one_dead_channel_does_not_halve_the_level(tmp_path: Path) -> None:
    path = tmp_path / "half.wav"
    live = tone(16_000, 1.0)
    soundfile.write(path, np.stack([live, np.zeros_like(live)], axis=1), 16_000)
    samples, _ = read(path)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.01)


def test_samples_that_are_no_numbers_become_silence_and_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "nan.wav"
    data = tone(16_000, 1.0)
    data[100:110] = np.nan
    data[200] = np.inf
    soundfile.write(path, data, 16_000, subtype="FLOAT")
    samples, recording = read(path)
    assert np.isfinite(samples).all()
    assert recording.bad_samples == 11


def test_clipping_is_measured(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    soundfile.write(path, np.clip(tone(16_000, 1.0, level=2.0), -1, 1), 16_000)
    assert read(path)[1].clipped > 0.3


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_truncated_file_keeps_what_is_there(tmp_path: Path, suffix: str) -> None:
    whole, part = tmp_path / f"whole.{suffix}", tmp_path / f"part.{suffix}"
    rng = np.random.default_rng(1)
    soundfile.write(whole, rng.normal(0, 0.1, 48_000).astype(np.float32), 16_000)
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    samples, recording = read(part)
    assert recording.truncated
    assert 1.0 < len(samples) / SAMPLE_RATE_HZ < 2.0


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """Blocks are small however long the file is: ten minutes never come as one."""
    path = tmp_path / "long.flac"
    soundfile.write(path, tone(8_000, 600.0), 8_000)
    with AudioFile(path) as audio:
        lengths = [len(block) for block in audio]
    assert sum(lengths) == 600 * SAMPLE_RATE_HZ
    assert max(lengths) <= 5 * SAMPLE_RATE_HZ


def bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    """Every unreadable file with a part of what must be said about it."""
    empty, text, video, header = (folder / name for name in ("empty.wav", "text.wav", "mute.webm", "header.wav"))
    empty.write_bytes(b"")
    text.write_text("So we rolled it back.\n" * 50)
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libvpx", rate=10)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), dtype=np.uint8), format="rgb24")
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    soundfile.write(header, np.zeros(0, dtype=np.float32), 16_000)
    return {
        "missing": (folder / "nowhere.wav", "no such file"),
        "folder": (folder, "is a folder"),
        "empty": (empty, "is empty"),
        "text": (text, "not a recording"),
        "video without sound": (video, "no audio"),
        "0 s": (header, "no sound could be decoded"),
    }


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "text", "video without sound", "0 s"])
def test_unreadable_files_say_what_is_wrong(tmp_path: Path, kind: str) -> None:
    path, said = bad_files(tmp_path)[kind]
    with pytest.raises(AudioFileError, match=said) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything, so permissions can't be tested as root")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "locked.wav"
    soundfile.write(path, tone(16_000, 0.1), 16_000)
    path.chmod(0)
    with pytest.raises(AudioFileError, match="permission"):
        read(path)
