"""Hear an answer while it is being given: it is transcribed while the person speaks.

    whoever captures ── push ── queue ── ears: voice activity, level, windows cut at pauses
                                           └─ queue ── reader: Whisper and sound, window by window
                                                         └─ finish ── terms, delivery, coverage, feedback

The ears cost a hundredth of the time that the sound takes, so what they say (silence, voice, length) is always
current; the reader may be a window behind. The windows are cut by what was heard, never by how it came,
so the same answer read from its take gives the same words.

While the person pauses and the reader has nothing to do, it reads what waits as if the answer were over. If it
is, the rest is known already; if not, that reading is thrown away.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np

from voice_coach.audio.level import dbfs
from voice_coach.audio.sound import listen
from voice_coach.audio.windows import WindowCutter
from voice_coach.delivery.measure import measure_delivery
from voice_coach.errors import TranscriptionError
from voice_coach.interviewer.feedback import verdict_line
from voice_coach.records import (
    SAMPLE_RATE_HZ,
    Assessment,
    Question,
    Recording,
    Samples,
    Sound,
    Span,
    Transcript,
    Window,
    Word,
)
from voice_coach.session import Coach
from voice_coach.speech.whisper import WindowText

CLIPPED_AT = 0.999
"""Full scale, less what a converter's last step takes."""

GUESS_SILENCE_S = 0.7
"""A pause this long may be the end. Between sentences people pause for less, and reading ahead at each of
their pauses would keep the processor busy all along."""

GUESS_EVERY_S = 4.0
"""Voice that must have come since the last reading ahead: at most about one a sentence."""

TAIL_WORDS = 8


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


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """What one window gave."""

    text: WindowText
    sound: Sound


