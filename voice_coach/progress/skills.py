"""What can be practised alone: how each stage and each habit is heard in a take, and what starts its practice (pure).

A skill is judged only by takes that give it a chance: a stage by whole answers and by its own drill, time and
mistakes by whole answers, fillers and pace by everything that is said. Whatever a skill's command starts
is among the takes that judge it, or practising it would change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Literal

from voice_coach.progress.summary import off_band, time_off_target_s
from voice_coach.records import Entry, Level, MistakeName, Standing, whole_seconds

TIMED = ("main", "90", "deep")
"""Purposes of whole answers held against a target of their own."""

WHOLE = (*TIMED, "interrupt")
"""Purposes of answers that tell all of an incident."""

RECENT = 5
"""So many takes a reason speaks of: enough that one odd take does not decide, few enough to be about the present."""

TIME_FAIR_S = 30.0
"""Off the target by no more than this is fair. It is the step of the timing cards: red at 3:00, overrun at 3:30."""

LONGEST_PART = "action"
"""Of a told incident most is what the speaker did; the rubric and the coach's feedback ask for the same."""

LAST_PART = "result"
"""A story that breaks off before its end is no story."""

STANDINGS: dict[Level, Standing] = {"missing": "poor", "mentioned": "fair", "strong": "good"}

MISTAKE_SKILLS: Sequence[tuple[str, MistakeName, str]] = (
    ("customer impact", "no_customer_impact", "voice-coach drill --length 90"),
    ("stabilising first", "root_cause_first", "voice-coach drill --interrupt"),
    ("safe process", "heroic", "voice-coach practice"),
)
"""Mistakes that are a habit of telling; the others show in the stages themselves, which have their own drills."""


@dataclass(frozen=True, slots=True)
class Bands:
    """What the figures are held against, from the stages that own these thresholds.

    Paces in words a minute, fillers in sounds a minute: up to good_fillers is good, up to fair_fillers fair. opening_s:
    how long an opening is.
    """

    good_pace_wpm: tuple[float, float]
    fair_pace_wpm: tuple[float, float]
    good_fillers: float
    fair_fillers: float
    opening_s: float


@dataclass(frozen=True, slots=True)
class Skill:
    """One thing to practise.

    heard: how it was in a take; None where the take does not tell. why: the reason, from the latest takes in which it
    was heard, oldest first, at least one. command: what starts its practice, given the latest of them.
    """

    name: str
    kind: Literal["stage", "habit"]
    heard: Callable[[Entry], Standing | None]
    why: Callable[[Sequence[Entry]], str]
    command: Callable[[Entry], str]


def skills(stages: Iterable[str], bands: Bands) -> tuple[Skill, ...]:
    """All there are, stages first, in the order given."""
    return (
        *(_stage(stage) for stage in stages),
        _time(),
        Skill(
            "fillers",
            "habit",
            partial(_fillers_heard, bands),
            partial(_fillers_why, bands),
            lambda _: "voice-coach drill --length 90",
        ),
        Skill(
            "pace", "habit", partial(_pace_heard, bands), partial(_pace_why, bands), lambda _: "voice-coach practice"
        ),
        *(_mistake(*one) for one in MISTAKE_SKILLS),
        Skill("STAR", "habit", _star_heard, _star_why, lambda _: "voice-coach drill --length 90"),
        Skill(
            "opening", "habit", _opening_heard, partial(_opening_why, bands), lambda _: "voice-coach drill --length 90"
        ),
    )


def _stage(stage: str) -> Skill:
    own = f"stage:{stage}"

    def level(take: Entry) -> Level | None:
        return take.stages.get(stage) if take.purpose in (*WHOLE, own) else None

    def heard(take: Entry) -> Standing | None:
        found = level(take)
        return None if found is None else STANDINGS[found]

    def why(takes: Sequence[Entry]) -> str:
        levels = [level(take) for take in takes]
        counts = [f"{name} in {levels.count(name)}" for name in STANDINGS if name in levels]
        return f"{', '.join(counts)} of {_latest(takes)}"

    return Skill(stage, "stage", heard, why, lambda _: f"voice-coach drill --stage {stage}")


