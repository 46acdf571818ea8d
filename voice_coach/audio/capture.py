"""What every source of live sound has in common: the protocol, and the watch over signal and clock.

A source is entered, iterated over once and stopped from any thread. It yields blocks, and between
them events that say what happened to the sound; problems while listening are data, never exceptions.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import numpy as np

from voice_coach.audio.level import dbfs
from voice_coach.records import SAMPLE_RATE_HZ, Block, CaptureEvent, CaptureKind, Samples

Heard = Block | CaptureEvent

MUTED_S = 2.0
"""Exact zeros for this long: no open microphone is so quiet. A sound server that is just starting
a stream may fill up with a few tenths of a second of them."""

QUIET_DBFS = -55.0
"""Without one stretch of LEVEL_S louder than this nobody speaks into this microphone: speech at
arm's length measures -35 to -15 dBFS, a quiet room through an ordinary microphone -75 to -55."""

LEVEL_S = 0.1
"""Length over which level is taken: half a syllable."""

QUIET_FIRST_S = 5.0
"""Before the first sound, this much near silence is worth a question to the person."""

QUIET_LATER_S = 15.0
"""Later it has to be longer than anybody thinks before going on."""

STALLED_S = 1.0
"""PortAudio hands out blocks every 10 to 30 ms; a second without one is no hiccup."""

BEHIND_S = 0.1
"""Sound that is missing, judged over a second at a time, so that late blocks do not count as lost ones."""

LATE_S = 0.25
"""A block that comes so late may have sound missing before it, or be the first of many that were held back."""

SETTLE_S = 0.5
"""Within this after a late block all that was held back has come; what is missing then is lost."""

LISTEN_GRACE_S = 2.0
"""How much longer than asked a reading may take: devices are slow to start, bluetooth most of all."""


class AudioSource(Protocol):
    """Where sound comes from: a microphone, or a recording in its place.

    Entering opens it and starts it (raises AudioError); iterating, once, yields blocks of mono float32 at
    SAMPLE_RATE_HZ and events, until `stop` is called from any thread or the sound ends. name: what
    it is called, for the person. stop never hangs, and may be called more than once.
    """

    name: str

    def __enter__(self) -> AudioSource: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __iter__(self) -> Iterator[Heard]: ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What a short listen found.

    loudest_dbfs: RMS of the loudest LEVEL_S, peak_dbfs: the highest sample, both in dB of full
    scale; None for exact zeros or no samples at all. events: what happened meanwhile.
    """

    duration_s: float
    loudest_dbfs: float | None
    peak_dbfs: float | None
    events: tuple[CaptureEvent, ...]

    @property
    def faults(self) -> tuple[CaptureEvent, ...]:
        """What is wrong with this source, in order; empty if nothing is."""
        wrong = [event for event in self.events if event.kind in ("overflow", "behind", "resumed", "gone")]
        flow = [event for event in self.events if event.kind in ("started", "stalled", "resumed")]
        # a device that starts late is none the worse for it
        if flow and flow[-1].kind == "stalled":
            wrong.append(flow[-1])
        level: CaptureKind | None = None
        if self.duration_s > 0.0 and self.peak_dbfs is None:
            level = "muted"
        elif self.loudest_dbfs is not None and self.loudest_dbfs < QUIET_DBFS:
            level = "quiet"
        if level is not None:
            wrong.append(CaptureEvent(level, 0, self.duration_s))
        return tuple(wrong)


class SignalWatch:
    """Tell exact zeros, near silence and sound apart, as samples come at any one rate."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._zeros = 0
        self._quiet = 0  # samples since something was last loud enough
        self._taken = 0
        self._pending = np.zeros(0, dtype=np.float32)
        self._told: CaptureKind | None = None
        self._spoken = False

    def push(self, mono: Samples) -> Iterator[CaptureEvent]:
        self._taken += len(mono)
        nonzero = np.flatnonzero(mono)
        if len(nonzero):
            self._zeros = len(mono) - 1 - int(nonzero[-1])
            if self._told == "muted":
                yield self._event("signal", None)
        else:
            self._zeros += len(mono)
        if self._loud(mono):
            self._spoken, self._quiet = True, 0
            if self._told == "quiet":
                yield self._event("signal", None)
        zeros_s, quiet_s = self._zeros / self._rate_hz, self._quiet / self._rate_hz
        if self._told is None and zeros_s >= MUTED_S:
            yield self._event("muted", zeros_s)
        elif self._told is None and quiet_s >= (QUIET_LATER_S if self._spoken else QUIET_FIRST_S):
            yield self._event("quiet", quiet_s)

    def _loud(self, mono: Samples) -> bool:
        self._quiet += len(mono)
        length = round(LEVEL_S * self._rate_hz)
        samples = np.concatenate([self._pending, mono])
        whole = len(samples) // length * length
        self._pending = samples[whole:]
        # the mean is taken off: a microphone with an offset is no louder for it
        return bool((samples[:whole].reshape(-1, length).std(axis=1) > 10 ** (QUIET_DBFS / 20)).any())

    def _event(self, kind: CaptureKind, seconds: float | None) -> CaptureEvent:
        self._told = None if kind == "signal" else kind
        if kind == "signal":
            self._quiet = 0
        return CaptureEvent(kind, round(self._taken * SAMPLE_RATE_HZ / self._rate_hz), seconds)