class Hearing:
    """One answer, heard as it comes. `push` never blocks; `result` gives what `Coach.analyze` would.

    path: the take, for the record only; nothing is read from it.
    """

    def __init__(self, coach: Coach, question: Question, *, path: Path, asked: Collection[str] = ()) -> None:
        self._coach, self._question, self._path, self._asked = coach, question, path, asked
        self._blocks: SimpleQueue[Samples | None] = SimpleQueue()
        self._windows: SimpleQueue[Window | None] = SimpleQueue()
        self._guess: Window | None = None  # what waits while the person pauses
        self._guessed_s = 0.0  # voice heard when a window was last read ahead
        self._wake = threading.Event()
        self._abandoned = False
        self._recording: Recording | None = None
        self._assessment: Assessment | None = None
        self._error: BaseException | None = None
        self._state = HearingState()
        self._last_words, self._read_s = "", 0.0
        self._all_heard, self._done = threading.Event(), threading.Event()
        threading.Thread(target=self._ears, daemon=True, name="ears").start()
        threading.Thread(target=self._reader, daemon=True, name="reader").start()

    @property
    def state(self) -> HearingState:
        """A snapshot; any thread may ask."""
        return self._state

    def push(self, samples: Samples) -> None:
        """Take float32 samples of shape (n,) at SAMPLE_RATE_HZ, in order."""
        self._blocks.put(samples)

    def finish(self) -> None:
        """Say that nothing follows; the rest is read and the whole is judged."""
        self._blocks.put(None)

    def abandon(self) -> None:
        """Stop working on it; nothing will come of it."""
        self._abandoned = True
        self._blocks.put(None)

    def opening(self, timeout_s: float) -> str | None:
        """The verdict on time as a sentence, once `finish` was called; None where no voice was heard.

        It is the assessment's own where that is there in time, else by the voice alone: those differ only where
        the answer ends with a cough or the like, which carries no words, and then by its length.
        """
        if self._done.wait(timeout_s):
            found = self._assessment
            return found.feedback.verdict if found is not None and found.feedback is not None else None
        self._all_heard.wait(timeout_s)
        if self._recording is None or not self._recording.voiced:
            return None
        voiced = self._recording.voiced
        whole = Word("…", voiced[0].start_s, voiced[-1].end_s, None)
        delivery = measure_delivery(
            (whole,), (), voiced, target_min_s=self._question.target_min_s, target_max_s=self._question.target_max_s
        )
        return verdict_line(delivery)

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

    def _ears(self) -> None:
        """Level, voice and windows, as the sound comes."""
        cutter, level = WindowCutter(), _Level()
        try:
            while (samples := self._blocks.get()) is not None and not self._abandoned:
                level.push(samples)
                for window in cutter.push(samples):
                    self._hand_over(window)
                spoken_s, silent_s = cutter.spoken_s, cutter.silent_s
                self._state = HearingState(level.duration_s, spoken_s, silent_s, self._last_words, self._read_s)
                if silent_s < GUESS_SILENCE_S:
                    self._guess = None
                elif self._guess is None and spoken_s - self._guessed_s >= GUESS_EVERY_S:
                    self._guess, self._guessed_s = cutter.tail(), spoken_s
                    self._wake.set()
            for window in cutter.finish():
                self._hand_over(window)
            self._recording = level.recording(self._path, tuple(cutter.voiced))
        except BaseException as exc:  # handed to whoever asks for the result
            self._error = exc
        finally:
            self._all_heard.set()
            self._hand_over(None)

    def _hand_over(self, window: Window | None) -> None:
        self._windows.put(window)
        self._wake.set()

    def _reader(self) -> None:
        """Words, window by window; the judgement at the end."""
        try:
            read: list[_Read] = []
            ahead: tuple[Window, _Read] | None = None
            while not self._abandoned:
                self._wake.wait()
                self._wake.clear()
                while not self._abandoned:
                    try:
                        window = self._windows.get_nowait()
                    except Empty:
                        guess = self._guess
                        if guess is not None and (ahead is None or ahead[0].pieces != guess.pieces):
                            ahead = (guess, self._read(guess))
                            continue
                        break
                    if window is None:
                        self._judge(read)
                        return
                    known = ahead is not None and ahead[0].pieces == window.pieces
                    read.append(ahead[1] if known and ahead is not None else self._read(window))
                    words = [word for one in read[-2:] for word in one.text.words]
                    self._last_words = " ".join(word.text for word in words[-TAIL_WORDS:])
                    self._read_s = words[-1].end_s if words else self._read_s
        except BaseException as exc:  # handed to whoever asks for the result
            self._error = self._error or exc
        finally:
            self._done.set()

    def _read(self, window: Window) -> _Read:
        return _Read(self._coach.whisper.transcribe(window), listen(window))

    def _judge(self, read: list[_Read]) -> None:
        if self._abandoned or self._recording is None:
            return
        transcript = Transcript(
            tuple(word for one in read for word in one.text.words),
            tuple(word for one in read for word in one.text.verbatim),
            tuple(one.sound for one in read),
        )
        self._assessment = self._coach.assess(self._recording, transcript, question=self._question, asked=self._asked)


class _Level:
    """Length and level of what was heard so far."""

    def __init__(self) -> None:
        self._count, self._clipped, self._energy, self._peak = 0, 0, 0.0, 0.0

    @property
    def duration_s(self) -> float:
        return self._count / SAMPLE_RATE_HZ

    def push(self, samples: Samples) -> None:
        loudness = np.abs(samples)
        self._count += len(samples)
        self._clipped += int((loudness >= CLIPPED_AT).sum())
        self._energy += float(np.square(samples, dtype=np.float64).sum())
        self._peak = max(self._peak, float(loudness.max(initial=0.0)))

    def recording(self, path: Path, voiced: tuple[Span, ...]) -> Recording:
        return Recording(
            path=str(path),
            duration_s=self.duration_s,
            sample_rate_hz=SAMPLE_RATE_HZ,
            channels=1,
            peak_dbfs=dbfs(self._peak),
            rms_dbfs=dbfs(float(np.sqrt(self._energy / self._count)) if self._count else 0.0),
            clipped=self._clipped / max(self._count, 1),
            bad_samples=0,
            damaged_packets=0,
            truncated=False,
            voiced=voiced,
        )
