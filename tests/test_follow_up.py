"""Feedback on follow-ups and drills: held to what was asked, never to the whole story."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.test_feedback import delivery, feedback
from tests.test_judgement import judge, strong, unit
from voice_coach.coverage.labels import STAGES
from voice_coach.interviewer.feedback import MEANT, SPOKEN_WORDS
from voice_coach.interviewer.follow_up import compose_answer_feedback, next_question, recovery_after, takes_up
from voice_coach.interviewer.questions import LEVELS, read_pack
from voice_coach.records import CandidateLevel, Coverage, Delivery, Feedback, Question, Target, Verdict, Word

PACK = read_pack()
MISCOMMUNICATION = Question(
    "avoid-miscommunication",
    "How do you avoid miscommunication during an incident?",
    60.0,
    90.0,
    "follow_up",
    "communication",
)


def said(seconds: float, verdict: Verdict) -> Delivery:
    whole = delivery(seconds, verdict)
    return replace(whole, target=Target(60.0, 90.0, verdict))


def heard(coverage: Coverage, how: Delivery | None = None, question: Question = MISCOMMUNICATION) -> Feedback:
    return compose_answer_feedback(question, coverage, how, pack=PACK, level="mid")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_answered_well_is_not_told_of_the_other_four(stage: str) -> None:
    question = Question("q", "Q?", 60.0, 90.0, f"stage:{stage}", stage)
    found = heard(judge(unit(stage, specific=True)), said(75.0, "in_range"), question)
    assert found.fixes == ()
    assert found.to_be_heard == {}
    assert "concrete" in found.strengths[0]
    assert found.verdict == "You spoke for 1 minute 15 seconds, inside the target of 60 to 90 seconds."


def test_a_stage_not_heard_is_the_only_one_missed() -> None:
    found = heard(judge(unit("detection", specific=True)))
    assert len(found.fixes) == 1
    assert MEANT["communication"] in found.fixes[0]
    assert set(found.to_be_heard) == {"communication"}


def test_a_stage_touched_on_is_quoted_and_asked_for_again() -> None:
    found = heard(judge(unit("communication", text="We kept people informed.")))
    assert "We kept people informed." in found.strengths[0]
    assert "only touched on" in found.fixes[0]
    assert found.follow_up is not None
    assert (found.follow_up.probes, found.follow_up.id != MISCOMMUNICATION.id) == ("communication", True)


@pytest.mark.parametrize(
    ("seconds", "verdict", "part"), [(40.0, "short", "20 seconds more"), (100.0, "long", "Cut 10")]
)
def test_it_is_held_to_its_own_time(seconds: float, verdict: Verdict, part: str) -> None:
    found = heard(judge(unit("communication", specific=True)), said(seconds, verdict))
    assert part in found.fixes[0]
    assert len(found.spoken.split()) <= SPOKEN_WORDS


def test_off_subject_is_said() -> None:
    assert "did not hear an answer" in heard(judge(unit())).fixes[0]


def test_where_it_may_have_been_told_nothing_is_denied() -> None:
    assert heard(judge(unit(), doubt=0.45)).fixes[0].startswith("I'm not sure I heard")


@pytest.mark.parametrize(
    ("answer", "sure"),
    [("The trade-off was data against time.", True), ("We rolled back the release.", False)],
)
def test_a_question_that_probes_nothing_is_doubted_honestly(answer: str, sure: bool) -> None:
    question = Question("t", "What was the hardest trade-off?", 60.0, 90.0, "follow_up")
    found = heard(judge(unit("mitigation", specific=True, text=answer)), None, question)
    assert ("I am not sure you answered the question" in " ".join(found.fixes)) is not sure
    assert takes_up(question.text, answer) is sure


@pytest.mark.parametrize("purpose", ["main", "90", "deep", "interrupt"])
def test_the_whole_story_is_judged_as_before(purpose: str) -> None:
    for answer in (judge(*strong()), judge(unit("detection"))):
        question = Question("m", "Q?", 90.0, 180.0, purpose)
        assert heard(answer, None, question) == feedback(answer)


@pytest.mark.parametrize(
    ("after", "turned"),
    [
        ("mitigation impact", ("impact", "mitigation")),
        ("communication severity", ("communication",)),
        ("detection", ()),
    ],
)
def test_what_the_answer_turns_to_after_an_interruption(after: str, turned: tuple[str, ...]) -> None:
    # the first sentence was told before; small talk after it decides nothing, nor does what comes later
    told = judge(unit("mitigation", at_s=1.0), unit(at_s=7.5), unit(after, at_s=10.0), unit("mitigation", at_s=13.0))
    words = (Word("We", 1.0, 1.4, None), Word("Right,", 7.5, 7.8, None), Word("customers", 10.0, 10.5, None))
    found = recovery_after(told, words, 5.0)
    assert (found.recovery_s, found.turned_to, found.well) == (2.5, turned, bool(turned))


def test_no_words_after_an_interruption_is_no_recovery() -> None:
    found = recovery_after(judge(), (Word("then", 1.0, 1.4, None),), 5.0)
    assert (found.recovery_s, found.turned_to, found.well) == (None, (), False)


@pytest.mark.parametrize("level", LEVELS)
def test_the_next_question_is_never_a_repeat_and_ends_with_the_pack(level: CandidateLevel) -> None:
    coverage = judge(unit("detection mitigation severity prevention", specific=True))
    asked: list[str] = []
    while (question := next_question(PACK, coverage, level, asked)) is not None:
        assert question.id not in asked
        if not asked:
            assert question.probes == "communication"
        asked.append(question.id)
    assert len(asked) == len([one for one in PACK.follow_ups if level in one.levels])
