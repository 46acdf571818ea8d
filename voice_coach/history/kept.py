"""What is kept of one take beside its sound: one JSON file, from which the database can be made again.

It is the truth; the database is an index of it, for lists that must be quick.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal, get_args

from voice_coach.errors import HistoryError
from voice_coach.history.files import write_private
from voice_coach.records import CandidateLevel, Correction, TakeFacts, TakeMark

SCHEMA = "voice-coach/kept-take/1"

Sound = Literal["kept", "none", "forgotten"]
"""kept: as FLAC. none: there never was any. forgotten: removed since, at the owner's wish."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One assessment, as `assessment_as_dict` gives it, and when it was made."""

    made_at: datetime
    assessment: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KeptTake:
    """Everything that is kept of a take but its sound.

    judgements: newest first. fillers: the part of the newest assessment of that name, with the corrections applied;
    None where there are none. settings: what the user had chosen when it was recorded. source: the file the sound
    came from; own: it was recorded by this program, and goes when the take goes.
    """

    id: str
    facts: TakeFacts
    sound: Sound
    source: Path | None
    own: bool
    judgements: tuple[Judgement, ...] = ()
    corrections: tuple[Correction, ...] = ()
    fillers: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


def write_kept(path: Path, take: KeptTake) -> None:
    """Raises: OSError if the disk refuses."""
    table = {
        "schema": SCHEMA,
        "id": take.id,
        "facts": {**asdict(take.facts), "taken_at": _as_text(take.facts.taken_at)},
        "sound": take.sound,
        "source": None if take.source is None else str(take.source),
        "own": take.own,
        "assessments": [{"made_at": _as_text(one.made_at), "assessment": one.assessment} for one in take.judgements],
        "corrections": [asdict(one) for one in take.corrections],
        "fillers": take.fillers,
        "settings": dict(take.settings),
    }
    # bytes of a file's name that are no UTF-8 become JSON's own escapes, and come back as they were
    write_private(path, json.dumps(table, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace"))


def read_kept(path: Path) -> KeptTake:
    """Raises: HistoryError if it can't be read, or is not as `write_kept` wrote it."""
    try:
        return _as_kept(json.loads(path.read_bytes()))
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise HistoryError(f"{path}: is damaged ({exc!r}); restore a backup, or delete the take") from exc
    except OSError as exc:
        raise HistoryError(f"{path}: can't be read ({exc.strerror}); restore a backup, or delete the take") from exc


def _as_kept(table: dict[str, Any]) -> KeptTake:
    if table["schema"] != SCHEMA:
        raise ValueError(f"schema {table['schema']!r}: written by another version of this program")
    if table["sound"] not in get_args(Sound):
        raise ValueError(f"sound {table['sound']!r}")
    source = table["source"]
    return KeptTake(
        id=_name(table["id"]),
        facts=_as_facts(table["facts"]),
        sound=table["sound"],
        source=None if source is None else Path(source),
        own=table["own"] is True,
        judgements=tuple(
            Judgement(datetime.fromisoformat(one["made_at"]), dict(one["assessment"])) for one in table["assessments"]
        ),
        corrections=tuple(Correction(**one) for one in table["corrections"]),
        fillers=table["fillers"],
        settings=dict(table["settings"]),
    )


def _as_facts(table: dict[str, Any]) -> TakeFacts:
    facts = TakeFacts(
        **{
            **table,
            "taken_at": datetime.fromisoformat(table["taken_at"]),
            "marks": tuple(TakeMark(**mark) for mark in table["marks"]),
        }
    )
    if facts.level not in (None, *get_args(CandidateLevel)):
        raise ValueError(f"level {facts.level!r}")
    return facts


def _name(value: object) -> str:
    """An id, checked: it becomes the name of files."""
    if not isinstance(value, str) or not value.isalnum():
        raise ValueError(f"id {value!r}")
    return value


def _as_text(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat(timespec="microseconds")
