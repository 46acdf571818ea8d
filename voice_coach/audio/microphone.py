"""The microphone: from PortAudio's callback to blocks at 16 kHz, with everything that goes wrong said.

PortAudio's thread ── copies the block, with its flags and time ── queue ── the reader (whoever
iterates) mixes to mono, resamples, watches signal and clock.

A device that vanishes raises nothing: the stream just finishes. A server that hangs makes every
call into PortAudio wait for it; such calls are made in threads that may be left behind.
"""

from __future__ import annotations

import atexit
import ctypes
import logging
import platform
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from voice_coach.audio.capture import ClockWatch, Heard, SignalWatch, clock_s
from voice_coach.audio.devices import InputDevice, forget, resolve
from voice_coach.audio.resampling import Resampler
from voice_coach.errors import MicrophoneError
from voice_coach.records import SAMPLE_RATE_HZ, Block, CaptureEvent, Samples

log = logging.getLogger(__name__)

OPEN_LIMIT_S = 5.0
"""Opening takes 0.1 s, a bluetooth headset that changes its profile two or three."""

STOP_LIMIT_S = 1.5
"""Stopping takes some hundredths of a second; a hung server makes it wait for ever."""

OTHER_RATES_HZ = (48_000, 44_100, 32_000, 16_000, 8_000)
"""Tried where a device refuses the rate that it is listed with."""

RATE_REFUSED = (-9997, -9996)
"""PortAudio's codes for an invalid sample rate, and for the invalid device that WASAPI calls it."""

Result = TypeVar("Result")


