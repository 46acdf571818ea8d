"""Takes on disk: as they come, after a kill, after the power went, on a full disk, and made whole again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.conftest import ROOT, Run
from voice_coach.audio.files import AudioFile
from voice_coach.audio.takes import (
    FILL_S,
    RESERVE_BYTES,
    Mark,
    TakeRecorder,
    list_takes,
    read_samples,
    read_take,
    recover_take,
)
from voice_coach.cli.takes import waiting_line
from voice_coach.errors import TakeError
from voice_coach.history.store import Store
from voice_coach.records import SAMPLE_RATE_HZ, Question, Samples, TakeFacts

RATE = SAMPLE_RATE_HZ
BLOCK = RATE // 20
HEADER_BYTES = 44
STARTED = datetime(2026, 3, 1, 19, 30, 5, tzinfo=timezone.utc)


def ramp(start: int, count: int) -> Samples:
    """Samples that say where they belong: int16 values that repeat only after four seconds."""
    return (((np.arange(start, start + count) * 7) % 65_521 - 32_760) / 32_768).astype(np.float32)


def recorder(folder: Path) -> TakeRecorder:
    return TakeRecorder(
        folder,
        question=Question("incident-response", "How do you handle incident response?", 90.0, 180.0),
        level="senior",
        device="USB headset",
        started_at=STARTED,
    )


def cut_off(folder: Path, count: int = 5 * BLOCK) -> Path:
    """A take that was never finished."""
    with recorder(folder) as take:
        take.push(ramp(0, count))
    return take.path


def data_bytes(path: Path) -> bytes:
    return path.read_bytes()[HEADER_BYTES:]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_take_comes_back_as_it_went_in(tmp_path: Path) -> None:
    folder = tmp_path / "takes"
    take = recorder(folder)
    sizes = (1, 799, 0, 1600, 33_000, 7)
    for start, size in zip(np.cumsum((0, *sizes[:-1])), sizes, strict=True):
        take.push(ramp(int(start), size))
    done = take.finish()
    assert done == read_take(take.path) == list_takes(folder)[0]
    assert (done.state, done.samples, done.id) == ("finished", sum(sizes), "take-20260301T193005Z")
    np.testing.assert_array_equal(read_samples(done), ramp(0, sum(sizes)))
    known = done.metadata
    assert known is not None
    assert (known.question_id, known.level, known.device, known.started_at) == (
        "incident-response",
        "senior",
        "USB headset",
        STARTED,
    )
    assert (known.samples, known.recovered, known.marks, known.sample_rate_hz) == (sum(sizes), False, (), RATE)
    # nothing is left over, and nobody else can read it
    assert {path.suffix: mode(path) for path in folder.iterdir()} == {".wav": 0o600, ".json": 0o600}
    assert mode(folder) == 0o700


def test_files_are_private_while_it_runs(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with recorder(tmp_path / "takes") as take:
            take.push(ramp(0, BLOCK))
            take.mark("gap", lost=3)
            assert {mode(path) for path in (tmp_path / "takes").iterdir()} == {0o600}
    finally:
        os.umask(before)


def test_players_can_open_it_after_every_block(tmp_path: Path) -> None:
    with recorder(tmp_path) as take:
        for k in range(8):
            take.push(ramp(k * BLOCK, BLOCK))
            pushed = (k + 1) * BLOCK
            with wave.open(str(take.path)) as file:
                assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, RATE, 2)
                assert file.getnframes() == pushed
                assert len(file.readframes(pushed + 1)) == 2 * pushed
            heard, _ = soundfile.read(take.path, dtype="float32")
            np.testing.assert_array_equal(heard, ramp(0, pushed))
            with AudioFile(take.path) as audio:
                np.testing.assert_array_equal(np.concatenate(list(audio)), ramp(0, pushed))
                assert not audio.recording(()).truncated


@pytest.mark.parametrize(
    ("sample", "kept"),
    [
        *((0.0, 0), (0.4 / 32_768, 0), (0.6 / 32_768, 1), (-0.6 / 32_768, -1)),
        *((1.0, 32_767), (1.5, 32_767), (-1.0, -32_768), (-2.0, -32_768), (np.nan, 0), (np.inf, 0)),
    ],
)
def test_samples_are_rounded_and_never_wrap(tmp_path: Path, sample: float, kept: int) -> None:
    with recorder(tmp_path) as take:
        take.push(np.array([sample], dtype=np.float32))
    assert np.frombuffer(data_bytes(take.path), dtype="<i2").tolist() == [kept]


def test_a_block_of_two_channels_is_refused(tmp_path: Path) -> None:
    with recorder(tmp_path) as take, pytest.raises(ValueError, match="mono"):
        take.push(np.zeros((2, 10), dtype=np.float32))


def test_a_closed_take_takes_no_more(tmp_path: Path) -> None:
    take = recorder(tmp_path)
    take.finish()
    take.close()
    for act in (lambda: take.push(ramp(0, 1)), lambda: take.mark("gap"), take.finish):
        with pytest.raises(ValueError, match="closed"):
            act()


def test_takes_of_one_second_get_names_of_their_own(tmp_path: Path) -> None:
    ids = []
    for _ in range(11):
        with recorder(tmp_path) as take:
            ids.append(take.path.stem)
    assert ids == ["take-20260301T193005Z", *(f"take-20260301T193005Z-{k}" for k in range(2, 12))]
    assert [take.id for take in list_takes(tmp_path)] == ids


def test_what_is_missing_is_marked_and_stood_in_for(tmp_path: Path) -> None:
    with recorder(tmp_path) as take:
        take.push(ramp(0, BLOCK))
        take.mark("gap", lost=1000, note="no sound came for 0.06 s")
        take.push(ramp(BLOCK, BLOCK))
        take.mark("overflow", lost=None)
        take.mark("device_change", note="Built-in microphone")
        take.push(ramp(2 * BLOCK, BLOCK))
        take.mark("gap", lost=8 * 3600 * RATE, note="the computer slept")
        # on disk already, before anything follows
        known = read_take(take.path).metadata
        done = take.finish()
    longest = round(FILL_S * RATE)
    marks = (
        Mark("gap", BLOCK, 1000, 1000, "no sound came for 0.06 s"),
        Mark("overflow", 2 * BLOCK + 1000, None, 0, ""),
        Mark("device_change", 2 * BLOCK + 1000, 0, 0, "Built-in microphone"),
        Mark("gap", 3 * BLOCK + 1000, 8 * 3600 * RATE, longest, "the computer slept"),
    )
    assert known is not None
    assert known.marks == marks
    assert done.metadata is not None
    assert done.metadata.marks == marks
    heard = read_samples(done)
    assert len(heard) == 3 * BLOCK + 1000 + longest
    assert not heard[BLOCK : BLOCK + 1000].any()
    np.testing.assert_array_equal(heard[BLOCK + 1000 : 3 * BLOCK + 1000], ramp(BLOCK, 2 * BLOCK))


CHILD = """
import sys
from pathlib import Path
from tests.test_takes import BLOCK, ramp, recorder

