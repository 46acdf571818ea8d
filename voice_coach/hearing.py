"""Hear an answer while it is being given: transcription goes on while the person speaks.

    whoever captures ── push ── queue ── listener: level, VoiceActivity, WindowCutter      (cheap, kept current)
                                            └ windows, a guess at the tail ── reader: Whisper, then the judgement

The windows are cut by what was heard, never by how it came, so the same answer read from its
take gives the same words.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from voice_coach.audio.files import CLIPPED_AT
from voice_coach.audio.level import dbfs
from voice_coach.audio.sound import listen
from voice_coach.audio.takes import FULL_SCALE
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
from voice_coach.speech.whisper import Transcriber, WindowText

GUESS_AFTER_S = 0.5
"""Silence after which the tail is read on the chance that the answer is over. Each guess that was
wrong makes the next one wait as much longer: somebody who pauses often must not pay for many readings."""

SURE_VOICE_S = 1.5
"""A stretch of voice this long holds words: coughs, clicks and drawn-out hesitations are shorter, and
Whisper reads on where it left more than 1 s of voice unread."""

LAST_WORDS = 8

SAME_WORD_S = 0.1
"""The two readings put one word's times this far apart."""


@dataclass(frozen=True, slots=True)
class HearingState:
    """What is known while the answer goes on; everything in seconds of sound, never of the clock.

    heard_s: sound pushed, as far as it was listened to. spoken_s: voice in it, the stretch going on
    included. silent_s: silence up to now, 0 while there is voice. last_words: the end of what has been
    transcribed so far, a hesitation after it included. all_read: no voice up to now is missing from it.
    read_s: where the last transcribed word ends. behind_s: sound from the first voice that is not
    transcribed for good yet up to now.
    """

    heard_s: float = 0.0
    spoken_s: float = 0.0
    silent_s: float = 0.0
    last_words: str = ""
    all_read: bool = False
    read_s: float = 0.0
    behind_s: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """What one window gave: its words, and what it sounded like."""

    text: WindowText
    sound: Sound


def _reading(whisper: Transcriber, window: Window) -> _Reading:
    return _Reading(whisper.transcribe(window), listen(window))


