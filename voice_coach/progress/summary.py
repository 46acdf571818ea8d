"""From the summaries of takes to what they say together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from datetime import date, datetime, timedelta
from itertools import pairwise

from voice_coach.progress.trend import trend
from voice_coach.records import Assessment, Best, Progress, TakeSummary

WHOLE_ANSWER = "main"
"""The purpose of takes that answer the question as a whole; exercises are not held against them."""

BEST_LEAST_S = 45.0
"""A shorter take may have no fillers simply because it has hardly any words."""


def progress(
    takes: Sequence[TakeSummary],
    *,
    today: date,
    good_pace_wpm: tuple[float, float],
    days: Set[date] | None = None,
) -> Progress:
    """Everything that is shown of these takes.

    takes in any order. today: on the reader's own calendar. good_pace_wpm: the band the pace is held
    against. Trends, bests and the target count whole answers only; the streak counts every take: days are those on
    which there was one, on the reader's calendar; None reads them off the takes.
    """
    ordered = sorted(takes, key=lambda take: take.taken_at)
    answers = [take for take in ordered if take.purpose == WHOLE_ANSWER and take.duration_s is not None]
    if days is None:
        days = {take.taken_at.astimezone().date() for take in ordered}
    streak, longest = streaks(days, today)
    timed = [take for take in answers if take.verdict is not None]
    return Progress(
        takes=tuple(answers),
        trends=(
            trend("time off target", [time_off_target_s(take) for take in answers]),
            trend("fillers a minute", [take.fillers_per_minute for take in answers]),
            trend("distance from a good pace", [off_band(take.speech_rate_wpm, good_pace_wpm) for take in answers]),
            trend("strong stages", [strong_stages(take) for take in answers]),
        ),
        bests=tuple(_bests(answers, good_pace_wpm)),
        streak_days=streak,
        longest_streak_days=longest,
        on_target=sum(take.verdict == "in_range" for take in timed),
        timed=len(timed),
    )


def summary_of(
    assessment: Assessment, *, id: str, taken_at: datetime, question_id: str | None = None, purpose: str = WHOLE_ANSWER
) -> TakeSummary:
    """What progress needs of one take, out of its whole assessment."""
    delivery, coverage = assessment.delivery, assessment.coverage
    target = None if delivery is None else delivery.target
    return TakeSummary(
        id=id,
        taken_at=taken_at,
        question_id=question_id,
        purpose=purpose,
        duration_s=None if delivery is None else delivery.answer_duration_s,
        target_min_s=None if target is None else target.min_s,
        target_max_s=None if target is None else target.max_s,
        verdict=None if target is None else target.verdict,
        speech_rate_wpm=None if delivery is None else delivery.speech_rate_wpm,
        fillers_per_minute=None if delivery is None else delivery.fillers.per_minute,
        fillers_range=None if delivery is None else delivery.fillers.per_minute_range,
        stages={} if coverage is None else {stage: found.level for stage, found in coverage.stages.items()},
        mistakes=() if coverage is None else coverage.sure_mistakes,
    )


def time_off_target_s(take: TakeSummary) -> float | None:
    """Seconds under or over the target; 0 inside it, None where the target or the time is not known."""
    if take.target_min_s is None or take.target_max_s is None:
        return None
    return off_band(take.duration_s, (take.target_min_s, take.target_max_s))


def off_band(value: float | None, band: tuple[float, float]) -> float | None:
    """How far a value lies outside a band; 0 inside it."""
    if value is None:
        return None
    return max(band[0] - value, value - band[1], 0.0)


def strong_stages(take: TakeSummary) -> int | None:
    """How many stages were told with something specific; None where nothing was judged."""
    return sum(level == "strong" for level in take.stages.values()) if take.stages else None


def streaks(days: Set[date], today: date) -> tuple[int, int]:
    """Days in a row with a take: those that end today or yesterday, and the most there ever were."""
    run = longest = 0
    previous: date | None = None
    for day in sorted(days):
        run = run + 1 if previous is not None and day - previous == timedelta(days=1) else 1
        longest = max(longest, run)
        previous = day
    # a streak is not over before its next day is
    current = run if previous is not None and today - previous <= timedelta(days=1) else 0
    return current, longest


def _bests(answers: Sequence[TakeSummary], good_pace_wpm: tuple[float, float]) -> Iterator[Best]:
    """Among equals the earliest: that is when it was first reached."""
    long_enough = [take for take in answers if (take.duration_s or 0.0) >= BEST_LEAST_S]
    judged = [take for take in answers if take.stages]
    if judged:
        best = max(judged, key=lambda take: strong_stages(take) or 0)
        yield Best("most stages with something specific", f"{strong_stages(best)} of {len(best.stages)}", best)
    rated = [take for take in long_enough if take.fillers_per_minute is not None]
    if rated:
        best = min(rated, key=lambda take: take.fillers_per_minute or 0.0)
        yield Best("fewest fillers", f"{best.fillers_per_minute:.1f} a minute", best)
    paced = [take for take in long_enough if take.speech_rate_wpm is not None]
    if paced:
        best = min(paced, key=lambda take: off_band(take.speech_rate_wpm, good_pace_wpm) or 0.0)
        yield Best("pace nearest to comfortable", f"{best.speech_rate_wpm:.0f} words a minute", best)
    row = longest_run_on_target(answers)
    if len(row) > 1:
        yield Best("most takes in a row inside the target", f"{len(row)} takes", row[-1])


def longest_run_on_target(answers: Sequence[TakeSummary]) -> Sequence[TakeSummary]:
    """The longest run of takes, one after another, that lay inside their target; the first among equals."""
    outside = [-1, *(k for k, take in enumerate(answers) if take.verdict != "in_range"), len(answers)]
    runs = [answers[before + 1 : after] for before, after in pairwise(outside)]
    return max(runs, key=len)
