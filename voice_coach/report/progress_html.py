"""Progress as a page: one HTML file without a script, that needs no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from voice_coach.records import Progress, TakeSummary
from voice_coach.report.pages import render
from voice_coach.report.progress_words import day, headline, trend_line
from voice_coach.report.wording import GOOD_PACE_WPM, LEVEL_SIGNS, clock

SHOWN_TAKES = 60
"""Takes in a chart: as many as the trends look at, and as stand apart on a wide page."""

LISTED_TAKES = 20
"""Takes in the table at the end; it prints on one page with the charts."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One take in a chart; all in percent from the left or from the bottom. low, high: the measurement's range."""

    left: float
    bottom: float
    low: float | None
    high: float | None
    good: bool
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One figure over the takes. band: the good range in percent from the bottom; marks: values at the edge."""

    name: str
    unit: str
    dots: tuple[Dot, ...]
    band: tuple[float, float]
    marks: tuple[tuple[float, str], ...]


LABELS_APART = 12.0
"""Percent of a chart's height that two labels of its axis need between them."""


def progress_page(progress: Progress, *, good_fillers: float) -> str:
    """The whole page; without a take it says how to come by one."""
    takes = progress.takes[-SHOWN_TAKES:]
    return render(
        "progress.html",
        styles=("page.css", "progress.css"),
        title="Progress",
        progress=progress,
        facts=tuple(headline(progress)) if progress.takes else (),
        charts=tuple(_charts(takes, good_fillers)),
        strip=tuple(_strip(takes)),
        shown=len(takes),
        trends=tuple((trend, trend_line(trend)) for trend in progress.trends),
        latest=tuple((day(take), take) for take in reversed(progress.takes[-LISTED_TAKES:])),
        bests=tuple((best, day(best.take)) for best in progress.bests),
        signs=LEVEL_SIGNS,
    )


def _charts(takes: Sequence[TakeSummary], good_fillers: float) -> Iterator[Chart]:
    if not takes:
        return
    bounds = (takes[-1].target_min_s, takes[-1].target_max_s)
    if bounds[0] is not None and bounds[1] is not None:
        yield _chart("Time", "minutes", takes, lambda one: one.duration_s, (bounds[0], bounds[1]), clock)
    yield _chart(
        "Fillers",
        "a minute, with the range of the measurement",
        takes,
        lambda one: one.fillers_per_minute,
        (0.0, good_fillers),
        lambda value: f"{value:.0f}",
        spread=lambda one: one.fillers_range,
    )
    yield _chart(
        "Pace", "words a minute", takes, lambda one: one.speech_rate_wpm, GOOD_PACE_WPM, lambda value: f"{value:.0f}"
    )


def _chart(
    name: str,
    unit: str,
    takes: Sequence[TakeSummary],
    value: Callable[[TakeSummary], float | None],
    band: tuple[float, float],
    written: Callable[[float], str],
    *,
    spread: Callable[[TakeSummary], tuple[float, float] | None] = lambda _: None,
) -> Chart:
    known = [(k, take, figure) for k, take in enumerate(takes) if (figure := value(take)) is not None]
    reaches = [reach for _, take, _ in known if (reach := spread(take)) is not None]
    seen = [figure for _, _, figure in known] + [end for reach in reaches for end in reach] + list(band)
    top = max(seen) + 0.06 * (max(seen) - min(seen))
    bottom = max(0.0, min(seen) - 0.12 * (max(seen) - min(seen)))

    def height(figure: float) -> float:
        return round(100 * (figure - bottom) / (top - bottom), 2)

    dots = []
    for k, take, figure in known:
        reach = spread(take)
        dots.append(
            Dot(
                left=round(100 * (k + 0.5) / len(takes), 2),
                bottom=height(figure),
                low=None if reach is None else height(reach[0]),
                high=None if reach is None else height(reach[1]),
                good=band[0] <= figure <= band[1],
                text=f"{day(take)}: {written(figure)}",
            )
        )
    marks = [(height(edge), written(edge)) for edge in band]
    if marks[1][0] - marks[0][0] < LABELS_APART:
        # one over the other nobody can read; the upper edge is what is good
        marks = marks[1:]
    return Chart(name, unit, tuple(dots), (height(band[0]), height(band[1])), tuple(marks))


def _strip(takes: Sequence[TakeSummary]) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """For each stage, the level of every take with its day; an empty level where nothing was judged."""
    judged = next((take for take in reversed(takes) if take.stages), None)
    for stage in () if judged is None else judged.stages:
        yield stage, tuple((day(take), take.stages.get(stage, "")) for take in takes)
