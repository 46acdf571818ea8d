"""Model files: where they are, whether they are sound, and which larger Whispers can be had.

Two models ship with the program. A manifest (`MODELS.json` beside them) pins every file by
sha256. A file is hashed before its first use and again whenever its size or time stamp
changes; in between a note in the cache says that it was sound. Getting a larger one is `fetching`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voice_coach.errors import ModelDamagedError, ModelMissingError, OutputError, UsageError

DEFAULT_WHISPER = "base.en"
LIFECYCLE = "lifecycle"
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model, as the manifest pins it."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Model:
    """One model: its short name, its folder, its files."""

    name: str
    folder: Path
    files: tuple[ModelFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class Remote:
    """A Whisper on the hub, pinned by revision and by the sha256 of every file."""

    repository: str
    revision: str
    about_bytes: int
    sha256: dict[str, str]


_ENGLISH_VOCABULARY = "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf"
_ENGLISH_TOKENIZER = "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"

REMOTES = {
    "tiny.en": Remote(
        "Systran/faster-whisper-tiny.en",
        "0d3d19a32d3338f10357c0889762bd8d64bbdeba",
        78_000_000,
        {
            "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
            "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            "tokenizer.json": _ENGLISH_TOKENIZER,
            "vocabulary.txt": _ENGLISH_VOCABULARY,
        },
    ),
    "small.en": Remote(
        "Systran/faster-whisper-small.en",
        "d1d751a5f8271d482d14ca55d9e2deeebbae577f",
        486_000_000,
        {
            "config.json": "666a9605530ac1f61fa8177f3702b4dacec9966749e42610839fcc32661d5fae",
            "model.bin": "62b2a45b05ee59acb4a5341b33ee35e041395d378d418a18acfe4c9e768ee37a",
            "tokenizer.json": _ENGLISH_TOKENIZER,
            "vocabulary.txt": _ENGLISH_VOCABULARY,
        },
    ),
    "medium.en": Remote(
        "Systran/faster-whisper-medium.en",
        "a29b04bd15381511a9af671baec01072039215e3",
        1_530_000_000,
        {
            "config.json": "4a1848ebabe7938d9797c15a2e8e4ce1d36e6fd4a43d096ae5955257c67c7962",
            "model.bin": "11b220779aea4c6f3ce9d2549c8a95ea869ed84066864b999531ef53e594fe5b",
            "tokenizer.json": _ENGLISH_TOKENIZER,
            "vocabulary.txt": _ENGLISH_VOCABULARY,
        },
    ),
}
"""What `models fetch` knows; a hub that serves other bytes under these names is refused."""


def shipped_root() -> Path:
    """The folder of the shipped models: inside the installed package, or the checkout's `models/`."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "models"
    return inside if inside.is_dir() else package.parent / "models"


def user_root() -> Path:
    """Where fetched models live."""
    import platformdirs

    return Path(os.environ.get("VOICE_COACH_MODELS") or Path(platformdirs.user_data_dir("voice-coach")) / "models")


def find(name: str) -> Model:
    """A model by its short name, shipped or fetched; its files are not looked at yet.

    Raises: ModelMissingError if there is none; UsageError if the name is not known at all.
    """
    # the shipped models first: whatever happened to the user's own manifest, they must work
    for root in (shipped_root(), user_root()):
        for model in _manifest(root):
            if model.name == name:
                return model
    if name in REMOTES:
        raise ModelMissingError(f"model {name} is not on this machine; run: voice-coach models fetch {name}")
    if name in (DEFAULT_WHISPER, LIFECYCLE):
        raise ModelMissingError(f"model {name} is missing from {shipped_root()}; install the program again")
    raise UsageError(f"no model is called {name}; known: {', '.join((DEFAULT_WHISPER, *REMOTES))}")


def listing() -> tuple[Model, ...]:
    """Every model on this machine, shipped ones first."""
    return (*_manifest(shipped_root()), *_manifest(user_root()))


