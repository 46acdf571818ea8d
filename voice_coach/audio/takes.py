"""Keep an answer on disk while it is being given, and find it again after whatever happened.

A take is two files: `take-<UTC time>.wav`, mono int16 at 16 kHz, and a `.json` of the same name
that says what was asked and where sound is missing. The wav file's header is made true after
every block, so a player can open it at any moment, and a process that is killed loses nothing it
was given. Both files are on the disk itself, not only on its way, at least every half second.
What says that a take is whole is the number of samples in the JSON, written last.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import re
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from types import NoneType, TracebackType
from typing import Any, Literal, get_args

import numpy as np

from voice_coach.errors import TakeError
from voice_coach.records import SAMPLE_RATE_HZ, CandidateLevel, Question, Samples

log = logging.getLogger(__name__)

TakeState = Literal["recording", "cut_off", "finished"]
MarkKind = Literal["gap", "overflow", "device_change", "write_failed", "cue"]

SCHEMA = "voice-coach/take/1"

SYNC_S = 0.25
"""Sound that may wait before it is forced to the disk: with blocks of up to the same length, at
most half a second is on its way when the power goes."""

FILL_S = 10.0
"""Longest silence put in place of sound that is missing. It keeps the answer's clock; a laptop
that slept all night must not fill the disk with zeros."""

RESERVE_BYTES = 8192
"""Held while recording and given up when the disk is full, so that there is room to say so."""

SAMPLE_BYTES = 2
FULL_SCALE = 32768.0

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_NAME = re.compile(r"take-(\d{8}T\d{6}Z)(-\d+)?")
_STAMP = "%Y%m%dT%H%M%SZ"
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a take where the sound is not what was said.

    at: the sample before which it happened. lost: how many samples are missing there by the
    clock, None if nobody can say, 0 if none. filled: how many samples of silence from `at` on
    stand for them; less than `lost` where the gap was longer than FILL_S.
    """

    kind: MarkKind
    at: int
    lost: int | None
    filled: int
    note: str


@dataclass(frozen=True, slots=True)
class TakeMetadata:
    """What the JSON beside a take says. Unknown is None, as it is where the JSON was lost.

    samples: how many the whole take holds, None until it is finished. recovered: it was cut off
    and made whole later. device: the input's name. purpose, target_min_s, target_max_s, probes: those
    of the question as it was put, None in takes from before they were written down.
    """

    id: str
    question_id: str | None
    question: str | None
    level: CandidateLevel | None
    started_at: datetime
    device: str | None
    sample_rate_hz: int = SAMPLE_RATE_HZ
    marks: tuple[Mark, ...] = ()
    samples: int | None = None
    recovered: bool = False
    purpose: str | None = None
    target_min_s: float | None = None
    target_max_s: float | None = None
    probes: str | None = None


@dataclass(frozen=True, slots=True)
class Take:
    """A take as found on disk.

    samples: how many there are, by the file's length if the take was never finished.
    metadata: None where the JSON is missing or damaged.
    """

    path: Path
    state: TakeState
    samples: int
    started_at: datetime
    metadata: TakeMetadata | None

    @property
    def id(self) -> str:
        return self.path.stem

    @property
    def duration_s(self) -> float:
        return self.samples / SAMPLE_RATE_HZ