def _time() -> Skill:
    def heard(take: Entry) -> Standing | None:
        off_s = time_off_target_s(take) if take.purpose in TIMED else None
        return None if off_s is None else _standing(off_s, good=0.0, fair=TIME_FAIR_S)

    def why(takes: Sequence[Entry]) -> str:
        last = takes[-1]
        inside = sum(time_off_target_s(take) == 0 for take in takes)
        target = f"{_clock(last.target_min_s)} to {_clock(last.target_max_s)}"
        length = _clock(whole_seconds(last.duration_s or 0.0, last.verdict))
        return f"{length} the last time, target {target}; inside it in {inside} of {_latest(takes)}"

    def command(last: Entry) -> str:
        # who ran short tells it all once more; who ran over learns what to leave out
        return f"voice-coach drill --length {'main' if last.verdict == 'short' else '90'}"

    return Skill("time", "habit", heard, why, command)


def _fillers_heard(bands: Bands, take: Entry) -> Standing | None:
    rate = take.fillers_per_minute
    return None if rate is None else _standing(rate, good=bands.good_fillers, fair=bands.fair_fillers)


def _fillers_why(bands: Bands, takes: Sequence[Entry]) -> str:
    rates = [take.fillers_per_minute or 0.0 for take in takes]
    return f"{rates[-1]:.1f} a minute the last time{_usual(rates, '.1f')}; up to {bands.good_fillers:g} is good"


def _pace_heard(bands: Bands, take: Entry) -> Standing | None:
    if take.speech_rate_wpm is None:
        return None
    if off_band(take.speech_rate_wpm, bands.good_pace_wpm) == 0:
        return "good"
    return "fair" if off_band(take.speech_rate_wpm, bands.fair_pace_wpm) == 0 else "poor"


def _pace_why(bands: Bands, takes: Sequence[Entry]) -> str:
    rates = [take.speech_rate_wpm or 0.0 for take in takes]
    low, high = bands.good_pace_wpm
    return f"{rates[-1]:.0f} words a minute the last time{_usual(rates, '.0f')}; {low:.0f} to {high:.0f} is comfortable"


def _mistake(name: str, mistake: MistakeName, command: str) -> Skill:
    def heard(take: Entry) -> Standing | None:
        # where no stage was told nobody looked for mistakes either
        if take.purpose not in WHOLE or all(level in (None, "missing") for level in take.stages.values()):
            return None
        return "poor" if mistake in take.mistakes else "good"

    def why(takes: Sequence[Entry]) -> str:
        made = sum(mistake in take.mistakes for take in takes)
        return f"{mistake.replace('_', ' ')} in {made} of {_latest(takes)}"

    return Skill(name, "habit", heard, why, lambda _: command)


def _star_heard(take: Entry) -> Standing | None:
    """Poor where the end is missing, fair where it is told and yet another part takes longer than what was done."""
    parts = take.star.values()
    if take.purpose not in WHOLE or not parts or None in parts:
        return None
    if not take.star[LAST_PART]:
        return "poor"
    return "fair" if (take.star[LONGEST_PART] or 0.0) < max(one or 0.0 for one in parts) else "good"


def _star_why(takes: Sequence[Entry]) -> str:
    words: dict[Standing, str] = {
        "poor": f"{LAST_PART} missing",
        "fair": f"{LONGEST_PART} not the longest part",
        "good": "in shape",
    }
    found = [_star_heard(take) for take in takes]
    counts = [f"{told} in {found.count(standing)}" for standing, told in words.items() if standing in found]
    return f"{', '.join(counts)} of {_latest(takes)}"


def _opening_heard(take: Entry) -> Standing | None:
    if take.purpose not in WHOLE or take.opening is None:
        return None
    return "good" if take.opening else "poor"


def _opening_why(bands: Bands, takes: Sequence[Entry]) -> str:
    heard = sum(take.opening is True for take in takes)
    return f"impact or containment told in the first {bands.opening_s:.0f} s in {heard} of {_latest(takes)}"


def _standing(value: float, *, good: float, fair: float) -> Standing:
    return "good" if value <= good else "fair" if value <= fair else "poor"


def _latest(takes: Sequence[Entry]) -> str:
    return "1 take" if len(takes) == 1 else f"the last {len(takes)} takes"


def _usual(values: Sequence[float], form: str) -> str:
    """What it is mostly, where there is more than one."""
    return f", {median(values):{form}} usually" if len(values) > 1 else ""


def _clock(seconds: float | None) -> str:
    minutes, rest = divmod(int(seconds or 0.0), 60)
    return f"{minutes}:{rest:02d}"
