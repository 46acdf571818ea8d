"""Changes of a take, each made so that a process may die at any moment: written first, then done, then named done."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from voice_coach.errors import HistoryError
from voice_coach.history import rows
from voice_coach.history.files import DISK_FULL, remove_leftovers, sync_folder, write_private
from voice_coach.history.home import Home
from voice_coach.history.kept import KeptTake, read_kept, write_kept
from voice_coach.history.sound import keep_as_flac
from voice_coach.history.summary import figures
from voice_coach.records import TakeFacts

log = logging.getLogger(__name__)

_COMPANIONS = (".wav", ".json", ".json.new", ".json.damaged", ".reserve")
"""What this program's recorder may have left of a take."""


def change(home: Home, connection: sqlite3.Connection, take: KeptTake) -> None:
    """Make this what is kept of a take, on disk and in the database; on failure nothing has changed.

    Raises: HistoryError if its sound can't be read; sqlite3.IntegrityError if a take of the same facts.id is kept;
    OSError, sqlite3.Error; KeyError, TypeError, AttributeError if its assessment is not of the published form.
    """
    figures(take)
    changed = home.changed(take.id)
    write_kept(changed, take)
    try:
        _do(home, connection, take)
    except Exception:
        # not where the user interrupts it: then whoever opens the store next ends it
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
        own = json.dumps([str(path) for path in _own_files(take)]).encode()
        try:
            write_private(home.deleted(take.id), own)
        except OSError as exc:
            if exc.errno not in DISK_FULL:
                raise
            # the sound first: that makes the room to write down what else must go
            home.flac(take.id).unlink(missing_ok=True)
            write_private(home.deleted(take.id), own)
    if not _finish_deletions(home, connection):
        raise HistoryError(
            f"{home.folder}: deleted, but another voice-coach still reads the journal, where traces are left; "
            "end it and run: voice-coach history"
        )


def forget_sound(home: Home, connection: sqlite3.Connection, id: str) -> None:
    """Remove the sound of a take, this program's own recording included; all else stays.

    Raises: OSError, sqlite3.Error.
    """
    try:
        take = read_kept(home.kept(id))
    except HistoryError as exc:
        # what is known of it is damaged; its sound must not stay for that
        log.warning("%s", exc)
        home.flac(id).unlink(missing_ok=True)
        connection.execute("UPDATE takes SET sound = 'forgotten' WHERE id = ?", (id,))
    else:
        change(home, connection, replace(take, sound="forgotten"))


def bare_take(home: Home, id: str) -> KeptTake:
    """A take of which only the sound is left. Raises: OSError if that is not there either."""
    when = datetime.fromtimestamp(home.flac(id).stat().st_mtime, timezone.utc)
    return KeptTake(id, TakeFacts(f"found-{id}", when), "kept", None, own=False)


def finish_changes(home: Home, connection: sqlite3.Connection) -> None:
    """End what a process that died had begun; the caller holds the lock alone. Raises: OSError, sqlite3.Error."""
    remove_leftovers(home.pending)
    remove_leftovers(home.takes)
    _finish_deletions(home, connection)
    for path in sorted(home.pending.glob("*.json")):
        take = _begun(home, path)
        if take is None:
            path.unlink()
            continue
        try:
            _do(home, connection, take)
        except HistoryError as exc:
            # the recording it came from is gone or unreadable: the rest is kept without it
            log.warning("%s", exc)
            take = replace(take, sound="none")
            write_kept(path, take)
            _do(home, connection, take)
        except sqlite3.IntegrityError as exc:
            # somebody else kept the same take meanwhile
            log.info("%s: %s", path, exc)
            path.unlink()
            home.flac(take.id).unlink(missing_ok=True)
            continue
        _done(home, take.id)


def _begun(home: Home, path: Path) -> KeptTake | None:
    """A change to end; None where it can't be read, and what was kept before it stands."""
    try:
        return read_kept(path)
    except HistoryError as exc:
        log.warning("%s", exc)
    id = path.stem
    if home.kept(id).exists() or not home.flac(id).exists():
        return None
    take = bare_take(home, id)
    write_kept(path, take)
    return take


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
        if connection.in_transaction:
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


def _finish_deletions(home: Home, connection: sqlite3.Connection) -> bool:
    """End all deletions; False if another process still reads an old state, so that they must be ended later."""
    markers = sorted(home.pending.glob("*.delete"))
    if not markers:
        return True
    for marker in markers:
        id = marker.stem
        rows.remove(connection, id)
        # a damaged marker names no files; the recording itself then stays where it was
        with suppress(ValueError):
            for name in json.loads(marker.read_bytes()):
                Path(name).unlink(missing_ok=True)
        for path in (home.kept(id), home.changed(id), home.flac(id)):
            path.unlink(missing_ok=True)
    # the journal's pages into the database, and the journal cut to nothing: deleted rows are in neither then
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        return False
    for path in home.set_aside():
        path.unlink(missing_ok=True)
    sync_folder(home.takes)
    for marker in markers:
        marker.unlink()
    sync_folder(home.pending)
    return True


def _own_files(take: KeptTake) -> list[Path]:
    """This program's own recording of a take, with what lies beside it; nothing of a file that was imported."""
    if not take.own or take.source is None:
        return []
    return [take.source.with_suffix(ending) for ending in _COMPANIONS]
