"""The program as a person runs it: results on standard output, one line on standard error when it can't."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import soundfile

from tests.conftest import FIXTURES, ROOT, Run
from voice_coach.records import Assessment
from voice_coach.report.json_view import assessment_as_dict, assessment_as_json, schema
from voice_coach.session import Coach
from voice_coach.voice.speaker import synthesize

Program = Callable[..., Run]

TYPED = (
    "I was on call when PagerDuty fired: checkout errors were at nine percent. About one customer in ten could not "
    "pay, so I declared a SEV-1. I rolled the release back because it was the only change that day. I opened an "
    "incident channel and posted updates every fifteen minutes. Afterwards we wrote a postmortem, and Tom added a "
    "canary by the end of the month."
)


def check_schema(text: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(text)
    jsonschema.validate(found, schema())
    return found


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first seconds of a fixture: enough for a result, quick to judge."""
    samples, rate_hz = soundfile.read(FIXTURES / "strong_answer.flac")
    path = tmp_path_factory.mktemp("short") / "short.flac"
    soundfile.write(path, samples[: rate_hz * 25], rate_hz)
    return path


def test_json_is_one_object_a_file_and_nothing_else(program: Program, short: Path) -> None:
    run = program("analyze", "--json", short, short)
    assert run.code == 0
    assert run.err == ""
    lines = run.out.splitlines()
    assert len(lines) == 2
    for line in lines:
        found = check_schema(line)
        assert found["schema"] == "voice-coach/assessment/1"


@pytest.mark.parametrize("name", ["strong_answer", "filler_heavy", "off_topic", "silence", "room_noise"])
def test_every_kind_of_result_fits_the_schema(assessed: Callable[[str], Assessment], name: str) -> None:
    check_schema(assessment_as_json(assessed(name)))


def test_typed_answers_fit_the_schema(coach: Coach) -> None:
    found = assessment_as_dict(coach.judge_text(TYPED))
    jsonschema.validate(found, schema())
    assert found["audio"] is None
    assert found["delivery"] is None
    assert found["models"]["whisper"] is None


def test_the_screen_has_everything_in_order(program: Program) -> None:
    run = program("analyze", FIXTURES / "strong_answer.flac")
    assert run.code == 0
    said = run.out
    order = ["You spoke for", "Pace", "Fillers", "Pauses", "detection", "prevention", "STAR", "Next question:"]
    places = [said.index(part) for part in order]
    assert places == sorted(places)
    assert "inside the target" in said


