"""Assessments made by hand: what a test says of an answer, and nothing measured."""

from __future__ import annotations

from collections.abc import Sequence

from voice_coach.records import (
    Assessment,
    Coverage,
    Delivery,
    Evidence,
    Fillers,
    JudgedSentence,
    Mistake,
    MistakeName,
    ModelNames,
    Opening,
    Ownership,
    Pause,
    StageCoverage,
    StarPart,
    Target,
    Timings,
    Transcript,
    Word,
)

STAGES = ("detection", "severity", "mitigation", "communication", "prevention")
STAR = ("situation", "task", "action", "result")


def said(text: str, *labels: str, at: tuple[float, float] | None = None, specific: float = 0.0) -> JudgedSentence:
    """A sentence that carries these labels."""
    start_s, end_s = at or (None, None)
    return JudgedSentence(text, start_s, end_s, dict.fromkeys(labels, 0.9), labels, specific)


def answer(
    *sentences: JudgedSentence,
    delivery: Delivery | None = None,
    mistakes: Sequence[MistakeName] = (),
    unsure: Sequence[str] = (),
) -> Assessment:
    """An answer of these sentences; a stage is strong where one of its sentences is specific."""
    return Assessment(
        recording=None,
        models=ModelNames(None, "by hand", "cpu", None),
        transcript=Transcript(tuple(Word(word, 0.0, 0.0, None) for one in sentences for word in one.text.split()), ()),
        delivery=delivery,
        coverage=coverage(sentences, mistakes, unsure),
        feedback=None,
        timings=Timings(0.0, None, 0.0, 0.0),
    )


def coverage(
    sentences: Sequence[JudgedSentence], mistakes: Sequence[MistakeName] = (), unsure: Sequence[str] = ()
) -> Coverage:
    return Coverage(
        sentences=tuple(sentences),
        stages={stage: _stage(stage, sentences, stage in unsure) for stage in STAGES},
        star={part: StarPart(_seconds(part, sentences), _shown(part, sentences)) for part in STAR},
        order=tuple(stage for stage in STAGES if any(stage in one.assigned for one in sentences)),
        opening=Opening(None, ()),
        ownership=Ownership(0, 0),
        impact=any("impact" in one.assigned for one in sentences),
        mistakes=tuple(Mistake(name, "by hand", ()) for name in mistakes),
        on_subject=any(stage in one.assigned for one in sentences for stage in STAGES),
    )


def delivery(
    *,
    duration_s: float | None = 120.0,
    wpm: float | None = 150.0,
    filled: int = 0,
    per_minute: float | None = 2.0,
    rate_range: tuple[float, float] | None = (1.0, 3.0),
    pauses: Sequence[Pause] = (),
    target: Target | None = None,
) -> Delivery:
    return Delivery(
        answer_duration_s=duration_s,
        speaking_time_s=duration_s,
        target=target or Target(90.0, 180.0, "in_range", 0.0),
        words=300,
        speech_rate_wpm=wpm,
        articulation_rate_wpm=wpm,
        fillers=Fillers(filled, 0, 0, per_minute, None, (), rate_range),
        pauses=tuple(pauses),
    )


def _stage(stage: str, sentences: Sequence[JudgedSentence], unsure: bool) -> StageCoverage:
    carriers = [one for one in sentences if stage in one.assigned]
    level = "strong" if any(one.specific > 0.5 for one in carriers) else "mentioned" if carriers else "missing"
    return StageCoverage(level, _seconds(stage, sentences), _shown(stage, sentences), unsure)


def _seconds(label: str, sentences: Sequence[JudgedSentence]) -> float | None:
    if any(one.duration_s is None for one in sentences):
        return None
    return sum(one.duration_s or 0.0 for one in sentences if label in one.assigned)


def _shown(label: str, sentences: Sequence[JudgedSentence]) -> tuple[Evidence, ...]:
    return tuple(Evidence(one.text, one.start_s, one.end_s, 0.9) for one in sentences if label in one.assigned)
