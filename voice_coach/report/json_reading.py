"""An assessment read back from its JSON: what was shown then can be shown again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar, get_args

from voice_coach.records import (
    Assessment,
    Coverage,
    Delivery,
    Evidence,
    Feedback,
    FillerEvent,
    Fillers,
    FollowUp,
    JudgedSentence,
    Level,
    Mistake,
    MistakeName,
    ModelNames,
    Opening,
    Ownership,
    PaceChange,
    PaceWindow,
    Pause,
    Recording,
    Span,
    StageCoverage,
    StarPart,
    Target,
    Timings,
    Transcript,
    Verdict,
    Voice,
    Word,
)
from voice_coach.report.json_view import SCHEMA_NAME

T = TypeVar("T")


def assessment_from_dict(table: Mapping[str, Any]) -> Assessment:
    """The assessment that `assessment_as_dict` made this of, with figures as rounded there.

    The verbatim reading is not in the JSON and comes back empty; so do facts of the recording that were added to the
    JSON after it was written.

    Raises: ValueError if it is not of the published form.
    """
    if not isinstance(table, Mapping) or table.get("schema") != SCHEMA_NAME:
        raise ValueError(f"not an object of the schema {SCHEMA_NAME}")
    try:
        return _assessment(table)
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError(f"not an object of the schema {SCHEMA_NAME}: {exc!r}") from exc


def fillers_from_dict(table: Mapping[str, Any]) -> Fillers:
    """The part "fillers" of "delivery". Raises: KeyError, TypeError."""
    span = table["per_minute_range"]
    return Fillers(
        filled_pauses=table["filled_pauses"],
        discourse_markers=table["discourse_markers"],
        repetitions=table["repetitions"],
        per_minute=table["per_minute"],
        per_100_words=table["per_100_words"],
        events=_all(FillerEvent, table["events"]),
        per_minute_range=None if span is None else (span[0], span[1]),
    )


def _assessment(table: Mapping[str, Any]) -> Assessment:
    audio, transcript, timings = table["audio"], table["transcript"], table["timings_s"]
    delivery, coverage, feedback = table["delivery"], table["coverage"], table["feedback"]
    return Assessment(
        recording=None if audio is None else _recording(audio),
        models=_one(ModelNames, table["models"]),
        transcript=Transcript(_words(transcript, typed=audio is None), ()),
        delivery=None if delivery is None else _delivery(delivery),
        coverage=None if coverage is None else _coverage(coverage, transcript["sentences"]),
        feedback=None if feedback is None else _feedback(feedback),
        timings=_one(Timings, timings),
        notes=tuple(table["notes"]),
    )


def _recording(table: Mapping[str, Any]) -> Recording:
    return Recording(
        path=table["path"],
        duration_s=table["duration_s"],
        sample_rate_hz=table["sample_rate_hz"],
        channels=table["channels"],
        peak_dbfs=table["peak_dbfs"],
        rms_dbfs=table["rms_dbfs"],
        clipped=table.get("clipped", 0.0),
        bad_samples=table.get("bad_samples", 0),
        damaged_packets=table.get("damaged_packets", 0),
        truncated=table["truncated"],
        voiced=_all(Span, table.get("voiced", ())),
    )


def _words(transcript: Mapping[str, Any], *, typed: bool) -> tuple[Word, ...]:
    if typed:
        return tuple(Word(token, 0.0, 0.0, None) for token in transcript["text"].split())
    # what a word sounded like is settled before it is kept
    return tuple(Word(one["text"], one["start_s"], one["end_s"], one["confidence"]) for one in transcript["words"])


def _delivery(table: Mapping[str, Any]) -> Delivery:
    target, voice = table["target"], table.get("voice")
    return Delivery(
        answer_duration_s=table["answer_duration_s"],
        speaking_time_s=table["speaking_time_s"],
        target=Target(target["min_s"], target["max_s"], _known(Verdict, target["verdict"]), target["margin_s"]),
        words=table["words"],
        speech_rate_wpm=table["speech_rate_wpm"],
        articulation_rate_wpm=table["articulation_rate_wpm"],
        fillers=fillers_from_dict(table["fillers"]),
        pauses=_all(Pause, table["pauses"]),
        latency_s=table["latency_s"],
        pace_curve=_all(PaceWindow, table["pace_curve"]),
        pace_changes=_all(PaceChange, table["pace_changes"]),
        voice=None if voice is None else _one(Voice, voice),
    )


def _coverage(table: Mapping[str, Any], sentences: Sequence[Mapping[str, Any]]) -> Coverage:
    return Coverage(
        sentences=tuple(
            JudgedSentence(
                text=one["text"],
                start_s=one["start_s"],
                end_s=one["end_s"],
                labels=dict(one["labels"]),
                assigned=tuple(one["assigned"]),
                specific=one["specific"],
            )
            for one in sentences
        ),
        stages={
            name: StageCoverage(
                _known(Level, one["level"]), one["seconds"], _all(Evidence, one["evidence"]), one["unsure"]
            )
            for name, one in table["stages"].items()
        },
        star={name: StarPart(one["seconds"], _all(Evidence, one["evidence"])) for name, one in table["star"].items()},
        order=tuple(table["order"]),
        opening=Opening(table["opening"]["heard"], _all(Evidence, table["opening"]["evidence"])),
        ownership=_one(Ownership, table["ownership"]),
        impact=table["impact"],
        mistakes=tuple(
            Mistake(
                _known(MistakeName, one["name"]),
                one["why"],
                _all(Evidence, one["evidence"]),
                one.get("unsure", False),  # earlier programs had no such doubt
            )
            for one in table["mistakes"]
        ),
        on_subject=table["on_subject"],
    )


def _feedback(table: Mapping[str, Any]) -> Feedback:
    follow_up = table["follow_up"]
    return Feedback(
        verdict=table["verdict"],
        spoken=table["spoken"],
        strengths=tuple(table["strengths"]),
        fixes=tuple(table["fixes"]),
        to_be_heard=dict(table["to_be_heard"]),
        follow_up=None if follow_up is None else FollowUp(follow_up["id"], follow_up["text"], follow_up.get("probes")),
    )


def _one(record: type[T], table: Mapping[str, Any]) -> T:
    """A record whose fields are plain values, under the same names."""
    return record(**{field.name: table[field.name] for field in fields(record)})  # type: ignore[arg-type]


def _all(record: type[T], tables: Sequence[Mapping[str, Any]]) -> tuple[T, ...]:
    return tuple(_one(record, table) for table in tables)


def _known(names: Any, value: Any) -> Any:  # noqa: ANN401 - mypy has no type for a Literal's values
    """A value of a Literal, or None. Raises: ValueError for any other."""
    if value is not None and value not in get_args(names):
        raise ValueError(f"{value!r} is none of {', '.join(get_args(names))}")
    return value
