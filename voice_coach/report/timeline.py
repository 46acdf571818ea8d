"""The answer drawn along its time: lanes, ticks, and the shapes of loudness and pace. All in shares of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voice_coach.records import Assessment, Level, PaceWindow
from voice_coach.report.wording import GOOD_PACE_WPM, clock

TICKS_MOST = 9
_TICK_STEPS_S = (5, 10, 15, 30, 60, 120, 300, 600, 1800)

PACE_RANGE_WPM = (60.0, 260.0)
"""What the curve can show: slower is hardly speech, faster is not understood."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the lane, in percent of its width."""

    left: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One stage along the answer's time."""

    stage: str
    level: Level
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A time under the lanes."""

    left: float
    label: str


@dataclass(frozen=True, slots=True)
class PaceStep:
    """One window of the curve: its rate as text, and whether it lies in the good band."""

    left: float
    width: float
    wpm: int
    good: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that is drawn along one time axis. wave, pace: SVG paths in a box of 1000 by 100."""

    duration_s: float
    wave: str
    lanes: tuple[Lane, ...]
    habits: tuple[tuple[str, Stretch], ...]
    pace: str
    pace_band: tuple[float, float]
    pace_steps: tuple[PaceStep, ...]
    ticks: tuple[Tick, ...]


def timeline(assessment: Assessment, outline: Sequence[float] = ()) -> Timeline | None:
    """The drawing of a spoken answer; None for typed text, or where nothing was said."""
    recording, coverage, delivery = assessment.recording, assessment.coverage, assessment.delivery
    if recording is None or coverage is None or delivery is None or recording.duration_s <= 0:
        return None
    whole_s = recording.duration_s
    lanes = tuple(
        Lane(
            stage,
            found.level,
            tuple(
                _stretch(one.start_s, one.end_s, whole_s, f"{clock(one.start_s)} {one.text}")
                for one in coverage.sentences
                if stage in one.assigned and one.start_s is not None and one.end_s is not None
            ),
        )
        for stage, found in coverage.stages.items()
    )
    return Timeline(
        duration_s=whole_s,
        wave=wave_path(outline),
        lanes=lanes,
        habits=_habits(assessment, whole_s),
        pace=_pace_path(delivery.pace_curve, whole_s),
        pace_band=(_pace_y(GOOD_PACE_WPM[1]), _pace_y(GOOD_PACE_WPM[0])),
        pace_steps=tuple(_pace_step(one, whole_s) for one in delivery.pace_curve),
        ticks=ticks(whole_s),
    )


def wave_path(outline: Sequence[float]) -> str:
    """A closed shape, loud outward from the middle; empty without an outline."""
    if not outline:
        return ""
    step = 1000 / len(outline)
    upper = [f"{k * step:.1f} {50 - 48 * peak:.1f}" for k, peak in enumerate(outline)]
    lower = [f"{k * step:.1f} {50 + 48 * peak:.1f}" for k, peak in reversed(list(enumerate(outline)))]
    return "M0 50L" + "L".join([*upper, "1000 50", *lower]) + "Z"


def ticks(duration_s: float) -> tuple[Tick, ...]:
    """Round times, at most TICKS_MOST of them after the first, none whose label would hang over the end."""
    step = next((one for one in _TICK_STEPS_S if duration_s / one <= TICKS_MOST), _TICK_STEPS_S[-1])
    last_s = 0.98 * duration_s
    return tuple(Tick(_share(at, duration_s), clock(at)) for at in range(0, int(last_s) + 1, step))


def _habits(assessment: Assessment, whole_s: float) -> tuple[tuple[str, Stretch], ...]:
    """Fillers and long pauses, each with its kind."""
    delivery = assessment.delivery
    if delivery is None:
        return ()
    fillers = [
        (one.kind, _stretch(one.start_s, one.end_s, whole_s, f"{clock(one.start_s)} {one.text}"))
        for one in delivery.fillers.events
    ]
    pauses = [
        ("pause", _stretch(one.start_s, one.end_s, whole_s, f"{clock(one.start_s)} pause of {one.duration_s:.1f} s"))
        for one in delivery.pauses
        if one.kind != "short"
    ]
    return (*fillers, *pauses)


def _pace_path(curve: Sequence[PaceWindow], whole_s: float) -> str:
    """Steps, one a window, joined by uprights."""
    points = [
        f"{10 * _share(at, whole_s):.1f} {_pace_y(one.wpm):.1f}" for one in curve for at in (one.start_s, one.end_s)
    ]
    return "M" + "L".join(points) if points else ""


def _pace_y(wpm: float) -> float:
    low, high = PACE_RANGE_WPM
    return round(100 * (high - min(max(wpm, low), high)) / (high - low), 1)


def _pace_step(window: PaceWindow, whole_s: float) -> PaceStep:
    low, high = GOOD_PACE_WPM
    left = _share(window.start_s, whole_s)
    width = round(_share(window.end_s, whole_s) - left, 2)
    return PaceStep(left, width, round(window.wpm), low <= round(window.wpm) <= high)


def _stretch(start_s: float, end_s: float, whole_s: float, title: str) -> Stretch:
    left = _share(start_s, whole_s)
    return Stretch(left, round(max(_share(end_s, whole_s) - left, 0.0), 2), title)


def _share(at_s: float, whole_s: float) -> float:
    return round(100 * min(max(at_s / whole_s, 0.0), 1.0), 2)
