"""Files of the store: private, whole or absent, and on the disk itself before anyone relies on them."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from voice_coach.errors import HistoryError

log = logging.getLogger(__name__)

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

LOCK_WAIT_S = 30.0
"""Nothing that holds the lock takes longer, but for a restore of many takes."""

_LOCK_EVERY_S = 0.05


def make_private(folder: Path) -> None:
    """Make a folder, and those above it, for this user alone; one that exists keeps its permissions."""
    if not folder.is_dir():
        # of several folders made at once, mkdir gives only the last one these permissions
        if not folder.parent.is_dir():
            make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A private file to write in place of `path`: it takes the name, synced, when the block ends well."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-", suffix=path.suffix)
    os.close(descriptor)
    new = Path(name)
    try:
        yield new
        sync_file(new)
        new.replace(path)
        sync_folder(path.parent)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def write_private(path: Path, content: bytes) -> None:
    """Write a whole file with permissions 0600, or leave what was there."""
    with replacing(path) as new:
        new.write_bytes(content)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed writer left behind; call it only while nobody writes."""
    for path in folder.glob(".new-*"):
        path.unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Force a file to the disk itself; on macOS fsync stops at the drive's own memory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if sys.platform == "darwin":
            with suppress(OSError):
                fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
                return
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk; some network file systems can't, and need not."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Lock:
    """Who may change the store: many that add, or one that does anything else. It ends with the process.

    Where the file system has no locks nobody holds one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def shared(self) -> Iterator[None]:
        """For adding. Raises: HistoryError if somebody keeps it too long."""
        with self._held(fcntl.LOCK_SH):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """For everything that changes what is there. Raises: HistoryError if somebody keeps it too long."""
        with self._held(fcntl.LOCK_EX):
            yield

    @contextmanager
    def alone_now(self) -> Iterator[bool]:
        """The same without waiting; yields whether it was free."""
        descriptor = self._open()
        try:
            yield _try_lock(descriptor, fcntl.LOCK_EX)
        finally:
            os.close(descriptor)

    @contextmanager
    def _held(self, mode: int) -> Iterator[None]:
        descriptor = self._open()
        try:
            deadline = time.monotonic() + LOCK_WAIT_S
            while not _try_lock(descriptor, mode):
                if time.monotonic() > deadline:
                    raise HistoryError(
                        f"{self._path.parent}: another voice-coach has been changing it for {LOCK_WAIT_S:.0f} s; "
                        "wait until it is done and run it again"
                    )
                time.sleep(_LOCK_EVERY_S)
            yield
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)


def _try_lock(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as exc:
        log.debug("no locks here: %s", exc)
    return True
