"""Where the voice is: Silero's voice-activity network, fed as the audio comes.

faster-whisper carries the network and a function over a whole recording; this is the same
network kept stateful, so that a live answer and a file are heard alike and memory stays flat.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from voice_coach.records import SAMPLE_RATE_HZ, Samples, Span

if TYPE_CHECKING:
    import onnxruntime

FRAME = 512
"""Samples a decision: 32 ms at 16 kHz, what the network was trained on."""

CONTEXT = 64
"""Samples of the frame before that the network wants to see again."""

SPEECH_ABOVE = 0.5
"""Probability at which voice begins. Source: Silero VAD's own default."""

SILENCE_BELOW = 0.35
"""Probability below which voice may end: SPEECH_ABOVE - 0.15, Silero VAD's own default."""

MIN_SILENCE_S = 0.2
"""A silence shorter than this is part of a word (stop closures last up to 0.15 s)."""

MIN_VOICE_S = 0.1
"""A sound shorter than this is a click, a breath or a key, not a word."""

PAD_S = 0.03
"""Added at both ends of each stretch: the network decides a frame late."""

LOWS_HZ = (70.0, 300.0)
"""Where the voice's fundamental lies, which telephones and narrow-band headsets cut off."""

LOWS_TAPS = 513
"""Length of the filter for LOWS_HZ: 32 ms, two periods of the lowest of them."""

VOICE_LEVEL_DBFS = -20.0
"""Level to which loud frames are brought before the network sees them. On the quiet half of a
human recording (frames at -37 dBFS) it found 18 of 20 s of voice with this gain and 8 s without."""

LOUD_FRAMES_PERCENTILE = 85
"""Which frames of the last ten seconds count as loud: vowels, not clicks."""

GAIN_RANGE = (0.25, 8.0)
"""Most that the level is changed; more would bring up room noise until it sounds like voice."""

NOISE_FLOOR_DBFS = -60.0
"""Quieter frames say nothing about the level of the voice."""

GAIN_FRAMES = 16
"""The gain is chosen anew every half second."""

GAIN_MEMORY_FRAMES = 312
"""Ten seconds: long enough to span a breath, short enough to follow a person leaning back."""


FORGET_AFTER_FRAMES = 32
"""Frames of silence, about 1 s, after which the network starts afresh. What it remembers of a loud voice makes it deaf
to a quiet one: of a human recording after one 10 dB louder it found 17 s of voice, afresh 20 of 20 (measured)."""

FORGET_BELOW = 0.2
"""Probability of a frame that is silence for certain."""


@lru_cache(maxsize=1)
def _network() -> onnxruntime.InferenceSession:
    import onnxruntime
    from faster_whisper.utils import get_assets_path

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        f"{get_assets_path()}/silero_vad_v6.onnx", sess_options=options, providers=["CPUExecutionProvider"]
    )


@lru_cache(maxsize=1)
def _lows_filter() -> Samples:
    """Windowed-sinc band-pass for LOWS_HZ, without any response at 0 Hz, shape (LOWS_TAPS,)."""
    at = np.arange(LOWS_TAPS) - LOWS_TAPS // 2
    low, high = (2.0 * hz / SAMPLE_RATE_HZ for hz in LOWS_HZ)
    window = np.hanning(LOWS_TAPS)
    taps = (high * np.sinc(high * at) - low * np.sinc(low * at)) * window
    return np.asarray(taps - window * (taps.sum() / window.sum()), dtype=np.float32)


