"""Where everything of the store lies, and what is told when the disk or the database refuses.

    history.db              an index of all takes, for lists that must be quick
    takes/ID.flac           the sound of a take
    takes/ID.json           all else that is known of it: the truth (`KeptTake`)
    pending/ID.json         a change of a take that is being made: it becomes takes/ID.json when it is done
    pending/ID.delete       a take that is being deleted
    lock                    who may change all this (`Lock`)

A process that dies in the middle leaves something in pending/; whoever opens the store next ends it.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from voice_coach.errors import HistoryError
from voice_coach.history.files import DISK_FULL, Lock, make_private

FULL_BYTES = 1 << 16
"""With less free than the pages of one small change a disk is full."""


def history_folder() -> Path:
    """The user's own store: in the user's data folder, wherever recordings are put.

    It stays there when `takes` in the settings moves to another disk: a history must not seem lost with that.
    """
    import platformdirs

    return Path(platformdirs.user_data_dir("voice-coach")) / "history"


@dataclass(frozen=True, slots=True)
class Home:
    """The places in one store."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "history.db"

    @property
    def takes(self) -> Path:
        return self.folder / "takes"

    @property
    def pending(self) -> Path:
        return self.folder / "pending"

    @property
    def lock(self) -> Lock:
        return Lock(self.folder / "lock")

    def flac(self, id: str) -> Path:
        return self.takes / f"{id}.flac"

    def kept(self, id: str) -> Path:
        return self.takes / f"{id}.json"

    def changed(self, id: str) -> Path:
        return self.pending / f"{id}.json"

    def deleted(self, id: str) -> Path:
        return self.pending / f"{id}.delete"

    @property
    def replaced(self) -> Path:
        """Where the old store lies for the moment in which a restored one takes its place."""
        return self.folder.with_name(f"{self.folder.name}.replaced")

    def make(self) -> None:
        """Make the folders that are not there, and end a restore that was cut off. Raises: OSError."""
        if self.replaced.exists():
            if self.folder.exists():
                shutil.rmtree(self.replaced, ignore_errors=True)
            else:
                self.replaced.rename(self.folder)
        for folder in (self.folder, self.takes, self.pending):
            make_private(folder)

    def spare_name(self, what: str) -> Path:
        """A name, free at the moment, for a copy of the database that is set aside."""
        stem = f"history.{what}-{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}"
        number, path = 1, self.folder / f"{stem}.db"
        while path.exists():
            number += 1
            path = self.folder / f"{stem}-{number}.db"
        return path

    def set_aside(self) -> list[Path]:
        """Copies of the database that are kept for their owner's sake, with their companions."""
        return [path for what in ("damaged", "before") for path in self.folder.glob(f"history.{what}-*")]


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what SQLite and the system say into one line that helps. Raises: HistoryError."""
    try:
        yield
    except sqlite3.OperationalError as exc:
        if "locked" in str(exc):
            raise HistoryError(f"{folder}: another voice-coach is writing to it; run it again") from exc
        # where it maps its memory on a full disk SQLite speaks of an I/O error
        if "full" in str(exc) or _is_full(folder):
            raise HistoryError(f"{folder}: the disk is full; free some space and run it again") from exc
        raise HistoryError(
            f"{folder}: the history can't be used ({exc}); check that the folder and the files in it are yours"
        ) from exc
    except sqlite3.DatabaseError as exc:
        raise HistoryError(f"{folder}: the database is damaged ({exc}); run it again, and it is made anew") from exc
    except OSError as exc:
        if exc.errno in DISK_FULL:
            raise HistoryError(f"{folder}: the disk is full; free some space and run it again") from exc
        raise HistoryError(
            f"{folder}: the history can't be used ({exc.strerror}); check that the folder and the files in it are yours"
        ) from exc


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < FULL_BYTES
    except OSError:
        return False
