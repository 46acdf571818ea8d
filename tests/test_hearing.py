"""Hearing while they speak: the same result as from the take, kept current, and never in the way."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import FIXTURES
from voice_coach.audio.files import AudioFile
from voice_coach.audio.takes import FULL_SCALE
from voice_coach.audio.windows import WindowCutter
from voice_coach.errors import TranscriptionError
from voice_coach.hearing import SURE_VOICE_S, Hearing, ending, possible_ends
from voice_coach.records import SAMPLE_RATE_HZ, Assessment, Samples, Span, Window, Word
from voice_coach.rehearsal.patience import HANGING
from voice_coach.session import Coach
from voice_coach.speech.whisper import Transcriber, WindowText

BLOCK = 1_600
LIMIT_S = 60.0


def load(name: str) -> Samples:
    with AudioFile(FIXTURES / f"{name}.flac") as audio:
        return np.concatenate(list(audio))


def blocks(samples: Samples, size: int = BLOCK) -> Iterator[Samples]:
    for k in range(0, len(samples), size):
        yield samples[k : k + size]


def room(seconds: float) -> Samples:
    return np.random.default_rng(0).normal(0, 1e-4, round(seconds * SAMPLE_RATE_HZ)).astype(np.float32)


def until(true: Callable[[], bool]) -> bool:
    """Whether it becomes true in time."""
    end = time.monotonic() + LIMIT_S
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


class Reader:
    """A transcriber that writes one word a stretch of voice; it waits for `gate`, and counts what it read."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.read: list[Window] = []
        self.error: Exception | None = None

    def transcribe(self, window: Window) -> WindowText:
        assert self.gate.wait(LIMIT_S)
        self.read.append(window)
        if self.error is not None:
            raise self.error
        words = tuple(Word("alert", span.start_s, span.end_s, 0.9) for span in window.voiced)
        return WindowText(words, words)


@pytest.fixture
def reader() -> Reader:
    return Reader()


def hearing(coach: Coach, transcriber: Transcriber) -> Hearing:
    """With the real classifier and another reader in Whisper's place."""
    other = Coach(device="cpu", _whisper=transcriber, _classifier=coach.classifier)
    return Hearing(other, other.main_question, path=Path("take.wav"))


def same(heard: Assessment, read: Assessment) -> None:
    assert heard.transcript.words == read.transcript.words
    assert heard.transcript.verbatim == read.transcript.verbatim
    assert heard.delivery == read.delivery
    assert heard.coverage == read.coverage
    assert heard.feedback == read.feedback
    assert heard.notes == read.notes


def test_the_result_is_that_of_the_take(coach: Coach, tmp_path: Path) -> None:
    """Float sound, kept as 16 bits, with some of it out of range."""
    import soundfile

    samples = load("strong_answer")[: 30 * SAMPLE_RATE_HZ] * np.float32(0.731)
    samples[20_000:20_040] = 1.5
    path = tmp_path / "take.wav"
    steps = np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1)
    soundfile.write(path, steps.astype(np.int16), SAMPLE_RATE_HZ, subtype="PCM_16")
    heard = Hearing(coach, coach.main_question, path=path)
    for block in blocks(samples):
        heard.push(block)
    heard.finish()
    opening = heard.opening(LIMIT_S)
    live, read = heard.result(LIMIT_S), coach.analyze(path)
    same(live, read)
    assert live.recording is not None
    assert read.recording is not None
    assert live.recording.rms_dbfs == pytest.approx(read.recording.rms_dbfs, abs=1e-6)
    comparable = replace(live.recording, rms_dbfs=read.recording.rms_dbfs)
    assert comparable == read.recording
    assert live.feedback is not None
    assert opening == live.feedback.verdict


def test_listening_does_not_wait_for_reading(coach: Coach, reader: Reader) -> None:
    reader.gate.clear()
    answer = load("strong_answer")[: 40 * SAMPLE_RATE_HZ]
    heard = hearing(coach, reader)
    for block in blocks(np.concatenate([answer, room(3.0)])):
        heard.push(block)
    assert until(lambda: heard.state.heard_s == pytest.approx(43.0))
    state = heard.state
    assert 2.8 <= state.silent_s < 4.5
    assert state.behind_s > 35.0
    assert state.read_s == 0.0
    reader.gate.set()
    heard.finish()
    voiced = heard.result(LIMIT_S).recording
    assert voiced is not None
    assert state.spoken_s == pytest.approx(sum(span.duration_s for span in voiced.voiced))
    assert heard.state.behind_s == 0.0


