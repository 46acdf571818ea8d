"""What to practise next: standings and days by hand, the order, the views, and the command on a real store."""

from __future__ import annotations

import gc
import json
import sqlite3
import statistics
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from fsrs import Card, Rating

from tests.conftest import Run
from tests.takes_by_hand import STAGES, answer, delivery, said
from voice_coach.cli.plan import made_from
from voice_coach.history import rows
from voice_coach.history.kept import Judgement, KeptTake
from voice_coach.history.store import Store
from voice_coach.progress.schedule import EASY_RUN, MOST_DAYS, REPLAYED, plain_scheduler, plan, purposes, replayed
from voice_coach.progress.skills import RECENT, Bands, skills
from voice_coach.records import Entry, Level, Plan, Standing, TakeFacts
from voice_coach.report.json_view import assessment_as_dict
from voice_coach.report.plan_view import BEGIN, due_line, plan_as_dict, plan_lines

BANDS = Bands((130.0, 165.0), (110.0, 190.0), 2.0, 5.0, 15.0)
SKILLS = {skill.name: skill for skill in skills(STAGES, BANDS)}
NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def levels(**different: Level) -> dict[str, Level]:
    every: dict[str, Level] = dict.fromkeys(STAGES, "strong")
    return {**every, **different}


def take(day: float = 0, **different: object) -> Entry:
    """A take at noon of a day after the first of March, with nothing to be said against it."""
    facts: dict[str, Any] = {
        "id": f"t{day}",
        "taken_at": NOON + timedelta(days=day),
        "question_id": "incident-response",
        "purpose": "main",
        "duration_s": 120.0,
        "target_min_s": 90.0,
        "target_max_s": 180.0,
        "verdict": "in_range",
        "speech_rate_wpm": 150.0,
        "fillers_per_minute": 1.0,
        "fillers_range": None,
        "stages": levels(),
        "take_id": f"take-{day}",
        "question": None,
        "level": None,
        "rehearsal_id": None,
        "device": None,
        "speaking_time_s": 100.0,
        "filled_pauses": 2,
        "star": star(),
        "opening": True,
        "whisper": None,
        "lifecycle": None,
        "audio": False,
        "assessments": 1,
        "corrections": 0,
    }
    return Entry(**{**facts, **different})


def star(**different: float | None) -> dict[str, float | None]:
    """Seconds told of each part, well shared out."""
    return {"situation": 20.0, "task": 10.0, "action": 50.0, "result": 15.0, **different}


def planned(*takes: Entry, day: float = 0) -> Plan:
    """The plan in the evening of a day."""
    return plan(takes, stages=STAGES, bands=BANDS, now=NOON + timedelta(days=day, hours=6))


