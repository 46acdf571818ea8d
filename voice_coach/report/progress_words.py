"""Progress in sentences: the same ones at the terminal and on the page."""

from __future__ import annotations

from collections.abc import Iterator

from voice_coach.records import FigureName, Progress, TakeSummary, Trend

_UNITS: dict[FigureName, str] = {
    "time off target": " s",
    "fillers a minute": "",
    "distance from a good pace": " words a minute",
    "strong stages": "",
}


def headline(progress: Progress) -> Iterator[str]:
    """How many takes, how many on target, the streak: a line each."""
    first, last = progress.takes[0], progress.takes[-1]
    count = len(progress.takes)
    span = day(first) if day(first) == day(last) else f"{day(first)} to {day(last)}"
    yield f"{count} whole answer{'s' if count != 1 else ''}, {span}"
    if progress.timed:
        yield f"{progress.on_target} of {progress.timed} inside the target"
    days = f"{progress.streak_days} day{'s' if progress.streak_days != 1 else ''} in a row"
    yield f"{days} with a take, at most {progress.longest_streak_days}"


def trend_line(trend: Trend) -> str:
    """What the test says of one figure, with the number of takes behind it."""
    name = trend.figure[:1].upper() + trend.figure[1:]
    if trend.p is None or trend.per_ten_takes is None:
        return f"{name}: {trend.takes} takes; from {trend.needed} on a trend can be told from chance"
    if trend.direction is None:
        return f"{name}: no trend beyond chance in {trend.takes} takes (p = {trend.p:.2f})"
    better = (trend.direction == "rising") == (trend.figure == "strong stages")
    chance = "p < 0.001" if trend.p < 0.001 else f"p = {trend.p:.3f}"
    slope = f"{trend.per_ten_takes:+.1f}{_UNITS[trend.figure]} in ten takes, " if round(trend.per_ten_takes, 1) else ""
    return f"{name}: {trend.direction}, {'better' if better else 'worse'} ({slope}{trend.takes} takes, {chance})"


def day(take: TakeSummary) -> str:
    """The date on the reader's own calendar."""
    return f"{take.taken_at.astimezone():%Y-%m-%d}"
