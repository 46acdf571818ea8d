"""Progress for a person at a terminal: plots, a strip of stages, trends, bests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.text import Text

from voice_coach.records import Progress, TakeSummary
from voice_coach.report.progress_words import day, headline, trend_line
from voice_coach.report.wording import GOOD_PACE_WPM, LEVEL_SIGNS

SHOWN_TAKES = 40
"""Takes in a plot: more run into each other at 80 columns."""

PLOT_WIDTH, PLOT_HEIGHT = 76, 12

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
    _print_plot(console, "Words a minute", takes, lambda one: one.speech_rate_wpm, GOOD_PACE_WPM, width, decimals=0)
    _print_strip(console, takes)
    console.print()
    for trend in progress.trends:
        console.print(Text(trend_line(trend)))
    if progress.bests:
        console.print()
    for best in progress.bests:
        console.print(Text(f"Best: {best.name}, {best.value} ({day(best.take)}, {best.take.id})"))


def _print_plot(
    console: Console,
    title: str,
    takes: Sequence[TakeSummary],
    value: Callable[[TakeSummary], float | None],
    lines: Sequence[float],
    width: int,
    *,
    decimals: int = 1,
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
    for line in lines:
        plotext.hline(line)
    for k, _, one in points:
        reach = spread(one) if spread else None
        if reach is not None:
            plotext.plot([k, k], list(reach), marker="│")
    plotext.scatter([k for k, _, _ in points], [figure for _, figure, _ in points], marker=_MARKER)
    seen = [figure for _, figure, _ in points] + list(lines)
    high = max(seen) or 1.0
    # figures that are all alike still need a scale
    low = max(0.0, min(seen) - 0.3 * (high - min(seen))) if min(seen) < high else 0.0
    plotext.ylim(low, high)
    # the bounds of what is good are what the eye looks for
    plotext.yticks([low, *lines, high], [f"{at:.{decimals}f}" for at in (low, *lines, high)])
    plotext.xlim(0.5, len(takes) + 0.5)
    plotext.xticks(sorted({1, (len(takes) + 1) // 2, len(takes)}))
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