@pytest.mark.parametrize(
    ("skill", "different", "standing"),
    [
        ("mitigation", {"stages": levels(mitigation="missing")}, "poor"),
        ("mitigation", {"stages": levels(mitigation="mentioned")}, "fair"),
        ("mitigation", {}, "good"),
        ("mitigation", {"stages": {}}, None),  # nothing was said
        ("mitigation", {"purpose": "90", "stages": levels(mitigation="missing")}, "poor"),
        ("mitigation", {"purpose": "stage:mitigation", "stages": levels(mitigation="missing")}, "poor"),
        # neither asks for mitigation
        ("mitigation", {"purpose": "stage:severity", "stages": levels(mitigation="missing")}, None),
        ("mitigation", {"purpose": "follow_up", "stages": levels(mitigation="missing")}, None),
        ("time", {"duration_s": 90.0}, "good"),
        ("time", {"duration_s": 180.0}, "good"),
        ("time", {"duration_s": 210.0}, "fair"),
        ("time", {"duration_s": 210.5}, "poor"),
        ("time", {"duration_s": 60.0}, "fair"),
        ("time", {"duration_s": 59.0}, "poor"),
        ("time", {"duration_s": None}, None),
        ("time", {"target_min_s": None}, None),
        ("time", {"purpose": "interrupt"}, None),
        ("fillers", {"fillers_per_minute": 2.0}, "good"),
        ("fillers", {"fillers_per_minute": 2.1}, "fair"),
        ("fillers", {"fillers_per_minute": 5.1}, "poor"),
        ("fillers", {"fillers_per_minute": None}, None),
        ("fillers", {"purpose": "follow_up", "fillers_per_minute": 9.0}, "poor"),
        ("pace", {"speech_rate_wpm": 130.0}, "good"),
        ("pace", {"speech_rate_wpm": 166.0}, "fair"),
        ("pace", {"speech_rate_wpm": 110.0}, "fair"),
        ("pace", {"speech_rate_wpm": 109.0}, "poor"),
        ("pace", {"speech_rate_wpm": None}, None),
        ("customer impact", {"mistakes": ("no_customer_impact",)}, "poor"),
        ("customer impact", {"mistakes": ("heroic",)}, "good"),
        ("customer impact", {"stages": {}}, None),
        ("customer impact", {"stages": dict.fromkeys(STAGES, "missing")}, None),  # something else was told
        ("customer impact", {"purpose": "follow_up"}, None),
        ("STAR", {}, "good"),
        ("STAR", {"star": star(situation=50.0)}, "good"),  # as long as the action
        ("STAR", {"star": star(situation=51.0)}, "fair"),
        ("STAR", {"star": star(result=0.0)}, "poor"),
        ("STAR", {"star": star(result=0.0, situation=51.0)}, "poor"),
        ("STAR", {"star": star(result=None)}, None),  # typed: nobody knows how long
        ("STAR", {"star": {}}, None),
        ("STAR", {"purpose": "follow_up", "star": star(result=0.0)}, None),
        ("STAR", {"purpose": "stage:mitigation", "star": star(result=0.0)}, None),
        ("opening", {}, "good"),
        ("opening", {"opening": False}, "poor"),
        ("opening", {"opening": None}, None),
        ("opening", {"purpose": "follow_up", "opening": False}, None),
        ("stabilising first", {"purpose": "interrupt", "mistakes": ("root_cause_first",)}, "poor"),
    ],
)
def test_how_a_take_stands(skill: str, different: dict[str, object], standing: Standing | None) -> None:
    assert SKILLS[skill].heard(take(**different)) == standing


def purpose_of(command: str) -> str:
    """The purpose of the takes that a command starts."""
    words = command.split()
    assert words[:1] == ["voice-coach"]
    if words[1] == "practice":
        return "main"
    return {"--stage": f"stage:{words[-1]}", "--length": words[-1], "--interrupt": "interrupt"}[words[2]]


@pytest.mark.parametrize("last", [take(duration_s=30.0, verdict="short"), take(duration_s=400.0, verdict="long")])
@pytest.mark.parametrize("name", SKILLS)
def test_what_is_practised_is_heard(name: str, last: Entry) -> None:
    """A command whose takes do not judge the skill would leave it due for ever."""
    purpose = purpose_of(SKILLS[name].command(last))
    assert SKILLS[name].heard(take(purpose=purpose)) == "good"
    assert purpose in purposes(STAGES)


# FSRS 6 by hand with its published w. First good: S = w2 = 2.3065 days, D = w4 - exp(2 w5) + 1 = 2.118.
# Good again after 2 days: R = 0.9095, S' = S (1 + exp(w8) (11 - D) S^-w9 (exp(w10 (1 - R)) - 1)) = 10.96 days.
# Poor, then good an hour later: S = w0 = 0.212, S' = S exp(w17 w18) S^-w19 = 0.247 days, and a day is the least.
@pytest.mark.parametrize(
    ("reviews", "due_day"),
    [
        ([(0, "good")], 2),
        ([(0, "good"), (2, "good")], 2 + 11),
        ([(0, "poor")], 0),
        ([(0, "fair")], 0),
        ([(0, "poor"), (1 / 24, "good")], 1),
        ([(0, "good"), (2, "poor")], 2),
        ([(0, "poor"), (1, "poor"), (2, "fair")], 2),
    ],
)
def test_the_day_a_card_comes_back(reviews: list[tuple[float, Standing]], due_day: int) -> None:
    card = replayed(plain_scheduler(), [(NOON + timedelta(days=day), standing) for day, standing in reviews])
    assert card.due.date() == NOON.date() + timedelta(days=due_day)


