"""Many recordings at once: real worker processes, the real models, and what is left of a run that was stopped."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import soundfile

from tests.conftest import FIXTURES, Run
from voice_coach.batch.local import local
from voice_coach.batch.results import COLUMNS, Results
from voice_coach.batch.run import run
from voice_coach.batch.work import Job, Outcome
from voice_coach.errors import OutputError, UsageError
from voice_coach.report.json_view import SCHEMA_NAME

MADE = "base.en@1 lifecycle@2 mid"
WAIT_S = 120


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    """Six recordings of 5 s with speech in them."""
    folder = tmp_path / "takes"
    folder.mkdir()
    samples, rate = soundfile.read(FIXTURES / "strong_answer.flac", dtype="int16")
    for k in range(6):
        soundfile.write(folder / f"{k}.flac", samples[k * rate * 6 : (k * 6 + 5) * rate], rate)
    return folder


def names_of(folder: Path) -> list[str]:
    return [str(path) for path in sorted(folder.glob("*.flac"))]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def await_rows(path: Path, count: int) -> None:
    """Until so many rows are there."""
    deadline = time.monotonic() + WAIT_S
    while not path.exists() or path.read_text(encoding="utf-8").count("\n") <= count:
        assert time.monotonic() < deadline, f"{path} did not get {count} rows"
        time.sleep(0.05)


def engine_saying(state: str, error: str | None = None) -> Callable[..., Iterator[tuple[str, Outcome]]]:
    def engine(names: Iterator[str]) -> Iterator[tuple[str, Outcome]]:
        for name in names:
            yield name, Outcome(state, error)  # type: ignore[arg-type]

    return engine


# --- the file of results ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_second_run_does_only_what_is_left(tmp_path: Path, ending: str) -> None:
    files = [tmp_path / f"{k}.wav" for k in range(4)]
    for file in files:
        file.write_bytes(b"first")
    names, out = [str(file) for file in files], tmp_path / f"r.{ending}"
    with Results(out, names, MADE) as results:
        for name, state in zip(names[:3], ("judged", "failed", "no speech"), strict=True):
            results.add(name, Outcome(state, None))  # type: ignore[arg-type]
    files[2].write_bytes(b"another take")
    with Results(out, names, MADE) as results:
        # one failed, one changed, one was not begun
        assert set(results.before) == {names[0]}
    with Results(out, names, "small.en@3 lifecycle@2 mid") as results:
        assert results.before == {}


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_line_that_broke_off_is_made_again(tmp_path: Path, ending: str) -> None:
    names, out = [str(tmp_path / f"{k}.wav") for k in range(3)], tmp_path / f"r.{ending}"
    run(names, out, MADE, engine_saying("judged"))
    whole = out.read_bytes()
    for cut in range(1, 30):
        out.write_bytes(whole[:-cut])
        with Results(out, names, MADE) as results:
            assert set(results.before) == set(names[:2]), f"{cut} bytes short"
        run(names, out, MADE, engine_saying("judged"))
        assert out.read_bytes() == whole


def test_rows_of_recordings_not_asked_for_now_stay(tmp_path: Path) -> None:
    out = tmp_path / "r.csv"
    run(["a.wav"], out, MADE, engine_saying("failed", "why"))
    run(["b.wav"], out, MADE, engine_saying("judged"))
    assert [row["path"] for row in rows_of(out)] == ["a.wav", "b.wav"]


def test_no_cell_is_a_formula_and_the_name_is_known_again(tmp_path: Path) -> None:
    out, names = tmp_path / "r.csv", ["=cmd.wav", "-5.wav", "@x.wav", "'q.wav", 'a,b"c.wav']
    run(names, out, MADE, engine_saying("judged"))
    for row in rows_of(out):
        assert row["path"][0] not in "=+-@"
    for _ in range(2):
        summary = run(names, out, MADE, engine_saying("judged"))
        assert (summary.before, summary.judged) == (5, 0)


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_any_name_is_written_as_text_and_known_again(tmp_path: Path, ending: str) -> None:
    out, names = (
        tmp_path / f"r.{ending}",
        [os.fsdecode(b"caf\xe9.wav"), "two\nlines.wav", "a\rreturn.wav", "é,\u3000.wav"],
    )
    for expected in ((0, 4), (4, 0)):
        summary = run(names, out, MADE, engine_saying("judged"))
        assert (summary.before, summary.judged) == expected
    shown = ["caf\\udce9.wav", "two\\x0alines.wav", "a\\x0dreturn.wav", names[3]]
    lines = out.read_bytes().decode("utf-8").split("\n")
    if ending == "csv":
        assert [row["path"] for row in rows_of(out)] == shown
        assert len(lines) == 1 + len(names) + 1
    else:
        assert [json.loads(line)["path"] for line in lines[:-1]] == shown


def test_what_the_power_cut_left_is_made_again(tmp_path: Path) -> None:
    names, out = ["a.wav", "b.wav"], tmp_path / "r.csv"
    run(names, out, MADE, engine_saying("judged"))
    whole = out.read_bytes()
    lines = whole.splitlines(keepends=True)
    out.write_bytes(b"".join(lines[:2]) + bytes(300) + b"\n")
    with Results(out, names, MADE) as results:
        assert set(results.before) == {"a.wav"}


def test_a_recording_that_changes_while_it_waits_is_judged_again(tmp_path: Path) -> None:
    file, out = tmp_path / "a.wav", tmp_path / "r.csv"
    file.write_bytes(b"half of it")

    def engine(names: Iterator[str]) -> Iterator[tuple[str, Outcome]]:
        for name in names:
            file.write_bytes(b"all of it, copied while others were judged")
            yield name, Outcome("judged")

    assert run([str(file)], out, MADE, engine).judged == 1
    assert run([str(file)], out, MADE, engine_saying("judged")).judged == 1
    assert run([str(file)], out, MADE, engine_saying("judged")).before == 1
    assert len(rows_of(out)) == 1


def test_what_could_not_be_judged_is_told_by_every_run(tmp_path: Path) -> None:
    names, out = ["a.wav", "b.wav"], tmp_path / "r.csv"
    run(names[:1], out, MADE, engine_saying("no speech", "nothing was said"))
    second = run(names, out, MADE, engine_saying("judged"))
    assert (second.before, second.judged) == (1, 1)
    assert second.unjudged == (("a.wav", "no speech", "nothing was said"),)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("r.txt", None, "must end in .csv or .jsonl"),
        ("r.csv", "name,age\nx,3\n", "holds something else"),
        ("r.jsonl", '{"name": 3}\n', "holds something else"),
        ("r.jsonl", "[1]\n", "holds something else"),
        ("r.jsonl", "my notes\nof today\n", "holds something else"),
        ("r.jsonl", '{\n "path": 3\n}\n', "holds something else"),
        ("r.jsonl", '{"name": 3}', "holds something else"),
        ("r.csv", "name,age", "holds something else"),
    ],
)
def test_no_other_file_is_written_over(tmp_path: Path, name: str, content: str | None, told: str) -> None:
    out = tmp_path / name
    if content is not None:
        out.write_text(content)
    with pytest.raises(UsageError, match=told):
        Results(out, ["a.wav"], MADE)
    assert content is None or out.read_text() == content


@pytest.mark.parametrize(
    "first", ['\0\0\0modified_ns": 3}\n', '{"pa\0\0\0\n', "\n"], ids=["no beginning", "a beginning", "empty"]
)
def test_what_a_power_cut_left_of_the_first_line_loses_no_other(tmp_path: Path, first: str) -> None:
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"x")
    names, out = [str(tmp_path / name) for name in ("a.wav", "b.wav")], tmp_path / "r.jsonl"
    with Results(out, names, MADE) as results:
        for name in names:
            results.add(name, Outcome("no speech"))
    out.write_text(first + out.read_text().splitlines(keepends=True)[1])
    with Results(out, names, MADE) as results:
        assert list(results.before) == names[1:]


def test_two_runs_do_not_write_to_one_file(tmp_path: Path) -> None:
    out = tmp_path / "r.csv"
    with Results(out, ["a.wav"], MADE) as results:
        with pytest.raises(OutputError, match="another run writes to it"):
            Results(out, ["a.wav"], MADE)
        results.add("a.wav", Outcome("judged"))
    assert len(rows_of(out)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]


def test_a_long_file_of_assessments_is_gone_on_with_in_little_memory(tmp_path: Path) -> None:
    """200 MB of whole assessments; what is kept of each while it is read is its name."""
    out, names = tmp_path / "r.jsonl", [f"{k}.wav" for k in range(400)]
    said = {"transcript": "word " * 100_000}
    with Results(out, names, MADE) as results:
        for name in names:
            results.add(name, Outcome("judged", None, said))
    size = out.stat().st_size
    tracemalloc.start()
    with Results(out, names, MADE) as results:
        assert len(results.before) == len(names)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < size / 20
    assert out.stat().st_size == size


# --- the program --------------------------------------------------------------------------------------------------


def test_good_and_bad_recordings_end_as_rows(program: Callable[..., Run], takes: Path, tmp_path: Path) -> None:
    shutil.copy(FIXTURES / "silence.flac", takes / "7.flac")
    (takes / "8.flac").write_bytes(b"no sound at all")
    out, missing = tmp_path / "results.csv", str(takes / "9.flac")
    run = program("analyze", *names_of(takes), missing, "--out", str(out), "--jobs", "2")
    assert run.code == 2
    assert "6 judged" in run.out
    assert "3 could not be judged" in run.out
    assert len(run.error_lines) == 3
    rows = {Path(row["path"]).stem: row for row in rows_of(out)}
    assert tuple(rows["0"]) == COLUMNS
    assert [rows[str(k)]["state"] for k in range(6)] == ["judged"] * 6
    assert [rows[name]["state"] for name in ("7", "8", "9")] == ["no speech", "failed", "failed"]
    assert "no such file" in rows["9"]["error"]
    assert all(4.9 < float(rows[str(k)]["recording_s"]) < 5.1 for k in range(6))
    assert all(int(rows[str(k)]["words"]) > 3 for k in range(6))
    assert rows["0"]["verdict"] == "short"
    assert rows["8"]["words"] == ""
    assert out.stat().st_mode & 0o077 == 0

    again = program("analyze", *names_of(takes)[:7], "--out", str(out))
    assert "0 judged, 7 were done before" in again.out
    # the exit code is that of the results, not of what was left to do
    assert "no speech: " in again.out
    assert again.code == 2
    assert program("analyze", *names_of(takes)[:6], "--out", str(out)).code == 0


def test_whole_assessments_equal_those_of_one_at_a_time(
    program: Callable[..., Run], takes: Path, tmp_path: Path
) -> None:
    out, names = tmp_path / "results.jsonl", names_of(takes)[:2]
    assert program("analyze", *names, "--out", str(out), "--jobs", "2").code == 0
    many = {table["path"]: table["assessment"] for table in map(json.loads, out.read_text().splitlines())}
    single = [json.loads(line) for line in program("analyze", *names, "--json").out.splitlines()]
    assert [table["schema"] for table in single] == [SCHEMA_NAME] * 2
    for name, table in zip(names, single, strict=True):
        for part in ("transcript", "delivery", "coverage", "feedback"):
            assert many[name][part] == table[part]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--jobs", "2"), "add --out"),
        (("--out", "r.csv", "--jobs", "0"), "from 1 on"),
        (("--out", "r.csv", "--jobs", "many"), "from 1 on"),
        (("--out", "r.csv", "--json"), "leave out --json"),
        (("--out", "r.csv", "--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"), "give one of them"),
        (("--out", "r.csv", "--scheduler", "tcp://127.0.0.1:1"), "no Dask scheduler answers"),
        (("--out", "/dev/null/r.csv"), "can't be written"),
    ],
)
def test_a_mistake_is_one_line(program: Callable[..., Run], takes: Path, arguments: tuple[str, ...], told: str) -> None:
    run = program("analyze", *names_of(takes)[:1], *arguments)
    assert run.code == 2
    assert len(run.error_lines) == 1
    assert told in run.err


def started(takes: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "voice_coach", "analyze", *names_of(takes), "--out", str(out), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def test_killed_half_way_it_goes_on(program: Callable[..., Run], takes: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.csv"
    begun = started(takes, out, "--jobs", "1")
    await_rows(out, 2)
    os.killpg(begun.pid, signal.SIGKILL)
    begun.communicate()
    before = out.read_text().splitlines()
    run = program("analyze", *names_of(takes), "--out", str(out), "--jobs", "1")
    assert run.code == 0
    after = out.read_text().splitlines()
    assert after[: len(before) - 1] == before[:-1]
    assert sorted(row["path"] for row in rows_of(out)) == names_of(takes)


def test_ctrl_c_keeps_what_is_done(takes: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.csv"
    begun = started(takes, out, "--jobs", "2")
    await_rows(out, 1)
    os.killpg(begun.pid, signal.SIGINT)
    _, err = begun.communicate(timeout=WAIT_S)
    assert begun.returncode == 130
    assert "goes on from there" in err
    assert "Traceback" not in err
    assert 1 <= len(rows_of(out)) < 6


@pytest.mark.parametrize(("kills", "state"), [(1, "judged"), (2, "failed")])
def test_a_worker_that_dies_is_replaced(takes: Path, tmp_path: Path, kills: int, state: str) -> None:
    names = names_of(takes)[:2]
    seen: set[int] = set()

    def kill() -> None:
        for _ in range(kills):
            deadline = time.monotonic() + WAIT_S
            while time.monotonic() < deadline:
                fresh = [one for one in multiprocessing.active_children() if one.pid and one.pid not in seen]
                if fresh and fresh[0].pid:
                    seen.add(fresh[0].pid)
                    os.kill(fresh[0].pid, signal.SIGKILL)
                    break
                time.sleep(0.01)

    killer = threading.Thread(target=kill)
    killer.start()
    outcomes = dict(local(Job(device="cpu", threads=1), 1)(names))
    killer.join()
    assert len(seen) == kills
    assert [outcomes[name].state for name in names] == [state, "judged"]
    assert state == "judged" or "was killed" in (outcomes[names[0]].error or "")


@contextmanager
def dask(folder: Path, *, workers: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler with so many worker processes: its address and its process."""
    pytest.importorskip("distributed", reason="the cluster extra is not installed")
    place = folder / "scheduler.json"
    program, quiet = [sys.executable, "-m", "dask"], {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    files = ["--no-dashboard", "--host", "127.0.0.1", "--scheduler-file", str(place)]
    scheduler = [*program, "scheduler", *files, "--port", "0"]
    worker = [*program, "worker", *files, "--nthreads", "1", "--local-directory", str(folder)]
    with ExitStack() as running:

        def start(command: list[str]) -> subprocess.Popen[bytes]:
            process = running.enter_context(subprocess.Popen(command, **quiet))  # type: ignore[call-overload]
            running.callback(process.terminate)
            return process  # type: ignore[no-any-return]

        first = start(scheduler)
        if workers:
            start([*worker, "--nworkers", str(workers)])
        yield await_scheduler(place, workers), first


def test_two_workers_of_a_scheduler(program: Callable[..., Run], takes: Path, tmp_path: Path) -> None:
    out, broken = tmp_path / "results.csv", takes / "8.flac"
    broken.write_bytes(b"no sound at all")
    with dask(tmp_path, workers=2) as (address, scheduler):
        run = program("analyze", *names_of(takes), "--out", str(out), "--scheduler", address)
        # the same workers, already warm, and now the scheduler is lost
        second = tmp_path / "second.csv"
        begun = started(takes, second, "--scheduler", address)
        await_rows(second, 1)
        scheduler.kill()
        _, lost = begun.communicate(timeout=WAIT_S)
    assert begun.returncode == 2
    assert [line for line in lost.splitlines() if str(broken) not in line] == [
        "voice-coach: the Dask scheduler went away; what is done is kept: start it and run this again"
    ]
    assert 1 <= len(rows_of(second)) < 7
    assert run.code == 2
    assert "6 judged" in run.out
    assert len(run.error_lines) == 1
    rows = {row["path"]: row for row in rows_of(out)}
    assert sorted(rows) == names_of(takes)
    assert [row["state"] for row in rows.values()].count("judged") == 6
    assert rows[str(broken)]["state"] == "failed"


def test_workers_that_would_judge_otherwise_are_refused(
    program: Callable[..., Run], takes: Path, tmp_path: Path
) -> None:
    arguments = ("analyze", *names_of(takes)[:1], "--out", tmp_path / "r.csv", "--scheduler")
    with dask(tmp_path, workers=0) as (address, _):
        nobody = program(*arguments, address)
        # a worker with a home, and so with a voice_coach, of its own
        (tmp_path / "voice_coach").mkdir()
        (tmp_path / "voice_coach" / "__init__.py").write_text("")
        other = [sys.executable, "-m", "dask", "worker", address, "--no-dashboard", "--local-directory", str(tmp_path)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        env = {**os.environ, "PYTHONPATH": str(tmp_path)}
        with subprocess.Popen(other, cwd=tmp_path, env=env, **quiet) as worker:  # type: ignore[call-overload]
            await_scheduler(tmp_path / "scheduler.json", 1)
            unlike = program(*arguments, address)
            worker.terminate()
    assert (nobody.code, len(nobody.error_lines)) == (2, 1)
    assert "has no workers" in nobody.err
    assert (unlike.code, len(unlike.error_lines)) == (2, 1)
    assert "install the same voice-coach and models there" in unlike.err


def await_scheduler(place: Path, workers: int) -> str:
    """The scheduler's address, once so many workers have joined it."""
    from distributed import Client

    deadline = time.monotonic() + WAIT_S
    while not place.exists() or not place.read_text():
        assert time.monotonic() < deadline, "the scheduler did not start"
        time.sleep(0.1)
    address: str = json.loads(place.read_text())["address"]
    with Client(address, timeout=WAIT_S, set_as_default=False) as client:
        if workers:
            client.wait_for_workers(workers, timeout=WAIT_S)
    return address