class TakeRecorder:
    """Writes one take as it comes. For one thread at a time; forcing to disk takes milliseconds,
    so that thread must not be the sound callback.

    The folder is made (0700) if need be, the files are 0600. Leaving the `with` block without
    `finish` leaves a take that counts as cut off, with everything in it.

    Raises: TakeError if the folder can't take it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        question: Question,
        level: CandidateLevel,
        device: str | None,
        started_at: datetime | None = None,
    ) -> None:
        started_at = started_at or datetime.now(timezone.utc)
        self._asked = self._samples = self._unsynced = 0
        self._failure: str | None = None
        try:
            _make_private(folder)
            self.path, self._descriptor = _create(folder, started_at)
        except OSError as exc:
            raise TakeError(_no_room(folder, exc)) from exc
        self._metadata = TakeMetadata(
            id=self.path.stem,
            question_id=question.id,
            question=question.text,
            level=level,
            started_at=started_at,
            device=device,
            purpose=question.purpose,
            target_min_s=question.target_min_s,
            target_max_s=question.target_max_s,
            probes=question.probes,
        )
        self._open = True
        try:
            _lock(self._descriptor, fcntl.LOCK_EX)
            self._write_header()
            _write_private(_reserve(self.path), b"\0" * RESERVE_BYTES)
            self._sync()
            _save(self.path, self._metadata)
        except OSError as exc:
            self.close()
            for file in (self.path, *_companions(self.path)):
                file.unlink(missing_ok=True)
            raise TakeError(_no_room(folder, exc)) from exc

    def __enter__(self) -> TakeRecorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def samples(self) -> int:
        """How many are in the file."""
        return self._samples

    @property
    def duration_s(self) -> float:
        return self._samples / SAMPLE_RATE_HZ

    def push(self, samples: Samples) -> None:
        """Append a block, float32 of shape (n,) at SAMPLE_RATE_HZ; samples that are not finite become silence.

        Raises: TakeError if the disk is full or fails. What fits is kept, the place is marked,
        and every later call raises it again; `finish` still works.
        """
        pcm = _as_pcm(samples)
        with self._writing():
            self._append(pcm)

    def mark(self, kind: MarkKind, *, lost: int | None = 0, note: str = "") -> None:
        """Note that sound is missing here, or comes from elsewhere from here on.

        lost: samples missing by the clock, None if unknown. Silence takes their place, up to FILL_S.
        The mark is on disk before any sound that follows it.

        Raises: TakeError as `push` does.
        """
        if lost is not None and lost < 0:
            raise ValueError(f"lost must not be negative: {lost}")
        filled = min(lost or 0, round(FILL_S * SAMPLE_RATE_HZ))
        with self._writing():
            self._sync()
            self._note(Mark(kind, self._samples, lost, filled, note))
            _save(self.path, self._metadata)
            self._append(bytes(filled * SAMPLE_BYTES))

    def finish(self) -> Take:
        """Mark the take whole and close it.

        Raises: TakeError if the disk refuses; the sound that reached it is kept, and the take counts as cut off.
        """
        self._check_open()
        whole = replace(self._metadata, samples=self._samples)
        try:
            _reserve(self.path).unlink(missing_ok=True)
            self._sync()
            _save(self.path, whole)
        except OSError as exc:
            there = "all" if self._failure is None else "the first"
            first = "free some space and run" if exc.errno in _DISK_FULL else "once the disk is back run"
            raise TakeError(
                f"{self.path}: {there} {self.duration_s:.1f} s are kept but could not be marked whole "
                f"({exc.strerror}); {first}: voice-coach recover"
            ) from exc
        finally:
            self.close()
        return Take(self.path, "finished", self._samples, whole.started_at, whole)

    def unfinished(self) -> Take:
        """The take as far as it was written, where `finish` could not make it whole."""
        return Take(self.path, "cut_off", self._samples, self._metadata.started_at, self._metadata)

    def close(self) -> None:
        """Let go of the file as it is. Safe to call again."""
        if self._open:
            self._open = False
            with suppress(OSError):
                self._sync()
            os.close(self._descriptor)

    def _check_open(self) -> None:
        if not self._open:
            raise ValueError(f"{self.path.name} is closed")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn the first failure into the end of the take, and into a TakeError from then on."""
        self._check_open()
        if self._failure is not None:
            raise TakeError(self._failure)
        try:
            yield
        except OSError as exc:
            self._failure = self._end_here(exc)
            raise TakeError(self._failure) from exc

    def _append(self, pcm: bytes) -> None:
        start, written = _HEADER.size + self._samples * SAMPLE_BYTES, 0
        self._asked = self._samples + len(pcm) // SAMPLE_BYTES
        try:
            while written < len(pcm):
                written += os.pwrite(self._descriptor, pcm[written:], start + written)
        finally:
            self._samples += written // SAMPLE_BYTES
            self._unsynced += written // SAMPLE_BYTES
        # the sound first: a header that promises less than there is can be mended
        self._write_header()
        if self._unsynced >= SYNC_S * SAMPLE_RATE_HZ:
            self._sync()

    def _write_header(self) -> None:
        os.pwrite(self._descriptor, _header(self._samples), 0)

    def _sync(self) -> None:
        _sync(self._descriptor)
        self._unsynced = 0

    def _note(self, mark: Mark) -> None:
        self._metadata = replace(self._metadata, marks=(*self._metadata.marks, mark))

    def _end_here(self, exc: OSError) -> str:
        """Keep all that fits; each step is worth trying where another one failed."""
        lost = max(self._asked - self._samples, 0)
        self._note(Mark("write_failed", self._samples, lost, 0, exc.strerror or ""))
        with suppress(OSError):
            _reserve(self.path).unlink(missing_ok=True)
        with suppress(OSError):
            os.ftruncate(self._descriptor, _HEADER.size + self._samples * SAMPLE_BYTES)
        with suppress(OSError):
            self._write_header()
        with suppress(OSError):
            self._sync()
        with suppress(OSError):
            _save(self.path, self._metadata)
        if exc.errno in _DISK_FULL:
            return f"the disk is full: {self.path} keeps the first {self.duration_s:.1f} s; free some space and go on"
        return (
            f"{self.path} can't be written ({exc.strerror}): it keeps the first {self.duration_s:.1f} s; "
            "check the disk, or choose another folder for takes"
        )


