"""What passes from stage to stage: frozen records, nothing else.

The data's way, and who makes what:

    audio        Block             a piece of what is being heard, as it comes
                 CaptureEvent      what happened to the microphone meanwhile
                 Window            speech, cut at pauses, with where the voice is
                 Recording         the whole file: length, level, where the voice is
    speech       Transcript        words of record, and the verbatim pass beside them
    delivery     Delivery          time, pace, pauses, fillers
    coverage     Coverage          sentences with labels, stages, STAR, mistakes
    interviewer  Question          what was asked
                 Feedback          what to say
    session      Assessment        all of it

Times are in seconds on the answer's own clock: sample counts divided by the rate, from the
first sample of the recording. Unknown is None, never zero. Records that hold an array compare
by identity, and the array is read-only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

SAMPLE_RATE_HZ = 16_000
"""Rate of all audio inside the program: what Whisper and Silero were trained on."""

Samples = npt.NDArray[np.float32]
"""Mono audio at SAMPLE_RATE_HZ, shape (n,), float32, full scale is ±1."""

Level = Literal["missing", "mentioned", "strong"]
CandidateLevel = Literal["early", "mid", "senior"]
Verdict = Literal["short", "in_range", "long"]
FillerKind = Literal["filled_pause", "discourse_marker", "repetition"]
PauseKind = Literal["short", "long", "lost_thread"]
PausePlace = Literal["clause", "inside"]
PaceKind = Literal["burst", "drag"]
CaptureKind = Literal["started", "overflow", "muted", "quiet", "signal", "stalled", "resumed", "behind", "gone"]
MistakeName = Literal[
    "purely_technical",
    "no_customer_impact",
    "root_cause_first",
    "heroic",
    "no_follow_through",
    "vague",
]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time; end_s is never before start_s."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some milliseconds of sound from a microphone, or from a recording that plays its part.

    samples: float32, shape (n,), read-only, at SAMPLE_RATE_HZ. start: index of the first of them
    since the source was opened; blocks follow each other without a gap in this count.
    """

    start: int
    samples: Samples

    def __post_init__(self) -> None:
        self.samples.flags.writeable = False

    @property
    def end(self) -> int:
        return self.start + len(self.samples)

    @property
    def start_s(self) -> float:
        return self.start / SAMPLE_RATE_HZ

    @property
    def end_s(self) -> float:
        return self.end / SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class CaptureEvent:
    """Something that happened while listening.

    sample: where, as an index at SAMPLE_RATE_HZ on the same count as `Block.start`; the block that
    holds it may come a little later, since resampling holds some milliseconds back.
    seconds: how long, by the kind:

    started   the first samples came, so long after the device was opened
    overflow  samples were lost here, unknown how many (None)
    muted     nothing but exact zeros for so long
    quiet     nothing louder than a very quiet room for so long
    signal    sound came back after muted or quiet (None)
    stalled   no samples came for so long
    resumed   samples came again; none had for so long, and the source may be another one
    behind    so much sound is missing: fewer samples came than the clock says
    gone      the device or the sound server went away; nothing follows (None)
    """

    kind: CaptureKind
    sample: int
    seconds: float | None = None

    @property
    def time_s(self) -> float:
        return self.sample / SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Speech to transcribe in one go: at most 28 s, cut in silence wherever there was any.

    samples: float32, shape (n,), read-only: pieces of the recording put end to end, with the
    middle of long silences left out, because Whisper invents words there.
    pieces: where each piece came from, in order; their lengths add up to the samples.
    voiced: where the voice is, on the recording's clock, inside this window.
    """

    samples: Samples
    pieces: tuple[Span, ...]
    voiced: tuple[Span, ...]

    def __post_init__(self) -> None:
        self.samples.flags.writeable = False

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ

    def time_s(self, offset_s: float, *, ends: bool = False) -> float:
        """Time on the recording's clock of a point in the samples.

        At a join of two pieces the point is the later piece's start, or with `ends` the
        earlier piece's end.
        """
        past = 0.0
        for piece in self.pieces:
            inside = offset_s - past
            if inside < piece.duration_s or (ends and inside <= piece.duration_s):
                return piece.start_s + max(inside, 0.0)
            past += piece.duration_s
        return self.pieces[-1].end_s


@dataclass(frozen=True, slots=True)
class Recording:
    """The facts of one recording, known once it has been read to the end.

    peak_dbfs, rms_dbfs: level of the whole recording in dB of full scale; None for exact zeros.
    clipped: share of samples at full scale, 0 to 1.
    bad_samples: how many samples were not finite (they are read as silence).
    damaged_packets: pieces of the file that could not be decoded and were skipped.
    truncated: the file broke off before its end; what came before is kept.
    """

    path: str
    duration_s: float
    sample_rate_hz: int
    channels: int
    peak_dbfs: float | None
    rms_dbfs: float | None
    clipped: float
    bad_samples: int
    damaged_packets: int
    truncated: bool
    voiced: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word as written down, punctuation attached; confidence is 0 to 1."""

    text: str
    start_s: float
    end_s: float
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said.

    words: the text of record. verbatim: the same speech decoded by a pass that is primed to
    keep hesitation sounds; used to find them, never as text.
    """

    words: tuple[Word, ...]
    verbatim: tuple[Word, ...]

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class FillerEvent:
    """One filler, with where it is and how sure the measurement is (0 to 1)."""

    text: str
    kind: FillerKind
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Pause:
    """A silence inside the answer: short from 0.25 s, long from 2 s, lost_thread from 5 s.

    place: at the end of a clause, where a pause helps the listener, or inside one, where it is searching.
    """

    start_s: float
    end_s: float
    kind: PauseKind
    place: PausePlace = "clause"

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Target:
    """The time an answer should take, and how this one compares.

    margin_s: seconds under min_s (negative) or over max_s (positive), 0 inside; None where nothing was said.
    """

    min_s: float
    max_s: float
    verdict: Verdict | None
    margin_s: float | None = None


@dataclass(frozen=True, slots=True)
class Cards:
    """The times at which a speaker is shown a card, in seconds of the answer.

    green_s: long enough. yellow_s: come to an end. red_s: stop. overrun_s: an interviewer would cut in.
    """

    green_s: float
    yellow_s: float
    red_s: float
    overrun_s: float


@dataclass(frozen=True, slots=True)
class Fillers:
    """Counts and rates; rates are None where there is too little speech to judge.

    per_minute_range: where the true rate lies, given what the ears miss and mistake.
    """

    filled_pauses: int
    discourse_markers: int
    repetitions: int
    per_minute: float | None
    per_100_words: float | None
    events: tuple[FillerEvent, ...]
    per_minute_range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class PaceWindow:
    """Speech rate over a stretch of the answer, words a minute."""

    start_s: float
    end_s: float
    wpm: float


@dataclass(frozen=True, slots=True)
class PaceChange:
    """A stretch told much faster (burst) or slower (drag) than the rest, with the sentence told there."""

    kind: PaceKind
    start_s: float
    end_s: float
    wpm: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """How it was said. None wherever nothing was said, or too little to judge.

    latency_s: from the start of the recording to the first word. pace_curve: one window after another,
    without gaps, from the first word to the last.
    """

    answer_duration_s: float | None
    speaking_time_s: float | None
    target: Target
    words: int
    speech_rate_wpm: float | None
    articulation_rate_wpm: float | None
    fillers: Fillers
    pauses: tuple[Pause, ...]
    latency_s: float | None = None
    pace_curve: tuple[PaceWindow, ...] = ()
    pace_changes: tuple[PaceChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """One unit to be judged: a spoken sentence or clause. Times are None for typed text."""

    text: str
    start_s: float | None
    end_s: float | None


@dataclass(frozen=True, slots=True)
class JudgedSentence:
    """A sentence, the probability of every label, and the labels it is given.

    specific: probability that it says its stage with something specific, 0 to 1.
    """

    text: str
    start_s: float | None
    end_s: float | None
    labels: Mapping[str, float]
    assigned: tuple[str, ...]
    specific: float

    @property
    def duration_s(self) -> float | None:
        if self.start_s is None or self.end_s is None:
            return None
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Evidence:
    """The words a verdict rests on; score is the model's probability."""

    text: str
    start_s: float | None
    end_s: float | None
    score: float