def test_the_stretch_going_on_counts_as_spoken(coach: Coach, reader: Reader) -> None:
    answer = load("strong_answer")
    cutter = WindowCutter()
    list(cutter.push(answer[: 20 * SAMPLE_RATE_HZ]))
    first = max(cutter.voiced, key=lambda span: span.duration_s)
    heard = hearing(coach, reader)
    middle_s = first.start_s + 0.6 * first.duration_s
    heard.push(answer[: round(middle_s * SAMPLE_RATE_HZ)])
    before_s = sum(span.duration_s for span in cutter.voiced if span.end_s <= first.start_s)
    assert until(lambda: heard.state.heard_s > 0)
    assert heard.state.silent_s == 0.0
    assert heard.state.spoken_s == pytest.approx(before_s + 0.6 * first.duration_s, abs=0.1)
    heard.abandon()


def test_the_tail_is_read_once_in_the_silence(coach: Coach, reader: Reader) -> None:
    heard = hearing(coach, reader)
    for block in blocks(np.concatenate([load("strong_answer")[: 8 * SAMPLE_RATE_HZ], room(2.0)])):
        heard.push(block)
    # a pause at 3 s may have been guessed at before
    assert until(lambda: any(window.voiced[-1].end_s > 7.5 for window in reader.read))
    assert until(lambda: heard.state.all_read)
    assert heard.state.last_words
    assert heard.state.behind_s > 7.0  # a guess is no transcript yet
    read = len(reader.read)
    heard.finish()
    assert heard.result(LIMIT_S).transcript.words
    assert len(reader.read) == read


@pytest.mark.parametrize(
    ("name", "start_s", "end_s", "hangs"), [("heroic", 81.3, 84.36, True), ("too_short", 28.9, 31.0, False)]
)
def test_what_was_said_last_is_known_in_the_silence(
    coach: Coach, name: str, start_s: float, end_s: float, hangs: bool
) -> None:
    """With the real Whisper: "… and um" is told from the end of a sentence, and forgotten when somebody speaks on."""
    heard = Hearing(coach, coach.main_question, path=Path("take.wav"))
    said = load(name)[round(start_s * SAMPLE_RATE_HZ) : round(end_s * SAMPLE_RATE_HZ)]
    for block in blocks(np.concatenate([said, room(1.5)])):
        heard.push(block)
    assert until(lambda: heard.state.all_read and bool(heard.state.last_words))
    assert (re.sub(r"\W", "", heard.state.last_words.split()[-1].lower()) in HANGING) == hangs
    for block in blocks(said[: round(1.5 * SAMPLE_RATE_HZ)]):
        heard.push(block)
    assert until(lambda: heard.state.silent_s == 0.0)
    assert not heard.state.all_read
    heard.abandon()
    assert heard.wait_until_idle(LIMIT_S)


def words_at(*spoken: tuple[str, float]) -> tuple[Word, ...]:
    """Words of 0.3 s each."""
    return tuple(Word(text, at_s, at_s + 0.3, 0.9) for text, at_s in spoken)


@pytest.mark.parametrize(
    ("words", "verbatim", "expected"),
    [
        ((), (), ""),
        ((("done", 1.0),), (("done", 1.05),), "done"),
        ((("done", 1.0),), (("done", 1.0), ("um", 1.6)), "done um"),  # cleaned away in the text of record
        ((("done", 1.0), ("I'm", 1.6)), (("done", 1.0), ("um", 1.6)), "done um"),  # mistaken there
        ((("done", 1.0), ("and", 1.6)), (("done", 1.0),), "done and"),  # the other reading stopped early
        ((), (("um", 1.0),), "um"),
    ],
)
def test_the_very_last_word_is_that_of_the_reading_with_hesitations(
    words: tuple[tuple[str, float], ...], verbatim: tuple[tuple[str, float], ...], expected: str
) -> None:
    assert ending((), (), WindowText(words_at(*words), words_at(*verbatim))) == expected
    assert ending(words_at(*words), words_at(*verbatim), None) == expected


def test_a_wrong_guess_is_thrown_away(coach: Coach, reader: Reader) -> None:
    answer = load("strong_answer")
    heard = hearing(coach, reader)
    for block in blocks(np.concatenate([answer[: 6 * SAMPLE_RATE_HZ], room(2.0), answer[: 6 * SAMPLE_RATE_HZ]])):
        heard.push(block)
    assert until(lambda: bool(reader.read))
    heard.finish()
    result = heard.result(LIMIT_S)
    assert result.recording is not None
    assert [word.start_s for word in result.transcript.words] == [span.start_s for span in result.recording.voiced]


