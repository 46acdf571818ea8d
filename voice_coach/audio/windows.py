"""Cut a stream of speech into windows that Whisper can take, at pauses, as it comes.

The cuts depend only on what has been heard so far, never on how the audio was delivered: a
live answer and the same answer read from disk give the same windows, hence the same words.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from voice_coach.audio.activity import FRAME, VoiceActivity, VoicedSpans
from voice_coach.records import SAMPLE_RATE_HZ, Samples, Span, Window

CUT_AFTER_S = 19.0
"""From this much pending audio on, the next pause ends the window. Whisper pads every window to
30 s, so many short ones cost more than few long ones; past this there is nearly always a
pause before LONGEST_S is reached."""

CUT_SILENCE_S = 0.5
"""A pause of this length is between words for certain, and mostly between clauses."""

LONG_SILENCE_S = 10.0
"""A silence this long ends the window however little it holds: nobody goes on with the same
sentence, and what is held back must not grow while nobody speaks."""

LONGEST_S = 28.0
"""A window is never longer: Whisper's input is 30 s, and its last second is heard badly."""

KEEP_S = 0.3
"""Silence kept around voice: onsets and word ends are quieter than the voice detector's line."""

LONGEST_SILENCE_S = 1.0
"""Silence inside a window beyond this is left out: Whisper fills long silences with words."""

SEARCH_S = 8.0
"""Where nobody pauses for 28 s, the quietest 0.1 s of the last eight is the best cut."""


