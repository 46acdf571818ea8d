"""Listen to one answer: from the source to the take on disk and to the ears, in a thread of its own.

source ── blocks ──┬─ TakeRecorder   first: what is on disk can't be lost
                   └─ Hearing        the same samples
       ── events ──── a mark in the take, the same silence in both, and a line for the person
"""

from __future__ import annotations

import threading
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Literal

import numpy as np

from voice_coach.audio.capture import AudioSource, describe, level_dbfs
from voice_coach.audio.takes import FILL_S, MarkKind, TakeRecorder
from voice_coach.errors import VoiceCoachError
from voice_coach.hearing import Hearing
from voice_coach.records import SAMPLE_RATE_HZ, Block, CaptureEvent, CaptureKind

Ended = Literal["source", "gone", "failed"]
"""How listening ended by itself: the recording in the microphone's place was over, the microphone went
away, or the take could not be written on."""

STOP_LIMIT_S = 3.0
"""Handing out what was heard last takes milliseconds; a thread that takes longer hangs with the sound server."""

LEVEL_SAMPLES = SAMPLE_RATE_HZ // 10

_MARKS: dict[CaptureKind, MarkKind] = {
    "overflow": "overflow",
    "behind": "gap",
    "resumed": "device_change",
    "gone": "gap",
}


class Listening:
    """Enter the source first; then `start`, watch, `stop`. The take is the caller's to finish.

    started: set with the first sample. ended: how it ended by itself, None while it goes on.
    resumed_s: seconds that were kept when it was last paused or went on.
    """

    def __init__(self, source: AudioSource, recorder: TakeRecorder, hearing: Hearing) -> None:
        self._source, self._recorder, self._hearing = source, recorder, hearing
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._cues: SimpleQueue[str] = SimpleQueue()
        self._tail = np.zeros(0, dtype=np.float32)
        self._thread = threading.Thread(target=self._work, daemon=True, name="listening")
        self.started = threading.Event()
        self.ended: Ended | None = None
        self.paused, self._pause_note = False, ""
        self.resumed_s = 0.0

    @property
    def answered_s(self) -> float:
        """Seconds kept so far, silence that stands for missing sound included."""
        return self._recorder.duration_s

    @property
    def level_dbfs(self) -> float | None:
        """Level of the last tenth of a second; None for exact zeros."""
        return level_dbfs(self._tail)

    def lines(self) -> list[str]:
        """What there is to tell the person since the last call."""
        told = []
        while True:
            try:
                told.append(self._lines.get_nowait())
            except Empty:
                return told

    def start(self) -> None:
        self._thread.start()

    def pause(self, note: str = "paused by the speaker") -> None:
        """Stop keeping what is heard, or go on; the place is marked in the take, with this note."""
        self._pause_note = note
        self.paused = not self.paused
        self.resumed_s = self.answered_s

    def mark_cue(self, note: str) -> None:
        """Mark in the take that the coach gives a cue now: the microphone may hear it."""
        self._cues.put(note)

    def stop(self) -> None:
        """End listening; returns soon, even where the sound server hangs."""
        self._source.stop()
        self._thread.join(STOP_LIMIT_S)

    def _work(self) -> None:
        ended: Ended = "source"
        was_paused = False
        try:
            for heard in self._source:
                if isinstance(heard, CaptureEvent):
                    self._note(heard)
                    if heard.kind == "gone":
                        ended = "gone"
                    continue
                if self.paused != was_paused:
                    was_paused = self.paused
                    if was_paused:
                        self._recorder.mark("gap", note=self._pause_note)
                self._take(heard, keep=not was_paused)
        except VoiceCoachError as exc:
            self._lines.put(str(exc))
            ended = "failed"
            self._source.stop()
        self.ended = ended

    def _take(self, block: Block, *, keep: bool) -> None:
        self._tail = np.concatenate([self._tail, block.samples])[-LEVEL_SAMPLES:]
        if keep:
            # in this thread: the recorder is not to be written by two
            while not self._cues.empty():
                self._recorder.mark("cue", note=self._cues.get_nowait())
            try:
                self._recorder.push(block.samples)
            finally:
                # what could not be written can still be judged
                self._hearing.push(block.samples)
        self.started.set()

    def _note(self, event: CaptureEvent) -> None:
        # the place in the answer, not since the microphone was opened: pauses are not in the take
        event = replace(event, sample=self._recorder.samples)
        if event.kind != "started":
            self._lines.put(describe(event))
        kind = _MARKS.get(event.kind)
        if kind is None or self.paused:
            return
        lost: int | None = 0
        if event.kind in ("overflow", "gone"):
            lost = None
        elif event.kind == "behind":
            lost = round((event.seconds or 0.0) * SAMPLE_RATE_HZ)
        self._recorder.mark(kind, lost=lost, note=describe(event))
        # both clocks stay the same: the silence that stands for lost sound is heard, too
        filled = min(lost or 0, round(FILL_S * SAMPLE_RATE_HZ))
        if filled:
            self._hearing.push(np.zeros(filled, dtype=np.float32))