class Hearing:
    """One answer, heard as it comes. `push` never blocks; `result` gives what `Coach.analyze` would.

    path: the take, for the record only; nothing is read from it.
    """

    def __init__(self, coach: Coach, question: Question, *, path: Path, asked: Collection[str] = ()) -> None:
        self._coach, self._question, self._path, self._asked = coach, question, path, asked
        self._queue: SimpleQueue[Samples | None] = SimpleQueue()
        self._level = _Level()
        self._abandoned = False
        self._assessment: Assessment | None = None
        self._error: BaseException | None = None
        self._done = threading.Event()
        # all below belongs to the lock inside this condition; both threads and `opening` wait on it
        self._news = threading.Condition()
        self._state = HearingState()
        self._heard = _Heard()
        self._windows: deque[Window] = deque()
        self._guess: Window | None = None
        self._guessed: WindowText | None = None  # what the tail says, for as long as nothing follows it
        self._reading: Window | None = None
        self._words: list[Word] = []
        self._verbatim: list[Word] = []
        self._sounds: list[Sound] = []
        threading.Thread(target=self._guarded, args=(self._listen,), daemon=True, name="hearing").start()
        self._reader = threading.Thread(target=self._guarded, args=(self._read,), daemon=True, name="reading")
        self._reader.start()

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
        with self._news:
            self._abandoned = True
            self._news.notify_all()
        self._queue.put(None)

    def wait_until_idle(self, timeout_s: float) -> bool:
        """After `finish` or `abandon`: wait until no model is at work on it any more; False if one still is by then."""
        self._reader.join(timeout_s)
        return not self._reader.is_alive()

    def opening(self, timeout_s: float | None = None) -> str | None:
        """The verdict on time, as the assessment's feedback will say it: often there before all is read.

        Waits for `finish`, then until it is certain, which it is as soon as every way that the words
        not read yet can fall gives the same sentence. Where a last short sound may be a word or a
        cough, it waits for the reading. None where nothing was said, the reading failed or was
        abandoned, or it is not certain in time.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        with self._news:
            while not self._abandoned and self._error is None:
                if self._heard.complete and (line := self._certain_line()) is not None:
                    return line or None
                left_s = None if until is None else until - time.monotonic()
                if (left_s is not None and left_s <= 0) or not self._news.wait(left_s):
                    return None
        return None

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

    def _guarded(self, work: Callable[[], None]) -> None:
        """A thread of this answer; what goes wrong in it is handed to whoever asks for the result."""
        try:
            work()
        except BaseException as exc:
            with self._news:
                self._error = self._error or exc
                self._windows.clear()
                self._news.notify_all()
            self._done.set()

    # the listener

    def _listen(self) -> None:
        """Everything that must keep up with the sound; it never waits for Whisper."""
        cutter = WindowCutter()
        wrong_guesses = 0
        guessed_at: int | None = None  # how many stretches of voice there were at the last guess
        while (pushed := self._queue.get()) is not None and not self._abandoned:
            ready = list(cutter.push(self._level.push(pushed)))
            if ready:
                wrong_guesses, guessed_at = 0, None
            elif guessed_at not in (None, len(cutter.voiced)):
                wrong_guesses, guessed_at = wrong_guesses + 1, None
            guess = None
            if guessed_at is None and cutter.silent_s >= GUESS_AFTER_S * (1 + wrong_guesses):
                guess = cutter.tail()
                guessed_at = None if guess is None else len(cutter.voiced)
            self._tell(cutter, ready, guess, keep_guess=guessed_at is not None)
        if not self._abandoned:
            self._tell(cutter, list(cutter.finish()), None, keep_guess=False, complete=True)

    def _tell(
        self,
        cutter: WindowCutter,
        ready: Iterable[Window],
        guess: Window | None,
        *,
        keep_guess: bool,
        complete: bool = False,
    ) -> None:
        """Hand on what one block brought: windows, a new guess at the tail, and whether an old one still stands."""
        with self._news:
            if self._error is None:
                self._windows.extend(ready)
            self._guess = guess or (self._guess if keep_guess else None)
            heard = self._heard
            if not keep_guess or len(cutter.voiced) != len(heard.voiced):
                self._guessed = None
            heard.complete = complete
            heard.heard_s = self._level.count / SAMPLE_RATE_HZ
            heard.silent_s = cutter.silent_s
            heard.waiting_since_s = cutter.waiting_since_s
            new = cutter.voiced[len(heard.voiced) :]
            heard.spoken_s += sum(span.duration_s for span in new)
            heard.voiced += new
            open_s = cutter.open_since_s
            heard.open_s = 0.0 if open_s is None else max(0.0, cutter.heard_s - open_s)
            self._refresh()
            self._news.notify_all()

    def _refresh(self) -> None:
        """Make the state new; under the lock."""
        heard = self._heard
        since_s = self._unread_since_s()
        # a short sound may turn out to be none, and then nothing has followed the tail
        tail = self._guessed if heard.silent_s > 0.0 else None
        self._state = HearingState(
            heard_s=heard.heard_s,
            spoken_s=heard.spoken_s + heard.open_s,
            silent_s=heard.silent_s,
            last_words=ending(self._words, self._verbatim, tail),
            all_read=since_s is None or tail is not None,
            read_s=self._words[-1].end_s if self._words else 0.0,
            behind_s=0.0 if since_s is None else max(0.0, heard.heard_s - since_s),
        )

    def _unread_since_s(self) -> float | None:
        """Start of the first voice that is not read yet; None where all is. Under the lock."""
        if self._reading is not None:
            return self._reading.pieces[0].start_s
        if self._windows:
            return self._windows[0].pieces[0].start_s
        return self._heard.waiting_since_s

    # the reader

    def _read(self) -> None:
        """Whisper on each window once, on guesses at the tail in between, and the judgement at the end."""
        whisper = self._coach.whisper
        guessed: tuple[Window, _Reading] | None = None
        while True:
            with self._news:
                while not (
                    self._abandoned or self._error or self._windows or self._may_guess() or self._heard.complete
                ):
                    self._news.wait()
                if self._abandoned or self._error:
                    break
                window, guess = (self._windows.popleft(), None) if self._windows else (None, self._guess)
                if guess is not None:
                    self._guess = None
                self._reading = window
            if window is not None:
                # a guess that came true is the same stretch of the same sound
                known = guessed[1] if guessed is not None and _same(guessed[0], window) else None
                self._take(known or _reading(whisper, window))
            elif guess is not None:
                guessed = guess, _reading(whisper, guess)
                with self._news:
                    # unless somebody spoke on meanwhile
                    if self._guess is None and self._may_end_with(guess):
                        self._guessed = guessed[1].text
                        self._refresh()
            else:
                self._assessment = self._judge()
                break
        self._done.set()

    def _may_guess(self) -> bool:
        """Whether a tail waits to be read and nobody speaks. Under the lock."""
        return self._guess is not None and self._heard.silent_s > 0.0

    def _may_end_with(self, tail: Window) -> bool:
        """Whether nothing but silence came after this tail. Under the lock."""
        voiced = self._heard.voiced
        return self._heard.silent_s > 0.0 and bool(voiced) and voiced[-1].end_s <= tail.voiced[-1].end_s

    def _take(self, reading: _Reading) -> None:
        with self._news:
            self._words += reading.text.words
            self._verbatim += reading.text.verbatim
            self._sounds.append(reading.sound)
            self._reading = None
            self._refresh()
            self._news.notify_all()

    def _judge(self) -> Assessment:
        recording = self._level.recording(self._path, self._heard.voiced)
        transcript = Transcript(tuple(self._words), tuple(self._verbatim), tuple(self._sounds))
        return self._coach.assess(recording, transcript, question=self._question, asked=self._asked)

    # the verdict on time

    def _certain_line(self) -> str | None:
        """The verdict's sentence, empty where nothing was said; None while it is not certain. Under the lock."""
        since_s = self._unread_since_s() if self._reading or self._windows else None
        unread = [] if since_s is None else [span for span in self._heard.voiced if span.end_s > since_s]
        lines = {
            verdict_line(
                measure_delivery(
                    words,
                    (),
                    self._heard.voiced,
                    target_min_s=self._question.target_min_s,
                    target_max_s=self._question.target_max_s,
                )
            )
            for words in possible_ends(self._words, unread)
        }
        return lines.pop() if len(lines) == 1 else None