class VoiceActivity:
    """Speech probability of each 32 ms frame of a stream.

    The network hardly hears a voice without its fundamental (telephone band: 0.1 to 0.5 of the voice, measured).
    Rectifying brings the fundamental back as the beat of the harmonics above it, so its band of the rectified
    sound is added to every frame. The result does not depend on how the stream is divided into blocks.
    """

    def __init__(self) -> None:
        self._hidden = np.zeros((1, 1, 128), dtype=np.float32)
        self._cell = np.zeros((1, 1, 128), dtype=np.float32)
        self._context = np.zeros(CONTEXT, dtype=np.float32)
        self._rectified = np.zeros(LOWS_TAPS - 1, dtype=np.float32)
        self._rest = np.zeros(0, dtype=np.float32)
        self._silent_frames = 0
        self._levels_dbfs: deque[float] = deque(maxlen=GAIN_MEMORY_FRAMES)
        self._frames = 0
        self._gain = 1.0

    def push(self, samples: Samples) -> Samples:
        """Probabilities, shape (frames,), 0 to 1, of the frames these samples complete."""
        pending = np.concatenate([self._rest, samples])
        frames = len(pending) // FRAME
        self._rest = pending[frames * FRAME :]
        batch = pending[: frames * FRAME].reshape(frames, FRAME)
        parts: list[Samples] = []
        while len(batch):
            if self._frames % GAIN_FRAMES == 0:
                self._choose_gain()
                self._forget_in_silence()
            group = batch[: GAIN_FRAMES - self._frames % GAIN_FRAMES]
            batch = batch[len(group) :]
            parts.append(self._probabilities((group + self._lows(group)) * np.float32(self._gain)))
            self._frames += len(group)
            rms = np.sqrt(np.square(group).mean(axis=1))
            self._levels_dbfs.extend(20.0 * np.log10(rms + 1e-9))
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)

    def _choose_gain(self) -> None:
        heard = [level for level in self._levels_dbfs if level > NOISE_FLOOR_DBFS]
        if len(heard) >= GAIN_FRAMES:
            loud_dbfs = float(np.percentile(heard, LOUD_FRAMES_PERCENTILE))
            self._gain = float(np.clip(10.0 ** ((VOICE_LEVEL_DBFS - loud_dbfs) / 20.0), *GAIN_RANGE))

    def _forget_in_silence(self) -> None:
        if self._silent_frames >= FORGET_AFTER_FRAMES:
            self._hidden, self._cell = np.zeros_like(self._hidden), np.zeros_like(self._cell)

    def _lows(self, frames: Samples) -> Samples:
        """The fundamental's band of the rectified frames, half a filter late, shape as given."""
        rectified = np.concatenate([self._rectified, np.abs(frames).reshape(-1)])
        self._rectified = rectified[-(LOWS_TAPS - 1) :].copy()
        lows: Samples = np.convolve(rectified, _lows_filter(), mode="valid").reshape(frames.shape)
        return lows

    def _probabilities(self, frames: Samples) -> Samples:
        before = np.vstack([self._context, frames[:-1, -CONTEXT:]])
        self._context = frames[-1, -CONTEXT:].copy()
        output, self._hidden, self._cell = _network().run(
            None,
            {
                "input": np.ascontiguousarray(np.concatenate([before, frames], axis=1)),
                "h": self._hidden,
                "c": self._cell,
            },
        )
        probabilities: Samples = np.asarray(output, dtype=np.float32).reshape(-1)
        for probability in probabilities:
            self._silent_frames = self._silent_frames + 1 if probability < FORGET_BELOW else 0
        return probabilities


class VoicedSpans:
    """Frame probabilities to stretches of voice, with hysteresis and a minimum silence.

    `push` returns the stretches that are finished; `finish` the one still open. Stretches come
    in order and do not overlap. Times are padded by PAD_S inside the recording.
    """

    def __init__(self) -> None:
        self._frame = 0
        self._start: int | None = None
        self._maybe_end: int | None = None
        self._last_end_s = 0.0

    @property
    def silent_s(self) -> float:
        """Seconds of silence up to now; 0 while there is voice."""
        if self._start is None:
            return self._frame * FRAME / SAMPLE_RATE_HZ - self._last_end_s
        if self._maybe_end is None:
            return 0.0
        return (self._frame - self._maybe_end) * FRAME / SAMPLE_RATE_HZ

    @property
    def open_since_s(self) -> float | None:
        """Start of the stretch that is still going on, None in silence."""
        return None if self._start is None else self._padded_start(self._start)

    def push(self, probabilities: Samples) -> Iterator[Span]:
        for probability in probabilities:
            if probability >= SPEECH_ABOVE:
                self._maybe_end = None
                if self._start is None:
                    self._start = self._frame
            elif self._start is not None and probability < SILENCE_BELOW and self._maybe_end is None:
                self._maybe_end = self._frame
            self._frame += 1
            if self._maybe_end is not None and self.silent_s >= MIN_SILENCE_S:
                yield from self._close(self._maybe_end)

    def finish(self) -> Iterator[Span]:
        if self._start is not None:
            yield from self._close(self._frame if self._maybe_end is None else self._maybe_end)

    def _padded_start(self, frame: int) -> float:
        return max(frame * FRAME / SAMPLE_RATE_HZ - PAD_S, self._last_end_s)

    def _close(self, end_frame: int) -> Iterator[Span]:
        assert self._start is not None
        start, self._start, self._maybe_end = self._start, None, None
        if (end_frame - start) * FRAME / SAMPLE_RATE_HZ < MIN_VOICE_S:
            return
        end_s = min(end_frame * FRAME / SAMPLE_RATE_HZ + PAD_S, self._frame * FRAME / SAMPLE_RATE_HZ)
        span = Span(self._padded_start(start), end_s)
        self._last_end_s = end_s
        yield span
