"""Open the database as it should be: made where there is none, brought up to date, or made anew from the takes."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from voice_coach.errors import HistoryError
from voice_coach.history import rows, schema
from voice_coach.history.files import sync_file, sync_folder
from voice_coach.history.home import Home
from voice_coach.history.kept import KeptTake, read_kept, write_kept
from voice_coach.history.settling import bare_take, finish_changes

log = logging.getLogger(__name__)

_WITH_DATABASE = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Opened:
    """A sound database, and what its owner should know of how it came to be."""

    connection: sqlite3.Connection
    notes: tuple[str, ...] = ()


def open_database(home: Home) -> Opened:
    """Raises: HistoryError if a newer program wrote it; OSError, sqlite3.Error."""
    home.make()
    opened = _open_sound(home)
    if opened is None:
        with home.lock.alone():
            # somebody else may have mended it meanwhile
            opened = _open_sound(home) or _mended(home)
    try:
        _end_what_was_begun(home, opened.connection)
    except BaseException:
        opened.connection.close()
        raise
    return opened


def _open_sound(home: Home) -> Opened | None:
    """None where it is missing, older, or damaged."""
    connection = _sound_connection(home)
    if connection is None or schema.version(connection) == len(schema.MIGRATIONS):
        return None if connection is None else Opened(connection)
    connection.close()
    return None


def _sound_connection(home: Home) -> sqlite3.Connection | None:
    """A connection to a database of whatever version; None where it is missing or damaged."""
    if not home.database.exists():
        return None
    connection = None
    try:
        connection = schema.connect(home.database)
        schema.refuse_newer(connection, home.database)
        fault = schema.faults(connection)
    except (HistoryError, sqlite3.Error) as exc:
        if connection is not None:
            connection.close()
        # an operational error is the system's; every other one of SQLite's is the file's own
        if isinstance(exc, HistoryError | sqlite3.OperationalError):
            raise
        fault, connection = str(exc), None
    if fault is None:
        return connection
    log.info("%s: %s", home.database, fault)
    if connection is not None:
        connection.close()
    return None


def _mended(home: Home) -> Opened:
    if not home.database.exists():
        return _rebuilt(home, "the history's database was missing")
    older = _sound_connection(home)
    if older is not None:
        try:
            schema.copy_to(older, home.spare_name(f"before-{len(schema.MIGRATIONS)}"))
            # one step: a database that was brought up to date and not filled would never be filled
            schema.migrate(older, at_last=partial(_refill, home, older))
        except BaseException:
            older.close()
            raise
        return Opened(older)
    aside = home.spare_name("damaged")
    for ending in _WITH_DATABASE:
        path = home.database.with_name(home.database.name + ending)
        if path.exists():
            path.rename(aside.with_name(aside.name + ending))
    return _rebuilt(home, f"the history's database was damaged and is set aside as {aside}")


def _refill(home: Home, connection: sqlite3.Connection) -> None:
    """Fill the columns that came with a migration from what is kept of each take; what can't be read stays as it is."""
    for path in sorted(home.takes.glob("*.json")):
        with suppress(HistoryError, KeyError, TypeError, AttributeError, sqlite3.IntegrityError):
            rows.put(connection, read_kept(path))


def _rebuilt(home: Home, why: str) -> Opened:
    """A database made of the takes on disk; complete before it takes its name."""
    new = home.folder / "history.new.db"
    for ending in _WITH_DATABASE:
        for path in (new, home.database):
            path.with_name(path.name + ending).unlink(missing_ok=True)
    new.touch(mode=0o600)
    connection = schema.connect(new)
    found, lost = 0, []
    try:
        schema.migrate(connection)
        connection.execute("BEGIN")
        for path in _records(home):
            try:
                rows.put(connection, _read(home, path))
                found += 1
            except (HistoryError, KeyError, TypeError, AttributeError, sqlite3.IntegrityError) as exc:
                log.warning("%s: %s", path, exc)
                lost.append(path)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    sync_file(new)
    new.replace(home.database)
    sync_folder(home.folder)
    notes = [f"{why}; {_takes(found)} read back from {home.takes}"] if found or lost else []
    if lost:
        notes.append(f"{_takes(len(lost))} not read back, {lost[0]} the first: restore a backup, if you have one")
    return Opened(schema.connect(home.database), tuple(notes))


def _records(home: Home) -> Iterator[Path]:
    """What stands for each take: its JSON, the one of a change not yet ended, or its sound alone."""
    kept = {path.stem: path for path in sorted(home.takes.glob("*.flac"))}
    kept |= {path.stem: path for path in sorted(home.takes.glob("*.json"))}
    kept |= {path.stem: path for path in sorted(home.pending.glob("*.json"))}
    return (path for path in kept.values() if not path.name.startswith("."))


def _read(home: Home, path: Path) -> KeptTake:
    if path.suffix == ".json":
        return read_kept(path)
    take = bare_take(home, path.stem)
    write_kept(home.kept(take.id), take)
    return take


def _end_what_was_begun(home: Home, connection: sqlite3.Connection) -> None:
    """Where a process died in the middle of a change; where one is alive, it ends it by itself."""
    if not any(home.pending.iterdir()):
        return
    with home.lock.alone_now() as free:
        if free:
            finish_changes(home, connection)


def _takes(count: int) -> str:
    return "1 take was" if count == 1 else f"{count} takes were"
