"""Feedback: most important first, nothing unmeasured, short enough to be said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.test_judgement import judge, strong, unit
from voice_coach.coverage.labels import STAGES
from voice_coach.interviewer.feedback import SPOKEN_WORDS, compose_feedback, spoken_time, weakest_stage
from voice_coach.interviewer.questions import LEVELS, read_pack
from voice_coach.records import (
    CandidateLevel,
    Coverage,
    Delivery,
    Feedback,
    FillerEvent,
    Fillers,
    Pause,
    Target,
    Verdict,
)

PACK = read_pack()


def delivery(
    seconds: float = 120.0,
    verdict: Verdict = "in_range",
    *,
    fillers_a_minute: float = 1.0,
    wpm: float = 150.0,
    long_pauses: int = 0,
) -> Delivery:
    count = round(fillers_a_minute * seconds / 60)
    return Delivery(
        answer_duration_s=seconds,
        speaking_time_s=seconds,
        target=Target(90.0, 180.0, verdict),
        words=round(wpm * seconds / 60),
        speech_rate_wpm=wpm,
        articulation_rate_wpm=wpm,
        fillers=Fillers(
            count, 0, 0, fillers_a_minute, 1.0, (FillerEvent("um", "filled_pause", 0.0, 0.2, 0.9),) * count
        ),
        pauses=tuple(Pause(float(k), k + 2.5, "long") for k in range(long_pauses)),
    )


def feedback(coverage: Coverage, said: Delivery | None = None, level: CandidateLevel = "mid") -> Feedback:
    return compose_feedback(coverage, said, pack=PACK, level=level)


def test_a_strong_answer_is_praised_and_not_corrected() -> None:
    found = feedback(judge(*strong()), delivery())
    assert found.fixes == ()
    assert "All five stages" in found.strengths[0]
    assert found.verdict == "You spoke for 2 minutes, inside the target of 1.5 to 3 minutes."


def test_off_subject_comes_before_everything() -> None:
    found = feedback(judge(unit()), delivery(fillers_a_minute=14.0))
    assert "did not hear an answer to the question" in found.fixes[0]
    assert "fillers a minute" in found.fixes[1]
    assert found.strengths == ("The length is right.",)


def test_missing_mitigation_outranks_missing_prevention() -> None:
    found = feedback(judge(unit("detection impact", specific=True), unit("communication severity", specific=True)))
    assert "how you stopped the impact" in found.fixes[0]
    assert "what changed afterwards" in found.fixes[1]


def test_heroics_are_quoted() -> None:
    found = feedback(judge(*strong(), unit("cowboy action", text="I just edited the config live.")))
    assert "I just edited the config live." in found.fixes[0]


def test_what_may_not_be_a_mistake_is_asked_about() -> None:
    units = [unit("severity", specific=True) if "impact" in one.assigned else one for one in strong()]
    coverage = judge(*units, unit("cowboy action", text="I just edited the config live."), doubt=0.45)
    risky, hurt, *_ = feedback(coverage).fixes
    assert risky.startswith("“I just edited the config live.” may sound like")
    assert hurt.startswith("I'm not sure I heard who was hurt")


@pytest.mark.parametrize(
    ("said", "part"),
    [
        (delivery(60.0, "short"), "too short: spend 30 seconds more"),
        (delivery(200.0, "long"), "too long: cut 20 seconds"),
        (delivery(fillers_a_minute=8.0), "8 fillers a minute are noticeable (most often “um”)"),
        (delivery(fillers_a_minute=13.0), "very noticeable"),
        (delivery(wpm=200.0), "is fast"),
        (delivery(wpm=100.0), "is slow"),
        (delivery(long_pauses=3), "3 pauses of over 2 s"),
    ],
)
def test_delivery_fixes(said: Delivery, part: str) -> None:
    assert part in " ".join(feedback(judge(*strong()), said).fixes)


@pytest.mark.parametrize(
    ("seconds", "verdict", "said"),
    [
        (89.7, "short", "You spoke for 1 minute 29 seconds, 1 second short"),
        (180.3, "long", "You spoke for 3 minutes 1 second, 1 second over"),
        (60.0, "short", "You spoke for 1 minute, 30 seconds short"),
    ],
)
def test_lengths_close_to_the_limit(seconds: float, verdict: Verdict, said: str) -> None:
    assert feedback(judge(*strong()), delivery(seconds, verdict)).verdict.startswith(said)


@pytest.mark.parametrize(
    ("seconds", "verdict", "part"),
    [
        (89.7, "short", "At 1 minute 29 seconds it is too short: spend 1 second more"),
        (180.3, "long", "At 3 minutes 1 second it is too long: cut 1 second"),
    ],
)
def test_advice_on_time_gives_the_length_of_the_verdict(seconds: float, verdict: Verdict, part: str) -> None:
    assert feedback(judge(*strong()), delivery(seconds, verdict)).fixes[0].startswith(part)


def test_what_is_to_be_cut_is_what_took_longest() -> None:
    told = [unit(one, specific=True, at_s=3.0 * k) for k, one in enumerate((*STAGES, "impact task", "mitigation"))]
    aside = [unit(at_s=30.0 + 3.0 * k) for k in range(3)]
    long = delivery(200.0, "long")
    assert "how you stopped the impact, where you spent 4 s" in feedback(judge(*told), long).fixes[0]
    assert "belongs to no stage of the incident, which took 6 s" in feedback(judge(*told, *aside), long).fixes[0]


def test_who_told_an_incident_is_not_asked_for_one() -> None:
    told, not_told = feedback(judge(*strong())).follow_up, feedback(judge(unit())).follow_up
    assert told is not None
    assert told.id != "example"
    assert not_told is not None
    assert not_told.id == "example"


def test_a_flood_of_fillers_comes_before_a_stage_only_touched_on() -> None:
    coverage = judge(*[one for one in strong() if "severity" not in one.assigned], unit("severity impact"))
    flood, some = (feedback(coverage, delivery(fillers_a_minute=rate)).fixes[0] for rate in (15.0, 8.0))
    assert "15 fillers a minute" in flood
    assert "only touched on" in some


@pytest.mark.parametrize("said", [delivery(fillers_a_minute=4.9), delivery(wpm=189.0), delivery(long_pauses=2)])
def test_what_is_fine_is_not_mentioned(said: Delivery) -> None:
    assert feedback(judge(*strong()), said).fixes == ()


def test_a_target_is_said_as_a_person_would() -> None:
    for least_s, most_s, said in (
        (100.0, 200.0, "1 minute 40 seconds to 3 minutes 20 seconds"),
        (90.0, 180.0, "1.5 to 3 minutes"),
        (75.0, 100.0, "75 to 100 seconds"),
    ):
        of = replace(delivery(100.0), target=Target(least_s, most_s, "in_range"))
        assert feedback(judge(*strong()), of).verdict.endswith(f"inside the target of {said}.")


def test_what_may_have_been_an_answer_is_not_denied() -> None:
    assert feedback(judge(unit(), doubt=0.45)).fixes[0].startswith("I'm not sure I heard an answer to the question")


def test_an_unsure_stage_is_not_called_missing() -> None:
    coverage = judge(unit("detection impact", specific=True), doubt=0.45)
    assert any("I'm not sure I heard" in fix for fix in feedback(coverage).fixes)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("stage", STAGES)
def test_the_follow_up_pulls_on_the_weakest_stage(level: CandidateLevel, stage: str) -> None:
    coverage = judge(*[one for one in strong() if stage not in one.assigned], unit("impact"))
    assert weakest_stage(coverage) == stage
    follow_up = feedback(coverage, level=level).follow_up
    assert follow_up is not None
    assert follow_up.probes == stage


def test_follow_ups_are_not_repeated() -> None:
    coverage = judge(*strong())
    seen: list[str] = []
    for _ in range(6):
        follow_up = compose_feedback(coverage, None, pack=PACK, asked=seen).follow_up
        assert follow_up is not None
        assert follow_up.id not in seen
        seen.append(follow_up.id)


def test_no_follow_up_is_left() -> None:
    everything = [one.follow_up.id for one in PACK.follow_ups]
    assert compose_feedback(judge(*strong()), None, pack=PACK, asked=everything).follow_up is None


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_said_fits_in_forty_seconds(level: CandidateLevel) -> None:
    worst = judge(unit("detection cowboy", text=" ".join(["long"] * 80)))
    for coverage in (worst, judge(unit()), judge(*strong()), judge(*[unit(stage) for stage in STAGES])):
        for said in (delivery(60.0, "short", fillers_a_minute=15.0), delivery(500.0, "long")):
            assert len(feedback(coverage, said, level).spoken.split()) <= SPOKEN_WORDS


def test_levels_expect_different_things() -> None:
    coverage = judge(*[one for one in strong() if "severity" not in one.assigned], unit("impact"))
    early, senior = (feedback(coverage, level=level).fixes[0] for level in ("early", "senior"))
    assert "escalated to" in early
    assert "SLO" in senior


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0, "0 seconds"), (1.0, "1 second"), (59.6, "1 minute"), (60.0, "1 minute"), (125.0, "2 minutes 5 seconds")],
)
def test_spoken_time(seconds: float, said: str) -> None:
    assert spoken_time(seconds) == said


def told_by(pronoun: str, times: int) -> Coverage:
    return judge(*strong(), unit("action", text=f"{pronoun} did it, " * times))


def test_a_story_of_we_hides_the_candidate() -> None:
    assert "“we”" in feedback(told_by("we", 12)).fixes[0]
    assert feedback(told_by("I", 12)).fixes == ()


def test_a_senior_who_was_alone_is_asked_for_the_others() -> None:
    told = judge(
        unit("situation task detection", specific=True, text="I saw it."),
        unit("severity impact", specific=True, text="It hit everybody."),
        unit("mitigation communication action", specific=True, text="I did it, " * 12),
        unit("prevention", specific=True, text="It was reviewed."),
    )
    assert any("which role" in fix for fix in feedback(told, level="senior").fixes)
    assert feedback(told, level="mid").fixes == ()


def test_an_unnamed_role_is_asked_for() -> None:
    without = [unit("situation detection", specific=True), *strong()[1:]]
    assert "did not hear your own role" in feedback(judge(*without)).fixes[0]


def test_a_late_opening_is_named_only_where_a_scene_is_set() -> None:
    def at(*labels: str) -> Coverage:
        return judge(*[unit(one, specific=True, at_s=16.0 * k) for k, one in enumerate(labels)])

    late = at("situation task", "severity impact", "mitigation action", "communication detection", "prevention")
    assert any("first 15 seconds" in fix for fix in feedback(late).fixes)
    early = at("situation task impact", "severity", "mitigation action", "communication detection", "prevention")
    assert not any("first 15 seconds" in fix for fix in feedback(early).fixes)
    habit = at("task detection", "severity impact", "mitigation action", "communication", "prevention")
    assert not any("first 15 seconds" in fix for fix in feedback(habit).fixes)


@pytest.mark.parametrize("level", LEVELS)
def test_what_was_not_heard_says_what_would_make_it_heard(level: CandidateLevel) -> None:
    found = feedback(judge(unit("detection mitigation impact", specific=True)), level=level)
    assert set(found.to_be_heard) == {"severity", "communication", "prevention"}
    assert feedback(judge(*strong()), level=level).to_be_heard == {}
