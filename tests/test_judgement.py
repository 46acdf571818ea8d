"""From labelled sentences to the whole answer, by hand-worked cases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voice_coach.coverage.judgement import MOST_EVIDENCE, judge_answer
from voice_coach.coverage.labels import LABELS, OUTPUTS, STAGES, STAR
from voice_coach.records import Coverage, JudgedSentence

HALF = dict.fromkeys(OUTPUTS, 0.5)


def unit(
    labels: str = "", *, specific: bool = False, text: str = "We did it.", at_s: float | None = None
) -> JudgedSentence:
    """A judged sentence that carries these labels with 0.9 and the others with 0.1."""
    assigned = tuple(label for label in LABELS if label in labels.split())
    return JudgedSentence(
        text=text,
        start_s=at_s,
        end_s=None if at_s is None else at_s + 2.0,
        labels={label: 0.9 if label in assigned else 0.1 for label in LABELS},
        assigned=assigned,
        specific=0.9 if specific else 0.1,
    )


def judge(*units: JudgedSentence, doubt: float = 0.05) -> Coverage:
    return judge_answer(units, HALF, doubt)


def names(coverage: Coverage) -> set[str]:
    return {mistake.name for mistake in coverage.mistakes}


def strong() -> list[JudgedSentence]:
    """An answer with every stage, specific, and impact."""
    return [
        unit("situation task detection", specific=True),
        unit("severity impact", specific=True),
        unit("mitigation action", specific=True),
        unit("communication action", specific=True),
        unit("prevention result", specific=True),
    ]


def test_nothing_said_about_incidents_is_not_on_the_subject() -> None:
    coverage = judge(unit(), unit())
    assert not coverage.on_subject
    assert coverage.mistakes == ()
    assert {found.level for found in coverage.stages.values()} == {"missing"}


def test_a_strong_answer_has_no_mistakes() -> None:
    coverage = judge(*strong())
    assert {found.level for found in coverage.stages.values()} == {"strong"}
    assert names(coverage) == set()
    assert coverage.impact


@pytest.mark.parametrize("stage", STAGES)
def test_levels(stage: str) -> None:
    assert judge(unit()).stages[stage].level == "missing"
    assert judge(unit(stage)).stages[stage].level == "mentioned"
    assert judge(unit(stage, specific=True)).stages[stage].level == "strong"
    assert judge(unit(stage), unit(stage, specific=True)).stages[stage].level == "strong"


def test_sharing_the_review_is_communication_only_in_passing() -> None:
    assert judge(unit("communication prevention", specific=True)).stages["communication"].level == "mentioned"


def test_each_mistake_on_its_own() -> None:
    whole = strong()
    assert names(judge(*[one for one in whole if "communication" not in one.assigned])) == {"purely_technical"}
    assert names(judge(*[one for one in whole if "prevention" not in one.assigned])) == {"no_follow_through"}
    assert names(judge(*whole, unit("cowboy action"))) == {"heroic"}
    without = [unit("severity", specific=True) if "impact" in one.assigned else one for one in whole]
    assert names(judge(*without)) == {"no_customer_impact"}


def test_communication_missing_beside_one_technical_stage_is_not_purely_technical() -> None:
    assert "purely_technical" not in names(judge(unit("detection", specific=True), unit("impact", specific=True)))


def test_vague() -> None:
    units = [unit(stage) for stage in STAGES] + [unit("impact")]
    assert "vague" in names(judge(*units))
    assert "vague" not in names(judge(*units, unit("mitigation", specific=True)))


def test_root_cause_first_needs_digging_before_and_at_more_length() -> None:
    dig = unit(
        "detection action", text="I read the heap dump line by line to find out which class it was.", specific=True
    )
    cause = unit("prevention", text="In the end it was a cache without any limit on its size.", specific=True)
    fix = unit("mitigation action", text="Then I restarted it.", specific=True)
    rest = [unit("impact severity", specific=True), unit("communication", specific=True)]
    assert "root_cause_first" in names(judge(dig, dig, cause, fix, *rest))
    assert "root_cause_first" not in names(judge(fix, dig, dig, cause, *rest))
    assert "root_cause_first" not in names(judge(dig, fix, cause, *rest))
    assert "root_cause_first" not in names(judge(dig, dig, cause, *rest))
    assert "root_cause_first" in names(judge(*[dig] * 5, fix, *rest))
    assert "root_cause_first" not in names(judge(*[dig] * 4, fix, *rest))


def test_nobody_is_accused_of_a_cause_that_may_be_a_suspicion() -> None:
    dig = unit("detection action", text="I read the heap dump line by line to find out which class it was.")
    cause = unit("prevention", text="In the end it was a cache without any limit on its size.")
    suspicion = replace(cause, labels={**cause.labels, "prevention": 0.65})
    fix = unit("mitigation action", text="Then I restarted it.")
    assert "root_cause_first" in names(judge(dig, dig, cause, fix))
    assert "root_cause_first" not in names(judge(dig, dig, suspicion, fix))


@pytest.mark.parametrize(("doubt", "unsure"), [(0.05, False), (0.45, True)])
def test_a_mistake_close_to_the_line_is_asked_about_and_counted_nowhere(doubt: float, unsure: bool) -> None:
    without = [unit("severity", specific=True) if "impact" in one.assigned else one for one in strong()]
    for name, told in (("heroic", [*strong(), unit("cowboy action")]), ("no_customer_impact", without)):
        coverage = judge(*told, doubt=doubt)
        (found,) = [mistake for mistake in coverage.mistakes if mistake.name == name]
        assert found.unsure is unsure
        assert (name in coverage.sure_mistakes) is not unsure


def test_seconds_are_those_of_the_sentences() -> None:
    coverage = judge(unit("detection", at_s=0.0), unit("detection action", at_s=3.0), unit("action", at_s=6.0))
    assert coverage.stages["detection"].seconds == pytest.approx(4.0)
    assert coverage.star["action"].seconds == pytest.approx(4.0)
    assert coverage.stages["prevention"].seconds == 0.0


def test_typed_text_has_no_seconds() -> None:
    coverage = judge(unit("detection"))
    assert {found.seconds for found in coverage.stages.values()} == {None}
    assert {found.seconds for found in coverage.star.values()} == {None}


def test_evidence_is_the_specific_sentences_first_and_not_too_many() -> None:
    plain = [unit("mitigation", text=f"Plain {k}.") for k in range(4)]
    best = unit("mitigation", specific=True, text="We failed over to Frankfurt.")
    evidence = judge(*plain, best).stages["mitigation"].evidence
    assert evidence[0].text == "We failed over to Frankfurt."
    assert len(evidence) == MOST_EVIDENCE
    assert evidence[0].score == pytest.approx(0.9)


def test_a_stage_near_the_line_is_unsure_on_both_sides() -> None:
    for chance in (0.46, 0.54):
        near = JudgedSentence("Hm.", None, None, {**dict.fromkeys(LABELS, 0.0), "severity": chance}, (), 0.0)
        found = judge(near, doubt=0.05).stages
        assert found["severity"].unsure
        assert not found["detection"].unsure


def test_a_doubtful_stage_is_not_held_against_anybody() -> None:
    near = {**dict.fromkeys(LABELS, 0.0), "communication": 0.48, "prevention": 0.48}
    doubtful = JudgedSentence("Hm.", None, None, near, (), 0.0)
    told = [unit("detection", specific=True), unit("mitigation impact", specific=True)]
    assert names(judge(*told)) == {"purely_technical", "no_follow_through"}
    assert names(judge(*told, doubtful)) == set()


def test_all_parts_are_there_in_the_rubrics_order() -> None:
    coverage = judge(unit())
    assert tuple(coverage.stages) == STAGES
    assert tuple(coverage.star) == STAR


def test_stages_in_the_order_in_which_they_are_told() -> None:
    told = judge(unit("mitigation"), unit("situation"), unit("detection prevention"), unit("mitigation"))
    assert told.order == ("mitigation", "detection", "prevention")
    assert judge(unit()).order == ()


def test_the_opening_is_the_first_fifteen_seconds_of_speech() -> None:
    late = judge(unit("situation", at_s=30.0), unit("impact", at_s=45.5))
    assert late.opening.heard is False
    early = judge(unit("situation", at_s=30.0), unit("mitigation", at_s=44.5, text="We turned it off."))
    assert early.opening.heard
    assert [one.text for one in early.opening.evidence] == ["We turned it off."]


def test_a_typed_answer_has_no_first_seconds() -> None:
    assert judge(unit("impact")).opening.heard is None


def test_who_acts_is_counted_where_acts_are_told() -> None:
    told = judge(
        unit("action", text="I rolled it back and we’ve watched it, I'd say."),
        unit("task", text="I'm on call, it was mine."),
        unit("situation", text="We sell wine, and I like wine."),
    )
    assert (told.ownership.singular, told.ownership.plural) == (3, 1)


@pytest.mark.parametrize(
    ("texts", "vague"),
    [
        (["Something broke.", "We fixed it.", "Then it was fine."], True),
        (["Something broke on a Friday.", "We fixed it."], True),
        (["We had four nodes and two regions and lost half.", "We fixed it."], False),
        (["So the Kafka cluster broke.", "We asked Maria."], False),
        (["I'd say I'm careful.", "Something broke."], True),
    ],
)
def test_numbers_and_names_are_specific_wherever_they_stand(texts: list[str], vague: bool) -> None:
    told = judge(*[unit("mitigation" if k else "detection", text=text) for k, text in enumerate(texts)])
    assert ("vague" in names(told)) == vague
