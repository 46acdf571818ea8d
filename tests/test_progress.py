"""Progress: trends by hand, bests, streaks, and the two views."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from rich.console import Console

from tests.browser import chromium, serious_findings
from tests.takes_by_hand import STAGES, answer, delivery, said
from voice_coach.progress.summary import (
    longest_run_on_target,
    off_band,
    progress,
    streaks,
    strong_stages,
    summary_of,
    time_off_target_s,
)
from voice_coach.progress.trend import LEAST_TAKES, LEVEL, RECENT_TAKES, mann_kendall, sens_slope, trend
from voice_coach.records import Level, TakeSummary
from voice_coach.report.progress_html import progress_page
from voice_coach.report.progress_terminal import print_progress
from voice_coach.report.progress_words import trend_line

if TYPE_CHECKING:
    from playwright.sync_api import Browser

GOOD_PACE = (130.0, 165.0)
TODAY = date(2026, 3, 20)
NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def take(number: int = 0, **different: object) -> TakeSummary:
    """A good take on the given day of March."""
    level: Level = "strong"
    facts: dict[str, Any] = {
        "id": f"t{number}",
        "taken_at": NOON + timedelta(days=number),
        "question_id": "incident_response",
        "purpose": "main",
        "duration_s": 120.0,
        "target_min_s": 90.0,
        "target_max_s": 180.0,
        "verdict": "in_range",
        "speech_rate_wpm": 150.0,
        "fillers_per_minute": 2.0,
        "fillers_range": (1.0, 3.0),
        "stages": dict.fromkeys(STAGES, level),
    }
    return TakeSummary(**{**facts, **different})


# S and its variance n(n-1)(2n+5)/18, less t(t-1)(2t+5)/18 for t tied values, worked out by hand
@pytest.mark.parametrize(
    ("values", "score", "p"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 45, 0.0000830),  # z = 44 / sqrt(125)
        ([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], -45, 0.0000830),
        ([5] * 10, 0, 1.0),
        ([1, 2, 1, 2], 2, 0.698535),  # two ties of two: variance 26/3 - 2 = 20/3, z = 1 / sqrt(20/3)
        ([2, 1, 3], 1, 1.0),
    ],
)
def test_mann_kendall(values: list[float], score: int, p: float) -> None:
    found_score, found_p = mann_kendall(values)
    assert found_score == score
    assert found_p == pytest.approx(p, rel=1e-2)


def test_the_slope_is_not_moved_by_one_odd_take() -> None:
    straight = [float(k) for k in range(11)]
    assert sens_slope(straight) == 1.0
    assert sens_slope([*straight[:5], 500.0, *straight[6:]]) == 1.0


def test_noise_is_called_a_trend_no_more_often_than_stated() -> None:
    chance = random.Random(7)
    rounds = 400
    false = sum(
        any(trend("strong stages", [chance.gauss(5, 2) for _ in range(20)]).direction for _ in range(4))
        for _ in range(rounds)
    )
    print(f"four figures of pure noise, 20 takes: {false / rounds:.1%} of pages call a trend")
    # three standard deviations above the level
    assert false / rounds <= LEVEL + 3 * (LEVEL * (1 - LEVEL) / rounds) ** 0.5


def test_a_clear_fall_is_called_falling() -> None:
    chance = random.Random(7)
    found = trend("fillers a minute", [9 - 0.3 * k + chance.gauss(0, 1) for k in range(24)])
    assert found.direction == "falling"
    assert found.per_ten_takes == pytest.approx(-3.0, abs=0.6)
    assert found.takes == 24
    assert "falling, better" in trend_line(found)
    assert "24 takes" in trend_line(found)


def test_too_few_takes_are_not_asked() -> None:
    found = trend("strong stages", [float(k) for k in range(LEAST_TAKES - 1)] + [None])
    assert (found.direction, found.p, found.takes) == (None, None, LEAST_TAKES - 1)
    assert f"from {LEAST_TAKES} on" in trend_line(found)


def test_only_recent_takes_are_asked() -> None:
    found = trend("strong stages", [float(k) for k in range(500)] + [0.0] * RECENT_TAKES)
    assert (found.direction, found.takes) == (None, RECENT_TAKES)


@pytest.mark.parametrize(
    ("days", "current", "longest"),
    [
        ([], 0, 0),
        ([20], 1, 1),
        ([19], 1, 1),
        ([18], 0, 1),
        ([18, 19, 20], 3, 3),
        ([10, 11, 12, 13, 19, 20], 2, 4),
        ([1, 3, 5], 0, 1),
    ],
)
def test_streaks(days: list[int], current: int, longest: int) -> None:
    assert streaks({date(2026, 3, day) for day in days}, TODAY) == (current, longest)


@pytest.mark.parametrize(
    ("value", "off"), [(None, None), (120.0, 10.0), (130.0, 0.0), (150.0, 0.0), (165.0, 0.0), (190.0, 25.0)]
)
def test_off_band(value: float | None, off: float | None) -> None:
    assert off_band(value, GOOD_PACE) == off


def test_a_summary_holds_what_the_assessment_says() -> None:
    judged = answer(
        said("Prometheus paged me at nine percent errors.", "detection", specific=0.9),
        said("We told support.", "communication"),
        delivery=delivery(duration_s=130.0, wpm=151.0, per_minute=3.0, rate_range=(2.0, 4.0)),
        mistakes=["no_follow_through"],
    )
    found = summary_of(judged, id="t1", taken_at=NOON, question_id="incident_response")
    assert found == take(
        0,
        id="t1",
        duration_s=130.0,
        speech_rate_wpm=151.0,
        fillers_per_minute=3.0,
        fillers_range=(2.0, 4.0),
        stages={**dict.fromkeys(STAGES, "missing"), "detection": "strong", "communication": "mentioned"},
        mistakes=("no_follow_through",),
    )
    typed = summary_of(replace(judged, delivery=None, coverage=None), id="t1", taken_at=NOON)
    assert (typed.duration_s, typed.verdict, typed.stages) == (None, None, {})


def test_ten_thousand_takes_are_soon_summed_up() -> None:
    takes = [take(k % 365, id=str(k), fillers_per_minute=float(k % 7)) for k in range(10_000)]
    started = time.perf_counter()
    found = progress(takes, today=TODAY, good_pace_wpm=GOOD_PACE)
    spent_s = time.perf_counter() - started
    print(f"10,000 takes summed up in {spent_s:.2f} s")
    assert len(found.takes) == 10_000
    # wide of the 0.3 s that the whole command may take: this machine is shared
    assert spent_s < 2.0


def test_unknown_stays_unknown() -> None:
    assert time_off_target_s(take(target_min_s=None)) is None
    assert time_off_target_s(take(duration_s=None)) is None
    assert strong_stages(take(stages={})) is None


@pytest.mark.parametrize(("verdicts", "run"), [("", 0), ("i", 1), ("ooo", 0), ("iioiiio", 3), ("oiioii", 2)])
def test_the_longest_run_on_target(verdicts: str, run: int) -> None:
    takes = [take(k, verdict="in_range" if sign == "i" else "long") for k, sign in enumerate(verdicts)]
    assert len(longest_run_on_target(takes)) == run


def test_exercises_count_for_the_streak_and_nothing_else() -> None:
    found = progress(
        [take(19), take(18, purpose="stage:mitigation", fillers_per_minute=0.0, verdict="long")],
        today=TODAY,
        good_pace_wpm=GOOD_PACE,
    )
    assert [one.id for one in found.takes] == ["t19"]
    assert (found.streak_days, found.on_target, found.timed) == (2, 1, 1)
    assert all(best.take.id == "t19" for best in found.bests)
    # days told apart, as whoever reads whole answers only does
    days = {one.taken_at.astimezone().date() for one in (take(19), take(18), take(17))}
    assert progress([take(19)], today=TODAY, good_pace_wpm=GOOD_PACE, days=days).streak_days == 3


def test_bests_are_the_best_and_short_takes_have_none() -> None:
    found = progress(
        [
            take(1, fillers_per_minute=3.0, speech_rate_wpm=150.0),
            take(2, fillers_per_minute=1.0, speech_rate_wpm=180.0, stages=dict.fromkeys(STAGES, "mentioned")),
            take(3, fillers_per_minute=0.0, speech_rate_wpm=150.0, duration_s=20.0, verdict="short"),
        ],
        today=TODAY,
        good_pace_wpm=GOOD_PACE,
    )
    assert {best.name: best.take.id for best in found.bests} == {
        "most stages with something specific": "t1",
        "fewest fillers": "t2",
        "pace nearest to comfortable": "t1",
        "most takes in a row inside the target": "t2",
    }


def many(count: int) -> list[TakeSummary]:
    chance = random.Random(3)
    levels: tuple[Level, ...] = ("missing", "mentioned", "strong")
    return [
        take(
            k,
            duration_s=chance.uniform(60, 240),
            fillers_per_minute=chance.uniform(0, 9),
            speech_rate_wpm=chance.uniform(110, 200),
            stages={stage: chance.choice(levels) for stage in STAGES},
        )
        for k in range(count)
    ]


def printed(takes: list[TakeSummary], width: int = 80) -> str:
    console = Console(width=width, record=True, color_system=None, file=None, quiet=False, no_color=True)
    with console.capture() as captured:
        print_progress(console, progress(takes, today=TODAY, good_pace_wpm=GOOD_PACE), good_fillers=2.0)
    return captured.get()


def test_the_terminal_shows_every_part_within_its_width() -> None:
    takes = many(24)
    shown = printed(takes)
    for part in ("24 whole answers", "Minutes, against the target", "Fillers a minute", "Words a minute", "Best: "):
        assert part in shown
    for stage in STAGES:
        signs = next(line for line in shown.splitlines() if line.strip().startswith(stage)).split()[1]
        assert signs == "".join({"missing": "○", "mentioned": "◐", "strong": "●"}[one.stages[stage]] for one in takes)
    assert max(map(len, shown.splitlines())) <= 80
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    "takes",
    [
        [],
        [take(1)],
        [take(1, fillers_per_minute=None, fillers_range=None, speech_rate_wpm=None)],
        [take(1, stages={}), take(2)],
        [take(1, target_min_s=None, target_max_s=None, verdict=None)],
        [take(k, duration_s=120.0, fillers_per_minute=0.0) for k in range(12)],
    ],
    ids=["none", "one", "no rates", "one unjudged", "no target", "all alike"],
)
def test_odd_histories_are_shown(takes: list[TakeSummary]) -> None:
    assert ("No whole answers" in printed(takes)) == (not takes)
    page = progress_page(progress(takes, today=TODAY, good_pace_wpm=GOOD_PACE), good_fillers=2.0)
    assert ("No whole answers" in page) == (not takes)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_and_asks_nothing_of_a_network(
    browser: Browser, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    path = tmp_path / "progress.html"
    found = progress([*many(24), take(25, id="<script>owned=1</script>")], today=TODAY, good_pace_wpm=GOOD_PACE)
    path.write_text(progress_page(found, good_fillers=2.0), encoding="utf-8")
    page = browser.new_page(viewport={"width": 360, "height": 700}, color_scheme=scheme)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert page.evaluate("typeof owned") == "undefined"
    assert page.locator("td, th").get_by_text("<script>owned=1</script>").count() == 1
    assert page.locator(".dot").count() == 3 * 25
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert serious_findings(page) == []
    page.close()
