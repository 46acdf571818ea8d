"""One answer from start to end: the stages, called in order.

    AudioFile → WindowCutter → Whisper → Delivery
                                      └→ sentences → Classifier → Coverage → Feedback

The models are loaded once and serve any number of answers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from voice_coach.audio.activity import VoiceActivity
from voice_coach.audio.files import AudioFile
from voice_coach.audio.sound import listen
from voice_coach.audio.windows import WindowCutter
from voice_coach.coverage.classifier import Classifier, gpu_backend
from voice_coach.coverage.judgement import judge_answer
from voice_coach.coverage.sentences import line_sentences, spoken_sentences, typed_sentences
from voice_coach.delivery.measure import measure_delivery
from voice_coach.errors import UsageError
from voice_coach.interviewer.follow_up import compose_answer_feedback
from voice_coach.interviewer.questions import QuestionPack, read_pack
from voice_coach.records import (
    SAMPLE_RATE_HZ,
    Assessment,
    CandidateLevel,
    Coverage,
    Delivery,
    Feedback,
    ModelNames,
    Question,
    Recording,
    Sentence,
    Sound,
    Span,
    Timings,
    Transcript,
    Window,
    Word,
)
from voice_coach.speech.device import CPU, Device, DeviceChoice, choose_device
from voice_coach.speech.model_files import DEFAULT_WHISPER, LIFECYCLE, find, verified
from voice_coach.speech.terms import correct_terms, read_terms
from voice_coach.speech.whisper import Transcriber, Whisper, WhisperOptions

log = logging.getLogger(__name__)

Progress = Callable[[float, float | None], None]
"""Told the seconds of audio done, and of how many (None where the file does not say)."""

FOREIGN_BELOW = 0.63
"""Mean word confidence under which the English model was guessing. Measured: people speaking
English 0.88 to 0.95, a hoarse one included; French, Spanish, Italian and Hindi 0.36 to 0.51."""

FOREIGN_WORDS = 5
"""With fewer words the mean says nothing."""

NOISE_NOTE_DBFS = -50.0
"""A recording whose overall level is under this was made too far from the microphone."""

CLIPPED_NOTE = 0.001
"""One sample in a thousand at full scale is heard as distortion."""


WARM_S = 0.5
"""Enough sound for Whisper not to skip it as no word."""


STAGE_S = (20.0, 40.0)
"""A drill of one stage takes half a minute: two or three sentences with something specific in each."""


@dataclass
class Coach:
    """Loads models when first needed, and judges answers with them.

    level: what is expected of the candidate. terms: product names of the user's own. threads: of each model on the
    CPU, 0 for as many as are useful. device: where Whisper may run; chosen_device, once Whisper is loaded, where it
    does and what the person should know about that.
    load_s: time spent on loading that no assessment has accounted for yet.
    """

    level: CandidateLevel = "mid"
    device: DeviceChoice = "auto"
    whisper_name: str = DEFAULT_WHISPER
    pack: QuestionPack = field(default_factory=read_pack)
    terms: tuple[str, ...] = ()
    threads: int = 0
    chosen_device: Device = CPU
    load_s: float = 0.0
    _whisper: Transcriber | None = None
    _classifier: Classifier | None = None
    _warm: bool = False
    _loading: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    @property
    def whisper(self) -> Transcriber:
        """Raises: ModelError, TranscriptionError."""
        with self._loading:
            if self._whisper is None:
                started = time.perf_counter()
                folder = verified(find(self.whisper_name))
                self.chosen_device = choose_device(self.device, folder)
                options = WhisperOptions(self.chosen_device.name, self.chosen_device.compute_type, self.threads)
                self._whisper = Whisper(folder, options, read_terms(own=self.terms))
                self.load_s += time.perf_counter() - started
            return self._whisper

    @property
    def classifier(self) -> Classifier:
        """Raises: ModelError."""
        with self._loading:
            if self._classifier is None:
                started = time.perf_counter()
                folder = verified(find(LIFECYCLE))
                # a GPU that serves Whisper serves the classifier, too, where torch is installed
                backend = gpu_backend(folder) if self.chosen_device.name == "cuda" else None
                self._classifier = Classifier(folder, backend, self.threads)
                self.load_s += time.perf_counter() - started
            return self._classifier

    def check_models(self) -> None:
        """Look at the files of what an answer needs, and load nothing: milliseconds, but for their first use ever.

        Raises: ModelError.
        """
        for name in (self.whisper_name, LIFECYCLE):
            verified(find(name))

    def warm(self) -> None:
        """Load what an answer needs and run each once, so that the first answer pays nothing; once. Any thread may.

        Raises: ModelError, TranscriptionError.
        """
        with self._loading:
            if self._warm:
                return
            noise = np.random.default_rng(0).normal(0.0, 1e-3, round(WARM_S * SAMPLE_RATE_HZ)).astype(np.float32)
            VoiceActivity().push(noise)
            whole = Span(0.0, WARM_S)
            window = Window(noise, (whole,), (whole,))
            self.whisper.transcribe(window)
            listen(window)
            self.classifier.judge(typed_sentences("The alert fired."))
            self._warm = True

    @property
    def main_question(self) -> Question:
        """The pack's own question with its target."""
        return self.pack.main_question()

    def question(self, name: str) -> Question:
        """The main question or a follow-up of the pack, by its id. Raises: UsageError naming those there are."""
        if name == self.pack.id:
            return self.main_question
        for one in self.pack.follow_ups:
            if one.follow_up.id == name:
                return one.asked_as
        known = ", ".join((self.pack.id, *(one.follow_up.id for one in self.pack.follow_ups)))
        raise UsageError(f"there is no question {name!r}; there are: {known}")

    def stage_question(self, stage: str, *, asked: Collection[str] = ()) -> Question:
        """A question about one stage alone, for a drill; one that was not asked lately where there is one."""
        about = [one for one in self.pack.follow_ups if one.follow_up.probes == stage and self.level in one.levels]
        if not about:
            raise UsageError(f"this pack asks nothing about {stage}; drill another stage, or leave out --pack")
        fresh = [one for one in about if one.follow_up.id not in asked] or about
        chosen = fresh[0].follow_up
        return Question(chosen.id, f"In half a minute: {chosen.text}", *STAGE_S, f"stage:{stage}", stage)

    def analyze(
        self,
        path: str | Path,
        *,
        question: Question | None = None,
        progress: Progress | None = None,
        asked: Collection[str] = (),
    ) -> Assessment:
        """Judge a recorded answer to `question`, by default the pack's main one.

        asked: ids of follow-ups that were put already. Raises: AudioFileError, ModelError, TranscriptionError. A
        recording without speech is no error: its coverage and feedback are None.
        """
        whisper, _ = self.whisper, self.classifier
        started = time.perf_counter()
        recording, transcript = _hear(path, whisper, progress)
        transcribe_s = time.perf_counter() - started
        return self.assess(recording, transcript, question=question, asked=asked, transcribe_s=transcribe_s)

    def assess(
        self,
        recording: Recording,
        transcript: Transcript,
        *,
        question: Question | None = None,
        asked: Collection[str] = (),
        transcribe_s: float | None = None,
    ) -> Assessment:
        """Judge an answer that was transcribed already, live or from a file. Raises: ModelError."""
        question = question or self.main_question
        classifier = self.classifier
        started = time.perf_counter()
        transcript = self.with_terms(transcript)
        delivery = measure_delivery(
            transcript.words,
            transcript.verbatim,
            recording.voiced,
            target_min_s=question.target_min_s,
            target_max_s=question.target_max_s,
            sounds=transcript.sounds,
            clipped=recording.clipped,
        )
        coverage, feedback = self._judge(question, spoken_sentences(transcript.words), delivery, asked, classifier)
        classify_s = time.perf_counter() - started
        log.debug("transcript of %s: %s", recording.path, transcript.text)
        return Assessment(
            recording=recording,
            models=self._names(spoken=True),
            transcript=transcript,
            delivery=delivery,
            coverage=coverage,
            feedback=feedback,
            timings=self._timings(transcribe_s=transcribe_s, classify_s=classify_s),
            notes=tuple(_notes(recording, transcript)),
        )

    def with_terms(self, transcript: Transcript) -> Transcript:
        """The transcript with the field's terms and the user's own written right. Raises: QuestionPackError."""
        return replace(transcript, words=correct_terms(transcript.words, read_terms(own=self.terms)))

    def judge_text(self, text: str, *, lines: bool = False, asked: Collection[str] = ()) -> Assessment:
        """Judge a typed answer: prose, or with `lines` one unit a line, kept one to one.

        Raises: ModelError.
        """
        classifier = self.classifier
        started = time.perf_counter()
        sentences = line_sentences(text) if lines else typed_sentences(text)
        coverage, feedback = self._judge(self.main_question, sentences, None, asked, classifier)
        spent = time.perf_counter() - started
        words = tuple(Word(token, 0.0, 0.0, None) for token in text.split())
        return Assessment(
            recording=None,
            models=self._names(spoken=False),
            transcript=Transcript(words, ()),
            delivery=None,
            coverage=coverage,
            feedback=feedback,
            timings=self._timings(transcribe_s=None, classify_s=spent),
        )

    def _timings(self, *, transcribe_s: float | None, classify_s: float) -> Timings:
        """What this answer cost; loading the models counts for the first one only."""
        load_s, self.load_s = self.load_s, 0.0
        return Timings(load_s, transcribe_s, classify_s, load_s + (transcribe_s or 0.0) + classify_s)

    def _judge(
        self,
        question: Question,
        sentences: tuple[Sentence, ...],
        delivery: Delivery | None,
        asked: Collection[str],
        classifier: Classifier,
    ) -> tuple[Coverage | None, Feedback | None]:
        if not any(sentence.text.strip() for sentence in sentences):
            return None, None
        calibration = classifier.calibration
        coverage = judge_answer(classifier.judge(sentences), calibration.threshold, calibration.doubt)
        feedback = compose_answer_feedback(question, coverage, delivery, pack=self.pack, level=self.level, asked=asked)
        return coverage, feedback

    def _names(self, *, spoken: bool) -> ModelNames:
        return ModelNames(
            whisper=self.whisper_name if spoken else None,
            lifecycle=self.classifier.calibration.name,
            device=self.chosen_device.name if spoken else "cpu",
            compute_type=self.chosen_device.compute_type if spoken else None,
        )