class WindowCutter:
    """Feed it samples with `push`, close it with `finish`; both yield the windows that are ready.

    voiced: every stretch of voice heard so far, in order.
    """

    def __init__(self) -> None:
        self.voiced: list[Span] = []
        self._activity = VoiceActivity()
        self._spans = VoicedSpans()
        self._pending: list[Span] = []  # voice not yet in a window
        self._cut_s = 0.0  # everything before is in a window already
        self._audio = np.zeros(0, dtype=np.float32)
        self._audio_start = 0  # index of _audio[0] in the recording
        self._frames = 0

    @property
    def heard_s(self) -> float:
        """Time up to which the voice detector has decided."""
        return self._frames * FRAME / SAMPLE_RATE_HZ

    @property
    def silent_s(self) -> float:
        """Seconds of silence up to now; 0 while there is voice."""
        return self._spans.silent_s

    @property
    def open_since_s(self) -> float | None:
        """Start of the stretch of voice that is still going on, None in silence."""
        return self._spans.open_since_s

    @property
    def waiting_since_s(self) -> float | None:
        """Start of the voice that is in no window yet; None where all of it is."""
        spans = self._so_far()
        return spans[0].start_s if spans else None

    def tail(self) -> Window | None:
        """The window that `finish` would give now; changes nothing. None while there is voice, or none waits.

        After KEEP_S of silence it stays the same until somebody speaks again.
        """
        if not self._pending or self._spans.open_since_s is not None or self.silent_s < KEEP_S:
            return None
        return self._window(self._pending, self._audio_end_s)

    def push(self, samples: Samples) -> Iterator[Window]:
        self._audio = np.concatenate([self._audio, samples])
        for probability in self._activity.push(samples):
            self._frames += 1
            self._take(self._spans.push(np.asarray([probability], dtype=np.float32)))
            yield from self._ready()
        if not self._pending and self._spans.open_since_s is None:
            self._forget_before(self.heard_s - LONGEST_SILENCE_S)

    def finish(self) -> Iterator[Window]:
        self._take(self._spans.finish())
        if self._pending:
            yield self._cut(self._audio_end_s)

    @property
    def _audio_end_s(self) -> float:
        return (self._audio_start + len(self._audio)) / SAMPLE_RATE_HZ

    def _take(self, spans: Iterator[Span]) -> None:
        for span in spans:
            self.voiced.append(span)
            # a forced cut may have put the beginning of this stretch into a window already
            if span.end_s > self._cut_s:
                self._pending.append(Span(max(span.start_s, self._cut_s), span.end_s))

    def _ready(self) -> Iterator[Window]:
        if not self._pending and self._spans.open_since_s is None:
            return
        length_s = sum(piece.duration_s for piece in self._pieces(self._so_far()))
        if length_s >= LONGEST_S:
            yield self._cut(self._forced_cut_s())
        elif self._spans.open_since_s is None and self._spans.silent_s >= (
            CUT_SILENCE_S if length_s >= CUT_AFTER_S else LONG_SILENCE_S
        ):
            # half of the silence for the word before, half for the one to come
            last_s = self._pending[-1].end_s
            yield self._cut(min(last_s + KEEP_S, (last_s + self.heard_s) / 2))

    def _so_far(self) -> list[Span]:
        """Voice waiting for a window, the stretch still going on included."""
        since = self._spans.open_since_s
        if since is None:
            return self._pending
        return [*self._pending, Span(max(since, self._cut_s), self.heard_s)]

    def _forced_cut_s(self) -> float:
        """The middle of the longest pause in the second half; without one, the quietest point."""
        spans = self._so_far()
        middle_s = (spans[0].start_s + self.heard_s) / 2
        pauses = [Span(before.end_s, after.start_s) for before, after in pairwise(spans) if before.end_s >= middle_s]
        if pauses:
            longest = max(pauses, key=lambda pause: pause.duration_s)
            return (longest.start_s + longest.end_s) / 2
        last = self._audio[: round(self.heard_s * SAMPLE_RATE_HZ) - self._audio_start]
        last = last[-round(SEARCH_S * SAMPLE_RATE_HZ) :]
        step = SAMPLE_RATE_HZ // 10
        rows = last[: len(last) // step * step].reshape(-1, step)
        quietest = int(np.square(rows).mean(axis=1)[:-1].argmin())
        return self.heard_s - (len(last) - (quietest + 0.5) * step) / SAMPLE_RATE_HZ

    def _pieces(self, spans: list[Span], until_s: float | None = None) -> list[Span]:
        """The stretches of audio to keep for these stretches of voice."""
        limit_s = self._audio_end_s if until_s is None else until_s
        pieces: list[Span] = []
        for span in spans:
            start_s, end_s = max(span.start_s - KEEP_S, self._cut_s), min(span.end_s + KEEP_S, limit_s)
            if pieces and start_s - pieces[-1].end_s <= LONGEST_SILENCE_S - 2 * KEEP_S:
                pieces[-1] = Span(pieces[-1].start_s, end_s)
            else:
                pieces.append(Span(start_s, end_s))
        return pieces

    def _cut(self, at_s: float) -> Window:
        window = self._window(self._so_far(), at_s)
        self._pending = [Span(max(span.start_s, at_s), span.end_s) for span in self._pending if span.end_s > at_s]
        self._cut_s = at_s
        self._forget_before(at_s)
        return window

    def _window(self, spans: list[Span], at_s: float) -> Window:
        """These stretches of voice, up to that time, with the silence kept around them."""
        taken = [Span(span.start_s, min(span.end_s, at_s)) for span in spans if span.start_s < at_s]
        indices = [
            (round(piece.start_s * SAMPLE_RATE_HZ), round(piece.end_s * SAMPLE_RATE_HZ))
            for piece in self._pieces(taken, at_s)
        ]
        return Window(
            samples=np.concatenate(
                [self._audio[first - self._audio_start : last - self._audio_start] for first, last in indices]
            ),
            pieces=tuple(Span(first / SAMPLE_RATE_HZ, last / SAMPLE_RATE_HZ) for first, last in indices),
            voiced=tuple(taken),
        )

    def _forget_before(self, time_s: float) -> None:
        index = max(round(time_s * SAMPLE_RATE_HZ), self._audio_start)
        self._audio = self._audio[index - self._audio_start :]
        self._audio_start = index
