"""What passes from stage to stage: frozen records, and what is read off them alone.

The data's way, and who makes what:

    audio        Block             a piece of what is being heard, as it comes
                 CaptureEvent      what happened to the microphone meanwhile
                 Window            speech, cut at pauses, with where the voice is
                 Sound             pitch, level and spectral change of a window
                 Recording         the whole file: length, level, where the voice is
    speech       Transcript        words of record, and the verbatim pass beside them
    delivery     Delivery          time, pace, pauses, fillers
    coverage     Coverage          sentences with labels, stages, STAR, mistakes
    interviewer  Question          what was asked
                 Feedback          what to say
    session      Assessment        all of it
    report       Changes           what differs between two takes of one question
    progress     Progress          what many takes say together
    history      TakeFacts         one take: what was asked, when, how it was recorded
                 Entry             one take of the past, as a line of figures
                 Correction        what a person changed in the fillers

Times are in seconds on the answer's own clock: sample counts divided by the rate, from the
first sample of the recording. Unknown is None, never zero. Records that hold an array compare
by identity, and the array is read-only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from math import ceil, floor
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    # only named here: what merely lists past takes need not wait for it
    import numpy as np
    import numpy.typing as npt

SAMPLE_RATE_HZ = 16_000
"""Rate of all audio inside the program: what Whisper and Silero were trained on."""

Samples: TypeAlias = "npt.NDArray[np.float32]"
"""Mono audio at SAMPLE_RATE_HZ, shape (n,), float32, full scale is ±1."""

Level = Literal["missing", "mentioned", "strong"]
CandidateLevel = Literal["early", "mid", "senior"]
Verdict = Literal["short", "in_range", "long"]


def whole_seconds(length_s: float, verdict: Verdict | None) -> int:
    """A length in whole seconds, never rounded across the limit that it is held against."""
    return floor(length_s) if verdict == "short" else ceil(length_s) if verdict == "long" else round(length_s)


Standing = Literal["poor", "fair", "good"]
FillerKind = Literal["filled_pause", "discourse_marker", "repetition"]
PauseKind = Literal["short", "long", "lost_thread"]
PausePlace = Literal["clause", "inside"]
PaceKind = Literal["burst", "drag"]
StageMove = Literal["gained", "lost", "firmer", "vaguer", "same"]
FigureName = Literal["time off target", "fillers a minute", "distance from a good pace", "strong stages"]
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


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """What a window sounds like, one frame every 16 ms; all arrays have shape (n,), float32, read-only.

    time_s: middle of each frame on the recording's clock, rising, with gaps where silence was left out.
    pitch_hz: fundamental frequency, NaN where nothing is voiced. level_dbfs: loudness of the frame.
    change_db: how much the spectrum changes around the frame, its loudness left out. presence_db: how far it stands
    over the window's background, 0 or more, mean over the bands of the spectrum.
    """

    time_s: Samples
    pitch_hz: Samples
    level_dbfs: Samples
    change_db: Samples
    presence_db: Samples

    def __post_init__(self) -> None:
        for array in (self.time_s, self.pitch_hz, self.level_dbfs, self.change_db, self.presence_db):
            array.flags.writeable = False


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
class EmbeddedAudio:
    """A recording small enough to travel inside a page.

    data: the encoded file, of the MIME type. outline: the loudest sample of each of equal stretches, as a share of
    the loudest of all, 0 to 1.
    """

    mime: str
    data: bytes
    duration_s: float
    outline: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class HeardTerm:
    """What the sound says of words that may be a term of the field.

    term: the one that is not much less likely than what was written; None: they are the words that they seem.
    count: of those words. written: their letters and digits, in small letters.
    """

    term: str | None
    count: int
    written: str


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word as written down, punctuation attached; confidence is 0 to 1.

    sounds_like: whether a term begins here, by the sound; None where nothing here is a term or could be one.
    """

    text: str
    start_s: float
    end_s: float
    confidence: float | None
    sounds_like: HeardTerm | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said.

    words: the text of record. verbatim: the same speech decoded by a pass that is primed to
    keep hesitation sounds; used to find them, never as text. sounds: what the windows sounded
    like, in order; empty where nobody listened.
    """

    words: tuple[Word, ...]
    verbatim: tuple[Word, ...]
    sounds: tuple[Sound, ...] = ()

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
    """Times, from the first word on, at which a speaker is shown a card, as speaking clubs do.

    green: long enough to count. yellow: come to the end. red: the time is up. overrun: stop here.
    They rise strictly.
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
class Voice:
    """What the voice did; None wherever the recording does not tell.

    pitch_hz: median. pitch_range_semitones, loudness_range_db: what lies between the outer twentieths.
    flat_sentences: share of sentences whose pitch hardly moves, 0 to 1. noise_dbfs: background in the pauses;
    snr_db: how far the voice lies above it. clipped: share of samples at full scale, 0 to 1. unjudged: why pitch and
    loudness can't be judged; None where they can.
    """

    pitch_hz: float | None
    pitch_range_semitones: float | None
    flat_sentences: float | None
    loudness_range_db: float | None
    noise_dbfs: float | None
    snr_db: float | None
    clipped: float | None
    unjudged: str | None


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
    voice: Voice | None = None


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
    """A weakness of the whole answer, with why it is called one.

    unsure: the evidence is within the doubtful band; it is asked about, and counted nowhere.
    """

    name: MistakeName
    why: str
    evidence: tuple[Evidence, ...]
    unsure: bool = False


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

    @property
    def sure_mistakes(self) -> tuple[MistakeName, ...]:
        """By name, those that are beyond doubt."""
        return tuple(mistake.name for mistake in self.mistakes if not mistake.unsure)


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


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure in the earlier take and in the later one; None where it could not be measured."""

    before: float | None
    after: float | None

    @property
    def difference(self) -> float | None:
        """After minus before; None unless both are known."""
        return None if self.before is None or self.after is None else self.after - self.before


@dataclass(frozen=True, slots=True)
class StageChange:
    """One lifecycle stage in two takes.

    move: gained from missing or lost to it; firmer from mentioned to strong, vaguer the other way.
    evidence: what shows the move, from the later take where the stage is gained or firmer, from the earlier
    one where it is lost or vaguer; empty where it is the same. unsure: one of the two levels is
    within the classifier's doubtful band, so the move may be none.
    """

    before: Level
    after: Level
    move: StageMove
    seconds: Measure
    evidence: tuple[Evidence, ...]
    unsure: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two takes of the same question.

    stages: keyed by label, in the rubric's order. cut: sentences of the earlier take that the later one
    does not tell again, in the order they were told; added: the other way round; kept: how many of the
    earlier take's sentences are told again. Sentences without content ("Okay, let me think") are in none of
    these. fillers_moved: the rate moved by more than its two ranges allow for; None where one of the
    rates is not known. mistakes_gone, mistakes_new: by name.
    """

    stages: Mapping[str, StageChange]
    cut: tuple[JudgedSentence, ...]
    added: tuple[JudgedSentence, ...]
    kept: int
    duration_s: Measure
    verdicts: tuple[Verdict | None, Verdict | None]
    speech_rate_wpm: Measure
    fillers_per_minute: Measure
    fillers_moved: bool | None
    filled_pauses: Measure
    long_pauses: Measure
    mistakes_gone: tuple[MistakeName, ...]
    mistakes_new: tuple[MistakeName, ...]


