"""A recording made small enough to travel inside a page, with the outline of its loudness."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import numpy as np

from voice_coach.audio.files import AudioFile
from voice_coach.records import SAMPLE_RATE_HZ, EmbeddedAudio, Samples

if TYPE_CHECKING:
    import av.audio.stream
    import av.container

FORMATS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("libmp3lame", "mp3", "audio/mpeg", {"compression_level": "7"}),
    ("aac", "mp4", "audio/mp4", {}),
)
"""Encoder, container, MIME type, options; the first that FFmpeg was built with is taken. MP3 comes first because every
browser plays it, the free builds of Chromium and Safari before 18.4 included:
the one lacks AAC, the other Ogg Opus. At level 7 LAME takes half the time it takes by default, for the same size."""

SMALLEST_BIT_RATE, USUAL_BIT_RATE = 16_000, 48_000
"""Bits a second: speech at 16 kHz sounds clean at the usual rate, and stays understood at the smallest."""

MOST_BYTES = 4_000_000
"""Aimed at as the size of the sound: base64 makes a third more of it, and a page of 6 MB can still be mailed."""

OUTLINE_POINTS = 900
"""Points of the outline: about one a pixel where the page is wide."""


def compact(path: str | os.PathLike[str]) -> EmbeddedAudio:
    """Encode a recording as 16 kHz mono, and take its outline.

    Up to eleven minutes are encoded at USUAL_BIT_RATE, longer ones with fewer bits.
    Raises: AudioFileError.
    """
    with AudioFile(path) as audio:
        blocks = list(audio)
    samples: Samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    mime, data = _encoded(samples)
    return EmbeddedAudio(mime, data, len(samples) / SAMPLE_RATE_HZ, outline(samples, OUTLINE_POINTS))


def outline(samples: Samples, points: int) -> tuple[float, ...]:
    """The loudest sample of each of so many equal stretches, as a share of the loudest of all, 0 to 1.

    Fewer points where there are fewer samples; all 0 for silence.
    """
    edges = np.linspace(0, len(samples), min(points, len(samples)) + 1).astype(int)
    if len(edges) < 2:
        return ()
    peaks = np.maximum.reduceat(np.abs(samples), edges[:-1])
    loudest = float(peaks.max()) or 1.0
    return tuple(round(float(peak) / loudest, 3) for peak in peaks)


def _encoded(samples: Samples) -> tuple[str, bytes]:
    import av

    encoder, container, mime, options = next(one for one in FORMATS if _can_encode(one[0]))
    file = io.BytesIO()
    with av.open(file, mode="w", format=container) as output:
        stream = output.add_stream(encoder, rate=SAMPLE_RATE_HZ, layout="mono", options=options)
        stream.bit_rate = _bit_rate(len(samples) / SAMPLE_RATE_HZ)
        _write(output, stream, samples)
    return mime, file.getvalue()


def _write(output: av.container.OutputContainer, stream: av.audio.stream.AudioStream, samples: Samples) -> None:
    import av

    whole = (np.clip(samples, -1.0, 1.0) * (2**15 - 1)).astype(np.int16)
    converter = av.AudioResampler(format=stream.format, layout="mono", rate=SAMPLE_RATE_HZ)
    for start in range(0, len(whole), SAMPLE_RATE_HZ):
        frame = av.AudioFrame.from_ndarray(whole[None, start : start + SAMPLE_RATE_HZ], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE_HZ
        frame.pts = start
        for ready in converter.resample(frame):
            output.mux(stream.encode(ready))
    output.mux(stream.encode(None))


def _bit_rate(duration_s: float) -> int:
    fits = int(8 * MOST_BYTES / max(duration_s, 1.0))
    return max(SMALLEST_BIT_RATE, min(USUAL_BIT_RATE, fits // 8_000 * 8_000))


def _can_encode(name: str) -> bool:
    import av

    try:
        return bool(av.codec.Codec(name, "w").is_encoder)
    except (av.error.FFmpegError, ValueError):
        return False
