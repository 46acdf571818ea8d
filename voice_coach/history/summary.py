"""The figures of a take that lists need, out of the JSON of its assessment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from voice_coach.history.kept import KeptTake

FIGURES = (
    "duration_s",
    "speaking_time_s",
    "verdict",
    "speech_rate_wpm",
    "fillers_per_minute",
    "fillers_least",
    "fillers_most",
    "filled_pauses",
    "stages",
    "star",
    "mistakes",
    "opening",
    "whisper",
    "lifecycle",
)
"""Columns of the database that `figures` fills."""


def figures(take: KeptTake) -> dict[str, Any]:
    """FIGURES of the newest assessment, fillers as corrected; all None where nobody judged it.

    stages, star and mistakes are one JSON text each: whoever lists takes wants all of them at once, thousands of takes
    must be listed in a blink, and SQLite can look into JSON (`stages ->> 'detection'`).

    Raises: KeyError, TypeError, AttributeError if the assessment is not of the published form.
    """
    if not take.judgements:
        return dict.fromkeys(FIGURES)
    assessment = take.judgements[0].assessment
    return {
        **_delivery_figures(assessment["delivery"], take.fillers),
        **_coverage_figures(assessment["coverage"]),
        "whisper": assessment["models"]["whisper"],
        "lifecycle": assessment["models"]["lifecycle"],
    }


def _delivery_figures(delivery: Mapping[str, Any] | None, corrected: Mapping[str, Any] | None) -> dict[str, Any]:
    if delivery is None:
        return dict.fromkeys(FIGURES[:8])
    fillers = corrected or delivery["fillers"]
    least, most = fillers["per_minute_range"] or (None, None)
    return {
        "duration_s": delivery["answer_duration_s"],
        "speaking_time_s": delivery["speaking_time_s"],
        "verdict": delivery["target"]["verdict"],
        "speech_rate_wpm": delivery["speech_rate_wpm"],
        "fillers_per_minute": fillers["per_minute"],
        "fillers_least": least,
        "fillers_most": most,
        "filled_pauses": fillers["filled_pauses"],
    }


def _coverage_figures(coverage: Mapping[str, Any] | None) -> dict[str, Any]:
    if coverage is None:
        return {"stages": None, "star": None, "mistakes": None, "opening": None}
    return {
        "stages": json.dumps({name: stage["level"] for name, stage in coverage["stages"].items()}),
        "star": json.dumps({name: part["seconds"] for name, part in coverage["star"].items()}),
        "mistakes": json.dumps([one["name"] for one in coverage["mistakes"] if not one.get("unsure", False)]),
        "opening": coverage["opening"]["heard"],
    }