@dataclass(frozen=True, slots=True)
class StageCoverage:
    """How well one lifecycle stage was heard. unsure: the evidence is within the doubtful band."""

    level: Level
    seconds: float | None
    evidence: tuple[Evidence, ...]
    unsure: bool


@dataclass(frozen=True, slots=True)
class StarPart:
    """Time and evidence of one part of situation, task, action, result."""

    seconds: float | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A weakness of the whole answer, with why it is called one."""

    name: MistakeName
    why: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether the first seconds say who was hurt or how it was contained; None where there is no clock."""

    heard: bool | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Ownership:
    """How often the sentences that tell a role or an act say "I", and how often "we"."""

    singular: int
    plural: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was said, held against the incident lifecycle.

    stages and star are keyed by label, in the rubric's order. order: the stages that were told, by when
    each was first told. impact: some sentence says who was affected and how. on_subject: some
    sentence carries a stage.
    """

    sentences: tuple[JudgedSentence, ...]
    stages: Mapping[str, StageCoverage]
    star: Mapping[str, StarPart]
    order: tuple[str, ...]
    opening: Opening
    ownership: Ownership
    impact: bool
    mistakes: tuple[Mistake, ...]
    on_subject: bool


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question to ask next. probes: the stage it pulls on, or None."""

    id: str
    text: str
    probes: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What an answer is an answer to, and how long it should take.

    purpose: "main", its versions "90" and "deep", "follow_up", "stage:<stage>" for a drill of one stage,
    or "interrupt". probes: the one stage that is asked for; None for the whole incident.
    """

    id: str
    text: str
    target_min_s: float
    target_max_s: float
    purpose: str = "main"
    probes: str | None = None


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the coach says: at most three fixes, most important first.

    verdict: the verdict on time in one sentence, empty for typed text. spoken: the version to
    read aloud, at most 40 s of it. to_be_heard: for each stage that was not heard, what would make it
    heard at this level.
    """

    verdict: str
    spoken: str
    strengths: tuple[str, ...]
    fixes: tuple[str, ...]
    to_be_heard: Mapping[str, str]
    follow_up: FollowUp | None


@dataclass(frozen=True, slots=True)
class ModelNames:
    """Which models judged, and on what."""

    whisper: str | None
    lifecycle: str
    device: str
    compute_type: str | None


@dataclass(frozen=True, slots=True)
class Timings:
    """Wall-clock cost of each stage, in seconds; for benchmarks, never for judgement."""

    load: float
    transcribe: float | None
    classify: float
    total: float


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything known about one answer. recording and delivery are None for typed text.

    coverage and feedback are None where nothing was said: there is nothing to judge.
    notes: what the person should know about the measurement itself, a sentence each.
    """

    recording: Recording | None
    models: ModelNames
    transcript: Transcript
    delivery: Delivery | None
    coverage: Coverage | None
    feedback: Feedback | None
    timings: Timings
    notes: tuple[str, ...] = field(default=())
