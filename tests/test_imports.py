"""The house's plan: stages know the records and themselves, never each other; nothing imports upward."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "voice_coach"
STAGES = {"audio", "speech", "delivery", "coverage", "interviewer", "voice", "report", "history", "progress"}
FLOORS = ("settings", "session", "keeping", "hearing", "batch", "rehearsal", "screen", "doctor", "cli")
"""Above the stages, each standing on those before it."""
GROUND = {"records", "errors", "scratch"}
HEAVY = {
    "faster_whisper",
    "ctranslate2",
    "onnxruntime",
    "torch",
    "transformers",
    "tokenizers",
    "av",
    "soxr",
    "soundfile",
}
HEAVY |= {"swift_f0", "sounddevice", "pyttsx3", "numpy", "rich", "huggingface_hub"}


def room(module: str) -> str:
    """The part of the house a module of the package lives in."""
    return module.split(".")[1] if "." in module else "voice_coach"


def imports_of(path: Path) -> set[str]:
    """Modules of the package that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names if node.module == "voice_coach"}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names if name.startswith("voice_coach.")}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downward(path: Path) -> None:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    here = parts[0]
    rooms = {room(name) for name in imports_of(path)} - {"__version__"}
    if here in GROUND:
        allowed: set[str] = GROUND - {here}
    elif here in STAGES:
        allowed = GROUND | {here}
    elif here == "settings":
        allowed = GROUND
    elif here in FLOORS:
        # a package's modules know each other
        allowed = GROUND | STAGES | set(FLOORS[: FLOORS.index(here) + 1])
    else:
        allowed = GROUND | STAGES | set(FLOORS)
    assert rooms <= allowed, f"{here} imports {sorted(rooms - allowed)}"


@pytest.mark.parametrize("code", ["import voice_coach", "import voice_coach.cli"])
def test_importing_loads_nothing_heavy(code: str) -> None:
    check = f"import sys; {code}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_help_loads_nothing_heavy() -> None:
    check = (
        "import sys\nfrom voice_coach.cli import run\nrun(['--help'])\n"
        f"print('loaded', *sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert "analyze" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded"
