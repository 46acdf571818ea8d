"""Fetching a model from a hub that runs here: whole, cut off and resumed, wrong, absent."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from voice_coach.errors import ModelFetchError, UsageError
from voice_coach.speech.fetching import fetch
from voice_coach.speech.model_files import Remote, verified

FILES = {"config.json": b"{}", "model.bin": bytes(range(256)) * 4000}


class Hub(ThreadingHTTPServer):
    """A hub on the loopback. cut_at: bytes after which it hangs up, once. served: ranges asked for."""

    cut_at: int | None = None
    spoil = False
    served: list[tuple[str, str | None]]


class Handler(BaseHTTPRequestHandler):
    """Serves FILES, with ranges."""

    server: Hub

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        wanted = self.headers.get("Range")
        self.server.served.append((name, wanted))
        body = FILES[name]
        if self.server.spoil:
            body = body[:-1] + b"?"
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        rest = body[start:]
        if self.server.cut_at is not None and len(rest) > self.server.cut_at:
            rest, self.server.cut_at = rest[: self.server.cut_at], None
        self.wfile.write(rest)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(("127.0.0.1", 0), Handler) as server:
        server.served = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def _own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICE_COACH_MODELS", str(tmp_path / "models"))


REMOTES = {
    "own": Remote("who/own", "0" * 40, 1, {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()})
}


def address(hub: Hub) -> str:
    return f"http://127.0.0.1:{hub.server_address[1]}"


def test_a_model_arrives_whole_and_is_sound(hub: Hub) -> None:
    seen: list[tuple[str, int, int | None]] = []
    model = fetch("own", hub=address(hub), remotes=REMOTES, progress=lambda *one: seen.append(one))
    assert {path.name: path.read_bytes() for path in verified(model).iterdir()} == FILES
    assert seen[-1] == ("model.bin", len(FILES["model.bin"]), len(FILES["model.bin"]))


def test_what_is_here_is_not_fetched_again(hub: Hub) -> None:
    fetch("own", hub=address(hub), remotes=REMOTES)
    hub.served.clear()
    fetch("own", hub=address(hub), remotes=REMOTES)
    assert hub.served == []


def test_a_download_that_breaks_off_resumes(hub: Hub) -> None:
    hub.cut_at = 300_000
    with pytest.raises(ModelFetchError, match="it resumes"):
        fetch("own", hub=address(hub), remotes=REMOTES)
    hub.served.clear()
    model = fetch("own", hub=address(hub), remotes=REMOTES)
    assert hub.served == [("model.bin", "bytes=300000-")]
    assert (verified(model) / "model.bin").read_bytes() == FILES["model.bin"]


def test_other_bytes_are_refused_and_removed(hub: Hub, tmp_path: Path) -> None:
    hub.spoil = True
    with pytest.raises(ModelFetchError, match="not the pinned file"):
        fetch("own", hub=address(hub), remotes=REMOTES)
    assert not [path for path in (tmp_path / "models").rglob("*") if path.is_file()]


def test_a_damaged_file_is_fetched_again(hub: Hub) -> None:
    model = fetch("own", hub=address(hub), remotes=REMOTES)
    (model.folder / "config.json").write_bytes(b"[]")
    assert (verified(fetch("own", hub=address(hub), remotes=REMOTES)) / "config.json").read_bytes() == b"{}"


def test_no_hub() -> None:
    with pytest.raises(ModelFetchError, match="check the connection"):
        fetch("own", hub="http://127.0.0.1:9", remotes=REMOTES)


def test_unknown() -> None:
    with pytest.raises(UsageError, match="can't fetch huge"):
        fetch("huge")
