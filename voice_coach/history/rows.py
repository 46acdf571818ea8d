"""Rows of the database: from what is kept of a take, and back to an `Entry`."""

from __future__ import annotations

import gc
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timezone
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from voice_coach.history.kept import KeptTake
from voice_coach.history.summary import FIGURES, figures
from voice_coach.records import Correction, Entry, Level, MistakeName, TakeSummary, Verdict

_FACTS = (
    "take_id",
    "taken_at",
    "question_id",
    "question",
    "level",
    "purpose",
    "rehearsal_id",
    "target_min_s",
    "target_max_s",
    "device",
)
_COLUMNS = ("id", *_FACTS, "sound", *FIGURES, "assessments")
_SUMMARY = (
    *("id", "taken_at", "question_id", "purpose", "duration_s", "target_min_s", "target_max_s", "verdict"),
    *("speech_rate_wpm", "fillers_per_minute", "fillers_least", "fillers_most", "stages", "mistakes"),
)
"""The columns of a `TakeSummary`, in the order of `_summary`."""

_SELECT = f"""
    SELECT {", ".join(f"takes.{name}" for name in _COLUMNS)},
           (SELECT count(*) FROM corrections WHERE corrections.take = takes.id)
    FROM takes
"""
_PUT = (
    f"INSERT INTO takes ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS[1:])}"
)


def sortable(time: datetime) -> str:
    """A time as the database holds it: in UTC, all of one length, so that their order as texts is that of the times."""
    return time.astimezone(timezone.utc).isoformat(timespec="microseconds")


def put(connection: sqlite3.Connection, take: KeptTake) -> None:
    """Write the row of a take, new or in place of the one it had; the caller ends the transaction.

    Raises: sqlite3.Error; KeyError, TypeError, AttributeError if its assessment is not of the published form.
    """
    facts = take.facts
    values: dict[str, Any] = {
        **{name: getattr(facts, name) for name in _FACTS if name not in ("take_id", "taken_at")},
        **figures(take),
        "id": take.id,
        "take_id": facts.id,
        "taken_at": sortable(facts.taken_at),
        "sound": take.sound,
        "assessments": len(take.judgements),
    }
    connection.execute(_PUT, [values[name] for name in _COLUMNS])
    connection.execute("DELETE FROM corrections WHERE take = ?", (take.id,))
    connection.executemany(
        "INSERT INTO corrections VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (take.id, number, one.action, one.text, one.kind, one.start_s, one.end_s)
            for number, one in enumerate(take.corrections, 1)
        ],
    )


def remove(connection: sqlite3.Connection, id: str) -> None:
    """Raises: sqlite3.Error."""
    connection.execute("DELETE FROM takes WHERE id = ?", (id,))


def select(
    connection: sqlite3.Connection, where: Sequence[tuple[str, object]] = (), limit: int | None = None
) -> Iterator[Entry]:
    """Takes for which all conditions ("level = ?", "mid") hold, newest first. Raises: sqlite3.Error."""
    conditions = " AND ".join(condition for condition, _ in where)
    query = f"{_SELECT} {'WHERE ' + conditions if where else ''} ORDER BY taken_at DESC, id LIMIT ?"
    for row in connection.execute(query, (*(value for _, value in where), -1 if limit is None else limit)):
        yield _entry(row)


def summaries(connection: sqlite3.Connection, purpose: str | None = None) -> list[TakeSummary]:
    """All takes, or those of one purpose, newest first, without what only `Entry` has. Raises: sqlite3.Error."""
    chosen, values = ("", ()) if purpose is None else ("WHERE purpose = ?", (purpose,))
    query = f"SELECT {', '.join(_SUMMARY)} FROM takes {chosen} ORDER BY taken_at DESC, id"
    return [_summary(*row) for row in connection.execute(query, values)]


def days(connection: sqlite3.Connection) -> set[date]:
    """The days of all takes, on the reader's calendar. Raises: sqlite3.Error."""
    # thousands of takes, few days: SQLite's own calendar is three times as quick over all of them
    found = connection.execute("SELECT DISTINCT date(taken_at, 'localtime') FROM takes")
    return {date.fromisoformat(day) for (day,) in found}


@contextmanager
def in_one_go() -> Iterator[None]:
    """For reading thousands of rows: none of the records dies meanwhile, and Python's looking for dead ones among them
    costs 30 ms with 10,000 takes."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def corrections(connection: sqlite3.Connection, id: str) -> tuple[Correction, ...]:
    """Raises: sqlite3.Error."""
    rows = connection.execute(
        "SELECT action, text, kind, start_s, end_s FROM corrections WHERE take = ? ORDER BY number", (id,)
    )
    return tuple(Correction(*row) for row in rows)


def _entry(row: tuple[Any, ...]) -> Entry:
    # the order of _COLUMNS, taken apart by hand: thousands of rows must be read in a blink
    (id, take_id, taken_at, question_id, question, level, purpose, rehearsal_id, target_min_s, target_max_s) = row[:10]
    (device, sound, duration_s, speaking_time_s, verdict, rate_wpm, per_minute, least, most, filled) = row[10:20]
    (stages, star, mistakes, opening, whisper, lifecycle, assessments, corrected) = row[20:]
    return Entry(
        id=id,
        take_id=take_id,
        taken_at=datetime.fromisoformat(taken_at),
        question_id=question_id,
        question=question,
        level=level,
        purpose=purpose,
        rehearsal_id=rehearsal_id,
        target_min_s=target_min_s,
        target_max_s=target_max_s,
        device=device,
        duration_s=duration_s,
        speaking_time_s=speaking_time_s,
        verdict=verdict,
        speech_rate_wpm=rate_wpm,
        fillers_per_minute=per_minute,
        fillers_range=None if least is None or most is None else (least, most),
        filled_pauses=filled,
        stages=_stages(stages) if stages else {},
        star=json.loads(star) if star else {},
        mistakes=_mistakes(mistakes) if mistakes else (),
        opening=None if opening is None else bool(opening),
        whisper=whisper,
        lifecycle=lifecycle,
        audio=sound == "kept",
        assessments=assessments,
        corrections=corrected,
    )


def _summary(
    id: str,
    taken_at: str,
    question_id: str | None,
    purpose: str,
    duration_s: float | None,
    target_min_s: float | None,
    target_max_s: float | None,
    verdict: Verdict | None,
    rate_wpm: float | None,
    per_minute: float | None,
    least: float | None,
    most: float | None,
    stages: str | None,
    mistakes: str | None,
) -> TakeSummary:
    return TakeSummary(
        id=id,
        taken_at=datetime.fromisoformat(taken_at),
        question_id=question_id,
        purpose=purpose,
        duration_s=duration_s,
        target_min_s=target_min_s,
        target_max_s=target_max_s,
        verdict=verdict,
        speech_rate_wpm=rate_wpm,
        fillers_per_minute=per_minute,
        fillers_range=None if least is None or most is None else (least, most),
        stages=_stages(stages) if stages else {},
        mistakes=_mistakes(mistakes) if mistakes else (),
    )


# few of these texts differ from one another, so most are read once
@lru_cache(maxsize=4096)
def _stages(text: str) -> Mapping[str, Level]:
    return MappingProxyType(json.loads(text))


@lru_cache(maxsize=256)
def _mistakes(text: str) -> tuple[MistakeName, ...]:
    return tuple(json.loads(text))
