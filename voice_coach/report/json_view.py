"""An assessment, and what changed between two, as JSON: other programs build on it. Keys are added, never renamed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from voice_coach.records import (
    Assessment,
    Changes,
    Coverage,
    Delivery,
    Evidence,
    Feedback,
    Fillers,
    JudgedSentence,
    Measure,
    Recording,
    Voice,
    Word,
)

SCHEMA_NAME = "voice-coach/assessment/1"
SCHEMA_FILE = Path(__file__).with_name("assessment.schema.json")

TIME_DECIMALS = 3
"""A millisecond; the measurements are good to ten at best."""


def assessment_as_json(assessment: Assessment) -> str:
    """One object on one line, as the published schema describes it. Unknown is null."""
    return json.dumps(assessment_as_dict(assessment), ensure_ascii=False, allow_nan=False)


def assessment_as_dict(assessment: Assessment) -> dict[str, Any]:
    """The same as plain dicts and lists."""
    spoken = assessment.recording is not None
    coverage, feedback = assessment.coverage, assessment.feedback
    timings = assessment.timings
    return {
        "schema": SCHEMA_NAME,
        "audio": None if assessment.recording is None else _audio(assessment.recording),
        "models": {
            "whisper": assessment.models.whisper,
            "lifecycle": assessment.models.lifecycle,
            "device": assessment.models.device,
            "compute_type": assessment.models.compute_type,
        },
        "transcript": {
            "text": assessment.transcript.text,
            "words": _words(assessment.transcript.words) if spoken else [],
            "sentences": [] if coverage is None else _sentences(coverage),
        },
        "delivery": None if assessment.delivery is None else _delivery(assessment.delivery),
        "coverage": None if coverage is None else _coverage(coverage),
        "feedback": None if feedback is None else _feedback(feedback),
        "timings_s": {
            "load": _s(timings.load),
            "transcribe": _s(timings.transcribe),
            "classify": _s(timings.classify),
            "total": _s(timings.total),
        },
        "notes": list(assessment.notes),
    }


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """The published JSON Schema of the object."""
    loaded: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return loaded


def changes_as_dict(changes: Changes) -> dict[str, Any]:
    """What changed from an earlier take to a later one. Every figure is told before, after, and as their difference,
    null where one of them is not known; cut and added: the sentences themselves, kept: how many were told again.
    """
    was, now = changes.verdicts
    return {
        "stages": {
            stage: {
                "before": one.before,
                "after": one.after,
                "move": one.move,
                "seconds": _measure(one.seconds, 1),
                "evidence": _evidence(one.evidence),
                "unsure": one.unsure,
            }
            for stage, one in changes.stages.items()
        },
        "mistakes": {"gone": list(changes.mistakes_gone), "new": list(changes.mistakes_new)},
        "duration_s": _measure(changes.duration_s, TIME_DECIMALS),
        "verdict": {"before": was, "after": now},
        "speech_rate_wpm": _measure(changes.speech_rate_wpm, 1),
        "fillers_per_minute": _measure(changes.fillers_per_minute, 2),
        "fillers_moved": changes.fillers_moved,
        "filled_pauses": _measure(changes.filled_pauses, 0),
        "long_pauses": _measure(changes.long_pauses, 0),
        "kept": changes.kept,
        "cut": _told(changes.cut),
        "added": _told(changes.added),
    }


def fillers_as_dict(fillers: Fillers) -> dict[str, Any]:
    """The part "fillers" of "delivery"."""
    return {
        "filled_pauses": fillers.filled_pauses,
        "discourse_markers": fillers.discourse_markers,
        "repetitions": fillers.repetitions,
        "per_minute": _round(fillers.per_minute, 2),
        "per_minute_range": None
        if fillers.per_minute_range is None
        else [_round(rate, 2) for rate in fillers.per_minute_range],
        "per_100_words": _round(fillers.per_100_words, 2),
        "events": [
            {
                "text": event.text,
                "kind": event.kind,
                "start_s": _s(event.start_s),
                "end_s": _s(event.end_s),
                "confidence": event.confidence,
            }
            for event in fillers.events
        ],
    }


def _audio(recording: Recording) -> dict[str, Any]:
    return {
        "path": recording.path,
        "duration_s": _s(recording.duration_s),
        "sample_rate_hz": recording.sample_rate_hz,
        "channels": recording.channels,
        "peak_dbfs": _round(recording.peak_dbfs, 1),
        "rms_dbfs": _round(recording.rms_dbfs, 1),
        "clipped": _round(recording.clipped, 6),
        "bad_samples": recording.bad_samples,
        "damaged_packets": recording.damaged_packets,
        "truncated": recording.truncated,
        "voiced": [{"start_s": _s(span.start_s), "end_s": _s(span.end_s)} for span in recording.voiced],
    }


def _words(words: Sequence[Word]) -> list[dict[str, Any]]:
    return [
        {
            "text": word.text,
            "start_s": _s(word.start_s),
            "end_s": _s(word.end_s),
            "confidence": _round(word.confidence, 4),
        }
        for word in words
    ]


def _sentences(coverage: Coverage) -> list[dict[str, Any]]:
    return [
        {
            "text": one.text,
            "start_s": _s(one.start_s),
            "end_s": _s(one.end_s),
            "labels": {label: _round(chance, 4) for label, chance in one.labels.items()},
            "assigned": list(one.assigned),
            "specific": _round(one.specific, 4),
        }
        for one in coverage.sentences
    ]


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "answer_duration_s": _s(delivery.answer_duration_s),
        "speaking_time_s": _s(delivery.speaking_time_s),
        "target": {
            "min_s": delivery.target.min_s,
            "max_s": delivery.target.max_s,
            "verdict": delivery.target.verdict,
            "margin_s": _s(delivery.target.margin_s),
        },
        "words": delivery.words,
        "speech_rate_wpm": _round(delivery.speech_rate_wpm, 1),
        "articulation_rate_wpm": _round(delivery.articulation_rate_wpm, 1),
        "fillers": fillers_as_dict(delivery.fillers),
        "pauses": [
            {"start_s": _s(pause.start_s), "end_s": _s(pause.end_s), "kind": pause.kind, "place": pause.place}
            for pause in delivery.pauses
        ],
        "latency_s": _s(delivery.latency_s),
        "pace_curve": [
            {"start_s": _s(one.start_s), "end_s": _s(one.end_s), "wpm": _round(one.wpm, 1)}
            for one in delivery.pace_curve
        ],
        "pace_changes": [
            {
                "kind": one.kind,
                "start_s": _s(one.start_s),
                "end_s": _s(one.end_s),
                "wpm": _round(one.wpm, 1),
                "sentence": one.sentence,
            }
            for one in delivery.pace_changes
        ],
        "voice": None if delivery.voice is None else _voice(delivery.voice),
    }


def _voice(voice: Voice) -> dict[str, Any]:
    return {
        "pitch_hz": _round(voice.pitch_hz, 1),
        "pitch_range_semitones": _round(voice.pitch_range_semitones, 1),
        "flat_sentences": _round(voice.flat_sentences, 3),
        "loudness_range_db": _round(voice.loudness_range_db, 1),
        "noise_dbfs": _round(voice.noise_dbfs, 1),
        "snr_db": _round(voice.snr_db, 1),
        "clipped": _round(voice.clipped, 5),
        "unjudged": voice.unjudged,
    }


def _coverage(coverage: Coverage) -> dict[str, Any]:
    return {
        "on_subject": coverage.on_subject,
        "stages": {
            stage: {
                "level": found.level,
                "seconds": _round(found.seconds, 1),
                "unsure": found.unsure,
                "evidence": _evidence(found.evidence),
            }
            for stage, found in coverage.stages.items()
        },
        "star": {
            part: {"seconds": _round(found.seconds, 1), "evidence": _evidence(found.evidence)}
            for part, found in coverage.star.items()
        },
        "order": list(coverage.order),
        "opening": {"heard": coverage.opening.heard, "evidence": _evidence(coverage.opening.evidence)},
        "ownership": {"singular": coverage.ownership.singular, "plural": coverage.ownership.plural},
        "impact": coverage.impact,
        "mistakes": [
            {
                "name": mistake.name,
                "why": mistake.why,
                "evidence": _evidence(mistake.evidence),
                "unsure": mistake.unsure,
            }
            for mistake in coverage.mistakes
        ],
    }


def _evidence(evidence: Sequence[Evidence]) -> list[dict[str, Any]]:
    return [
        {"text": one.text, "start_s": _s(one.start_s), "end_s": _s(one.end_s), "score": one.score} for one in evidence
    ]


def _measure(measure: Measure, decimals: int) -> dict[str, float | None]:
    return {
        "before": _round(measure.before, decimals),
        "after": _round(measure.after, decimals),
        "difference": _round(measure.difference, decimals),
    }


def _told(sentences: Sequence[JudgedSentence]) -> list[dict[str, Any]]:
    return [
        {"text": one.text, "start_s": _s(one.start_s), "end_s": _s(one.end_s), "assigned": list(one.assigned)}
        for one in sentences
    ]


def _feedback(feedback: Feedback) -> dict[str, Any]:
    follow_up = feedback.follow_up
    return {
        "verdict": feedback.verdict,
        "spoken": feedback.spoken,
        "strengths": list(feedback.strengths),
        "fixes": list(feedback.fixes),
        "to_be_heard": dict(feedback.to_be_heard),
        "follow_up": None
        if follow_up is None
        else {"id": follow_up.id, "text": follow_up.text, "probes": follow_up.probes},
    }


def _s(seconds: float | None) -> float | None:
    return _round(seconds, TIME_DECIMALS)


def _round(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(value, decimals)