def ending(words: Sequence[Word], verbatim: Sequence[Word], tail: WindowText | None) -> str:
    """The last words as text: those of record, the very last as the other reading has it, which may be an "um"."""
    said = [*words[-LAST_WORDS:], *(tail.words if tail else ())][-LAST_WORDS:]
    last = [*verbatim[-1:], *(tail.verbatim if tail else ())][-1:]
    if said and last:
        if last[0].end_s < said[-1].start_s + SAME_WORD_S:
            last = []
        elif last[0].start_s < said[-1].end_s - SAME_WORD_S:
            said.pop()
    return " ".join(word.text for word in (*said, *last))


def possible_ends(words: Sequence[Word], unread: Sequence[Span]) -> list[tuple[Word, ...]]:
    """First and last words as they may turn out to be, with voice that is not read yet.

    words: read so far. unread: stretches of voice after them. The last stretch of SURE_VOICE_S
    or more holds words for certain; shorter ones after it may hold words or be coughs, and so may
    those before the first sure one where no word was read yet.
    """
    sure = [k for k, span in enumerate(unread) if span.duration_s >= SURE_VOICE_S]
    firsts: list[Word | None] = [words[0]] if words else _edges(unread[: sure[0] + 1] if sure else unread)
    lasts: list[Word | None] = _edges(unread[sure[-1] :] if sure else unread)
    if not sure:
        lasts.append(words[-1] if words else None)
        firsts += [] if words else [None]
    return [
        () if first is None or last is None else (first, last)
        for first in firsts
        for last in lasts
        if first is None or last is None or first.start_s <= last.start_s
    ]


def _edges(spans: Iterable[Span]) -> list[Word | None]:
    """A word at the beginning and one at the end of each stretch: between them nothing differs."""
    return [Word("", at_s, at_s, None) for span in spans for at_s in (span.start_s, span.end_s)]


def _same(one: Window, other: Window) -> bool:
    return one.pieces == other.pieces and one.voiced == other.voiced


@dataclass(slots=True)
class _Heard:
    """What the listener knows, for the reader and for whoever asks."""

    heard_s: float = 0.0
    spoken_s: float = 0.0
    open_s: float = 0.0
    silent_s: float = 0.0
    waiting_since_s: float | None = None
    voiced: list[Span] = field(default_factory=list)
    complete: bool = False


class _Level:
    """The recording's facts, counted on the samples as the take keeps them."""

    def __init__(self) -> None:
        self.count = 0
        self._energy, self._peak, self._clipped = 0.0, 0.0, 0
        self._bad = 0

    def push(self, samples: Samples) -> Samples:
        """The samples as they will be read from the take: 16 bits each, silence for what is no number."""
        good = np.isfinite(samples)
        self._bad += len(samples) - int(good.sum())
        steps = np.rint(np.where(good, samples, 0.0) * FULL_SCALE)
        stored: Samples = (np.clip(steps, -FULL_SCALE, FULL_SCALE - 1.0) / FULL_SCALE).astype(np.float32)
        loudness = np.abs(stored)
        self.count += len(stored)
        self._energy += float(np.square(stored, dtype=np.float64).sum())
        self._peak = max(self._peak, float(loudness.max(initial=0.0)))
        self._clipped += int((loudness >= CLIPPED_AT).sum())
        return stored

    def recording(self, path: Path, voiced: Iterable[Span]) -> Recording:
        return Recording(
            path=str(path),
            duration_s=self.count / SAMPLE_RATE_HZ,
            sample_rate_hz=SAMPLE_RATE_HZ,
            channels=1,
            peak_dbfs=dbfs(self._peak),
            rms_dbfs=dbfs(math.sqrt(self._energy / self.count) if self.count else 0.0),
            clipped=self._clipped / max(self.count, 1),
            bad_samples=self._bad,
            damaged_packets=0,
            truncated=False,
            voiced=tuple(voiced),
        )
