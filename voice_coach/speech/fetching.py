"""Get a larger Whisper: the only code of the program that opens a network connection, by the user's own command.

Every file is pinned. A download goes to a `.part` file and resumes there when it broke off; it
gets its name only once its sha256 is right.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from voice_coach.errors import ModelFetchError, OutputError, UsageError
from voice_coach.speech.model_files import BLOCK, REMOTES, Model, Remote, find, register, sha256_of, user_root

HUB = "https://huggingface.co"
TIMEOUT_S = 30.0

Progress = Callable[[str, int, int | None], None]
"""Told the file's name, the bytes of it that are here, and how many there will be (None if unknown)."""


def fetch(
    name: str, *, hub: str = HUB, remotes: dict[str, Remote] = REMOTES, progress: Progress | None = None
) -> Model:
    """Download a Whisper and enter it into the user's manifest; files that are here and right are kept.

    Raises: UsageError for an unknown name, ModelFetchError if the download does not finish or brings
    other bytes, OutputError if it can't be written.
    """
    if name not in remotes:
        raise UsageError(f"can't fetch {name}; there are {', '.join(remotes)}")
    remote, folder = remotes[name], user_root() / f"whisper-{name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, digest in remote.sha256.items():
            path = folder / file
            if not path.is_file() or sha256_of(path) != digest:
                download(f"{hub}/{remote.repository}/resolve/{remote.revision}/{file}", path, digest, progress)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as exc:
        reason = getattr(exc, "reason", None) or exc
        raise ModelFetchError(
            f"could not fetch {name} ({reason}); check the connection and run the same command again: it resumes"
        ) from exc
    except OSError as exc:
        raise OutputError(
            f"{folder} can't be written ({exc.strerror}); free some space or check its permissions"
        ) from exc
    register(name, folder)
    return find(name)


def download(url: str, path: Path, sha256: str, progress: Progress | None = None) -> None:
    """Bring one file, going on where an earlier try broke off.

    Raises: ModelFetchError if the bytes are not the pinned ones (they are removed, so that a retry
    starts clean); whatever urllib and the file system raise.
    """
    part = path.with_name(path.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            if answer.status != http.client.PARTIAL_CONTENT:
                have = 0  # the server starts over
            length = answer.headers.get("Content-Length")
            total = have + int(length) if length else None
            with part.open("ab" if have else "wb") as file:
                while block := answer.read(BLOCK):
                    file.write(block)
                    have += len(block)
                    if progress:
                        progress(path.name, have, total)
        if total is not None and have < total:
            raise http.client.IncompleteRead(b"", total - have)
    except urllib.error.HTTPError as exc:
        # nothing is left to send: the earlier try had it all
        if exc.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
    if sha256_of(part) != sha256:
        part.unlink()
        raise ModelFetchError(f"{path.name} is not the pinned file and was removed; run the same command again")
    part.replace(path)