class ClockWatch:
    """Hold the samples that came against the clock: late starts, stalls, missing sound.

    Times are `clock_s()` readings taken where the block arrived, frames are at the device's rate.
    """

    def __init__(self, rate_hz: int, opened_s: float) -> None:
        self._rate_hz = rate_hz
        self._opened_s = opened_s
        self._last_s = opened_s
        self._first_s: float | None = None
        self._first_frames = 0
        self._stalled = False
        self.frames = 0
        self._lag_s = 0.0  # the least lag in the second before; the first block's is 0
        self._least_s = math.inf  # and in the one going on
        self._second_ends_s = math.inf
        self._on_time = 0  # frames up to which nothing was missing
        self.unsettled_at: int | None = None  # frame before which sound may turn out to be missing

    def patience_s(self, now_s: float) -> float:
        """How long to wait for the next block before asking `waited`."""
        return STALLED_S if self._stalled else max(self._last_s + STALLED_S - now_s, 0.0)

    def waited(self, now_s: float) -> Iterator[CaptureEvent]:
        if not self._stalled and now_s - self._last_s >= STALLED_S:
            self._stalled = True
            if self.unsettled_at is not None:
                yield from self._second()
            yield self._event("stalled", self.frames, now_s - self._last_s)

    def arrived(self, frames: int, at_s: float) -> Iterator[CaptureEvent]:
        yield from self.waited(at_s)
        if self._first_s is None:
            self._first_s, self._first_frames = at_s, frames
            yield self._event("started", 0, at_s - self._opened_s)
        elif self._stalled:
            yield self._event("resumed", self.frames, at_s - self._last_s)
        late = self.frames > 0 and at_s - self._last_s >= LATE_S
        self._stalled, self._last_s = False, at_s
        # seconds of the clock, not of sound: blocks that were held back and come at once share one
        if at_s >= self._second_ends_s:
            yield from self._second()
        if late and self.unsettled_at is None:
            # the second is cut short: what is missing has to be known while its place is near
            self._least_s, self._second_ends_s, self.unsettled_at = math.inf, at_s + SETTLE_S, self.frames
        elif math.isinf(self._least_s):
            self._second_ends_s = at_s + 1.0
        self.frames += frames
        lag_s = (at_s - self._first_s) - (self.frames - self._first_frames) / self._rate_hz
        self._least_s = min(self._least_s, lag_s)
        if lag_s - self._lag_s <= BEHIND_S:
            self._on_time = self.frames

    def _second(self) -> Iterator[CaptureEvent]:
        missing_s = self._least_s - self._lag_s
        if missing_s > BEHIND_S:
            yield self._event("behind", self._on_time, missing_s)
        if self.unsettled_at is not None:
            self._on_time = self.frames
        # following the lag also takes up the drift between two clocks, some 0.1 ms a second
        self._lag_s, self._least_s, self.unsettled_at = self._least_s, math.inf, None

    def _event(self, kind: CaptureKind, frames: int, seconds: float) -> CaptureEvent:
        return CaptureEvent(kind, round(frames * SAMPLE_RATE_HZ / self._rate_hz), seconds)