@dataclass(frozen=True, slots=True)
class TakeSummary:
    """The facts of one take that progress needs, kept apart so that nobody reads whole assessments for them.

    taken_at: when it was recorded, with its time zone. stages: keyed by label, in the rubric's order; empty
    where nothing was said. purpose: "main" for a whole answer; other purposes are exercises.
    """

    id: str
    taken_at: datetime
    question_id: str | None
    purpose: str
    duration_s: float | None
    target_min_s: float | None
    target_max_s: float | None
    verdict: Verdict | None
    speech_rate_wpm: float | None
    fillers_per_minute: float | None
    fillers_range: tuple[float, float] | None
    stages: Mapping[str, Level]
    mistakes: tuple[MistakeName, ...] = ()


@dataclass(frozen=True, slots=True)
class Trend:
    """Whether a figure moves from take to take by more than chance.

    direction: None where the test does not tell a trend from noise, or where there are too few takes to ask. p:
    probability of so strong an order by chance alone; None with too few takes. per_ten_takes: the
    median slope, in the figure's unit; takes: how many it rests on; needed: how many it takes at least.
    """

    figure: FigureName
    direction: Literal["rising", "falling"] | None
    p: float | None
    per_ten_takes: float | None
    takes: int
    needed: int


@dataclass(frozen=True, slots=True)
class Best:
    """A personal best: what, how much, in which take."""

    name: str
    value: str
    take: TakeSummary