def verified(model: Model) -> Path:
    """The model's folder, once every file is known to be sound.

    Raises: ModelMissingError, ModelDamagedError naming the file and what to do.
    """
    notes = _Notes()
    for file in model.files:
        path = model.folder / file.name
        try:
            stat = path.stat()
        except OSError as exc:
            raise ModelMissingError(f"{path} is missing; {_remedy(model)}") from exc
        if stat.st_size != file.size:
            raise ModelDamagedError(
                f"{path} is damaged ({stat.st_size} bytes instead of {file.size}); {_remedy(model)}"
            )
        if notes.sound(path, stat, file.sha256):
            continue
        try:
            found = sha256_of(path)
        except OSError as exc:
            raise ModelDamagedError(f"{path} can't be read ({exc.strerror}); {_remedy(model)}") from exc
        if found != file.sha256:
            raise ModelDamagedError(f"{path} is damaged (its sha256 is not the pinned one); {_remedy(model)}")
        notes.add(path, stat, file.sha256)
    notes.save()
    return model.folder


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def describe(name: str, folder: Path, *, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """A manifest entry for the files now in a folder; used where models are made or fetched."""
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.name not in skip and not p.name.startswith("."))
    return {
        "name": name,
        "folder": folder.name,
        "files": [{"name": p.name, "size": p.stat().st_size, "sha256": sha256_of(p)} for p in files],
    }


def register(name: str, folder: Path) -> None:
    """Enter a fetched model into the user's manifest, or replace its entry.

    Raises: OutputError if the manifest can't be written.
    """
    path = user_root() / "MODELS.json"
    entries = [one for one in _entries(user_root()) if one["name"] != name]
    partial = path.with_suffix(".part")
    try:
        partial.write_text(json.dumps({"models": [*entries, describe(name, folder)]}, indent=2), encoding="utf-8")
        # whole or not at all: a manifest cut off half-way would hide every fetched model
        partial.replace(path)
    except OSError as exc:
        raise OutputError(
            f"{path} can't be written ({exc.strerror}); free some space or check its permissions"
        ) from exc


def _remedy(model: Model) -> str:
    if model.name in REMOTES:
        return f"run: voice-coach models fetch {model.name}"
    return "install the program again (in a checkout: git checkout -- models)"


def _entries(root: Path) -> list[dict[str, Any]]:
    path = root / "MODELS.json"
    if not path.is_file():
        return []
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["models"]
        for entry in entries:
            if not isinstance(entry["name"], str) or not isinstance(entry["folder"], str):
                raise TypeError("no name or folder")
            [(file["name"], file["size"], file["sha256"]) for file in entry["files"]]
    except (ValueError, KeyError, TypeError, OSError) as exc:
        remedy = "delete it and fetch the model again" if root == user_root() else "install the program again"
        raise ModelDamagedError(f"{path} can't be read; {remedy}") from exc
    return entries


def _manifest(root: Path) -> Iterator[Model]:
    for entry in _entries(root):
        yield Model(
            name=entry["name"],
            folder=root / entry["folder"],
            files=tuple(ModelFile(f["name"], f["size"], f["sha256"]) for f in entry["files"]),
        )


class _Notes:
    """What was found sound before: path, size, time stamp → sha256. Losing it costs a second."""

    def __init__(self) -> None:
        import platformdirs

        self._path = Path(platformdirs.user_cache_dir("voice-coach")) / "verified.json"
        self._changed = False
        try:
            self._known: dict[str, str] = dict(json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            self._known = {}

    @staticmethod
    def _key(path: Path, stat: os.stat_result) -> str:
        return f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ino}"

    def sound(self, path: Path, stat: os.stat_result, sha256: str) -> bool:
        return self._known.get(self._key(path, stat)) == sha256

    def add(self, path: Path, stat: os.stat_result, sha256: str) -> None:
        self._known[self._key(path, stat)] = sha256
        self._changed = True

    def save(self) -> None:
        if not self._changed:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps(self._known), encoding="utf-8")
        except OSError:
            # a full disk must not keep anyone from rehearsing; the files are hashed again next time
            return