def test_the_opening_does_not_wait_for_a_tail_that_is_words(coach: Coach, reader: Reader) -> None:
    """The voice detector alone is enough where the answer ends in a long stretch of voice."""
    answer = load("strong_answer")
    cutter = WindowCutter()
    list(cutter.push(answer[: 15 * SAMPLE_RATE_HZ]))
    last = next(span for span in reversed(cutter.voiced) if span.duration_s >= SURE_VOICE_S)
    reader.gate.clear()
    heard = hearing(coach, reader)
    heard.push(answer[: round((last.end_s + 0.2) * SAMPLE_RATE_HZ)])
    heard.finish()
    opening = heard.opening(LIMIT_S)
    assert not reader.read
    reader.gate.set()
    feedback = heard.result(LIMIT_S).feedback
    assert feedback is not None
    assert opening == feedback.verdict
    assert opening.startswith("You spoke for ")


def test_the_opening_is_silent_where_nothing_was_said(coach: Coach, reader: Reader) -> None:
    heard = hearing(coach, reader)
    heard.push(room(3.0))
    heard.finish()
    assert heard.opening(LIMIT_S) is None
    assert heard.result(LIMIT_S).feedback is None
    assert heard.state.silent_s == pytest.approx(3.0, abs=0.05)


def test_a_failure_is_an_error_of_the_result(coach: Coach, reader: Reader) -> None:
    reader.error = TranscriptionError("Whisper failed")
    heard = hearing(coach, reader)
    answer = load("strong_answer")[: 45 * SAMPLE_RATE_HZ]
    for block in blocks(answer):
        heard.push(block)
    heard.finish()
    assert heard.opening(LIMIT_S) is None
    with pytest.raises(TranscriptionError, match="Whisper failed"):
        heard.result(LIMIT_S)
    assert until(lambda: heard.state.heard_s == pytest.approx(45.0))


def test_an_abandoned_answer_has_no_result(coach: Coach, reader: Reader) -> None:
    heard = hearing(coach, reader)
    heard.push(room(1.0))
    heard.abandon()
    assert heard.opening(LIMIT_S) is None
    with pytest.raises(TranscriptionError, match="abandoned"):
        heard.result(LIMIT_S)


def test_no_result_before_the_end(coach: Coach, reader: Reader) -> None:
    heard = hearing(coach, reader)
    assert heard.opening(0.01) is None
    with pytest.raises(TimeoutError):
        heard.result(0.01)
    heard.abandon()


SPEECH, LATER, COUGH = Span(10.0, 13.0), Span(14.0, 17.0), Span(19.0, 19.3)
READ = (Word("one", 1.0, 1.2, 0.9), Word("two", 8.0, 8.3, 0.9))


@pytest.mark.parametrize(
    ("words", "unread", "starts", "ends"),
    [
        ((), (), {None}, {None}),
        (READ, (), {1.0}, {8.3}),
        (READ, (SPEECH, LATER), {1.0}, {14.0, 17.0}),
        (READ, (SPEECH, COUGH), {1.0}, {10.0, 13.0, 19.0, 19.3}),
        (READ, (COUGH,), {1.0}, {8.3, 19.0, 19.3}),
        ((), (COUGH,), {None, 19.0, 19.3}, {None, 19.0, 19.3}),
        ((), (Span(2.0, 2.2), SPEECH), {2.0, 2.2, 10.0, 13.0}, {10.0, 13.0}),
    ],
)
def test_where_an_answer_may_begin_and_end(
    words: tuple[Word, ...], unread: tuple[Span, ...], starts: set[float | None], ends: set[float | None]
) -> None:
    """A last short sound may be a word or a cough; a long one is words."""
    ways = possible_ends(words, unread)
    assert {way[0].start_s if way else None for way in ways} == starts
    assert {way[-1].end_s if way else None for way in ways} == ends


def test_warm_may_be_called_from_many_threads() -> None:
    cold = Coach(device="cpu")
    threads = [threading.Thread(target=cold.warm) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    assert not any(thread.is_alive() for thread in threads)
    loaded_s = cold.load_s
    assert loaded_s > 0.0
    cold.warm()
    assert cold.load_s == loaded_s