def list_takes(folder: Path) -> tuple[Take, ...]:
    """The takes in a folder, oldest first; none where there is no such folder.

    Files that only look like takes (another name, or a wav file of another kind) are left out.

    Raises: TakeError if the folder can't be read.
    """
    try:
        paths = [path for path in folder.iterdir() if path.suffix == ".wav" and _time_in(path.stem)]
    except FileNotFoundError:
        return ()
    except OSError as exc:
        raise TakeError(f"{folder}: can't be read ({exc.strerror}); name the folder that holds the takes") from exc
    takes = []
    # -10 comes after -2, and both after the one without a number
    for path in sorted(paths, key=lambda path: (path.stem.split("-")[:2], len(path.stem), path.stem)):
        try:
            takes.append(read_take(path))
        except TakeError as exc:
            log.warning("%s", exc)
    return tuple(takes)


def read_take(path: Path) -> Take:
    """The take at `path` (its wav file), whatever state it was left in.

    Raises: TakeError if it can't be read, or was not written by a TakeRecorder.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return _examine(path, descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise TakeError(f"{path}: can't be read ({exc.strerror}); check the name and its permissions") from exc


def read_samples(take: Take) -> Samples:
    """All samples of a take, shape (take.samples,), also of one that was cut off.

    Raises: TakeError if the file can't be read.
    """
    try:
        pcm = np.fromfile(take.path, dtype="<i2", count=take.samples, offset=_HEADER.size)
    except OSError as exc:
        raise TakeError(f"{take.path}: can't be read ({exc.strerror}); check its permissions") from exc
    samples: Samples = pcm.astype(np.float32) / np.float32(FULL_SCALE)
    return samples


def recover_take(path: Path) -> Take:
    """Make a cut-off take whole: its header and its JSON then say what is there. No sample is changed.

    JSON that can't be read is put aside as `.json.damaged`. A take that is finished, or being
    recorded at this moment, is returned as it is.

    Raises: TakeError if it can't be written, or was not written by a TakeRecorder.
    """
    try:
        descriptor = os.open(path, os.O_RDWR)
        try:
            take = _examine(path, descriptor, fcntl.LOCK_EX)
            return _make_whole(take, descriptor) if take.state == "cut_off" else take
        finally:
            os.close(descriptor)
    except OSError as exc:
        hint = "free some space and run it again" if exc.errno in _DISK_FULL else "check its permissions"
        raise TakeError(f"{path}: can't be made whole ({exc.strerror}); {hint}") from exc


def _make_whole(take: Take, descriptor: int) -> Take:
    known = take.metadata or TakeMetadata(take.id, None, None, None, take.started_at, None)
    # the silence of a last mark may have been cut off, too
    marks = tuple(replace(mark, filled=max(min(mark.filled, take.samples - mark.at), 0)) for mark in known.marks)
    whole = replace(known, marks=marks, samples=take.samples, recovered=True)
    os.ftruncate(descriptor, _HEADER.size + take.samples * SAMPLE_BYTES)
    os.pwrite(descriptor, _header(take.samples), 0)
    _sync(descriptor)
    _reserve(take.path).unlink(missing_ok=True)
    sidecar = _sidecar(take.path)
    if take.metadata is None and sidecar.exists():
        sidecar.rename(sidecar.with_suffix(".json.damaged"))
    _save(take.path, whole)
    return replace(take, state="finished", metadata=whole)


def _examine(path: Path, descriptor: int, lock: int) -> Take:
    """What the file itself says; the lock on it, held until it is closed, tells who else is there."""
    started_at = _time_in(path.stem)
    header = os.pread(descriptor, _HEADER.size, 0)
    # a header that never reached the disk is all zeros
    if started_at is None or (len(header) == _HEADER.size and any(header) and not _is_ours(header)):
        raise TakeError(f"{path}: is not a take of this program; analyse it with: voice-coach analyze {path}")
    held = max(os.fstat(descriptor).st_size - _HEADER.size, 0) // SAMPLE_BYTES
    said = int.from_bytes(header[-4:], "little") // SAMPLE_BYTES
    metadata = _load(_sidecar(path))
    state: TakeState
    if metadata is not None and metadata.samples is not None and metadata.samples == said <= held:
        state, held = "finished", said
    else:
        state = "cut_off" if _lock(descriptor, lock | fcntl.LOCK_NB) else "recording"
    return Take(path, state, held, metadata.started_at if metadata else started_at, metadata)


def _time_in(stem: str) -> datetime | None:
    """When a take began, by its name; None for any other name."""
    name = _NAME.fullmatch(stem)
    try:
        return datetime.strptime(name[1], _STAMP).replace(tzinfo=timezone.utc) if name else None
    except ValueError:
        return None


def _load(path: Path) -> TakeMetadata | None:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return _as_metadata(raw)
    except (OSError, ValueError, TypeError, KeyError) as exc:
        log.debug("%s: %s", path, exc)
        return None


def _as_metadata(raw: dict[str, Any]) -> TakeMetadata:
    """Raises: KeyError, TypeError, ValueError where the JSON is not as `_save` wrote it."""
    if raw["schema"] != SCHEMA:
        raise ValueError(f"schema {raw['schema']!r}")
    started_at = datetime.fromisoformat(_typed(raw, "started_at", str))
    level = _typed(raw, "level", str, NoneType)
    if started_at.tzinfo is None or level not in (None, *get_args(CandidateLevel)):
        raise ValueError("started_at without a zone, or a level nobody knows")
    # not there in takes of before
    asked = dict.fromkeys(("purpose", "target_min_s", "target_max_s", "probes")) | raw
    return TakeMetadata(
        id=_typed(raw, "id", str),
        question_id=_typed(raw, "question_id", str, NoneType),
        question=_typed(raw, "question", str, NoneType),
        level=level,
        started_at=started_at,
        device=_typed(raw, "device", str, NoneType),
        sample_rate_hz=_typed(raw, "sample_rate_hz", int),
        marks=tuple(_as_mark(mark) for mark in _typed(raw, "marks", list)),
        samples=_typed(raw, "samples", int, NoneType),
        recovered=_typed(raw, "recovered", bool),
        purpose=_typed(asked, "purpose", str, NoneType),
        target_min_s=_typed(asked, "target_min_s", float, int, NoneType),
        target_max_s=_typed(asked, "target_max_s", float, int, NoneType),
        probes=_typed(asked, "probes", str, NoneType),
    )


def _as_mark(raw: dict[str, Any]) -> Mark:
    kind = _typed(raw, "kind", str)
    if kind not in get_args(MarkKind):
        raise ValueError(f"mark {kind!r}")
    return Mark(
        kind=kind,
        at=_typed(raw, "at", int),
        lost=_typed(raw, "lost", int, NoneType),
        filled=_typed(raw, "filled", int),
        note=_typed(raw, "note", str),
    )


def _typed(raw: dict[str, Any], key: str, *kinds: type) -> Any:  # noqa: ANN401 - the caller names the type
    value = raw[key]
    # not isinstance: true is an int
    if type(value) not in kinds:
        raise TypeError(f"{key} is {value!r}")
    return value


def _save(take: Path, metadata: TakeMetadata) -> None:
    """Replace the JSON in one step: a reader, or the power going, finds the old or the new one."""
    table = {"schema": SCHEMA, **asdict(metadata), "started_at": metadata.started_at.isoformat()}
    text = json.dumps(table, ensure_ascii=False, indent=1) + "\n"
    new = take.with_suffix(".json.new")
    _write_private(new, text.encode())
    new.replace(_sidecar(take))
    _sync_folder(take.parent)


def _sidecar(take: Path) -> Path:
    return take.with_suffix(".json")


def _reserve(take: Path) -> Path:
    return take.with_suffix(".reserve")


def _companions(take: Path) -> tuple[Path, ...]:
    return _sidecar(take), take.with_suffix(".json.new"), _reserve(take)


def _header(samples: int) -> bytes:
    size = samples * SAMPLE_BYTES
    return _HEADER.pack(
        *(b"RIFF", size + _HEADER.size - 8, b"WAVE"),
        *(b"fmt ", 16, 1, 1, SAMPLE_RATE_HZ, SAMPLE_RATE_HZ * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES),
        *(b"data", size),
    )


def _is_ours(header: bytes) -> bool:
    """Whether it is the header of a take, whatever sizes it names."""
    ours = _header(0)
    return header[:4] == ours[:4] and header[8:-4] == ours[8:-4]


def _as_pcm(samples: Samples) -> bytes:
    if samples.ndim != 1:
        raise ValueError(f"a block is mono, shape (n,), not {samples.shape}")
    finite = np.where(np.isfinite(samples), samples, 0.0)
    return np.clip(np.rint(finite * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1.0).astype("<i2").tobytes()


def _make_private(folder: Path) -> None:
    """Make a folder for this user alone; one that exists keeps the permissions its owner gave it."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync_folder(folder.parent)


def _create(folder: Path, started_at: datetime) -> tuple[Path, int]:
    """A new wav file named after the time, with a number where two takes begin in one second."""
    stem = f"take-{started_at.astimezone(timezone.utc).strftime(_STAMP)}"
    number = 1
    while True:
        path = folder / (f"{stem}.wav" if number == 1 else f"{stem}-{number}.wav")
        try:
            return path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            number += 1


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        _sync(descriptor)


def _sync(descriptor: int) -> None:
    """Force a file to the disk itself; on macOS fsync stops at the drive's own memory."""
    if sys.platform == "darwin":
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk; some network file systems can't, and need not."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _lock(descriptor: int, mode: int) -> bool:
    """Take a lock that ends with the process; False if another holds it.

    Where the file system has no locks nobody holds one.
    """
    try:
        fcntl.flock(descriptor, mode)
    except BlockingIOError:
        return False
    except OSError as exc:
        log.debug("no locks here: %s", exc)
    return True


def _no_room(folder: Path, exc: OSError) -> str:
    if exc.errno in _DISK_FULL:
        return f"{folder}: the disk is full; free some space before you start"
    return f"{folder}: no take can be kept there ({exc.strerror}); choose another folder for takes"
