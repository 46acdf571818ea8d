"""One assessment as a page: a single HTML file that needs no network and holds its own sound."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from voice_coach.records import Assessment, Changes, Coverage, Delivery, EmbeddedAudio, StageCoverage
from voice_coach.report.changes_view import change_lines
from voice_coach.report.marked import marked_transcript
from voice_coach.report.pages import render
from voice_coach.report.timeline import timeline
from voice_coach.report.wording import GOOD_PACE_WPM, LEVEL_SIGNS, STAGE_SHARES, clock, length_clock, mistake_words

SHARE_SCALE = 0.5
"""Full width of the bars of stage shares: no stage of an answer that covers several takes more than half."""

FILLER_SCALE = 15.0
"""Fillers a minute at the right end of the bar: over twelve they do harm, and more is no worse to see."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A headline figure with a bar: where it lies, and the good band; low, high and at in percent of the bar."""

    name: str
    value: str
    unit: str
    note: str
    low: float | None = None
    high: float | None = None
    at: float | None = None
    good: bool | None = None


@dataclass(frozen=True, slots=True)
class StageRow:
    """One stage as the report shows it. share, low and high in percent of the bar; share_text for the reader."""

    name: str
    found: StageCoverage
    sign: str
    to_be_heard: str | None
    seconds: str
    share: float | None
    share_text: str
    low: float
    high: float


def report_page(
    assessment: Assessment,
    *,
    title: str,
    about: Sequence[str] = (),
    audio: EmbeddedAudio | None = None,
    changes: Changes | None = None,
    earlier: str = "",
    good_fillers: float,
) -> str:
    """The whole page.

    title: the question that was asked. about: facts of the take, each a few words (when, which level). audio:
    None where the recording is no longer kept; then the words are text only. changes: against an
    earlier take, which `earlier` names. good_fillers: fillers a minute that nobody notices.
    """
    coverage, delivery = assessment.coverage, assessment.delivery
    return render(
        "report.html",
        styles=("page.css", "report.css"),
        script="report.js",
        title=title,
        about=about,
        assessment=assessment,
        audio=audio,
        audio_url=None if audio is None else _data_url(audio),
        figures=tuple(_figures(coverage, delivery, good_fillers)),
        line=timeline(assessment, () if audio is None else audio.outline),
        stages=() if coverage is None else _stage_rows(coverage, _to_be_heard(assessment)),
        star=() if coverage is None else _star(coverage),
        sentences=marked_transcript(assessment),
        changes=() if changes is None else change_lines(changes),
        earlier=earlier,
        mistake_words=mistake_words,
        good_pace=GOOD_PACE_WPM,
    )


def _figures(coverage: Coverage | None, delivery: Delivery | None, good_fillers: float) -> Iterator[Figure]:
    if delivery is not None and delivery.answer_duration_s is not None:
        yield _time_figure(delivery, delivery.answer_duration_s)
    if coverage is not None:
        heard = sum(found.level != "missing" for found in coverage.stages.values())
        strong = sum(found.level == "strong" for found in coverage.stages.values())
        yield Figure("Stages heard", f"{heard}", f"of {len(coverage.stages)}", f"{strong} with something specific")
    if delivery is not None:
        yield _filler_figure(delivery, good_fillers)
        if delivery.speech_rate_wpm is not None:
            yield _pace_figure(delivery.speech_rate_wpm)
        long = [pause for pause in delivery.pauses if pause.kind != "short"]
        longest = max((pause.duration_s for pause in delivery.pauses), default=None)
        note = "none at all" if longest is None else f"the longest {longest:.1f} s"
        yield Figure("Long pauses", f"{len(long)}", "of 2 s and more", note)


def _time_figure(delivery: Delivery, duration_s: float) -> Figure:
    target = delivery.target
    scale = max(target.max_s * 4 / 3, duration_s)
    return Figure(
        "Time",
        length_clock(duration_s, target.verdict),
        "min",
        f"target {clock(target.min_s)} to {clock(target.max_s)}",
        100 * target.min_s / scale,
        100 * target.max_s / scale,
        100 * duration_s / scale,
        target.verdict == "in_range",
    )


def _filler_figure(delivery: Delivery, good_fillers: float) -> Figure:
    fillers = delivery.fillers
    counts = f"{fillers.filled_pauses} um/uh, {fillers.discourse_markers} like/you know, {fillers.repetitions} repeated"
    if fillers.per_minute is None:
        return Figure("Fillers", "–", "a minute", f"too little speech to judge a rate: {counts}")
    low, high = fillers.per_minute_range or (fillers.per_minute, fillers.per_minute)
    value = f"{low:.0f}–{high:.0f}" if round(high) > round(low) else f"{fillers.per_minute:.1f}"
    at = 100 * min(fillers.per_minute / FILLER_SCALE, 1.0)
    # held against nobody while the measurement allows for a good rate
    good = low <= good_fillers
    return Figure("Fillers", value, "a minute", counts, 0.0, 100 * good_fillers / FILLER_SCALE, at, good)


def _pace_figure(wpm: float) -> Figure:
    low, high = GOOD_PACE_WPM
    left, width = 60.0, 200.0
    at = min(max(100 * (wpm - left) / width, 0.0), 100.0)
    return Figure(
        "Pace",
        f"{wpm:.0f}",
        "words a minute",
        f"comfortable {low:.0f} to {high:.0f}",
        100 * (low - left) / width,
        100 * (high - left) / width,
        at,
        low <= round(wpm) <= high,
    )


def _stage_rows(coverage: Coverage, to_be_heard: Mapping[str, str]) -> tuple[StageRow, ...]:
    whole = sum(found.seconds or 0.0 for found in coverage.stages.values())
    rows = []
    for stage, found in coverage.stages.items():
        low, high = STAGE_SHARES[stage]
        share = None if found.seconds is None or not whole else found.seconds / whole
        rows.append(
            StageRow(
                name=stage,
                found=found,
                sign=LEVEL_SIGNS[found.level],
                to_be_heard=to_be_heard.get(stage) if coverage.on_subject else None,
                seconds="" if found.seconds is None else f"{found.seconds:.0f} s",
                share=None if share is None else _on_scale(share),
                share_text="" if share is None else _share_text(share, low, high),
                low=_on_scale(low),
                high=_on_scale(high),
            )
        )
    return tuple(rows)


def _share_text(share: float, low: float, high: float) -> str:
    judged = "less than usual" if share < low else "more than usual" if share > high else "as usual"
    return f"{share:.0%}, {judged} ({100 * low:.0f}–{100 * high:.0f}%)"


def _star(coverage: Coverage) -> tuple[tuple[str, float | None, float], ...]:
    """Each part with its seconds and its percent of all four; parts may share a sentence."""
    whole = sum(found.seconds or 0.0 for found in coverage.star.values())
    return tuple(
        (part, found.seconds, 100 * (found.seconds or 0.0) / whole if whole else 0.0)
        for part, found in coverage.star.items()
    )


def _to_be_heard(assessment: Assessment) -> Mapping[str, str]:
    return {} if assessment.feedback is None else assessment.feedback.to_be_heard


def _on_scale(share: float) -> float:
    return round(100 * min(share / SHARE_SCALE, 1.0), 1)


def _data_url(audio: EmbeddedAudio) -> str:
    return f"data:{audio.mime};base64,{base64.b64encode(audio.data).decode('ascii')}"
