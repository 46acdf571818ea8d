"""Model files: pinned, verified before first use, and one line that says what to do when they are not sound."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from voice_coach.errors import ModelDamagedError, ModelMissingError, UsageError
from voice_coach.speech.model_files import (
    DEFAULT_WHISPER,
    LIFECYCLE,
    REMOTES,
    Model,
    describe,
    find,
    listing,
    sha256_of,
    shipped_root,
    verified,
)


@pytest.fixture
def own_model(tmp_path: Path) -> Model:
    """A small model of two files with its manifest entry."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"weights" * 1000)
    (folder / "config.json").write_text("{}")
    entry = describe("own", folder)
    from voice_coach.speech.model_files import ModelFile

    return Model("own", folder, tuple(ModelFile(f["name"], f["size"], f["sha256"]) for f in entry["files"]))


def test_the_shipped_models_are_whole_and_pinned() -> None:
    for name in (DEFAULT_WHISPER, LIFECYCLE):
        assert verified(find(name)).is_dir()
    pinned = json.loads((shipped_root() / "MODELS.json").read_text())
    assert {entry["name"] for entry in pinned["models"]} == {DEFAULT_WHISPER, LIFECYCLE}
    assert {model.name for model in listing()} >= {DEFAULT_WHISPER, LIFECYCLE}


def test_the_lifecycle_model_is_small() -> None:
    assert find(LIFECYCLE).size <= 40e6


def test_sha256(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc" * 10)
    assert sha256_of(path) == hashlib.sha256(b"abc" * 10).hexdigest()


def test_a_sound_model_is_hashed_once_only(own_model: Model) -> None:
    verified(own_model)
    path = own_model.folder / "model.bin"
    stat = path.stat()
    # same size and time stamp: the note vouches for it, so a change that hides both goes unseen
    path.write_bytes(b"WEIGHTS" * 1000)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert verified(own_model) == own_model.folder
    os.utime(path)
    with pytest.raises(ModelDamagedError, match="sha256"):
        verified(own_model)


def test_a_missing_file(own_model: Model) -> None:
    (own_model.folder / "config.json").unlink()
    with pytest.raises(ModelMissingError, match=r"config\.json is missing; install the program again"):
        verified(own_model)


def test_a_short_file(own_model: Model) -> None:
    (own_model.folder / "model.bin").write_bytes(b"weights")
    with pytest.raises(ModelDamagedError, match="7 bytes instead of 7000"):
        verified(own_model)


def test_a_known_model_that_is_not_here_says_how_to_get_it() -> None:
    with pytest.raises(ModelMissingError, match=r"voice-coach models fetch small\.en"):
        find("small.en")


def test_an_unknown_model() -> None:
    with pytest.raises(UsageError, match="no model is called huge"):
        find("huge")


@pytest.mark.parametrize("name", sorted(REMOTES))
def test_remotes_are_pinned(name: str) -> None:
    remote = REMOTES[name]
    assert len(remote.revision) == 40
    assert set(remote.sha256) == {"config.json", "model.bin", "tokenizer.json", "vocabulary.txt"}
    assert all(len(digest) == 64 for digest in remote.sha256.values())


def test_a_broken_manifest_of_the_users_does_not_stop_the_shipped_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICE_COACH_MODELS", str(tmp_path))
    (tmp_path / "MODELS.json").write_text('{"models": [{"na')
    assert find(DEFAULT_WHISPER).name == DEFAULT_WHISPER
    with pytest.raises(ModelDamagedError, match="delete it and fetch the model again"):
        find("small.en")
