"""The whole pipeline on the shipped fixtures, with the real models."""

from __future__ import annotations

from collections.abc import Callable

import jiwer
import pytest
from plain_text import in_words, plain

from tests.conftest import FIXTURES, SPOKEN, sidecar
from voice_coach.records import Assessment
from voice_coach.session import Coach

Judge = Callable[[str], Assessment]

WORST_WER = 0.10
DURATION_TOLERANCE_S = 0.3


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "zero"),
        (20, "twenty"),
        (47, "forty seven"),
        (305, "three hundred five"),
        (1300, "one thousand three hundred"),
    ],
)
def test_numbers_in_words(number: int, said: str) -> None:
    assert in_words(number) == said


@pytest.mark.parametrize("name", SPOKEN)
def test_the_words_are_right(assessed: Judge, name: str) -> None:
    wer = jiwer.wer(plain(sidecar(name)["text_without_fillers"]), plain(assessed(name).transcript.text))
    assert wer <= WORST_WER


@pytest.mark.parametrize("name", SPOKEN)
def test_the_time_is_right(assessed: Judge, name: str) -> None:
    known, delivery = sidecar(name), assessed(name).delivery
    assert delivery is not None
    assert delivery.answer_duration_s == pytest.approx(known["answer_duration_s"], abs=DURATION_TOLERANCE_S)
    assert delivery.target.verdict == known["verdict"]


@pytest.mark.parametrize("name", SPOKEN)
def test_the_stages_are_right(assessed: Judge, name: str) -> None:
    """At least four of five stages present or missing as in the sidecar."""
    coverage = assessed(name).coverage
    assert coverage is not None
    expected = sidecar(name)["expected"]["stages"]
    right = [(coverage.stages[stage].level == "missing") == (level == "missing") for stage, level in expected.items()]
    assert sum(right) >= 4


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        ("purely_technical", "purely_technical"),
        ("heroic", "heroic"),
        ("root_cause_first", "root_cause_first"),
        ("no_follow_through", "no_follow_through"),
    ],
)
def test_the_mistake_is_named(assessed: Judge, name: str, mistake: str) -> None:
    coverage = assessed(name).coverage
    assert coverage is not None
    assert mistake in {found.name for found in coverage.mistakes}


@pytest.mark.parametrize("name", ["strong_answer", "strong_early"])
def test_a_strong_answer_is_called_strong(assessed: Judge, name: str) -> None:
    coverage = assessed(name).coverage
    assert coverage is not None
    assert sum(found.level == "strong" for found in coverage.stages.values()) >= 4
    assert coverage.impact
    assert coverage.mistakes == ()


def test_an_answer_to_another_question_is_not_covered(assessed: Judge) -> None:
    assessment = assessed("off_topic")
    assert assessment.coverage is not None
    assert not assessment.coverage.on_subject
    assert assessment.feedback is not None
    assert "did not hear an answer to the question" in assessment.feedback.fixes[0]


def test_fillers_are_heard(assessed: Judge) -> None:
    """Whisper's text alone has none of them; the verbatim reading finds most."""
    known = len(sidecar("filler_heavy")["fillers"])
    delivery = assessed("filler_heavy").delivery
    assert delivery is not None
    assert delivery.fillers.filled_pauses >= 0.6 * known
    assert delivery.fillers.filled_pauses <= known + 2


@pytest.mark.parametrize("name", ["strong_answer", "too_long", "purely_technical"])
def test_fillers_are_not_invented(assessed: Judge, name: str) -> None:
    delivery = assessed(name).delivery
    assert delivery is not None
    assert delivery.fillers.filled_pauses <= len(sidecar(name)["fillers"]) + 1


@pytest.mark.parametrize("name", ["silence", "room_noise"])
def test_no_speech_is_a_result_without_a_score(assessed: Judge, name: str) -> None:
    assessment = assessed(name)
    assert assessment.transcript.words == ()
    assert assessment.coverage is None
    assert assessment.feedback is None
    assert assessment.recording is not None
    assert assessment.recording.rms_dbfs is not None
    assert assessment.delivery is not None
    assert assessment.delivery.answer_duration_s is None
    assert assessment.delivery.speech_rate_wpm is None
    assert assessment.delivery.target.verdict is None


@pytest.mark.parametrize("name", SPOKEN)
def test_times_are_in_order_and_inside(assessed: Judge, name: str) -> None:
    assessment = assessed(name)
    assert assessment.recording is not None
    for word in assessment.transcript.words:
        assert 0.0 <= word.start_s <= word.end_s <= assessment.recording.duration_s
    starts = [word.start_s for word in assessment.transcript.words]
    assert starts == sorted(starts)


def test_the_same_recording_gives_the_same_result(coach: Coach, assessed: Judge) -> None:
    again = coach.analyze(FIXTURES / "too_short.flac")
    first = assessed("too_short")
    assert again.transcript.words == first.transcript.words
    assert again.transcript.verbatim == first.transcript.verbatim
    assert again.delivery == first.delivery
    assert again.coverage == first.coverage