def clock_s() -> float:
    """Seconds on a clock that goes on while the machine sleeps, from an arbitrary start."""
    return _CLOCK()


def _sleepless_clock() -> Callable[[], float]:
    # time.monotonic stands still during sleep on Linux and on macOS, where these two do not
    number = getattr(time, "CLOCK_BOOTTIME", None) or (
        getattr(time, "CLOCK_MONOTONIC", None) if sys.platform == "darwin" else None
    )
    return time.monotonic if number is None else lambda: time.clock_gettime(number)


_CLOCK = _sleepless_clock()


def level_dbfs(samples: Samples) -> float | None:
    """RMS in dB of full scale; None for exact zeros or no samples."""
    return dbfs(math.sqrt(float(np.square(samples, dtype=np.float64).mean()))) if len(samples) else None


def listen(source: AudioSource, seconds: float) -> Reading:
    """Enter a source, hear so many seconds of it, and say what it gave; never takes much longer.

    Raises: AudioError if it can't be opened.
    """
    blocks: list[Samples] = []
    events: list[CaptureEvent] = []
    with source:
        # a source that hands out nothing is stopped from outside
        limit = threading.Timer(seconds + LISTEN_GRACE_S, source.stop)
        limit.start()
        try:
            for heard in source:
                if isinstance(heard, CaptureEvent):
                    events.append(heard)
                    continue
                blocks.append(heard.samples)
                if heard.end_s >= seconds:
                    break
        finally:
            limit.cancel()
    samples = np.concatenate([np.zeros(0, dtype=np.float32), *blocks])
    return _reading(samples, tuple(events))


def _reading(samples: Samples, events: tuple[CaptureEvent, ...]) -> Reading:
    length = round(LEVEL_S * SAMPLE_RATE_HZ)
    levels = [level_dbfs(samples[first : first + length]) for first in range(0, len(samples), length)]
    peak = float(np.abs(samples).max()) if len(samples) else 0.0
    return Reading(
        duration_s=len(samples) / SAMPLE_RATE_HZ,
        loudest_dbfs=max((level for level in levels if level is not None), default=None),
        peak_dbfs=dbfs(peak),
        events=events,
    )


def level_line(reading: Reading) -> str:
    """The reading's figures in one line."""
    if reading.duration_s == 0.0:
        return "level: unknown, no sound came"
    if reading.loudest_dbfs is None or reading.peak_dbfs is None:
        return f"level: exact zeros for {reading.duration_s:.1f} s"
    return f"level: {reading.loudest_dbfs:.0f} dBFS at its loudest, peak {reading.peak_dbfs:.0f} dBFS"


def describe(event: CaptureEvent) -> str:
    """The event in one line for the person, with what to do where something can be done."""
    seconds = f"{event.seconds or 0.0:.1f} s"
    if event.kind == "started":
        return f"listening, after {seconds}"
    if event.kind == "overflow":
        return f"some sound was lost at {event.time_s:.1f} s: the computer was too busy; close other programs"
    if event.kind == "muted":
        return f"the microphone gives nothing but zeros ({seconds}): {_how_to_unmute()}"
    if event.kind == "quiet":
        return (
            f"nothing louder than a quiet room for {seconds}: speak up, come closer, or choose another "
            "microphone (voice-coach devices)"
        )
    if event.kind == "signal":
        return "the microphone is heard again"
    if event.kind == "stalled":
        return f"no sound has come for {seconds}: check the microphone's cable or connection"
    if event.kind == "resumed":
        return f"sound comes again after {seconds} without; it may come from another microphone"
    if event.kind == "behind":
        return f"{seconds} of sound is missing at {event.time_s:.1f} s"
    return "the microphone went away: plug it in again and start over; what was heard is kept"


def _how_to_unmute() -> str:
    if sys.platform == "darwin":
        return "unmute it, or allow it in System Settings, Privacy & Security, Microphone"
    return "unmute it (for instance: pactl set-source-mute @DEFAULT_SOURCE@ 0), or choose another (voice-coach devices)"
