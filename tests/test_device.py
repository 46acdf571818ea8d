"""The GPU probe: whatever its child does, the CPU serves and one line says why."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from voice_coach.speech import device as device_module
from voice_coach.speech.device import CPU, choose_device


def child(code: str) -> tuple[str, ...]:
    """A stand-in for the probe's child process."""
    return (sys.executable, "-c", code)


def fails(words: str) -> str:
    return f"import sys; sys.exit({words!r})"


def test_cpu_is_never_probed(tmp_path: Path) -> None:
    assert choose_device("cpu", tmp_path, child("raise SystemExit('must not run')")) is CPU


@pytest.mark.parametrize("wanted", ["auto", "cuda"])
def test_a_gpu_that_works_is_used(tmp_path: Path, wanted: str) -> None:
    found = choose_device(wanted, tmp_path, child("print('noise'); print('voice-coach-probe:float16')"))  # type: ignore[arg-type]
    assert (found.name, found.compute_type, found.note) == ("cuda", "float16", None)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (fails("Library libcublas.so.12 is not found or cannot be loaded"), "CUDA 12 libraries are not installed"),
        (fails("Could not load library libcudnn_ops.so.9"), "cuDNN library does not fit"),
        (fails("CUDA failed with error no CUDA-capable device is detected"), "no GPU was found"),
        (fails("CUDA driver version is insufficient for CUDA runtime version"), "driver is too old"),
        (fails("CUDA failed with error out of memory"), "too little free memory"),
        (fails("This CTranslate2 package was not compiled with CUDA support"), "no GPU support"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGABRT)", "ended the test process (signal 6)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended the test process (signal 11)"),
        ("pass", "the GPU test failed (exit code 0)"),
        ("print('voice-coach-probe:float16'); raise SystemExit(3)", "the GPU test failed (exit code 3)"),
        (fails("something nobody has seen before"), "something nobody has seen before"),
    ],
)
def test_every_failure_falls_back_with_one_line(tmp_path: Path, code: str, reason: str) -> None:
    found = choose_device("cuda", tmp_path, child(code))
    assert (found.name, found.compute_type) == ("cpu", "int8")
    assert found.note is not None
    assert reason in found.note
    assert found.note.endswith("; using the CPU")
    assert "\n" not in found.note


def test_a_child_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_module, "PROBE_LIMIT_S", 0.5)
    found = choose_device("cuda", tmp_path, child("import time; time.sleep(60)"))
    assert found.note == "the GPU did not answer within 0 s; using the CPU"


def test_a_child_that_can_not_be_started(tmp_path: Path) -> None:
    found = choose_device("cuda", tmp_path, (str(tmp_path / "nowhere"),))
    assert found.note is not None
    assert "could not be tried" in found.note


def test_asking_for_a_gpu_without_one(tmp_path: Path) -> None:
    import ctranslate2

    if ctranslate2.get_cuda_device_count():
        pytest.skip("this machine has a GPU, so its absence can't be tested")
    assert choose_device("auto", tmp_path) is CPU
    assert choose_device("cuda", tmp_path).note == "no GPU was found; using the CPU"