def test_good_several_times_running_counts_as_easy() -> None:
    """Good leaves FSRS's difficulty where it was, but for the third digit; easy lowers it to the least, 1."""
    goods: list[tuple[datetime, Standing]] = [(NOON + timedelta(days=3 * k), "good") for k in range(EASY_RUN)]
    assert replayed(plain_scheduler(), goods[:-1]).difficulty == pytest.approx(2.118, abs=0.01)
    assert replayed(plain_scheduler(), goods).difficulty == 1.0
    broken: list[tuple[datetime, Standing]] = [goods[0], (goods[1][0], "fair"), goods[2]]
    assert (replayed(plain_scheduler(), broken).difficulty or 0.0) > 2.118


def test_nothing_stays_away_for_long() -> None:
    goods = [take(10 * k) for k in range(20)]
    assert {item.due for item in planned(*goods, day=190).later} == {NOON.date() + timedelta(days=190 + MOST_DAYS)}


def test_reviews_are_in_universal_time_whatever_zone_the_takes_say() -> None:
    tokyo = timezone(timedelta(hours=9))
    there = replayed(plain_scheduler(), [(NOON.astimezone(tokyo), "good")])
    assert there.due == NOON + timedelta(days=2)


def test_weakest_first_and_the_rest_on_its_day() -> None:
    first = take(0, stages=levels(mitigation="missing", severity="mentioned"), fillers_per_minute=7.5)
    second = take(1, stages=levels(mitigation="missing", severity="mentioned"), fillers_per_minute=3.5)
    found = planned(first, second, day=1)
    # poor twice; poor and fair; fair twice
    assert [(item.name, item.weakness) for item in found.due] == [
        ("mitigation", 1.0),
        ("fillers", 0.75),
        ("severity", 0.5),
    ]
    assert [item.standing for item in found.due] == ["poor", "fair", "fair"]
    assert {item.name for item in found.later} == set(SKILLS) - {item.name for item in found.due}
    assert found.unheard == ()
    # three good days later nothing of the stages is due, and mitigation comes back before what was never missing
    better = planned(first, second, take(2), take(3), take(4), day=4)
    assert "mitigation" not in {item.name for item in better.due}
    days = {item.name: item.due for item in better.later}
    assert days["mitigation"] < days["detection"]


def test_what_went_well_once_is_due_again_after_its_days() -> None:
    assert planned(take(0), day=0).due == ()
    assert planned(take(0), day=1).due == ()
    back = planned(take(0), day=2)
    assert [item.name for item in back.due] == list(SKILLS)
    assert all(item.retrievability == pytest.approx(0.9095, abs=1e-4) for item in back.due)


def test_days_are_the_readers() -> None:
    """Due two days after 23:30 in Greenwich, which in Auckland is the next day already."""
    late = take(0, taken_at=datetime(2026, 3, 1, 23, 30, tzinfo=timezone.utc))
    auckland = timezone(timedelta(hours=13))
    now = late.taken_at + timedelta(minutes=5)
    here = plan([late], stages=STAGES, bands=BANDS, now=now)
    there = plan([late], stages=STAGES, bands=BANDS, now=now.astimezone(auckland))
    assert {item.due for item in here.later} == {date(2026, 3, 3)}
    assert {item.due for item in there.later} == {date(2026, 3, 4)}


def test_the_order_of_the_takes_and_takes_from_the_future_change_nothing() -> None:
    takes = [take(k, stages=levels(prevention="missing" if k % 2 else "strong")) for k in range(8)]
    assert planned(*takes, day=8) == planned(*reversed(takes), day=8)
    assert planned(*takes, take(30, stages=levels(detection="missing")), day=8) == planned(*takes, day=8)


def test_only_the_latest_takes_are_replayed() -> None:
    old = [take(k, stages=levels(mitigation="missing")) for k in range(3)]
    latest = [take(10 + k) for k in range(REPLAYED)]
    assert planned(*old, *latest, day=80) == planned(*latest, day=80)
    assert {item.takes for item in planned(*old, *latest, day=80).due} <= {REPLAYED}


