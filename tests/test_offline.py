"""Nothing leaves the machine: the pipeline runs with networking taken away, and opens no connection with it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from tests.conftest import FIXTURES, ROOT

NO_NETWORK = ["unshare", "--net", "--map-root-user"]


def can_unshare() -> bool:
    return (
        bool(shutil.which("unshare"))
        and subprocess.run([*NO_NETWORK, "true"], capture_output=True, check=False).returncode == 0
    )


def test_analyze_without_any_network() -> None:
    if not can_unshare():
        pytest.skip("this system does not let its users take networking away (unshare --net)")
    done = subprocess.run(
        [*NO_NETWORK, sys.executable, "-m", "voice_coach", "analyze", "--json", str(FIXTURES / "too_short.flac")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["transcript"]["words"]


def test_no_connection_is_even_tried() -> None:
    """With a network there, Python's own audit hook would see every attempt."""
    code = (
        "import sys\n"
        "tried = []\n"
        "def watch(event, arguments):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'socket.sendto'):\n"
        "        tried.append((event, arguments[1:]))\n"
        "sys.addaudithook(watch)\n"
        "from voice_coach.cli import run\n"
        f"code = run(['analyze', '--json', {str(FIXTURES / 'too_short.flac')!r}])\n"
        "print(tried, file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0
    assert done.stderr.strip() == "[]"
