"""Question packs: a main question with its time targets, follow-ups and interruptions, as TOML.

The format is described in `voice_coach/questions/README.md`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, get_args

from voice_coach.errors import QuestionPackError
from voice_coach.records import CandidateLevel, FollowUp, Question

if sys.version_info >= (3, 11):
    import tomllib
else:  # the same parser, from before it entered the standard library
    import tomli as tomllib

PACKS = Path(__file__).resolve().parent.parent / "questions"
LEVELS: tuple[CandidateLevel, ...] = get_args(CandidateLevel)
PROBED = ("detection", "severity", "mitigation", "communication", "prevention")
"""The stages a question may pull on: those that can be heard in an answer."""

FOLLOW_UP_S = (60.0, 90.0)
"""What a follow-up takes where the pack does not say otherwise. Source: the interview guide."""

SHORT_S = (75.0, 100.0)
"""The 90-second version: before 75 s a sentence or two of room is given away, and past 100 s it has run over
by more than the sentence that was under way. Ours; the interview guide only says 90 seconds."""

DEEP_S = (180.0, 240.0)
"""The version for who wants the whole story. Source: the interview guide's 3 to 4 minutes."""

_PACK_KEYS = {"id", "question", "target_min_s", "target_max_s", "follow_up", "interruption"}
_PACK_KEYS |= {"short_min_s", "short_max_s", "deep_min_s", "deep_max_s"}
_FOLLOW_UP_KEYS = {"id", "probes", "levels", "text", "target_min_s", "target_max_s"}
_INTERRUPTION_KEYS = {"id", "text"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A follow-up with the levels it is put to and the time its answer should take; probes None for the whole."""

    follow_up: FollowUp
    levels: tuple[CandidateLevel, ...]
    target_min_s: float = FOLLOW_UP_S[0]
    target_max_s: float = FOLLOW_UP_S[1]

    @property
    def asked_as(self) -> Question:
        """The question that an answer is then held against."""
        one = self.follow_up
        return Question(one.id, one.text, self.target_min_s, self.target_max_s, "follow_up", one.probes)


@dataclass(frozen=True, slots=True)
class QuestionPack:
    """One main question and what may be asked after it, in the order of preference.

    short_s, deep_s: the shortest and longest time for its 90-second and its deep version. interruptions: what the
    interviewer may cut in with, in no order.
    """

    id: str
    question: str
    target_min_s: float
    target_max_s: float
    follow_ups: tuple[Candidate, ...]
    short_s: tuple[float, float] = SHORT_S
    deep_s: tuple[float, float] = DEEP_S
    interruptions: tuple[FollowUp, ...] = ()

    def main_question(self, purpose: str = "main") -> Question:
        """The main question, or its version "90" or "deep". Raises: ValueError for another purpose."""
        spans = {"main": (self.target_min_s, self.target_max_s), "90": self.short_s, "deep": self.deep_s}
        if purpose not in spans:
            raise ValueError(f"no version {purpose!r} of the main question; known: {', '.join(spans)}")
        return Question(self.id, self.question, *spans[purpose], purpose)


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
    minimum, maximum = _span(raw, "target", str(path))
    items = raw.get("follow_up", [])
    if not isinstance(items, list) or not items:
        raise QuestionPackError(f"{path}: follow_up must be a list of [[follow_up]] tables")
    follow_ups = tuple(_candidate(item, f"{path}: follow_up {k + 1}") for k, item in enumerate(items))
    cuts = raw.get("interruption", [])
    if not isinstance(cuts, list):
        raise QuestionPackError(f"{path}: interruption must be a list of [[interruption]] tables")
    interruptions = tuple(_interruption(item, f"{path}: interruption {k + 1}") for k, item in enumerate(cuts))
    ids = [one.follow_up.id for one in follow_ups] + [one.id for one in interruptions]
    for name in ids:
        if ids.count(name) > 1:
            raise QuestionPackError(f"{path}: id {name!r} is used twice")
    return QuestionPack(
        _text(raw, "id", str(path)),
        _text(raw, "question", str(path)),
        minimum,
        maximum,
        follow_ups,
        short_s=_span(raw, "short", str(path), SHORT_S),
        deep_s=_span(raw, "deep", str(path), DEEP_S),
        interruptions=interruptions,
    )


def _candidate(item: object, where: str) -> Candidate:
    if not isinstance(item, dict):
        raise QuestionPackError(f"{where}: must be a table")
    _known(item, _FOLLOW_UP_KEYS, where)
    levels = item.get("levels", list(LEVELS))
    if not isinstance(levels, list) or not levels or any(level not in LEVELS for level in levels):
        raise QuestionPackError(f"{where}: levels must be some of {', '.join(LEVELS)}")
    probes = item.get("probes")
    if probes is not None and probes not in PROBED:
        raise QuestionPackError(f"{where}: probes must be one of {', '.join(PROBED)}")
    follow_up = FollowUp(_text(item, "id", where), _text(item, "text", where), probes)
    return Candidate(follow_up, tuple(levels), *_span(item, "target", where, FOLLOW_UP_S))


def _interruption(item: object, where: str) -> FollowUp:
    if not isinstance(item, dict):
        raise QuestionPackError(f"{where}: must be a table")
    _known(item, _INTERRUPTION_KEYS, where)
    return FollowUp(_text(item, "id", where), _text(item, "text", where))


def _known(table: dict[str, Any], keys: set[str], where: str) -> None:
    unknown = sorted(set(table) - keys)
    if unknown:
        raise QuestionPackError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(sorted(keys))}")


def _text(table: dict[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise QuestionPackError(f"{where}: {key} must be a text")
    return value.strip()


def _span(
    table: dict[str, Any], name: str, where: str, default: tuple[float, float] | None = None
) -> tuple[float, float]:
    """The keys `name`_min_s and `name`_max_s; each may be left out where there is a default."""
    low, high = f"{name}_min_s", f"{name}_max_s"
    least, most = default or (None, None)
    minimum, maximum = _number(table, low, where, least), _number(table, high, where, most)
    if not 0 < minimum < maximum < inf:
        raise QuestionPackError(
            f"{where}: {low} ({minimum:g}) must be above 0 and below {high} ({maximum:g}), a number of seconds"
        )
    return minimum, maximum


def _number(table: dict[str, Any], key: str, where: str, default: float | None) -> float:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise QuestionPackError(f"{where}: {key} must be a number of seconds")
    return float(value)
