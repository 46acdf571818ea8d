"""Read a recording of any common kind as a stream of 16 kHz mono blocks.

PyAV (FFmpeg's libraries) decodes, soxr resamples; only one block is in memory at a time, so a
recording of three hours costs no more than one of three minutes.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from voice_coach.audio.level import dbfs
from voice_coach.audio.resampling import Resampler
from voice_coach.errors import AudioFileError
from voice_coach.records import Recording, Samples, Span

if TYPE_CHECKING:
    import av.container
    import av.stream

CLIPPED_AT = 0.999
"""A sample this close to full scale counts as clipped."""

TRUNCATED_BELOW = 0.98
"""A file that yields less than this share of its declared length has broken off."""

_INTEGER_SCALE = {"uint8": 128.0, "int16": 2.0**15, "int32": 2.0**31, "int64": 2.0**63}


class AudioFile:
    """One recording, opened for a single pass.

    Iterating yields float32 blocks of shape (n,) at SAMPLE_RATE_HZ. Samples that are not
    finite are read as silence and counted.

    Raises: AudioFileError if the file can't be opened, holds no audio, or decodes to nothing.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        import av

        self.path = os.fspath(path)
        _check_readable(Path(self.path))
        try:
            self._container: av.container.InputContainer = av.open(self.path, mode="r", **_lenient(av.__version__))
        except (av.error.FFmpegError, OSError, ValueError) as exc:
            raise AudioFileError(
                f"{self.path}: not a recording this program can read; use wav, flac, mp3, ogg, m4a or webm"
            ) from exc
        if not self._container.streams.audio:
            self._container.close()
            raise AudioFileError(f"{self.path}: has no audio in it; give a recording with sound")
        self._stream = self._container.streams.audio[0]
        self._stream.codec_context.thread_type = "AUTO"
        self.sample_rate_hz = int(self._stream.rate or 0)
        self.channels = int(self._stream.channels or 0)
        if self.sample_rate_hz <= 0 or self.channels <= 0:
            self._container.close()
            raise AudioFileError(f"{self.path}: the header names no sample rate; save the file again")
        self.declared_s = _declared_length_s(self._container, self._stream)
        self._source_samples = 0
        self._damaged = 0
        self._bad = 0
        self._clipped = 0
        self._peak = 0.0
        self._energy = 0.0
        self._broke_off = _riff_breaks_off(Path(self.path))

    def __enter__(self) -> AudioFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    @property
    def read_s(self) -> float:
        """Seconds of the recording read so far."""
        return self._source_samples / self.sample_rate_hz

    def __iter__(self) -> Iterator[Samples]:
        resampler = Resampler(self.sample_rate_hz)
        for mono in self._mono_blocks():
            block = resampler.push(mono)
            if len(block):
                yield block
        if self._source_samples == 0:
            raise AudioFileError(f"{self.path}: no sound could be decoded from it; record or save it again")
        rest = resampler.finish()
        if len(rest):
            yield rest

    def recording(self, voiced: tuple[Span, ...]) -> Recording:
        """The facts of what has been read; call it after the last block."""
        rms = math.sqrt(self._energy / self._source_samples) if self._source_samples else 0.0
        declared = self.declared_s
        return Recording(
            path=self.path,
            duration_s=self.read_s,
            sample_rate_hz=self.sample_rate_hz,
            channels=self.channels,
            peak_dbfs=dbfs(self._peak),
            rms_dbfs=dbfs(rms),
            clipped=self._clipped / max(self._source_samples, 1),
            bad_samples=self._bad,
            damaged_packets=self._damaged,
            truncated=self._broke_off or (declared is not None and self.read_s < TRUNCATED_BELOW * declared),
            voiced=voiced,
        )

    def _frames(self) -> Iterator[av.AudioFrame]:
        """Decoded frames; a packet that can't be decoded is skipped, and what follows it is still heard."""
        import av

        for packet in self._container.demux(self._stream):
            try:
                for frame in packet.decode():
                    if isinstance(frame, av.AudioFrame):
                        yield frame
            except av.error.InvalidDataError:
                self._damaged += 1

    def _mono_blocks(self) -> Iterator[Samples]:
        import av

        rate = self.sample_rate_hz
        try:
            for frame in self._frames():
                if frame.sample_rate != rate:
                    raise AudioFileError(
                        f"{self.path}: changes its sample rate half-way; convert it to wav or flac first"
                    )
                block = _as_float(frame.to_ndarray(), len(frame.layout.channels), planar=frame.format.is_planar)
                finite = np.isfinite(block)
                if not finite.all():
                    self._bad += int((~finite).any(axis=0).sum())
                    block = np.where(finite, block, np.float32(0.0))
                mono = _mix(block)
                if not len(mono):
                    continue
                loudest = np.abs(block).max(axis=0)
                self._peak = max(self._peak, float(loudest.max()))
                self._clipped += int((loudest >= CLIPPED_AT).sum())
                self._energy += float(np.square(mono, dtype=np.float64).sum())
                self._source_samples += len(mono)
                yield mono
        except (av.error.FFmpegError, OSError) as exc:
            if self._source_samples == 0:
                raise AudioFileError(
                    f"{self.path}: no sound could be decoded from it; record or save it again"
                ) from exc
            # what was decoded before the damage is still an answer
            self._broke_off = True


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb") as file:
            first = file.read(1)
    except FileNotFoundError as exc:
        raise AudioFileError(f"{path}: no such file; check the name") from exc
    except IsADirectoryError as exc:
        example = path / "*.flac"
        raise AudioFileError(f"{path}: is a folder; name the recordings in it, for instance {example}") from exc
    except OSError as exc:
        raise AudioFileError(f"{path}: can't be read ({exc.strerror}); check its permissions") from exc
    if not first:
        raise AudioFileError(f"{path}: is empty (0 bytes); record it again")


