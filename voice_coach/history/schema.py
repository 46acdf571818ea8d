"""The database: its tables, how older ones are brought up to date, and whether one is sound."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from voice_coach.errors import HistoryError

BUSY_S = 10.0
"""How long to wait for another process; a write of ours takes milliseconds."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE takes (
        id TEXT PRIMARY KEY,
        take_id TEXT NOT NULL UNIQUE,
        taken_at TEXT NOT NULL,
        question_id TEXT,
        question TEXT,
        level TEXT,
        purpose TEXT NOT NULL,
        rehearsal_id TEXT,
        target_min_s REAL,
        target_max_s REAL,
        device TEXT,
        sound TEXT NOT NULL CHECK (sound IN ('kept', 'none', 'forgotten')),
        duration_s REAL,
        speaking_time_s REAL,
        verdict TEXT,
        speech_rate_wpm REAL,
        fillers_per_minute REAL,
        fillers_least REAL,
        fillers_most REAL,
        filled_pauses INTEGER,
        stages TEXT,
        star TEXT,
        mistakes TEXT,
        whisper TEXT,
        lifecycle TEXT,
        assessments INTEGER NOT NULL
    );
    CREATE TABLE corrections (
        take TEXT NOT NULL REFERENCES takes (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        action TEXT NOT NULL CHECK (action IN ('drop', 'add')),
        text TEXT NOT NULL,
        kind TEXT NOT NULL,
        start_s REAL NOT NULL,
        end_s REAL NOT NULL,
        PRIMARY KEY (take, number)
    )
    """,
    # lists are by time, newest first; follow-ups are looked up by purpose before every rehearsal
    """
    CREATE INDEX takes_by_time ON takes (taken_at);
    CREATE INDEX takes_by_purpose ON takes (purpose, taken_at)
    """,
    """
    ALTER TABLE takes ADD COLUMN opening INTEGER
    """,
)
"""Each brings a database from the version before it to its own; the first makes it. Only ever added to. What is to
stand in a new column is read from the takes on disk once a database was brought up to date."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection as the store wants it. Raises: sqlite3.Error."""
    # the store is handed from thread to thread, never shared by two at once
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # what is deleted is overwritten, not only unlinked
        connection.execute("PRAGMA secure_delete = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def version(connection: sqlite3.Connection) -> int:
    """How many migrations it has seen."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def faults(connection: sqlite3.Connection) -> str | None:
    """What is wrong inside; None if it is sound. Reads the whole database: 10 ms with 10,000 takes.

    Raises: sqlite3.DatabaseError where it is too broken to say.
    """
    told: str = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if told != "ok":
        return told
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables >= {"takes", "corrections"}:
        return "it lacks its tables"
    broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    return None if broken is None else f"a row of {broken[0]} belongs to no take"


def refuse_newer(connection: sqlite3.Connection, path: Path) -> None:
    """Raises: HistoryError if a later program wrote it."""
    found = version(connection)
    if found > len(MIGRATIONS):
        raise HistoryError(
            f"{path}: was written by a newer voice-coach (version {found}; this one knows {len(MIGRATIONS)}); "
            "update voice-coach"
        )


def migrate(
    connection: sqlite3.Connection,
    migrations: Sequence[str] = MIGRATIONS,
    *,
    at_last: Callable[[], None] = lambda: None,
) -> None:
    """Bring it up to date, each step whole or not at all. at_last: done as part of the last step.

    Raises: sqlite3.Error; whatever `at_last` raises.
    """
    for number in range(version(connection), len(migrations)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in migrations[number].split(";"):
                connection.execute(statement)
            if number + 1 == len(migrations):
                at_last()
            connection.execute(f"PRAGMA user_version = {number + 1}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def copy_to(connection: sqlite3.Connection, path: Path) -> None:
    """A private copy of the database as it is now. Raises: sqlite3.Error, OSError."""
    path.touch(mode=0o600)
    copy = sqlite3.connect(path)
    try:
        connection.backup(copy)
    finally:
        copy.close()
