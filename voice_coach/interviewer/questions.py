"""Question packs: a main question with its time target, and follow-ups, as TOML."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from voice_coach.errors import QuestionPackError
from voice_coach.records import CandidateLevel, FollowUp, Question

if sys.version_info >= (3, 11):
    import tomllib
else:  # the same parser, from before it entered the standard library
    import tomli as tomllib

FOLLOW_UP_MIN_S, FOLLOW_UP_MAX_S = 60.0, 90.0
"""A follow-up is answered in 60 to 90 seconds: shorter than the main answer, long enough for one example."""

PACKS = Path(__file__).resolve().parent.parent / "questions"
LEVELS: tuple[CandidateLevel, ...] = get_args(CandidateLevel)
_PACK_KEYS = {"id", "question", "target_min_s", "target_max_s", "follow_up"}
_FOLLOW_UP_KEYS = {"id", "probes", "levels", "text"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A follow-up with the levels it is put to; probes is a stage, or None for the whole."""

    follow_up: FollowUp
    levels: tuple[CandidateLevel, ...]


@dataclass(frozen=True, slots=True)
class QuestionPack:
    """One main question and what may be asked after it, in the order of preference."""

    id: str
    question: str
    target_min_s: float
    target_max_s: float
    follow_ups: tuple[Candidate, ...]


def follow_up_question(follow_up: FollowUp) -> Question:
    """A follow-up as a question of its own, with its target."""
    return Question(
        follow_up.id, follow_up.text, FOLLOW_UP_MIN_S, FOLLOW_UP_MAX_S, purpose="follow_up", probes=follow_up.probes
    )


def read_pack(path: Path | None = None) -> QuestionPack:
    """The pack at `path`, or the shipped one.

    Raises: QuestionPackError naming the key that is wrong.
    """
    path = path or PACKS / "incident_response.toml"
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise QuestionPackError(f"{path}: not a readable TOML file ({exc})") from exc
    _known(raw, _PACK_KEYS, f"{path}")
    minimum, maximum = _number(raw, "target_min_s", path), _number(raw, "target_max_s", path)
    if not 0 < minimum < maximum:
        raise QuestionPackError(f"{path}: target_min_s must be above 0 and below target_max_s")
    items = raw.get("follow_up", [])
    if not isinstance(items, list) or not items:
        raise QuestionPackError(f"{path}: follow_up must be a list of [[follow_up]] tables")
    follow_ups = tuple(_candidate(item, f"{path}: follow_up {k + 1}") for k, item in enumerate(items))
    ids = [one.follow_up.id for one in follow_ups]
    for name in ids:
        if ids.count(name) > 1:
            raise QuestionPackError(f"{path}: follow_up id {name!r} is used twice")
    return QuestionPack(_text(raw, "id", str(path)), _text(raw, "question", str(path)), minimum, maximum, follow_ups)


def _candidate(item: object, where: str) -> Candidate:
    if not isinstance(item, dict):
        raise QuestionPackError(f"{where}: must be a table")
    _known(item, _FOLLOW_UP_KEYS, where)
    levels = item.get("levels", list(LEVELS))
    if not isinstance(levels, list) or not levels or any(level not in LEVELS for level in levels):
        raise QuestionPackError(f"{where}: levels must be some of {', '.join(LEVELS)}")
    probes = item.get("probes")
    if probes is not None and not isinstance(probes, str):
        raise QuestionPackError(f"{where}: probes must be the name of a stage")
    return Candidate(FollowUp(_text(item, "id", where), _text(item, "text", where), probes), tuple(levels))


def _known(table: dict[str, Any], keys: set[str], where: str) -> None:
    unknown = sorted(set(table) - keys)
    if unknown:
        raise QuestionPackError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(sorted(keys))}")


def _text(table: dict[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise QuestionPackError(f"{where}: {key} must be a text")
    return value.strip()


def _number(table: dict[str, Any], key: str, path: Path) -> float:
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise QuestionPackError(f"{path}: {key} must be a number of seconds")
    return float(value)
