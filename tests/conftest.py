"""What several tests share: the fixtures, and the real models loaded once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from voice_coach.records import Assessment
from voice_coach.session import Coach

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "audio_fixtures"
SPOKEN = sorted(path.stem for path in FIXTURES.glob("*.json") if json.loads(path.read_text())["units"])


# A suite that a shell started in the background ignores Ctrl-C, and so would the programs that it interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Run:
    """How one run of the program ended."""

    code: int
    out: str
    err: str

    @property
    def error_lines(self) -> list[str]:
        return self.err.strip().splitlines()


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the tests out of the user's own settings, data and cache."""
    home = tmp_path_factory.mktemp("home")
    os.environ["XDG_CONFIG_HOME"] = str(home / "config")
    os.environ["XDG_DATA_HOME"] = str(home / "data")
    os.environ["XDG_CACHE_HOME"] = str(home / "cache")


@pytest.fixture(scope="session")
def coach() -> Coach:
    """The real models, on the CPU."""
    return Coach(device="cpu")


@pytest.fixture(scope="session")
def assessed(coach: Coach) -> Callable[[str], Assessment]:
    """The assessment of a fixture by name; each is judged once a session."""

    @cache
    def judge(name: str) -> Assessment:
        return coach.analyze(FIXTURES / f"{name}.flac")

    return judge


@pytest.fixture
def program() -> Callable[..., Run]:
    """Run the program as a user does, in a process of its own."""

    def run(
        *arguments: str | Path, stdin: str | None = None, env: dict[str, str] | None = None, limit_s: float = 120
    ) -> Run:
        done = subprocess.run(
            [sys.executable, "-m", "voice_coach", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=limit_s,
            env={**os.environ, **(env or {})},
            cwd=ROOT,
            check=False,
        )
        return Run(done.returncode, done.stdout, done.stderr)

    return run


@contextmanager
def pretend_card(folder: Path, **described: str) -> Iterator[Path]:
    """A pretend sound card for this process and its children; yields the folder its daemon lives in."""
    if not shutil.which("pulseaudio"):
        pytest.skip("pulseaudio is not installed (scripts/setup test installs it on Debian and Ubuntu)")
    script = str(ROOT / "scripts" / "virtual_mic.sh")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"VMIC_DIR": str(folder), **described}.items():
            patch.setenv(name, value)
        exports = subprocess.run([script, "start"], capture_output=True, text=True, check=True, timeout=60).stdout
        for pair in exports.removeprefix("export ").split():
            name, _, value = pair.partition("=")
            patch.setenv(name, value)
        try:
            yield folder
        finally:
            subprocess.run([script, "stop"], check=True, timeout=60)


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Path]:
    """A pretend sound card that the test may harm."""
    with pretend_card(tmp_path / "vmic") as folder:
        yield folder


@pytest.fixture
def no_natural(tmp_path: Path) -> dict[str, str]:
    """An environment in which the natural voice is not installed, whether or not it is."""
    folder = tmp_path / "no-natural"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import sys\nsys.modules['piper'] = None\n")
    return {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


def sidecar(name: str) -> dict[str, Any]:
    """What is known about a fixture."""
    known: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
    return known