def test_coverage_reads_a_file_and_standard_input_alike(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "answer.txt"
    path.write_text(TYPED)
    from_file, from_stdin = program("coverage", "--json", path), program("coverage", "--json", "-", stdin=TYPED)
    assert from_file.code == from_stdin.code == 0
    first, second = json.loads(from_file.out), json.loads(from_stdin.out)
    assert first["coverage"] == second["coverage"]
    levels = {stage: found["level"] for stage, found in first["coverage"]["stages"].items()}
    assert set(levels.values()) == {"strong"}


def test_lines_are_kept_one_to_one(program: Program) -> None:
    run = program("coverage", "--lines", "--json", "-", stdin="one. two.\n\nWe rolled it back.\n")
    sentences = json.loads(run.out)["transcript"]["sentences"]
    assert [one["text"] for one in sentences] == ["one. two.", "", "We rolled it back."]


@pytest.mark.parametrize("level", ["early", "mid", "senior"])
def test_level_changes_what_is_said(program: Program, level: str) -> None:
    run = program("coverage", "--level", level, "--json", "-", stdin="Orders failed, so I rolled the deploy back.")
    fixes = " ".join(json.loads(run.out)["feedback"]["fixes"])
    assert {"early": "with what context", "mid": "how often", "senior": "bridge and roles"}[level] in fixes


def test_help_lists_the_commands(program: Program) -> None:
    run = program("--help")
    assert run.code == 0
    assert all(command in run.out for command in ("analyze", "coverage", "devices", "doctor", "models"))


def test_version(program: Program) -> None:
    assert program("--version").out.startswith("voice-coach ")


def bad_recordings(folder: Path) -> dict[str, tuple[Path, str]]:
    """Recordings that can be read and yet hold no answer, or can't be read at all."""
    rng = np.random.default_rng(3)
    seconds = np.arange(8 * 16_000) / 16_000
    chord = sum(np.sin(2 * np.pi * hz * seconds) for hz in (220.0, 277.2, 329.6)) * (0.6 + 0.4 * np.sin(5 * seconds))
    made = {
        "ten milliseconds": rng.normal(0, 0.1, 160),
        "digital silence": np.zeros(3 * 16_000),
        "noise": rng.normal(0, 0.1, 5 * 16_000),
        "music": chord * 0.1,
        "not numbers": np.full(16_000, np.nan),
    }
    for name, samples in made.items():
        soundfile.write(folder / f"{name}.wav", samples.astype(np.float32), 16_000, subtype="FLOAT")
    (folder / "text.wav").write_text("hello")
    (folder / "empty.flac").write_bytes(b"")
    return {
        **{name: (folder / f"{name}.wav", "No speech heard") for name in made},
        "digital silence": (folder / "digital silence.wav", "exactly zero"),
        "text": (folder / "text.wav", "not a recording"),
        "empty": (folder / "empty.flac", "is empty"),
        "missing": (folder / "nowhere.wav", "no such file"),
        "folder": (folder, "is a folder"),
    }


@pytest.mark.parametrize(
    "kind",
    ["ten milliseconds", "digital silence", "noise", "music", "not numbers", "text", "empty", "missing", "folder"],
)
def test_bad_recordings_end_in_one_line_and_exit_code_2(program: Program, tmp_path: Path, kind: str) -> None:
    path, said = bad_recordings(tmp_path)[kind]
    run = program("analyze", "--json", path)
    assert run.code == 2
    assert len(run.error_lines) == 1
    assert said in run.err
    assert "Traceback" not in run.err
    if run.out:
        found = check_schema(run.out)
        assert found["coverage"] is None
        assert found["feedback"] is None


@pytest.mark.skipif(sys.platform != "linux", reason="the Spanish voice is espeak's, which only Linux has")
def test_another_language_is_not_judged_as_if_it_were_english(program: Program, tmp_path: Path) -> None:
    spanish = (
        "Hola, voy a contar un incidente que pasó el viernes pasado. El servicio de pagos dejó de funcionar a las "
        "diez de la noche y los clientes no podían comprar. Llamé a mi compañero y volvimos a la versión anterior."
    )
    synthesize(spanish, tmp_path / "spanish.wav", voice="roa/es")
    run = program("analyze", "--json", tmp_path / "spanish.wav")
    assert run.code == 2
    assert len(run.error_lines) == 1
    assert "answer in English" in run.err
    assert "does not sound like English" in " ".join(check_schema(run.out)["notes"])  # type: ignore[arg-type]


def test_one_bad_file_does_not_lose_the_others(program: Program, short: Path, tmp_path: Path) -> None:
    run = program("analyze", "--json", tmp_path / "nowhere.wav", short)
    assert run.code == 2
    assert len(run.out.splitlines()) == 1
    assert len(run.error_lines) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["analyze"], "FILE"),
        (["analyze", "x.wav", "--level", "boss"], "early"),
        (["analyze", "x.wav", "--device", "tpu"], "cpu"),
        (["analyze", "x.wav", "--fast"], "--fast"),
        (["analyze", "x.wav", "--model", "huge"], "no model is called huge"),
        (["analyze", "x.wav", "--model", "small.en"], "models fetch small.en"),
        (["analyze", "a.wav", "b.wav", "--speak-to", "out.wav"], "give one FILE"),
        (["analyze", "x.wav", "--speak-to", "/proc/nowhere/out.wav"], "can't be written"),
        (["analyze", "x.wav", "--speak-to", "."], "is a folder"),
        (["dance"], "dance"),
        (["coverage", "nowhere.txt"], "can't be read"),
        (["coverage", "-"], "no words"),
        (["models", "fetch", "huge"], "can't fetch huge"),
    ],
)
def test_wrong_commands_end_in_one_line_and_exit_code_2(program: Program, arguments: list[str], said: str) -> None:
    run = program(*arguments, stdin="")
    assert run.code == 2
    assert run.out == ""
    assert len(run.error_lines) == 1
    assert said in run.err


def test_a_recording_given_as_text(program: Program) -> None:
    run = program("coverage", FIXTURES / "too_short.flac")
    assert run.code == 2
    assert "voice-coach analyze" in run.err


@pytest.fixture
def own_models(tmp_path: Path) -> Path:
    """A copy of the program whose models may be harmed."""
    root = tmp_path / "copy"
    shutil.copytree(ROOT / "voice_coach", root / "voice_coach", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "models").mkdir()
    shutil.copy(ROOT / "models" / "MODELS.json", root / "models")
    for name in ("whisper-base.en-int8", "lifecycle"):
        shutil.copytree(ROOT / "models" / name, root / "models" / name, ignore=shutil.ignore_patterns("data"))
    return root


@pytest.mark.parametrize(
    ("harm", "said"),
    [("missing", "is missing; install the program again"), ("short", "is damaged"), ("flipped", "sha256")],
)
@pytest.mark.parametrize("name", ["whisper-base.en-int8/model.bin", "lifecycle/model.onnx"])
def test_harmed_models(own_models: Path, short: Path, harm: str, said: str, name: str) -> None:
    path = own_models / "models" / name
    if harm == "missing":
        path.unlink()
    elif harm == "short":
        path.write_bytes(path.read_bytes()[:1000])
    else:
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
    done = subprocess.run(
        [sys.executable, "-m", "voice_coach", "analyze", str(short)],
        cwd=own_models,
        env={**os.environ, "PYTHONPATH": str(own_models)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_full_disk_while_writing_speech(program: Program, short: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full to stand for a full disk")
    run = program("analyze", short, "--speak-to", "/dev/full")
    assert run.code == 2
    assert "can't be written (No space left on device)" in run.err
    assert "Traceback" not in run.err
    assert "You spoke for" in run.out
    assert "It would have said" in run.err


def test_ctrl_c_ends_it_quietly(short: Path) -> None:
    import signal

    process = subprocess.Popen(
        [sys.executable, "-m", "voice_coach", "analyze", *[str(FIXTURES / "too_long.flac")] * 5],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(4.0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.strip().splitlines()[-1] == "voice-coach: stopped"
    assert "Traceback" not in err
