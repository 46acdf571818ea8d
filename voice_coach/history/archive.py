"""All takes in one file, and back: a zip that any program can look into, with a checksum on each part.

The database is not in it; it is made anew from the takes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
import zlib
from datetime import datetime, timezone
from pathlib import Path

from voice_coach.errors import HistoryError, OutputError
from voice_coach.history.files import DISK_FULL, make_private, replacing, sync_folder
from voice_coach.history.home import Home, explained
from voice_coach.history.opening import open_database

SCHEMA = "voice-coach/backup/1"

_MANIFEST = "backup.json"
_PART = re.compile(r"takes/[a-z0-9]+\.(?:json|flac)")
_PIECE = 1 << 20


def back_up(home: Home, file: Path) -> int:
    """Write all takes into a private file, whole or not at all; returns how many. The store is open meanwhile.

    Raises: OutputError if the file can't be written; HistoryError if the store can't be read.
    """
    if os.path.lexists(file):
        raise OutputError(f"{file}: is there already; name a new file")
    with explained(home.folder), home.lock.shared():
        # a take is complete once it has its JSON
        records = sorted(home.takes.glob("[!.]*.json"))
        manifest = {"schema": SCHEMA, "takes": len(records), "made_at": datetime.now(timezone.utc).isoformat()}
        try:
            with replacing(file) as new, zipfile.ZipFile(new, "w") as parts:
                parts.writestr(_MANIFEST, json.dumps(manifest))
                for record in records:
                    parts.write(record, f"takes/{record.name}", zipfile.ZIP_DEFLATED)
                    sound = record.with_suffix(".flac")
                    if sound.exists():
                        # FLAC is as small as it gets
                        parts.write(sound, f"takes/{sound.name}", zipfile.ZIP_STORED)
        except OSError as exc:
            hint = "free some space" if exc.errno in DISK_FULL else "choose another place"
            raise OutputError(f"{file}: can't be written ({exc.strerror}); {hint}") from exc
    return len(records)


def restore(home: Home, file: Path, *, replace: bool) -> int:
    """Make a store of a backup; returns how many takes it holds. What was there is touched last.

    replace: in place of the takes that are there; without it a store that holds any is left alone.

    Raises: HistoryError if the file is no sound backup, or there are takes and `replace` is False.
    """
    if not replace and _holds_takes(home):
        raise HistoryError(f"{home.folder}: holds takes already; to put the backup in their place, give --replace")
    new = Home(home.folder.with_name(f"{home.folder.name}.restoring"))
    with explained(home.folder):
        shutil.rmtree(new.folder, ignore_errors=True)
        try:
            count = _unpack(file, new)
            open_database(new).connection.close()
            os.sync()
            _swap(home, new.folder)
        finally:
            shutil.rmtree(new.folder, ignore_errors=True)
    return count


def _holds_takes(home: Home) -> bool:
    return any(any(folder.glob("[!.]*")) for folder in (home.takes, home.pending) if folder.is_dir())


def _unpack(file: Path, new: Home) -> int:
    try:
        with zipfile.ZipFile(file) as parts:
            manifest = json.loads(parts.read(_MANIFEST))
            if manifest["schema"] != SCHEMA:
                raise HistoryError(f"{file}: is a backup of another version ({manifest['schema']}); update voice-coach")
            names = [name for name in parts.namelist() if name != _MANIFEST]
            if not all(map(_PART.fullmatch, names)):
                raise HistoryError(f"{file}: holds files that no backup of voice-coach holds; name another file")
            new.make()
            for name in names:
                _unpack_part(parts, name, new.folder / name)
            if sum(name.endswith(".json") for name in names) != manifest["takes"]:
                raise HistoryError(f"{file}: takes are missing from it; name another backup")
            return int(manifest["takes"])
    except FileNotFoundError as exc:
        raise HistoryError(f"{file}: no such file; check the name") from exc
    except (zipfile.BadZipFile, zlib.error, RuntimeError, KeyError, TypeError, ValueError, EOFError) as exc:
        # a runtime error is that of a file under a password, or packed in a way that nobody here knows
        raise HistoryError(f"{file}: is no backup of voice-coach, or it is damaged; name another file") from exc


def _unpack_part(parts: zipfile.ZipFile, name: str, path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    # reading to the end checks the part against its checksum
    with os.fdopen(descriptor, "wb") as file, parts.open(name) as part:
        shutil.copyfileobj(part, file, _PIECE)


def _swap(home: Home, new: Path) -> None:
    """Put a new store where the old one is; a process that dies in between leaves one of them, whole."""
    make_private(home.folder)
    with home.lock.alone():
        home.folder.rename(home.replaced)
        new.rename(home.folder)
        sync_folder(home.folder.parent)
    shutil.rmtree(home.replaced)
