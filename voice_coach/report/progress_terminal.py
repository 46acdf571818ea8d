"""Progress for a person at a terminal: plots, a strip of stages, trends, bests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.text import Text

from voice_coach.records import Progress, TakeSummary, Trend
from voice_coach.report.wording import GOOD_PACE_WPM, LEVEL_SIGNS

SHOWN_TAKES = 40
"""Takes in a plot: more run into each other at 80 columns."""

PLOT_WIDTH, PLOT_HEIGHT = 76, 9

_MARKER = "●"


def print_progress(console: Console, progress: Progress, *, good_fillers: float) -> None:
    """Print what many takes say together; plots are drawn to the console's width, at most PLOT_WIDTH."""
    if not progress.takes:
        console.print("No whole answers are kept yet; rehearse with: voice-coach practice")
        return
    takes = progress.takes[-SHOWN_TAKES:]
    for line in headline(progress):
        console.print(Text(line))
    width = min(PLOT_WIDTH, console.width)
    targets = [bound / 60 for bound in (takes[-1].target_min_s, takes[-1].target_max_s) if bound is not None]
    _print_plot(console, "Minutes, against the target", takes, lambda one: _minutes(one.duration_s), targets, width)
    _print_plot(
        console,
        "Fillers a minute, with their range",
        takes,
        lambda one: one.fillers_per_minute,
        [good_fillers],
        width,
        spread=lambda one: one.fillers_range,
    )
    _print_plot(console, "Words a minute", takes, lambda one: one.speech_rate_wpm, GOOD_PACE_WPM, width)
    _print_strip(console, takes)
    console.print()
    for trend in progress.trends:
        console.print(Text(trend_line(trend)))
    if progress.bests:
        console.print()
    for best in progress.bests:
        console.print(Text(f"Best: {best.name}, {best.value} ({day(best.take)}, {best.take.id})"))


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
    slope = f"{trend.per_ten_takes:+.1f} in ten takes, " if round(abs(trend.per_ten_takes), 1) else ""
    return f"{name}: {trend.direction}, {'better' if better else 'worse'} ({slope}{trend.takes} takes, {chance})"


def day(take: TakeSummary) -> str:
    """The date on the reader's own calendar."""
    return f"{take.taken_at.astimezone():%Y-%m-%d}"


def _print_plot(
    console: Console,
    title: str,
    takes: Sequence[TakeSummary],
    value: Callable[[TakeSummary], float | None],
    lines: Sequence[float],
    width: int,
    *,
    spread: Callable[[TakeSummary], tuple[float, float] | None] | None = None,
) -> None:
    """One figure over the takes, oldest left; lines are the bounds of what is good."""
    import plotext

    known = [(k, value(one), one) for k, one in enumerate(takes, 1)]
    points = [(k, figure, one) for k, figure, one in known if figure is not None]
    if not points:
        return
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(width, PLOT_HEIGHT)
    for k, _, one in points:
        reach = spread(one) if spread else None
        if reach is not None:
            plotext.plot([k, k], list(reach), marker="│")
    plotext.scatter([k for k, _, _ in points], [figure for _, figure, _ in points], marker=_MARKER)
    highs = [reach[1] for _, _, one in points if spread and (reach := spread(one)) is not None]
    plotext.ylim(0, 1.1 * max([figure for _, figure, _ in points] + list(lines) + highs))
    plotext.xlim(0.5, len(takes) + 0.5)
    plotext.xticks(sorted({1, (len(takes) + 1) // 2, len(takes)}))
    for line in lines:
        plotext.hline(line)
    console.print()
    console.print(Text(title, style="bold"))
    console.print(Text(plotext.uncolorize(plotext.build())), end="")


def _print_strip(console: Console, takes: Sequence[TakeSummary]) -> None:
    """A row for each stage, a column for each take, oldest left."""
    judged = [one for one in takes if one.stages]
    if not judged:
        return
    console.print()
    console.print(Text("Stages, oldest take left: ● specific, ◐ mentioned, ○ missing", style="bold"))
    for stage in judged[-1].stages:
        signs = "".join(LEVEL_SIGNS[one.stages[stage]] if one.stages else " " for one in takes)
        console.print(Text(f"  {stage:14}{signs}"))


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / 60
