"""The live rehearsal as a person has it: the real program in a process of its own, its lines and its keys."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile
import soxr

from tests.conftest import FIXTURES, ROOT
from voice_coach.audio.takes import Take, list_takes
from voice_coach.history.store import Store
from voice_coach.records import SAMPLE_RATE_HZ, Entry, Samples

LINE_LIMIT_S = 180.0
"""No line is so long in coming, whatever else the machine has to do."""

CARD_HZ = 48_000


@dataclass(frozen=True)
class Home:
    """Folders of one user's own; cache: shared, so that the models are hashed once."""

    folder: Path
    cache: Path

    @property
    def takes(self) -> Path:
        return self.folder / "data" / "voice-coach" / "takes"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "XDG_DATA_HOME": str(self.folder / "data"),
            "XDG_CACHE_HOME": str(self.cache),
        }

    def settings(self, text: str) -> None:
        path = self.folder / "config" / "voice-coach" / "settings.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def only_take(self) -> Take:
        """The one take there is."""
        (take,) = list_takes(self.takes)
        return take

    def kept(self) -> list[Entry]:
        """What the history holds, oldest first."""
        with Store.open(self.folder / "data" / "voice-coach" / "history") as store:
            return list(reversed(store.entries()))


@dataclass(frozen=True, eq=False)
class Clip:
    """Some seconds of speech: a file to be played into the card, and its samples at SAMPLE_RATE_HZ."""

    path: Path
    samples: Samples

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ


def clip(folder: Path, name: str, start_s: float, end_s: float) -> Clip:
    """A part of a fixture."""
    whole, rate_hz = soundfile.read(FIXTURES / f"{name}.flac", dtype="float32", always_2d=True)
    part = whole.mean(axis=1)[round(start_s * rate_hz) : round(end_s * rate_hz)]
    path = folder / f"{name}-{start_s:.1f}.wav"
    soundfile.write(path, soxr.resample(part, rate_hz, CARD_HZ), CARD_HZ)
    return Clip(path, soxr.resample(part, rate_hz, SAMPLE_RATE_HZ))


class Live:
    """The program in a child process. Leaving the `with` block kills what still runs.

    lines: all that it said so far, each with the time at which it was read.
    """

    def __init__(
        self,
        home: Home,
        *arguments: str,
        command: str = "practice",
        environment: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
    ) -> None:
        self.began_s = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "voice_coach", command, "--plain", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **home.environment, **(environment or {})},
            cwd=cwd,
        )
        self.lines: list[tuple[float, str]] = []
        self._coming: queue.SimpleQueue[tuple[float, str] | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._players: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Live:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in (self.process, *self._players):
            child.kill()
            child.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()

    @property
    def said(self) -> str:
        return "\n".join(line for _, line in self.lines)

    def wait_for(self, text: str, limit_s: float = LINE_LIMIT_S) -> float:
        """When the next line with this text in it came."""
        until_s = time.monotonic() + limit_s
        while True:
            try:
                line = self._coming.get(timeout=max(until_s - time.monotonic(), 0.0))
            except queue.Empty:
                raise AssertionError(f"no line with {text!r} in {limit_s:.0f} s; it said:\n{self.said}") from None
            assert line is not None, f"it ended without a line with {text!r}; it said:\n{self.said}"
            self.lines.append(line)
            if text in line[1]:
                return line[0]

    def press(self, keys: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(keys.encode())
        self.process.stdin.flush()

    def play(self, clip: Clip, sink: str = "card") -> subprocess.Popen[bytes]:
        """Begin to play into the card; it ends by itself, with the sound server, or with the program."""
        player = subprocess.Popen(["paplay", f"--device={sink}", str(clip.path)], stderr=subprocess.DEVNULL)
        self._players.append(player)
        return player

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, limit_s: float = LINE_LIMIT_S) -> int:
        """Its exit code, once it has ended; no traceback may have been shown."""
        try:
            code = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end in {limit_s:.0f} s; it said:\n{self.said}") from None
        while (line := self._coming.get(timeout=limit_s)) is not None:
            self.lines.append(line)
        assert "Traceback" not in self.said, self.said
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            self._coming.put((time.monotonic(), raw.decode(errors="replace").rstrip("\n")))
        self._coming.put(None)


PIECE = SAMPLE_RATE_HZ // 2
"""Half a second of speech is found by its shape alone."""

FOUND_ABOVE = 0.9
"""Likeness (-1 to 1) of a piece that was recorded whole; with 50 ms missing in its middle it is under 0.8."""


def pieces_found(played: Samples, take: Samples) -> list[tuple[float, float]]:
    """The half seconds of what was played that are in the take, in order: where each begins in both, in seconds.

    Pieces without voice, which fit anywhere, are left out.
    """
    found = []
    for first in range(0, len(played) - PIECE + 1, PIECE):
        piece = played[first : first + PIECE]
        if np.sqrt(np.square(piece).mean()) < 0.01:
            continue
        at, likeness = _place(piece, take)
        if likeness > FOUND_ABOVE:
            found.append((first / SAMPLE_RATE_HZ, at / SAMPLE_RATE_HZ))
    return found


def _place(piece: Samples, within: Samples) -> tuple[int, float]:
    """Where the piece fits best, and the likeness there."""
    if len(within) < len(piece):
        return 0, 0.0
    size = 1 << (len(piece) + len(within)).bit_length()
    spectrum = np.fft.rfft(within, size)
    product = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, size)), size)[: len(within) - len(piece) + 1]
    energy = np.concatenate([[0.0], np.cumsum(np.square(within, dtype=np.float64))])
    norms = np.sqrt(np.maximum(energy[len(piece) :] - energy[: -len(piece)], 1e-6))
    likeness = product / (norms * np.linalg.norm(piece))
    at = int(np.argmax(likeness))
    return at, float(likeness[at])
