"""Changes of a take, each made so that a process may die at any moment: written first, then done, then named done."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from voice_coach.errors import HistoryError
from voice_coach.history import rows
from voice_coach.history.files import remove_leftovers, sync_folder, write_private
from voice_coach.history.home import Home
from voice_coach.history.kept import KeptTake, read_kept, write_kept
from voice_coach.history.sound import keep_as_flac

log = logging.getLogger(__name__)

_COMPANIONS = (".wav", ".json", ".json.new", ".json.damaged", ".reserve")
"""What this program's recorder may have left of a take."""


def change(home: Home, connection: sqlite3.Connection, take: KeptTake) -> None:
    """Make this what is kept of a take, on disk and in the database; on failure nothing has changed.

    Raises: HistoryError if its sound can't be read; OSError, sqlite3.Error; KeyError, TypeError, AttributeError if its
    assessment is not of the published form.
    """
    changed = home.changed(take.id)
    write_kept(changed, take)
    try:
        _do(home, connection, take)
    except BaseException:
        changed.unlink(missing_ok=True)
        if not home.kept(take.id).exists():
            home.flac(take.id).unlink(missing_ok=True)
        raise
    _done(home, take.id)


def delete(home: Home, connection: sqlite3.Connection, takes: Sequence[KeptTake]) -> None:
    """Remove every trace of takes: rows, journal, JSON, FLAC, this program's own recording, copies of the database.

    Raises: HistoryError if another process keeps the journal; OSError, sqlite3.Error.
    """
    for take in takes:
        own = [str(path) for path in _own_files(take)]
        write_private(home.deleted(take.id), json.dumps(own).encode())
    _finish_deletions(home, connection)


def finish_changes(home: Home, connection: sqlite3.Connection) -> None:
    """End what a process that died had begun; the caller holds the lock alone.

    Raises: HistoryError, OSError, sqlite3.Error.
    """
    remove_leftovers(home.pending)
    remove_leftovers(home.takes)
    _finish_deletions(home, connection)
    for path in sorted(home.pending.glob("*.json")):
        take = read_kept(path)
        try:
            _do(home, connection, take)
        except HistoryError as exc:
            # the recording it came from is gone or unreadable: the rest is kept without it
            log.warning("%s", exc)
            take = replace(take, sound="none")
            write_kept(path, take)
            _do(home, connection, take)
        _done(home, take.id)


def _do(home: Home, connection: sqlite3.Connection, take: KeptTake) -> None:
    flac = home.flac(take.id)
    if take.sound == "kept" and not flac.exists():
        if take.source is None:
            raise HistoryError(f"{take.id}: its sound is nowhere to be found")
        keep_as_flac(take.source, flac)
    connection.execute("BEGIN IMMEDIATE")
    try:
        rows.put(connection, take)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    if take.sound == "forgotten":
        flac.unlink(missing_ok=True)
        for path in _own_files(take):
            path.unlink(missing_ok=True)


def _done(home: Home, id: str) -> None:
    home.changed(id).replace(home.kept(id))
    sync_folder(home.takes)
    sync_folder(home.pending)


def _finish_deletions(home: Home, connection: sqlite3.Connection) -> None:
    markers = sorted(home.pending.glob("*.delete"))
    if not markers:
        return
    for marker in markers:
        id = marker.stem
        rows.remove(connection, id)
        # a marker that a full disk left empty names no files; the recording itself then stays where it was
        with suppress(ValueError):
            for name in json.loads(marker.read_bytes()):
                Path(name).unlink(missing_ok=True)
        for path in (home.kept(id), home.changed(id), home.flac(id)):
            path.unlink(missing_ok=True)
    empty_journal(home, connection)
    for path in home.set_aside():
        path.unlink(missing_ok=True)
    sync_folder(home.takes)
    for marker in markers:
        marker.unlink()
    sync_folder(home.pending)


def empty_journal(home: Home, connection: sqlite3.Connection) -> None:
    """Put the journal's pages into the database and cut it to nothing; deleted rows are in neither then.

    Raises: HistoryError if another process reads an old state; sqlite3.Error.
    """
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise HistoryError(
            f"{home.folder}: another voice-coach still reads what is to be deleted; end it and run: voice-coach history"
        )


def _own_files(take: KeptTake) -> list[Path]:
    """This program's own recording of a take, with what lies beside it; nothing of a file that was imported."""
    if not take.own or take.source is None:
        return []
    return [take.source.with_suffix(ending) for ending in _COMPANIONS]