class _Stream(Protocol):
    """What is used of sounddevice's stream."""

    samplerate: float
    channels: int

    def start(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class _Arrival:
    """One callback's worth: float32 frames, shape (n, channels); whether samples were lost before; when."""

    frames: npt.NDArray[np.float32]
    lost: bool
    at_s: float


class Microphone:
    """One input device, opened on entry by its name as the system knows it at that moment; for one use.

    name: which input (whole or part of its name); None for the best default. After entry `device` is
    the one in use, `name` its name, `rate_hz` and `channels` what it was opened with. Only one may
    be open at a time in a process, and nothing else in it may use PortAudio meanwhile: opening
    starts PortAudio anew, since its list of devices is as old as its start.

    Raises on entry: MicrophoneError.
    """

    device: InputDevice
    rate_hz: int
    channels: int

    def __init__(self, name: str | None = None) -> None:
        self.name = name or "the default microphone"
        self._wanted = name
        self._queue: SimpleQueue[_Arrival | None] = SimpleQueue()
        self._stopping = threading.Event()
        self._abandoned = False
        self._stream: _Stream | None = None
        self._opened_s = 0.0
        self._closing = threading.Lock()
        self._chatter = ExitStack()

    def __enter__(self) -> Microphone:
        self.device = resolve(self._wanted)
        self.name = self.device.name
        self._chatter.enter_context(_libraries_quiet())
        self._opened_s = clock_s()
        try:
            stream = _within(OPEN_LIMIT_S, self._open)
        except TimeoutError as exc:
            forget()
            self._abandon()
            raise MicrophoneError(
                f"microphone {self.name} does not open within {OPEN_LIMIT_S:.0f} s; "
                "connect it again, or choose another (voice-coach devices)"
            ) from exc
        except BaseException:
            forget()
            self._chatter.close()
            raise
        self._stream, self.rate_hz, self.channels = stream, round(stream.samplerate), stream.channels
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __iter__(self) -> Iterator[Heard]:
        clock = ClockWatch(self.rate_hz, self._opened_s)
        signal = SignalWatch(self.rate_hz)
        resampler = Resampler(self.rate_hz)
        mixer = Mixer(self.channels)
        # what follows a late block waits until it is known how much is missing before it
        held: list[Heard] = []
        held_at: int | None = None
        while True:
            try:
                arrival = self._queue.get(timeout=clock.patience_s(clock_s()))
            except Empty:
                yield from clock.waited(clock_s())
                yield from _emptied(held)
                continue
            if arrival is None:
                break
            if arrival.lost:
                yield CaptureEvent("overflow", round(clock.frames * SAMPLE_RATE_HZ / self.rate_hz))
            yield from clock.arrived(len(arrival.frames), arrival.at_s)
            if clock.unsettled_at != held_at:
                yield from _emptied(held)
                held_at = clock.unsettled_at
            mono = mixer.mix(arrival.frames)
            held += signal.push(mono)
            start = resampler.given
            samples = resampler.push(mono)
            if len(samples):
                held.append(Block(start, samples))
            if held_at is None:
                yield from _emptied(held)
        yield from _emptied(held)
        start = resampler.given
        rest = resampler.finish()
        if len(rest):
            yield Block(start, rest)
        if not self._stopping.is_set():
            yield CaptureEvent("gone", resampler.given)

    def stop(self) -> None:
        """End it from any thread; what was heard before is still handed out, then the iteration ends."""
        self._stopping.set()
        with self._closing:
            stream, self._stream = self._stream, None
        if stream is None:
            return
        try:
            _within(STOP_LIMIT_S, stream.close)
            self._chatter.close()
        except TimeoutError:
            self._abandon()
        self._queue.put(None)

    def _open(self) -> _Stream:
        """Open and start the stream on a fresh list of devices; runs in a thread of its own."""
        import sounddevice

        try:
            sounddevice._terminate()
            sounddevice._initialize()
            index = next(
                (
                    one["index"]
                    for one in sounddevice.query_devices()
                    if one["name"] == self.device.name
                    and one["max_input_channels"] > 0
                    and sounddevice.query_hostapis(one["hostapi"])["name"] == self.device.host
                ),
                None,
            )
        except sounddevice.PortAudioError as exc:
            raise MicrophoneError(f"PortAudio does not start ({_first_line(exc)}); run: voice-coach doctor") from exc
        if index is None:
            raise MicrophoneError(f"microphone {self.name} went away just now; connect it and try again")
        failure: Exception | None = None
        for rate_hz in dict.fromkeys((self.device.rate_hz, *OTHER_RATES_HZ)):
            try:
                stream: _Stream = sounddevice.InputStream(
                    device=index,
                    # two, where there are two: a headset on a stereo input may fill only one of them
                    channels=min(self.device.channels, 2),
                    samplerate=rate_hz,
                    dtype="float32",
                    latency="high",
                    callback=self._take,
                    finished_callback=self._finished,
                )
            except sounddevice.PortAudioError as exc:
                failure = failure or exc
                if exc.args[1:2] and exc.args[1] in RATE_REFUSED:
                    continue
                break
            try:
                stream.start()
            except sounddevice.PortAudioError as exc:
                stream.close()
                failure = exc
                break
            if self._abandoned:
                stream.close()
            return stream
        raise MicrophoneError(
            f"microphone {self.name} can't be opened ({_first_line(failure)}); connect one, close other "
            "programs that use it, or choose another (voice-coach devices)"
        ) from failure

    def _take(self, frames: npt.NDArray[np.float32], count: int, times: object, flags: object) -> None:
        """PortAudio's callback: copy and go."""
        if not self._abandoned:
            self._queue.put(_Arrival(frames.copy(), bool(flags), clock_s()))

    def _finished(self) -> None:
        self._queue.put(None)

    def _abandon(self) -> None:
        """Leave a hung stream to its thread, and keep the program's end from waiting for it."""
        self._abandoned = True
        # not by import, which waits where the hung thread is in the middle of one
        handler = getattr(sys.modules.get("sounddevice"), "_exit_handler", None)
        if handler is not None:
            atexit.unregister(handler)


class Mixer:
    """Mean of the channels that have carried anything so far.

    A headset on a stereo input leaves one channel at exact zero; the mean of both would be 6 dB
    too quiet. A channel counts from its first sound on, so that the level does not jump with each pause.
    """

    def __init__(self, channels: int) -> None:
        self._live = np.zeros(channels, dtype=np.bool_)

    def mix(self, frames: npt.NDArray[np.float32]) -> Samples:
        """Frames of shape (n, channels) to samples of shape (n,)."""
        self._live |= frames.any(axis=0)
        live = frames[:, self._live] if self._live.any() else frames
        mono: Samples = np.ascontiguousarray(live.mean(axis=1), dtype=np.float32)
        return mono


def _emptied(held: list[Heard]) -> Iterator[Heard]:
    while held:
        yield held.pop(0)


@contextmanager
def _libraries_quiet() -> Iterator[None]:
    """Keep what PortAudio and ALSA print about a lost device off the screen; `--verbose` leaves it.

    They write to C's stderr from threads of their own. Python's is another object on the same file
    descriptor, so C's alone is pointed elsewhere. glibc lets it be assigned to; others may not.
    """
    if platform.libc_ver()[0] != "glibc" or log.isEnabledFor(logging.DEBUG):
        yield
        return
    stderr = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stderr")
    before, stderr.value = stderr.value, _nowhere()
    try:
        yield
    finally:
        stderr.value = before


@cache
def _nowhere() -> int | None:
    """A C stream that swallows everything; never closed, a thread may be writing to it."""
    fopen = ctypes.CDLL(None).fopen
    fopen.restype = ctypes.c_void_p
    stream: int | None = fopen(b"/dev/null", b"w")
    return stream


def _within(limit_s: float, call: Callable[[], Result]) -> Result:
    """The call's result, from a thread that is left behind where it takes longer.

    Raises: TimeoutError, or what the call raises.
    """
    results: SimpleQueue[tuple[Result | None, BaseException | None]] = SimpleQueue()

    def work() -> None:
        try:
            results.put((call(), None))
        except BaseException as exc:  # handed to the caller, whatever it is
            results.put((None, exc))

    threading.Thread(target=work, daemon=True, name="portaudio").start()
    try:
        result, error = results.get(timeout=limit_s)
    except Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


def _first_line(failure: Exception | None) -> str:
    return (str(failure).splitlines() or ["no reason given"])[0][:160]