def test_a_drill_alone_leaves_the_other_stages_unheard() -> None:
    found = planned(take(0, purpose="stage:mitigation", stages={"mitigation": "missing"}))
    assert [item.name for item in found.due] == ["mitigation"]
    assert found.unheard == ("detection", "severity", "communication", "prevention")
    assert list(plan_lines(found))[-1] == (
        "Not heard yet: detection, severity, communication, prevention; answer the whole question: voice-coach practice"
    )


def test_a_length_is_never_rounded_across_its_limit() -> None:
    assert SKILLS["time"].why([take(duration_s=180.3, verdict="long")]).startswith("3:01 the last time, target 1:30 to")


def test_the_lines() -> None:
    takes = [
        take(
            k,
            duration_s=224.0,
            verdict="long",
            fillers_per_minute=rate,
            speech_rate_wpm=172.0,
            stages=levels(mitigation=level),
            mistakes=("no_customer_impact",),
            star=star(situation=60.0 + 10 * k, result=15.0 * (k > 0)),
            opening=k > 0,
        )
        for k, (rate, level) in enumerate([(4.0, "missing"), (9.0, "missing"), (6.0, "mentioned")])
    ]
    found = planned(*takes, day=2)
    assert list(plan_lines(found)) == [
        "Today",
        "  1. time: 3:44 the last time, target 1:30 to 3:00; inside it in 0 of the last 3 takes",
        "     voice-coach drill --length 90",
        "  2. customer impact: no customer impact in 3 of the last 3 takes",
        "     voice-coach drill --length 90",
        "  3. mitigation: missing in 2, mentioned in 1 of the last 3 takes",
        "     voice-coach drill --stage mitigation",
        "Due too: fillers, STAR, pace",
        "Later: in 4 days opening; "
        "in 16 days detection, severity, communication, prevention, stabilising first, safe process",
    ]
    why = {item.name: item.why for item in (*found.due, *found.later)}
    assert why["opening"] == "impact or containment told in the first 15 s in 2 of the last 3 takes"
    assert why["fillers"] == "6.0 a minute the last time, 6.0 usually; up to 2 is good"
    assert why["STAR"] == "result missing in 1, action not the longest part in 2 of the last 3 takes"
    assert why["pace"] == "172 words a minute the last time, 172 usually; 130 to 165 is comfortable"
    assert due_line(found) == (
        "Due today: time (3:44 the last time, target 1:30 to 3:00; inside it in 0 of the last 3 takes), "
        "alone with: voice-coach drill --length 90; then customer impact, mitigation."
    )


def test_a_reason_speaks_of_the_latest_takes_only() -> None:
    takes = [take(k, stages=levels(mitigation="missing" if k < RECENT else "mentioned")) for k in range(2 * RECENT)]
    why = next(item.why for item in planned(*takes, day=20).due if item.name == "mitigation")
    assert why == f"mentioned in {RECENT} of the last {RECENT} takes"


def test_nothing_due_and_nothing_heard() -> None:
    assert list(plan_lines(planned())) == [BEGIN]
    assert due_line(planned()) is None
    assert due_line(planned(take(0))) is None
    lines = list(plan_lines(planned(take(0), day=1)))
    assert lines[0] == "Nothing is due today"
    assert lines[1] == f"Later: tomorrow {', '.join(SKILLS)}"


def test_the_plan_as_json() -> None:
    found = planned(take(0, stages=levels(severity="missing")))
    table = json.loads(json.dumps(plan_as_dict(found)))
    assert table["today"] == "2026-03-01"
    assert table["due"] == [
        {
            "name": "severity",
            "kind": "stage",
            "standing": "poor",
            "why": "missing in 1 of 1 take",
            "command": "voice-coach drill --stage severity",
            "due": "2026-03-01",
            "retrievability": 1.0,
            "takes": 1,
            "weakness": 1.0,
        }
    ]
    assert len(table["later"]) == len(SKILLS) - 1
    assert {item["due"] for item in table["later"]} == {"2026-03-03"}