with recorder(Path(sys.argv[1])) as take:
    for k in range(10_000_000):
        if k == 20:
            take.mark("gap", lost=BLOCK, note="on purpose")
        else:
            take.push(ramp(k * BLOCK, BLOCK))
        print(take.samples, flush=True)
"""


@pytest.mark.parametrize("blocks", [1, 21, 64, 301])
def test_kill_in_mid_write_loses_nothing_that_was_taken(tmp_path: Path, blocks: int) -> None:
    """The child writes without a rest, so the kill falls anywhere between two blocks or inside one."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT, text=True, env=os.environ
    )
    assert child.stdout is not None
    told = [int(child.stdout.readline()) for _ in range(blocks)]
    child.send_signal(signal.SIGKILL)
    told += [int(line) for line in child.stdout if line.endswith("\n")]
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL

    (take,) = list_takes(tmp_path)
    assert take.state == "cut_off"
    assert told[-1] <= take.samples <= told[-1] + 2 * BLOCK
    due = ramp(0, take.samples)
    due[20 * BLOCK : 21 * BLOCK] = 0.0
    np.testing.assert_array_equal(read_samples(take), due)
    assert take.metadata is not None
    assert take.metadata.question == "How do you handle incident response?"
    if take.samples > 20 * BLOCK:
        assert take.metadata.marks == (Mark("gap", 20 * BLOCK, BLOCK, BLOCK, "on purpose"),)
    with wave.open(str(take.path)) as file:
        assert file.getnframes() >= take.samples - BLOCK


@contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[Path]:
    """A file system of its own, where root may mount one."""
    folder.mkdir()
    done = subprocess.run(["mount", *arguments, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"can't mount {' '.join(arguments)} here: {done.stderr.strip() or 'needs root'}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def power_cut(disk: Path, after: Path) -> Iterator[Path]:
    """The takes that a computer finds when it starts again, all that was only on its way left out."""
    shutil.copyfile(disk, after)
    with mounted(after.with_suffix(".mounted"), "-o", "loop", str(after)) as again:
        # else the copy would not be what a power cut leaves
        assert (again / "never_forced").stat().st_size < 65_536
        yield again / "takes"


def test_when_the_power_goes_at_most_half_a_second_is_lost(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(8 << 20)
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("no mkfs.ext4 to make a disk that can lose its power")
    subprocess.run(["mkfs.ext4", "-q", str(disk)], check=True)
    # without ext4's own guess at which files matter
    with mounted(tmp_path / "live", "-o", "loop,noauto_da_alloc", str(disk)) as live, recorder(live / "takes") as take:
        (live / "never_forced").write_bytes(b"x" * 65_536)
        for k in range(63):
            take.push(ramp(k * BLOCK, BLOCK))
        with power_cut(disk, tmp_path / "answering") as found:
            (left,) = list_takes(found)
            assert left.state == "cut_off"
            assert 63 * BLOCK - RATE / 2 <= left.samples <= 63 * BLOCK
            np.testing.assert_array_equal(read_samples(left), ramp(0, left.samples))
            assert left.metadata is not None
            assert recover_take(left.path).samples == left.samples
        take.mark("device_change", note="Built-in microphone")
        with power_cut(disk, tmp_path / "marked") as found:
            (left,) = list_takes(found)
            assert left.samples == 63 * BLOCK
            assert left.metadata is not None
            assert left.metadata.marks == (Mark("device_change", 63 * BLOCK, 0, 0, "Built-in microphone"),)
        done = take.finish()
        with power_cut(disk, tmp_path / "finished") as found:
            (left,) = list_takes(found)
            assert (left.state, left.metadata) == ("finished", done.metadata)


DISK_BYTES = 256 * 1024


def test_a_disk_that_fills_keeps_what_fits(tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none") as small:
        take = recorder(small / "takes")
        pushed, said = 0, ""
        while not said and pushed * 2 < 2 * DISK_BYTES:
            try:
                take.push(ramp(pushed, 2000))
                pushed += 2000
            except TakeError as exc:
                said = str(exc)
        assert said.startswith("the disk is full: ")
        assert f"keeps the first {take.duration_s:.1f} s" in said
        with pytest.raises(TakeError, match="the disk is full"):
            take.push(ramp(pushed, 2000))
        done = take.finish()
        assert done == read_take(take.path)
        assert pushed <= done.samples < pushed + 2000
        # a page for each of two folders, the metadata and its successor
        assert done.samples * 2 > DISK_BYTES - RESERVE_BYTES - 5 * 4096
        np.testing.assert_array_equal(read_samples(done), ramp(0, done.samples))
        assert done.metadata is not None
        (mark,) = done.metadata.marks
        assert (mark.kind, mark.at, mark.lost) == ("write_failed", done.samples, pushed + 2000 - done.samples)
        with wave.open(str(done.path)) as file:
            assert file.getnframes() == done.samples

        fill(small)
        with pytest.raises(TakeError, match="the disk is full; free some space before you start"):
            recorder(small / "takes")
        assert len(list((small / "takes").iterdir())) == 2


def fill(folder: Path) -> None:
    with (folder / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return


def test_a_take_that_could_not_be_marked_whole_is_recovered_later(tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none") as small:
        take = recorder(small / "takes")
        take.push(ramp(0, RATE))
        take.path.with_suffix(".reserve").unlink()
        fill(small)
        with pytest.raises(TakeError, match=r"all 1\.0 s are kept .*voice-coach recover"):
            take.finish()
        with pytest.raises(TakeError, match="free some space and run it again"):
            recover_take(take.path)
        assert read_take(take.path).state == "cut_off"
        (small / "filler").unlink()
        np.testing.assert_array_equal(read_samples(recover_take(take.path)), ramp(0, RATE))
        assert read_take(take.path).state == "finished"


def test_a_folder_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TakeError, match="choose another folder for takes"):
        recorder(tmp_path / "file" / "takes")
    with pytest.raises(TakeError, match="name the folder that holds the takes"):
        list_takes(tmp_path / "file")


def header_says(path: Path, samples: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[4:8] = (samples * 2 + 36).to_bytes(4, "little")
    raw[40:44] = (samples * 2).to_bytes(4, "little")
    path.write_bytes(raw)


HARMS: dict[str, Callable[[Path], object]] = {
    "nothing more": lambda path: None,
    "header short of the data": lambda path: header_says(path, 100),
    "header beyond the data": lambda path: header_says(path, 10**6),
    "header never on disk": lambda path: path.write_bytes(bytes(HEADER_BYTES) + data_bytes(path)),
    "half a sample": lambda path: path.write_bytes(path.read_bytes() + b"\x01"),
    "no metadata": lambda path: path.with_suffix(".json").unlink(),
    "half the metadata": lambda path: path.with_suffix(".json").write_text('{"schema": "voice-coach/take/1", "id'),
    "zeros for metadata": lambda path: path.with_suffix(".json").write_bytes(bytes(300)),
    "metadata of no such kind": lambda path: path.with_suffix(".json").write_text("[1]"),
    "metadata of a wrong type": lambda path: path.with_suffix(".json").write_text(
        path.with_suffix(".json").read_text().replace('"marks": []', '"marks": {"at": true}')
    ),
    "metadata without a zone": lambda path: path.with_suffix(".json").write_text(
        path.with_suffix(".json").read_text().replace("+00:00", "")
    ),
    "a half-written successor": lambda path: path.with_suffix(".json.new").write_text('{"sch'),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_cut_off_take_is_read_and_made_whole(tmp_path: Path, harm: str) -> None:
    path = cut_off(tmp_path)
    HARMS[harm](path)
    before = data_bytes(path)[: 5 * BLOCK * 2]
    (found,) = list_takes(tmp_path)
    assert (found.state, found.samples, found.started_at) == ("cut_off", 5 * BLOCK, STARTED)
    np.testing.assert_array_equal(read_samples(found), ramp(0, 5 * BLOCK))
    lost_metadata = found.metadata is None
    assert lost_metadata == ("metadata" in harm)

    whole = recover_take(path)
    assert whole == read_take(path)
    assert whole.state == "finished"
    assert whole.metadata is not None
    assert whole.metadata.recovered
    assert whole.metadata.question == (None if lost_metadata else "How do you handle incident response?")
    assert data_bytes(path) == before
    with wave.open(str(path)) as file:
        assert file.getnframes() == 5 * BLOCK
    names = {file.name.removeprefix(path.stem) for file in tmp_path.iterdir()}
    kept_aside = {".json.damaged"} if lost_metadata and harm != "no metadata" else set()
    assert names - {".json.new"} == {".wav", ".json"} | kept_aside
    # a second time changes nothing
    stamp = path.stat().st_mtime_ns
    assert recover_take(path) == whole
    assert path.stat().st_mtime_ns == stamp


def test_a_finished_take_that_lost_its_end_counts_as_cut_off(tmp_path: Path) -> None:
    take = recorder(tmp_path)
    take.push(ramp(0, 4 * BLOCK))
    take.mark("gap", lost=BLOCK)
    take.finish()
    os.truncate(take.path, HEADER_BYTES + (4 * BLOCK + 100) * 2)
    assert read_take(take.path).state == "cut_off"
    whole = recover_take(take.path)
    assert whole.samples == 4 * BLOCK + 100
    assert whole.metadata is not None
    assert whole.metadata.marks == (Mark("gap", 4 * BLOCK, BLOCK, 100, ""),)


def test_tags_added_after_the_sound_are_not_heard_as_sound(tmp_path: Path) -> None:
    take = recorder(tmp_path)
    take.push(ramp(0, BLOCK))
    done = take.finish()
    with take.path.open("ab") as file:
        file.write(b"LIST\x04\x00\x00\x00INFO")
    assert read_take(take.path) == done
    np.testing.assert_array_equal(read_samples(done), ramp(0, BLOCK))


def test_other_peoples_files_are_left_alone(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "song.wav", ramp(0, 100), RATE)
    soundfile.write(tmp_path / "take-20260301T193005Z.wav", np.zeros((100, 2)), 44_100)
    soundfile.write(tmp_path / "take-99999999T999999Z.wav", ramp(0, 100), RATE)
    (tmp_path / "take-20260301T193006Z.wav").mkdir()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert list_takes(tmp_path) == ()
    for name in before:
        with pytest.raises(TakeError, match="is not a take of this program"):
            recover_take(tmp_path / name)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    assert list_takes(tmp_path / "absent") == ()


def test_a_take_being_recorded_is_left_alone(tmp_path: Path, program: Callable[..., Run]) -> None:
    with recorder(tmp_path) as take:
        take.push(ramp(0, BLOCK))
        assert read_take(take.path).state == recover_take(take.path).state == "recording"
        run = program("recover", "--takes", tmp_path)
        assert run.code == 0
        assert "is being recorded now; left alone" in run.out
        take.push(ramp(BLOCK, BLOCK))
        done = take.finish()
    np.testing.assert_array_equal(read_samples(done), ramp(0, 2 * BLOCK))


def test_recover_lists_them_and_says_how_to_go_on(tmp_path: Path, program: Callable[..., Run]) -> None:
    folder = tmp_path / "my takes"
    path = cut_off(folder, 63 * RATE)
    header_says(path, 100)
    finished = recorder(folder)
    finished.push(ramp(0, 2 * BLOCK))
    finished.finish()
    lost = cut_off(folder)
    lost.with_suffix(".json").unlink()
    cut_off(folder, 0)
    run = program("recover", "--takes", folder, env={"TZ": "UTC"})
    assert (run.code, run.err) == (0, "")
    assert run.out.splitlines() == [
        "2026-03-01 19:30   1:03.0  How do you handle incident response?",
        f"  voice-coach import '{path}'",
        "2026-03-01 19:30   0:00.1  How do you handle incident response?",
        f"  voice-coach import '{finished.path}'",
        "2026-03-01 19:30   0:00.2  question not known",
        f"  voice-coach import '{lost}'",
        "2026-03-01 19:30   0:00.0  How do you handle incident response?",
        "  ended before any sound came; there is nothing to judge",
    ]
    assert {take.state for take in list_takes(folder)} == {"finished"}
    with AudioFile(path) as audio:
        assert sum(map(len, audio)) == 63 * RATE


def test_a_take_is_listed_until_the_history_has_it(tmp_path: Path, program: Callable[..., Run]) -> None:
    """Also one that was whole: what ended the program may have come between its end and the history."""
    folder, elsewhere = tmp_path / "takes", {"XDG_DATA_HOME": str(tmp_path / "data")}
    path = cut_off(folder)
    whole = recorder(folder)
    whole.push(ramp(0, BLOCK))
    whole.finish()
    for _ in range(2):
        run = program("recover", "--takes", folder, env=elsewhere)
        assert run.code == 0
        assert [line for line in run.out.splitlines() if "import" in line] == [
            f"  voice-coach import {path}",
            f"  voice-coach import {whole.path}",
        ]
    with Store.open(tmp_path / "data" / "voice-coach" / "history") as store:
        for take in list_takes(folder):
            store.add(TakeFacts(take.id, take.started_at), audio=take.path, assessment=None)
    run = program("recover", "--takes", folder, env=elsewhere)
    assert (run.code, run.err) == (0, "")
    assert run.out == f"Nothing to recover in {folder}: no take was cut off, and all are in the history\n"
    # one that its disk did not let end was kept as it was
    late = cut_off(folder)
    with Store.open(tmp_path / "data" / "voice-coach" / "history") as store:
        store.add(TakeFacts(late.stem, STARTED), audio=late, assessment=None)
    run = program("recover", "--takes", folder, env=elsewhere)
    assert (run.code, run.out) == (0, f"{late}: made whole; it is in the history already\n")
    assert read_take(late).state == "finished"


def test_a_rehearsal_begins_with_what_the_history_does_not_have(tmp_path: Path) -> None:
    with Store.open(tmp_path / "history") as store:
        assert waiting_line(store, tmp_path / "takes") is None
        cut_off(tmp_path / "takes", 0)
        assert waiting_line(store, tmp_path / "takes") is None
        cut_off(tmp_path / "takes")
        told = waiting_line(store, tmp_path / "takes")
        assert told == "1 recording is not in the history yet; see: voice-coach recover"
        with recorder(tmp_path / "takes") as now:
            now.push(ramp(0, BLOCK))
            told = waiting_line(store, tmp_path / "takes")
    assert told is not None
    assert told.startswith("1 recording is")


def test_recover_makes_whole_where_the_history_cannot_be_opened(tmp_path: Path, program: Callable[..., Run]) -> None:
    path = cut_off(tmp_path / "takes")
    (tmp_path / "data").write_text("a file where the folder should be")
    run = program("recover", "--takes", tmp_path / "takes", env={"XDG_DATA_HOME": str(tmp_path / "data")})
    assert run.code == 2
    assert len(run.error_lines) == 1
    assert read_take(path).state == "finished"


def test_recover_looks_where_the_settings_say(tmp_path: Path, program: Callable[..., Run]) -> None:
    (tmp_path / "voice-coach").mkdir()
    takes = tmp_path / "elsewhere"
    (tmp_path / "voice-coach" / "settings.toml").write_text(f"takes = {json.dumps(str(takes))}\nlevel = 'senior'\n")
    path = cut_off(takes)
    run = program("recover", env={"XDG_CONFIG_HOME": str(tmp_path)})
    assert run.code == 0
    assert run.out.splitlines()[1] == f"  voice-coach import {path}"


def test_recover_where_there_is_no_folder(tmp_path: Path, program: Callable[..., Run]) -> None:
    run = program("recover", "--takes", tmp_path / "absent")
    assert run.code == 2
    assert len(run.error_lines) == 1
    assert "is no folder" in run.err
