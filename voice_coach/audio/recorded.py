"""A recording in the microphone's place, so that a rehearsal can be run without one."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from types import TracebackType

from voice_coach.audio.capture import Heard, SignalWatch, clock_s
from voice_coach.audio.files import AudioFile
from voice_coach.records import SAMPLE_RATE_HZ, Block, CaptureEvent

BLOCK = 512
"""Samples handed out at a time, 32 ms: about what a microphone does."""


class RecordedSource:
    """A recording that behaves like a microphone: blocks and events, paced as if spoken now; for one use.

    fast: hand it out as fast as it is taken. The end of the recording is the end of the answer.

    Raises on entry and while iterating: AudioFileError.
    """

    def __init__(self, path: str | os.PathLike[str], *, fast: bool = False) -> None:
        self.name = os.fspath(path)
        self._fast = fast
        self._stopping = threading.Event()
        self._file: AudioFile | None = None

    def __enter__(self) -> RecordedSource:
        self._file = AudioFile(self.name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._file is not None:
            self._file.__exit__(kind, error, trace)

    def __iter__(self) -> Iterator[Heard]:
        if self._file is None:
            raise RuntimeError("enter the source before listening to it")
        signal = SignalWatch(SAMPLE_RATE_HZ)
        began_s = clock_s()
        yield CaptureEvent("started", 0, 0.0)
        given = 0
        for piece in self._file:
            for first in range(0, len(piece), BLOCK):
                samples = piece[first : first + BLOCK]
                due_s = began_s + (given + len(samples)) / SAMPLE_RATE_HZ
                if self._stopping.wait(0.0 if self._fast else max(due_s - clock_s(), 0.0)):
                    return
                yield from signal.push(samples)
                yield Block(given, samples)
                given += len(samples)

    def stop(self) -> None:
        """End it from any thread."""
        self._stopping.set()