def test_the_command_tells_whoever_has_no_takes_where_to_begin(program: Callable[..., Run], tmp_path: Path) -> None:
    env = {"XDG_DATA_HOME": str(tmp_path)}
    done = program("plan", env=env)
    assert (done.code, done.out, done.err) == (0, f"{BEGIN}\n", "")
    table = json.loads(program("plan", "--json", env=env).out)
    assert (table["due"], table["later"], table["unheard"]) == ([], [], list(STAGES))


def test_the_command_and_the_start_of_practice_on_a_real_store(program: Callable[..., Run], tmp_path: Path) -> None:
    env = {"XDG_DATA_HOME": str(tmp_path)}
    with Store.open(tmp_path / "voice-coach" / "history") as store:
        ids = [store.add(facts(days, k), audio=None, assessment=judged()) for k, days in enumerate((3, 2))]
    done = program("plan", env=env)
    assert done.code == 0, done.err
    # four stages were missing in both; ties are told in the rubric's order
    assert done.out.splitlines()[:3] == [
        "Today",
        "  1. severity: missing in 2 of the last 2 takes",
        "     voice-coach drill --stage severity",
    ]
    # a deleted take was never there
    with Store.open(tmp_path / "voice-coach" / "history") as store:
        store.delete(ids[0])
    assert "  1. severity: missing in 1 of 1 take" in program("plan", env=env).out.splitlines()
    # the line comes before the microphone is looked for; whoever sits at it quits, and where there is none that fails
    began = program("practice", "--plain", "--quiet", stdin="q\n", env={**env, "PULSE_SERVER": "none"})
    assert began.code == (2 if "no microphone" in began.out else 0), began.err
    assert began.out.splitlines()[1].startswith("Due today: severity (missing in 1 of 1 take), alone with: voice-coach")


def test_a_plan_of_ten_thousand_takes_takes_no_time(
    program: Callable[..., Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "voice-coach" / "history"
    with Store.open(folder):
        pass
    fill(folder / "history.db", 10_000)
    # neither what other tests left to be collected, nor what their threads do, is this work
    gc.collect()
    began = time.thread_time()
    with Store.open(folder) as store:
        found = made_from(store, datetime.now(timezone.utc))
    own_s = time.thread_time() - began
    assert {item.takes for item in (*found.due, *found.later)} == {REPLAYED}
    walls = []
    for _ in range(3):
        began = time.perf_counter()
        assert program("plan", env={"XDG_DATA_HOME": str(tmp_path)}).code == 0
        walls.append(time.perf_counter() - began)
    with capsys.disabled():
        print(f"\nplan of 10,000 takes: {own_s:.3f} s of work; the command {statistics.median(walls):.2f} s")
    # the work alone, by the processor's clock, so that a busy machine does not fail it
    assert own_s < 0.2


def fill(database: Path, count: int) -> None:
    """Put so many takes of all purposes into the index, without their files."""
    known = purposes(STAGES)
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("BEGIN")
    assessment = judged()
    for k in range(count):
        take_facts = facts(count / 24 - k / 24, k, purpose=known[k % len(known)])
        judgement = Judgement(take_facts.taken_at, assessment)
        rows.put(connection, KeptTake(f"{k:05d}", take_facts, "none", None, own=False, judgements=(judgement,)))
    connection.execute("COMMIT")
    connection.close()


def facts(days_ago: float, number: int, *, purpose: str = "main") -> TakeFacts:
    return TakeFacts(
        f"take-{number}",
        datetime.now(timezone.utc) - timedelta(days=days_ago),
        purpose=purpose,
        target_min_s=90.0,
        target_max_s=180.0,
    )


def judged() -> dict[str, Any]:
    return assessment_as_dict(answer(said("We saw it on the dashboard", "detection"), delivery=delivery()))


def test_the_ratings_are_the_packages_own() -> None:
    """The replay, step by step, by the package alone."""
    card = Card(card_id=0)
    for day, rating in enumerate((Rating.Again, Rating.Hard, Rating.Good, Rating.Good, Rating.Easy)):
        card, _ = plain_scheduler().review_card(card, rating, NOON + timedelta(days=day))
    standings: list[Standing] = ["poor", "fair", "good", "good", "good"]
    assert replayed(plain_scheduler(), [(NOON + timedelta(days=day), one) for day, one in enumerate(standings)]) == card