def sounds_foreign(words: Iterable[Word]) -> bool:
    """Whether Whisper was guessing all along, as it does when the speech is not English."""
    confidences = [word.confidence for word in words if word.confidence is not None]
    return len(confidences) >= FOREIGN_WORDS and sum(confidences) / len(confidences) < FOREIGN_BELOW


def _hear(path: str | Path, whisper: Transcriber, progress: Progress | None) -> tuple[Recording, Transcript]:
    """Read, cut and transcribe in one pass; memory holds one window at a time."""
    words: list[Word] = []
    verbatim: list[Word] = []
    sounds: list[Sound] = []

    def take(window: Window) -> None:
        text = whisper.transcribe(window)
        words.extend(text.words)
        verbatim.extend(text.verbatim)
        sounds.append(listen(window))

    with AudioFile(path) as audio:
        cutter = WindowCutter()
        for block in audio:
            for window in cutter.push(block):
                take(window)
            if progress:
                progress(audio.read_s, audio.declared_s)
        for window in cutter.finish():
            take(window)
        recording = audio.recording(tuple(cutter.voiced))
        if progress:
            progress(recording.duration_s, recording.duration_s)
    return recording, Transcript(tuple(words), tuple(verbatim), tuple(sounds))


def _notes(recording: Recording, transcript: Transcript) -> Iterable[str]:
    """What the person should know about the measurement itself."""
    if recording.truncated:
        yield f"The file breaks off after {recording.duration_s:.1f} s; what came before was judged."
    if recording.damaged_packets:
        yield f"{recording.damaged_packets} pieces of the file are damaged and were skipped; words may be missing."
    if recording.bad_samples:
        yield f"{recording.bad_samples} samples were not numbers and were read as silence."
    if recording.clipped > CLIPPED_NOTE:
        yield "The recording is overdriven (clipped): lower the microphone's gain."
    if recording.rms_dbfs is not None and transcript.words and recording.rms_dbfs < NOISE_NOTE_DBFS:
        yield f"The recording is very quiet ({recording.rms_dbfs:.0f} dBFS): come closer to the microphone."
    if sounds_foreign(transcript.words):
        yield (
            "This does not sound like English, or it is too unclear to trust: "
            "the transcript and all that follows from it are guesses."
        )