@dataclass(frozen=True, slots=True)
class Progress:
    """What many takes say together; takes: oldest first.

    streak_days: days in a row with a take, today's or yesterday's the last. on_target: how many of the
    timed takes lay inside their target.
    """

    takes: tuple[TakeSummary, ...]
    trends: tuple[Trend, ...]
    bests: tuple[Best, ...]
    streak_days: int
    longest_streak_days: int
    on_target: int
    timed: int


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One thing to practise: a stage of the incident, or a habit of speaking.

    standing: how it was in the latest take it was heard in. why: the figures behind its place, for a person.
    command: what starts practising it. due: the day, on the reader's own calendar. retrievability: the probability
    that it would go well today, as the schedule estimates it, 0 to 1. takes: how many it was heard in; weakness:
    0 to 1 over the latest of them, 1 where it was poor in all.
    """

    name: str
    kind: Literal["stage", "habit"]
    standing: Standing
    why: str
    command: str
    due: date
    retrievability: float
    takes: int
    weakness: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What to practise next.

    due: today or before, weakest first. later: soonest first. unheard: stages of which no take tells anything.
    """

    today: date
    due: tuple[PlanItem, ...]
    later: tuple[PlanItem, ...]
    unheard: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TakeMark:
    """A place in a take where the sound is not what was said.

    at_s: where. lost_s: how much is missing there by the clock, None if nobody can say. filled_s: how much silence
    stands for it.
    """

    kind: str
    at_s: float
    lost_s: float | None
    filled_s: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class TakeFacts:
    """What is known of a take before anyone listens to it.

    id: unique for good; for a take of this program the name of its file, without the ending. taken_at: when it
    began, with its time zone. question_id, question, level: None where the recording came from elsewhere.
    purpose: "main", its versions "90" and "deep", "follow_up", "stage:<stage>" for a drill of one stage,
    or "interrupt". rehearsal_id: shared by the takes of one sitting. device: the microphone's name. probes: the one
    stage that was asked for; None for the whole incident, and where only the question's id says it.
    """

    id: str
    taken_at: datetime
    question_id: str | None = None
    question: str | None = None
    level: CandidateLevel | None = None
    purpose: str = "main"
    rehearsal_id: str | None = None
    target_min_s: float | None = None
    target_max_s: float | None = None
    device: str | None = None
    marks: tuple[TakeMark, ...] = ()
    probes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(TakeSummary):
    """One take of the past, as a line of figures: what lists, progress and plans need, and nothing to parse.

    id: short, what people type. take_id to device: see `TakeFacts`. The figures are those of the newest assessment,
    with the fillers as corrected; None where they could not be measured. star: seconds, keyed by label, in the
    rubric's order, empty where nothing was judged. opening: whether the first seconds told impact or containment.
    audio: the recording is still kept. assessments: how often it was judged. corrections: how many were made to its
    fillers.
    """

    take_id: str
    question: str | None
    level: CandidateLevel | None
    rehearsal_id: str | None
    device: str | None
    speaking_time_s: float | None
    filled_pauses: int | None
    star: Mapping[str, float | None]
    opening: bool | None
    whisper: str | None
    lifecycle: str | None
    audio: bool
    assessments: int
    corrections: int


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person changed in the fillers of a take: one that is none, or one that was not heard.

    start_s, end_s: where, on the recording's clock; with kind and text they name the event, whatever number it
    has in a list.
    """

    action: Literal["drop", "add"]
    text: str
    kind: FillerKind
    start_s: float
    end_s: float