def _lenient(version: str) -> dict[str, Any]:
    """Argument that keeps oddly encoded tags from ending the reading; PyAV 19 is lenient by itself."""
    return {"metadata_errors": "ignore"} if int(version.partition(".")[0]) < 19 else {}


def _riff_breaks_off(path: Path) -> bool:
    """Whether a wav file is shorter than its own header says; FFmpeg quietly goes by the file's size.

    A size of 0 or of all ones means that the writer did not know it: a stream, no damage.
    """
    with path.open("rb") as file:
        header = file.read(8)
    if not header.startswith(b"RIFF") or len(header) < 8:
        return False
    size = int.from_bytes(header[4:], "little")
    return size not in (0, 0xFFFFFFFF) and path.stat().st_size < size + 8


def _declared_length_s(container: av.container.InputContainer, stream: av.stream.Stream) -> float | None:
    """Length by the header, None where the container does not say (a stream, a cut-off upload)."""
    import av

    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None:
        return float(container.duration / av.time_base)
    return None


def _as_float(raw: npt.NDArray[Any], channels: int, *, planar: bool) -> npt.NDArray[np.float32]:
    """Decoded frame to float32, shape (channels, n), full scale ±1."""
    data = raw if planar else raw.reshape(-1, channels).T
    if data.dtype.kind == "f":
        return data.astype(np.float32)
    scale = _INTEGER_SCALE[data.dtype.name]
    centred = data.astype(np.float64) - (scale if data.dtype.kind == "u" else 0.0)
    return (centred / scale).astype(np.float32)


def _mix(block: npt.NDArray[np.float32]) -> Samples:
    """Mean of the channels that carry anything, shape (n,).

    A headset on a stereo input leaves one channel at exact zero; the mean of both would be
    6 dB too quiet.
    """
    live = block[block.any(axis=1)]
    mono: Samples = np.ascontiguousarray((live if len(live) else block).mean(axis=0), dtype=np.float32)
    return mono
