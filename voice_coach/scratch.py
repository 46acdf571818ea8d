"""A folder for files on their way, gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from voice_coach.errors import OutputError


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for this user alone, in the system's place for temporary files.

    Raises: OutputError if none can be made.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="voice-coach-", ignore_cleanup_errors=True)
    except OSError as exc:
        raise OutputError(
            "no folder for temporary files can be made: free some space, or name another one in TMPDIR"
        ) from exc
    with folder as name:
        yield Path(name)
