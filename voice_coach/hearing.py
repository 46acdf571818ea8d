"""Hear an answer while it is being given: transcription goes on in one worker while the person speaks.

    whoever captures ── push ── queue ── worker: WindowCutter → Whisper
                                           └ finish ── the rest is read, then the whole is judged

The windows are cut by what was heard, never by how it came, so the same answer read from its
take gives the same words.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from voice_coach.audio.level import dbfs
from voice_coach.audio.windows import WindowCutter
from voice_coach.errors import TranscriptionError
from voice_coach.records import SAMPLE_RATE_HZ, Assessment, Question, Recording, Samples, Transcript, Word
from voice_coach.session import Coach

CLIPPED_AT = 0.999
"""Full scale, less what a converter's last step takes."""


@dataclass(frozen=True, slots=True)
class HearingState:
    """What is known while the answer goes on; everything in seconds of sound, never of the clock.

    heard_s: sound pushed. spoken_s: voice in it. silent_s: silence up to now, 0 while there is voice.
    last_words: the end of what has been transcribed so far, which lags behind. read_s: how far
    transcription has come.
    """

    heard_s: float = 0.0
    spoken_s: float = 0.0
    silent_s: float = 0.0
    last_words: str = ""
    read_s: float = 0.0


class Hearing:
    """One answer, heard as it comes. `push` never blocks; `result` gives what `Coach.analyze` would.

    path: the take, for the record only; nothing is read from it.
    """

    def __init__(self, coach: Coach, question: Question, *, path: Path, asked: Collection[str] = ()) -> None:
        self._coach, self._question, self._path, self._asked = coach, question, path, asked
        self._queue: SimpleQueue[Samples | None] = SimpleQueue()
        self._abandoned = False
        self._assessment: Assessment | None = None
        self._error: BaseException | None = None
        self._state = HearingState()
        self._done = threading.Event()
        threading.Thread(target=self._work, daemon=True, name="hearing").start()

    @property
    def state(self) -> HearingState:
        """A snapshot; any thread may ask."""
        return self._state

    def push(self, samples: Samples) -> None:
        """Take float32 samples of shape (n,) at SAMPLE_RATE_HZ, in order."""
        self._queue.put(samples)

    def finish(self) -> None:
        """Say that nothing follows; the rest is read and the whole is judged."""
        self._queue.put(None)

    def abandon(self) -> None:
        """Stop working on it; nothing will come of it."""
        self._abandoned = True
        self._queue.put(None)

    def result(self, timeout_s: float | None = None) -> Assessment:
        """The assessment, once `finish` was called.

        Raises: TimeoutError if it is not there in time (it may be asked for again); ModelError, TranscriptionError.
        """
        if not self._done.wait(timeout_s):
            raise TimeoutError
        if self._error is not None:
            raise self._error
        if self._assessment is None:
            raise TranscriptionError("the answer was abandoned; the take is kept, analyse it later")
        return self._assessment

    def opening(self, timeout_s: float) -> str | None:
        """The verdict on time as a sentence, once `finish` was called; None if it is not known in time."""
        if not self._done.wait(timeout_s) or self._assessment is None or self._assessment.feedback is None:
            return None
        return self._assessment.feedback.verdict

    def _work(self) -> None:
        try:
            self._assessment = self._hear()
        except BaseException as exc:  # handed to whoever asks for the result
            self._error = exc
        finally:
            self._done.set()

    def _hear(self) -> Assessment | None:
        whisper = self._coach.whisper
        cutter = WindowCutter()
        words: list[Word] = []
        verbatim: list[Word] = []
        count, energy, peak, clipped = 0, 0.0, 0.0, 0
        while (samples := self._queue.get()) is not None and not self._abandoned:
            count += len(samples)
            energy += float(np.square(samples, dtype=np.float64).sum())
            loudness = np.abs(samples)
            peak = max(peak, float(loudness.max(initial=0.0)))
            clipped += int((loudness >= CLIPPED_AT).sum())
            for window in cutter.push(samples):
                text = whisper.transcribe(window)
                words += text.words
                verbatim += text.verbatim
            self._state = HearingState(
                heard_s=count / SAMPLE_RATE_HZ,
                spoken_s=sum(span.duration_s for span in cutter.voiced),
                last_words=" ".join(word.text for word in words[-8:]),
                read_s=words[-1].end_s if words else 0.0,
            )
        if self._abandoned:
            return None
        for window in cutter.finish():
            text = whisper.transcribe(window)
            words += text.words
            verbatim += text.verbatim
        recording = Recording(
            path=str(self._path),
            duration_s=count / SAMPLE_RATE_HZ,
            sample_rate_hz=SAMPLE_RATE_HZ,
            channels=1,
            peak_dbfs=dbfs(peak),
            rms_dbfs=dbfs(float(np.sqrt(energy / count)) if count else 0.0),
            clipped=clipped / max(count, 1),
            bad_samples=0,
            damaged_packets=0,
            truncated=False,
            voiced=tuple(cutter.voiced),
        )
        transcript = Transcript(tuple(words), tuple(verbatim))
        return self._coach.assess(recording, transcript, question=self._question, asked=self._asked)
