"""Choose what Whisper runs on, by trying it where a crash can do no harm.

A GPU's libraries fail at the first encoding, not when the model is loaded, and some versions of
cuDNN end the whole process. So a child process loads the model, transcribes two seconds with
word times and says what it used. Whatever else the child does (dies, hangs, complains), the CPU
serves, and one line says why.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

DeviceChoice = Literal["auto", "cpu", "cuda"]

PROBE_LIMIT_S = 60.0
"""Loading a small model on a cold GPU takes up to 20 s; past a minute it hangs."""

ANSWER = "voice-coach-probe:"
"""What the child prints before the compute type that worked; libraries print lines of their own."""

GPU_COMPUTE_TYPES = ("float16", "int8_float16")
"""Tried in order: the second fits a GPU with little memory."""

_REASONS = (
    ("libcublas", "the CUDA 12 libraries are not installed (libcublas is missing)"),
    ("libcudnn", "the cuDNN library does not fit (version 9 is needed)"),
    ("cudnn", "the cuDNN library does not fit (version 9 is needed)"),
    ("no cuda-capable device", "no GPU was found"),
    ("cuda driver version is insufficient", "the GPU's driver is too old for CUDA 12"),
    ("driver", "the GPU's driver does not answer"),
    ("out of memory", "the GPU has too little free memory"),
    ("not compiled with cuda", "this build has no GPU support"),
)


@dataclass(frozen=True, slots=True)
class Device:
    """What Whisper will run on. note: one line for the person, where a GPU was wanted in vain."""

    name: Literal["cpu", "cuda"]
    compute_type: str
    note: str | None = None


CPU = Device("cpu", "int8")


def choose_device(wanted: DeviceChoice, model_folder: Path, probe: Sequence[str] | None = None) -> Device:
    """The device for this run; never raises: where a GPU can't serve the CPU does.

    With "auto" the absence of a GPU is no news and gives no note; a GPU that is there and fails
    does. probe: the child's command line, for tests that stand in a failing child.
    """
    if wanted == "cpu":
        return CPU
    if probe is None:
        if not _cuda_device_count():
            if wanted == "auto":
                return CPU
            return Device("cpu", "int8", "no GPU was found; using the CPU")
        probe = (sys.executable, "-m", "voice_coach.speech.device", str(model_folder))
    try:
        child = subprocess.run(
            probe, capture_output=True, text=True, errors="replace", timeout=PROBE_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Device("cpu", "int8", f"the GPU did not answer within {PROBE_LIMIT_S:.0f} s; using the CPU")
    except OSError as exc:
        return Device("cpu", "int8", f"the GPU could not be tried ({exc.strerror}); using the CPU")
    for line in child.stdout.splitlines():
        if child.returncode == 0 and line.startswith(ANSWER):
            return Device("cuda", line.removeprefix(ANSWER).strip())
    return Device("cpu", "int8", f"{_reason(child)}; using the CPU")


def _cuda_device_count() -> int:
    """GPUs that CTranslate2 sees; asking does not load the libraries that can crash."""
    import ctranslate2

    try:
        return int(ctranslate2.get_cuda_device_count())
    except RuntimeError:
        return 0


def _reason(child: subprocess.CompletedProcess[str]) -> str:
    said = child.stderr.lower()
    for sign, reason in _REASONS:
        if sign in said:
            return reason
    if child.returncode < 0:
        return f"the GPU libraries ended the test process (signal {-child.returncode})"
    last = child.stderr.strip().splitlines()[-1:] or [f"exit code {child.returncode}"]
    return f"the GPU test failed ({last[0][:120]})"


def _probe(folder: Path) -> None:
    """The child: print the first compute type that really works, or fail with the library's words."""
    import numpy as np

    from voice_coach.records import SAMPLE_RATE_HZ, Span, Window
    from voice_coach.speech.whisper import Whisper, WhisperOptions

    # two seconds of a hummed tone: enough to encode, decode and align
    seconds = np.arange(2 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    tone = (0.1 * np.sin(2 * np.pi * 180.0 * seconds)).astype(np.float32)
    window = Window(tone, (Span(0.0, 2.0),), (Span(0.0, 2.0),))
    failure: Exception | None = None
    for compute_type in GPU_COMPUTE_TYPES:
        try:
            Whisper(folder, WhisperOptions(device="cuda", compute_type=compute_type)).transcribe(window)
        except Exception as exc:  # whatever it is, the next compute type may work
            failure = exc
            continue
        print(f"{ANSWER}{compute_type}", flush=True)
        return
    raise SystemExit(str(failure.__cause__ or failure) if failure else "no compute type worked")


if __name__ == "__main__":
    _probe(Path(sys.argv[1]))
