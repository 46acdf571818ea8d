"""Put a page on disk: whole or not at all, and readable by its owner alone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from voice_coach.errors import OutputError


def write_private(path: Path, text: str) -> None:
    """Write a file with permissions 0600, replacing one of that name only once the new one is complete.

    Raises: OutputError.
    """
    try:
        if path.is_dir():
            raise OutputError(f"{path}: is a folder; name a file in it, for instance {path / 'report.html'}")
        path.parent.mkdir(parents=True, exist_ok=True)
        # a temporary file of this kind is private from the start
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            # a file's name need not be UTF-8
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as exc:
        raise OutputError(f"{path}: can't be written ({exc.strerror}); choose another place") from exc
