"""The store of takes: what was recorded, heard and corrected, for as long as its owner wants.

    with Store.open(history_folder()) as store:
        id = store.add(facts, audio=take.path, assessment=assessment_as_dict(assessment))
        for entry in store.entries(level="mid", limit=10): ...

Several processes may use one store at the same time. A process may be killed at any moment: a
take whose `add` returned is there, and one whose `add` had begun is there as soon as the store is
opened again, or its recording is still where it was.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from voice_coach.errors import HistoryError
from voice_coach.history import rows, settling
from voice_coach.history.home import Home, explained, history_folder
from voice_coach.history.kept import Judgement, KeptTake, Sound, read_kept
from voice_coach.history.opening import Opened, open_database
from voice_coach.records import Correction, Entry, TakeFacts, TakeSummary

__all__ = ["Store", "history_folder"]

ID_ALPHABET = "23456789bcdfghjkmnpqrstvwxyz"
"""No vowels, so that no words come out; nothing that looks like something else."""

ID_LENGTH = 5
"""17 million ids: short enough to type, and with 10,000 takes three letters nearly always name one."""


class Store:
    """One store, opened; leave the `with` block to close it. For one thread at a time.

    Ids may be shortened to any beginning that is unique. notes: what its owner should be told, a line each.

    Every method raises HistoryError where the disk or the database refuses, or an id is unknown.
    """

    def __init__(self, home: Home, opened: Opened) -> None:
        self._home = home
        self._connection = opened.connection
        self.notes = opened.notes

    @classmethod
    def open(cls, folder: Path, *, keep_audio_days: int | None = None) -> Store:
        """Open the store in a folder, which is made if need be.

        keep_audio_days: forget the sound of takes older than that now; given by whoever opens it to add takes.
        """
        home = Home(folder)
        with explained(folder):
            store = cls(home, open_database(home))
        if keep_audio_days is not None:
            try:
                store.forget(datetime.now(timezone.utc) - timedelta(days=keep_audio_days), audio_only=True)
            except BaseException:
                store.close()
                raise
        return store

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Safe to call again."""
        self._connection.close()

    @property
    def folder(self) -> Path:
        return self._home.folder

    def add(
        self,
        facts: TakeFacts,
        *,
        audio: Path | None,
        assessment: Mapping[str, Any] | None,
        settings: Mapping[str, Any] | None = None,
    ) -> str:
        """Keep a take; returns its short id once it is on disk.

        audio: any sound file that libsndfile reads, kept as FLAC. Where its name is facts.id, it is this program's own
        recording: it stays where it is, and goes when the take is deleted. assessment: as `assessment_as_dict` gives
        it; None where it could not be judged. A take that is there already, by facts.id, is not kept twice: it
        is given the assessment if it has none.
        """
        kept = self.find(facts.id)
        if kept is not None:
            if assessment is not None and not self.entry(kept).assessments:
                self.reassess(kept, assessment)
            return kept
        with explained(self.folder), self._home.lock.shared():
            take = KeptTake(
                id=self._free_id(),
                facts=facts,
                sound="none" if audio is None else "kept",
                source=None if audio is None else audio.absolute(),
                own=audio is not None and audio.stem == facts.id,
                judgements=() if assessment is None else (_judgement(assessment),),
                settings=settings or {},
            )
            try:
                settling.change(self._home, self._connection, take)
            except sqlite3.IntegrityError:
                # another process has just kept the same take
                kept = self.find(facts.id)
                if kept is None:
                    raise
                return kept
        return take.id

    def find(self, take_id: str) -> str | None:
        """The short id of a take by the id its facts give; None if it is not kept."""
        with explained(self.folder):
            return next((one.id for one in rows.select(self._connection, [("take_id = ?", take_id)])), None)

    def entries(
        self,
        *,
        since: datetime | None = None,
        question_id: str | None = None,
        level: str | None = None,
        purpose: str | None = None,
        limit: int | None = None,
    ) -> Sequence[Entry]:
        """Takes, newest first: those for which all that is given holds."""
        given = {
            "taken_at >= ?": None if since is None else rows.sortable(since),
            "question_id = ?": question_id,
            "level = ?": level,
            "purpose = ?": purpose,
        }
        where = [(condition, value) for condition, value in given.items() if value is not None]
        with explained(self.folder), rows.in_one_go():
            return list(rows.select(self._connection, where, limit))

    def summaries(self, *, purpose: str | None = None) -> Sequence[TakeSummary]:
        """All takes, or those of one purpose, newest first, without what only `Entry` has: a third of its time."""
        with explained(self.folder), rows.in_one_go():
            return rows.summaries(self._connection, purpose)

    def days(self) -> Set[date]:
        """The days on which there was a take, on the calendar of whoever reads."""
        with explained(self.folder):
            return rows.days(self._connection)

    def take_ids(self) -> frozenset[str]:
        """The ids that the facts of all takes give; `find` tells the short one."""
        with explained(self.folder):
            return frozenset(id for (id,) in self._connection.execute("SELECT take_id FROM takes"))

    def count(self) -> int:
        """How many takes there are."""
        with explained(self.folder):
            found: int = self._connection.execute("SELECT count(*) FROM takes").fetchone()[0]
            return found

    def entry(self, id: str) -> Entry:
        """The take whose id begins so."""
        wanted = id.strip().lower()
        if not wanted.isalnum():
            raise HistoryError(f"{id!r} is no id of a take; they are in the first column of: voice-coach history")
        with explained(self.folder):
            found = list(rows.select(self._connection, [("takes.id GLOB ?", f"{wanted}*")], limit=4))
        exact = [one for one in found if one.id == wanted]
        if not found:
            raise HistoryError(f"no take {id}; the ids are in the first column of: voice-coach history")
        if len(found) > 1 and not exact:
            some = ", ".join(one.id for one in found[:3]) + (" and more" if len(found) > 3 else "")
            raise HistoryError(f"{id} is the beginning of several takes ({some}); give more of it")
        return (exact or found)[0]

    def kept(self, id: str) -> KeptTake:
        """Everything that is kept of a take but its sound."""
        id = self.entry(id).id
        # a take that is being added, or whose writer died just now, has its JSON in the other place
        path = self._home.kept(id)
        return read_kept(path if path.exists() else self._home.changed(id))

    def facts(self, id: str) -> TakeFacts:
        """What was known of a take before anyone listened to it."""
        return self.kept(id).facts

    def assessment(self, id: str) -> dict[str, Any] | None:
        """The newest assessment, as it was measured; None where it was never judged."""
        return next(iter(self.assessments(id)), None)

    def assessments(self, id: str) -> tuple[dict[str, Any], ...]:
        """All of them, newest first."""
        return tuple(dict(one.assessment) for one in self.kept(id).judgements)

    def audio(self, id: str) -> Path | None:
        """The take's FLAC file; None where no sound is kept."""
        entry = self.entry(id)
        path = self._home.flac(entry.id)
        return path if entry.audio and path.exists() else None

    def asked_since(self, when: datetime) -> frozenset[str]:
        """Ids of the questions that were answered since then."""
        with explained(self.folder):
            found = self._connection.execute(
                "SELECT DISTINCT question_id FROM takes WHERE taken_at >= ? AND question_id IS NOT NULL",
                (rows.sortable(when),),
            )
            return frozenset(id for (id,) in found)

    def reassess(self, id: str, assessment: Mapping[str, Any], *, fillers: Mapping[str, Any] | None = None) -> None:
        """Add a newer assessment; the older ones stay.

        fillers: its part of that name with the take's corrections applied; None where there are none.
        """
        with explained(self.folder), self._home.lock.alone():
            take = self.kept(id)
            judgements = (_judgement(assessment), *take.judgements)
            settling.change(self._home, self._connection, replace(take, judgements=judgements, fillers=fillers))

    def correct(self, id: str, corrections: Sequence[Correction], *, fillers: Mapping[str, Any] | None) -> None:
        """Remember these corrections of the fillers, in place of those remembered so far.

        fillers: the newest assessment's part of that name with all of them applied; None where there are none.
        """
        with explained(self.folder), self._home.lock.alone():
            take = replace(self.kept(id), corrections=tuple(corrections), fillers=fillers if corrections else None)
            settling.change(self._home, self._connection, take)

    def corrections(self, id: str) -> tuple[Correction, ...]:
        """What was corrected in its fillers, in that order."""
        entry = self.entry(id)
        with explained(self.folder):
            return rows.corrections(self._connection, entry.id)

    def delete(self, id: str) -> Entry:
        """Remove a take for good: rows, journal, JSON, FLAC, this program's own recording of it.

        Copies of the database that were set aside may hold it too, and are removed. What a disk keeps of
        removed files is out of reach.
        """
        with explained(self.folder), self._home.lock.alone():
            entry = self.entry(id)
            settling.delete(self._home, self._connection, [self._deletable(entry.id)])
        return entry

    def older(self, than: datetime, *, with_sound: bool = False) -> tuple[str, ...]:
        """Ids of the takes from before that time, or of those of them whose sound is kept."""
        old = [("taken_at < ?", rows.sortable(than)), *([("sound = ?", "kept")] if with_sound else [])]
        with explained(self.folder):
            return tuple(one.id for one in rows.select(self._connection, old))

    def forget(self, older_than: datetime, *, audio_only: bool = False) -> tuple[str, ...]:
        """Delete the takes from before that time, or only their sound; returns their ids."""
        with explained(self.folder):
            if not self.older(older_than, with_sound=audio_only):
                return ()
            with self._home.lock.alone():
                ids = self.older(older_than, with_sound=audio_only)
                if audio_only:
                    for id in ids:
                        settling.forget_sound(self._home, self._connection, id)
                else:
                    settling.delete(self._home, self._connection, [self._deletable(id) for id in ids])
        return ids

    def back_up(self, file: Path) -> int:
        """Write all takes into one private file, which must not be there yet; returns how many.

        Raises: OutputError if it can't be written.
        """
        from voice_coach.history import archive

        return archive.back_up(self._home, file)

    @staticmethod
    def restore(folder: Path, file: Path, *, replace: bool = False) -> int:
        """Make the store in a folder of a backup; returns how many takes it holds.

        replace: in place of the takes that are there; without it a store that holds any is left alone.
        """
        from voice_coach.history import archive

        return archive.restore(Home(folder), file, replace=replace)

    def _deletable(self, id: str) -> KeptTake:
        """What is kept of it; a take whose JSON is damaged can be deleted too."""
        with suppress(HistoryError):
            return self.kept(id)
        return KeptTake(id, TakeFacts(id, datetime.now(timezone.utc)), _NO_SOUND, None, own=False)

    def _free_id(self) -> str:
        """An id that no take has, nor one whose saving or deletion is still to be ended."""
        chance = random.SystemRandom()
        while True:
            id = "".join(chance.choices(ID_ALPHABET, k=ID_LENGTH))
            known = self._connection.execute("SELECT 1 FROM takes WHERE id = ?", (id,)).fetchone()
            files = (self._home.changed(id), self._home.kept(id), self._home.deleted(id))
            if not known and not any(path.exists() for path in files):
                return id


_NO_SOUND: Sound = "none"


def _judgement(assessment: Mapping[str, Any]) -> Judgement:
    return Judgement(datetime.now(timezone.utc), assessment)
