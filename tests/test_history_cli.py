"""Past takes as a person deals with them: the commands, on takes that were really judged."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import soundfile

from tests.conftest import FIXTURES, ROOT, Run
from voice_coach.audio.files import AudioFile
from voice_coach.audio.takes import TakeRecorder
from voice_coach.history.store import Store
from voice_coach.interviewer.questions import read_pack
from voice_coach.keeping import HistoryKeeper, as_plain_sound, facts_of_file, question_answered, question_of
from voice_coach.records import SAMPLE_RATE_HZ, Question, TakeFacts
from voice_coach.report.json_view import schema
from voice_coach.settings import read_settings

Command = Callable[..., Run]
ASKED = datetime(2026, 3, 1, 12, 0, 30, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording from elsewhere, and a take of this program that answers a follow-up."""
    folder = tmp_path_factory.mktemp("recordings")
    samples, rate_hz = soundfile.read(FIXTURES / "filler_heavy.flac", dtype="float32")
    soundfile.write(folder / "answer.flac", samples[: rate_hz * 30], rate_hz)
    with AudioFile(FIXTURES / "too_short.flac") as audio:
        clip = np.concatenate(list(audio))[: 12 * SAMPLE_RATE_HZ]
    with TakeRecorder(
        folder,
        question=Question("how-bad", "How bad was it?", 60.0, 90.0, "follow_up", "severity"),
        level="senior",
        device="USB",
        started_at=ASKED,
    ) as take:
        take.push(clip)
        take.mark("gap", lost=800)
        take.finish()
    return folder


def run_in(data: Path, *arguments: str | Path, env: dict[str, str] | None = None) -> Run:
    done = subprocess.run(
        [sys.executable, "-m", "voice_coach", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "XDG_DATA_HOME": str(data), "COLUMNS": "160", **(env or {})},
        cwd=ROOT,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def imported(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """The user's data after an import, and what the import said."""
    data = tmp_path_factory.mktemp("data")
    take = next(recordings.glob("take-*.wav"))
    run = run_in(data, "import", take, recordings / "answer.flac", FIXTURES / "silence.flac", ROOT / "README.md")
    return data, run


@pytest.fixture
def data(imported: tuple[Path, Run], tmp_path: Path) -> Path:
    """A copy of it that the test may change."""
    return Path(shutil.copytree(imported[0], tmp_path / "data"))


@pytest.fixture
def voice_coach(data: Path) -> Command:
    def run(*arguments: str | Path, env: dict[str, str] | None = None) -> Run:
        return run_in(data, *arguments, env=env)

    return run


def listed(data: Path) -> dict[str, str]:
    """The ids by question."""
    with Store.open(data / "voice-coach" / "history") as store:
        return {entry.question_id or "": entry.id for entry in store.entries()}


def test_import_keeps_what_can_be_judged_and_says_what_can_not(imported: tuple[Path, Run], recordings: Path) -> None:
    data, run = imported
    assert run.code == 2
    kept = [line.split(": kept as ")[0] for line in run.out.splitlines()]
    assert kept == [str(next(recordings.glob("take-*.wav"))), str(recordings / "answer.flac")]
    silent, text = run.error_lines
    assert "not kept: No speech heard" in silent
    assert "README.md: not a recording" in text
    with Store.open(data / "voice-coach" / "history") as store:
        answer, take = sorted(store.entries(), key=lambda entry: entry.question_id or "", reverse=True)
        assert (answer.question_id, answer.purpose, answer.level) == ("incident-response", "main", "mid")
        assert answer.taken_at.timestamp() == pytest.approx((recordings / "answer.flac").stat().st_mtime)
        assert (take.question_id, take.purpose, take.level, take.taken_at) == ("how-bad", "follow_up", "senior", ASKED)
        assert (take.target_min_s, take.target_max_s, take.device) == (60.0, 90.0, "USB")
        assert [mark.kind for mark in store.facts(take.id).marks] == ["gap"]
        assert store.kept(take.id).settings["level"] == "mid"
        assert "takes" not in store.kept(take.id).settings


def test_the_same_recording_is_kept_once(voice_coach: Command, recordings: Path, tmp_path: Path) -> None:
    copy = shutil.copy(recordings / "answer.flac", tmp_path / "another name.flac")
    run = voice_coach("import", copy)
    assert run.code == 0
    assert "is kept already as" in run.out
    assert len(json.loads(voice_coach("history", "--json").out)) == 2


def test_history_lists_and_filters(voice_coach: Command, data: Path) -> None:
    ids = listed(data)
    run = voice_coach("history")
    assert (run.code, run.err) == (0, "")
    heading, *lines, legend = run.out.splitlines()
    assert heading.split() == ["ID", "When", "Time", "Pace", "Fillers", "Stages", "Question"]
    assert {line.split()[0] for line in lines} == set(ids.values())
    assert "[follow up] " in run.out
    assert legend.startswith("Stages: detection, severity")
    takes = json.loads(voice_coach("history", "--json").out)
    assert [take["id"] for take in takes] == [line.split()[0] for line in lines]
    assert [take["taken_at"] for take in takes] == sorted((take["taken_at"] for take in takes), reverse=True)
    for arguments, left in (
        (("--question", "how-bad"), ["how-bad"]),
        (("--level", "mid"), ["incident-response"]),
        (("--since", "2026-03-02", "--level", "senior"), []),
        (("--limit", "1"), [takes[0]["question_id"]]),
    ):
        some = json.loads(voice_coach("history", "--json", *arguments).out)
        assert [take["question_id"] for take in some] == left
    assert voice_coach("history", "--level", "senior", "--since", "1h").out == "No such take\n"


def test_a_new_user_is_told_how_to_begin(tmp_path: Path) -> None:
    run = run_in(tmp_path, "history")
    assert (run.code, run.err) == (0, "")
    assert "No takes yet" in run.out
    assert run_in(tmp_path, "history", "--json").out == "[]\n"


def test_history_waits_for_nothing_heavy(data: Path) -> None:
    code = (
        "import sys\nfrom voice_coach.cli import run\nrun(['history'])\n"
        "print(*{'numpy', 'rich.console', 'soundfile', 'onnxruntime', 'jinja2'} & set(sys.modules))"
    )
    env = {**os.environ, "XDG_DATA_HOME": str(data)}
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


def test_show_is_what_was_on_screen(voice_coach: Command, data: Path) -> None:
    ids = listed(data)
    run = voice_coach("show", ids["incident-response"][:4])
    assert run.code == 0
    assert "How do you handle incident response?" in run.out.splitlines()[0]
    for part in ("You spoke for", "Pace ", "Fillers ", "detection", "STAR ", "Next question: "):
        assert part in run.out
    assert "Sound is missing at 12 s (gap)" in voice_coach("show", ids["how-bad"]).out
    table = json.loads(voice_coach("show", ids["incident-response"], "--json").out)
    jsonschema.validate(table, schema())


def test_corrections_are_remembered_and_shown_in_the_totals(voice_coach: Command, data: Path) -> None:
    id = listed(data)["incident-response"]

    def figures() -> tuple[int, int]:
        (take,) = json.loads(voice_coach("history", "--json", "--question", "incident-response").out)
        return take["filled_pauses"], take["corrections"]

    before = voice_coach("fillers", id).out.splitlines()
    number = next(line.split()[0] for line in before if "um/uh" in line and "sure" in line)
    pauses, _ = figures()
    assert voice_coach("fillers", id, "--drop", number).code == 0
    assert figures() == (pauses - 1, 1)
    run = voice_coach("fillers", id, "--add", "0:29", "umm")
    assert "yours" in next(line for line in run.out.splitlines() if " 0:29 " in line)
    assert "With 2 corrections of yours" in run.out
    assert figures() == (pauses, 2)
    shown = voice_coach("show", id).out
    assert "You corrected the fillers: 1 dropped, 1 added." in shown
    assert f"{pauses} um/uh" in shown
    # to drop what one added is to forget it
    mine = next(line.split()[0] for line in run.out.splitlines() if "yours" in line)
    voice_coach("fillers", id, "--drop", mine)
    assert figures() == (pauses - 1, 1)
    assert voice_coach("fillers", id, "--reset").out.splitlines() == before
    assert figures() == (pauses, 0)
    for wrong, said in (
        (("--drop", "99"), "--drop 99: the list has numbers 1 to"),
        (("--add", "5:00", "um"), "after the end of the take"),
        (("--add", "soon", "um"), "give a time like 1:05"),
        (("--reset", "--drop", "1"), "give it alone"),
    ):
        run = voice_coach("fillers", id, *wrong)
        assert (run.code, len(run.error_lines)) == (2, 1)
        assert said in run.err


def test_a_take_judged_anew_keeps_its_corrections_and_its_past(voice_coach: Command, data: Path) -> None:
    id = listed(data)["how-bad"]
    voice_coach("fillers", id, "--add", "0:05", "erm")
    run = voice_coach("reanalyze", id)
    assert run.code == 0
    assert "Before" in run.out
    assert "The transcript is the same" in run.out
    with Store.open(data / "voice-coach" / "history") as store:
        entry = store.entry(id)
        assert (entry.assessments, entry.corrections) == (2, 1)
        newest, first = store.assessments(id)
        # what was measured is kept as measured, and the correction counts
        assert newest["delivery"]["fillers"] == first["delivery"]["fillers"]
        assert entry.filled_pauses == newest["delivery"]["fillers"]["filled_pauses"] + 1
        # the question was the follow-up, with its own time
        assert newest["delivery"]["target"]["max_s"] == 90.0
    run = voice_coach("forget", "--older-than", "1h", "--audio-only", "--yes")
    assert run.out.startswith("Deleted the sound of ")
    assert "its sound is not kept" in voice_coach("reanalyze", id).err
    assert voice_coach("show", id).code == 0


def test_an_assessment_that_can_not_be_read_is_made_anew(voice_coach: Command, data: Path) -> None:
    id = listed(data)["how-bad"]
    path = data / "voice-coach" / "history" / "takes" / f"{id}.json"
    kept = json.loads(path.read_text())
    del kept["assessments"][-1]["assessment"]["transcript"]
    path.write_text(json.dumps(kept))
    shown = voice_coach("show", id)
    assert (shown.code, f"voice-coach reanalyze {id}" in shown.err) == (2, True)
    assert voice_coach("reanalyze", id).code == 0
    assert voice_coach("show", id).code == 0


def test_options_that_would_be_ignored_are_refused(voice_coach: Command, data: Path) -> None:
    ids = listed(data)
    for command, said in (
        (("report", ids["how-bad"], "--level", "senior"), "--level is for recordings"),
        (("compare", *ids.values(), "--level", "senior"), "--level is for recordings"),
        (("export", ids["how-bad"], "--level", "senior"), "choose among all takes"),
        (("export", ids["how-bad"], "--since", "7d"), "choose among all takes"),
    ):
        run = voice_coach(*command)
        assert (run.code, len(run.error_lines)) == (2, 1)
        assert said in run.err


def test_a_file_whose_name_is_not_utf_8(recordings: Path, tmp_path: Path) -> None:
    name = tmp_path / os.fsdecode(b"caf\xe9.flac")
    shutil.copy(recordings / "answer.flac", name)
    run = run_in(tmp_path, "import", name)
    assert (run.code, "caf\\udce9.flac: kept as " in run.out) == (0, True), run.err
    (id,) = listed(tmp_path).values()
    assert run_in(tmp_path, "show", id).code == 0
    page = tmp_path / "page.html"
    assert run_in(tmp_path, "report", name, "--out", page).code == 0
    assert page.stat().st_size > 10_000


def test_delete_and_forget(voice_coach: Command, data: Path) -> None:
    ids = listed(data)
    short = voice_coach("delete", ids["how-bad"][:4])
    assert (short.code, f"give its whole id, {ids['how-bad']}" in short.err) == (2, True)
    run = voice_coach("delete", ids["how-bad"])
    assert run.out.startswith(f"Deleted {ids['how-bad']}  2026-03-01")
    assert voice_coach("show", ids["how-bad"]).code == 2
    assert "Deleted 0 takes" in voice_coach("forget", "--older-than", "2000-01-01").out
    asked = voice_coach("forget", "--older-than", "0h")
    assert (asked.code, "would delete 1 take from before" in asked.err) == (2, True)
    assert "Deleted 1 take from before" in voice_coach("forget", "--older-than", "0h", "--yes").out
    assert json.loads(voice_coach("history", "--json").out) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "zzzz"),
        ("play", "zzzz"),
        ("delete", "zzzz"),
        ("fillers", "zzzz"),
        ("reanalyze", "zzzz"),
        ("export", "zzzz"),
        ("reanalyze",),
        ("backup", "x" * 300),
        ("progress", "--html", "x" * 300),
        ("recover", "--takes", "x" * 300),
        ("history", "--since", "yesterday"),
        ("history", "--level", "expert"),
        ("forget", "--older-than", "old"),
        ("forget", "--older-than", "2999-01-01", "--yes"),
        ("forget",),
        ("restore", "nowhere.zip", "--replace"),
        ("backup", "/nowhere/at/all.zip"),
        ("import", "nowhere.wav"),
        ("export", "--out", "/"),
    ],
    ids=" ".join,
)
def test_wrong_commands_end_in_one_line_and_exit_code_2(voice_coach: Command, arguments: tuple[str, ...]) -> None:
    run = voice_coach(*arguments)
    assert run.code == 2
    assert len(run.error_lines) == 1, run.err
    assert run.err.startswith("voice-coach: ")


def test_exports_are_private_and_say_what_they_could_not_judge(
    voice_coach: Command, data: Path, tmp_path: Path
) -> None:
    before = os.umask(0)
    try:
        run = voice_coach("export", "--scrub", "--out", tmp_path / "takes.json")
    finally:
        os.umask(before)
    assert (run.code, run.out) == (0, "")
    assert "voice-coach: replaced: " in run.err
    assert "can't be judged" in run.err
    assert stat.S_IMODE((tmp_path / "takes.json").stat().st_mode) == 0o600
    takes = json.loads((tmp_path / "takes.json").read_text())
    assert len(takes) == 2
    assert takes[0]["assessment"]["audio"]["path"] == "[path]"
    (one,) = json.loads(voice_coach("export", listed(data)["how-bad"]).out)
    assert one["question_id"] == "how-bad"
    assert voice_coach("export", "--format", "markdown", "--level", "senior").out.count("\n## ") == 1


def test_backup_and_restore(voice_coach: Command, tmp_path: Path) -> None:
    run = voice_coach("backup", tmp_path / "all.zip")
    assert run.out.startswith("2 takes in ")
    takes = voice_coach("history", "--json").out
    elsewhere = tmp_path / "elsewhere"
    assert run_in(elsewhere, "restore", tmp_path / "all.zip").out == "2 takes restored\n"
    assert run_in(elsewhere, "history", "--json").out == takes
    run = run_in(elsewhere, "restore", tmp_path / "all.zip")
    assert run.code == 2
    assert "give --replace" in run.err


def test_a_damaged_database_is_told_in_one_line_and_nothing_is_lost(voice_coach: Command, data: Path) -> None:
    takes = voice_coach("history", "--json").out
    (data / "voice-coach" / "history" / "history.db").write_bytes(b"no database" * 1000)
    run = voice_coach("history", "--json")
    assert (run.code, run.out) == (0, takes)
    (line,) = run.error_lines
    assert "was damaged and is set aside as " in line
    assert "2 takes were read back" in line
    assert voice_coach("history").err == ""


# ------------------------------------------------------------------ sound


def tone(folder: Path) -> tuple[Path, str]:
    """A store with a take of two notes, three seconds each; and its id."""
    time_s = np.arange(3 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    notes = np.concatenate([0.3 * np.sin(2 * np.pi * hz * time_s) for hz in (440.0, 880.0)])
    soundfile.write(folder / "notes.wav", notes, SAMPLE_RATE_HZ)
    with Store.open(folder / "voice-coach" / "history") as store:
        return folder, store.add(TakeFacts("file-1", ASKED), audio=folder / "notes.wav", assessment=None)


@pytest.mark.usefixtures("card")
def test_play_begins_where_it_was_asked_to(tmp_path: Path) -> None:
    data, id = tone(tmp_path)
    raw = tmp_path / "loopback.wav"
    form = ["--latency-msec=20", "--rate=16000", "--channels=1", "--file-format=wav"]
    recorder = subprocess.Popen(["parec", "--device=card.monitor", *form, str(raw)])
    run = run_in(data, "play", id[:3], "--at", "0:03")
    recorder.terminate()
    recorder.wait(timeout=10)
    assert run.code == 0, run.err
    heard = soundfile.read(raw)[0]
    spectrum = np.abs(np.fft.rfft(heard))
    low, high = (spectrum[round(hz * len(heard) / SAMPLE_RATE_HZ)] for hz in (440.0, 880.0))
    assert high > 50 * low
    assert (np.abs(heard) > 0.05).sum() / SAMPLE_RATE_HZ == pytest.approx(3.0 * 0.89, abs=0.4)


def test_without_a_sound_card_the_file_is_named(tmp_path: Path) -> None:
    data, id = tone(tmp_path)
    (tmp_path / "asound.conf").write_text("")
    nothing = {"ALSA_CONFIG_PATH": str(tmp_path / "asound.conf"), "PULSE_SERVER": "unix:/nowhere"}
    run = run_in(data, "play", id, env=nothing)
    assert run.code == 2
    assert f"the recording is {data / 'voice-coach' / 'history' / 'takes' / id}.flac" in run.err
    run = run_in(data, "play", id, "--at", "0:06", env=nothing)
    assert "the take ends at 0:06" in run.err
    assert "was never judged; do it now with: voice-coach reanalyze" in run_in(data, "show", id).err


def test_any_recording_becomes_plain_sound(tmp_path: Path) -> None:
    import av

    samples = (8_000 * np.sin(np.arange(32_000) / 10)).astype(np.int16)
    path = tmp_path / "answer.m4a"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=SAMPLE_RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE_HZ
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    with as_plain_sound(path) as plain:
        info = soundfile.info(plain)
        assert (info.samplerate, info.channels) == (SAMPLE_RATE_HZ, 1)
        assert info.duration == pytest.approx(2.0, abs=0.15)
        copy = plain
    assert not copy.exists()
    with as_plain_sound(FIXTURES / "too_short.flac") as plain:
        assert plain == FIXTURES / "too_short.flac"


# ------------------------------------------------------------------ a rehearsal's takes


@pytest.mark.parametrize(
    "question",
    [
        Question("incident-response", "How do you handle incident response?", 75.0, 100.0, "90"),
        Question("incident-response", "How did you stop it?", 20.0, 40.0, "stage:mitigation", "mitigation"),
        Question("conflict", "Tell me about a conflict.", 60.0, 120.0),
        Question("whose-pager", "Whose pager rang?", 60.0, 90.0, "follow_up", "detection"),
    ],
    ids=["short version", "stage", "of another pack", "of another pack, on a stage"],
)
def test_a_take_that_is_imported_answers_what_was_asked(tmp_path: Path, question: Question) -> None:
    with TakeRecorder(tmp_path, question=question, level="mid", device=None) as recorder:
        recorder.push(np.zeros(SAMPLE_RATE_HZ, np.float32))
        take = recorder.finish()
    pack = read_pack(None)
    assert question_answered(facts_of_file(take.path, pack, "mid"), pack) == question
    # takes of before say only the question
    sidecar = take.path.with_suffix(".json")
    known = json.loads(sidecar.read_text())
    for key in ("purpose", "target_min_s", "target_max_s", "probes"):
        del known[key]
    sidecar.write_text(json.dumps(known))
    facts = facts_of_file(take.path, pack, "mid")
    assert (facts.question, facts.purpose, facts.target_max_s) == (question.text, "main", 180.0)


def test_a_rehearsal_keeps_its_takes_in_one_sitting(tmp_path: Path) -> None:
    settings = read_settings(tmp_path / "settings.toml")
    keeper = HistoryKeeper(tmp_path / "history", settings)
    question = Question("incident-response", "How?", 75.0, 100.0, "90")
    told = []
    for second in range(3):
        with TakeRecorder(
            tmp_path / "takes",
            question=question,
            level="early",
            device=None,
            started_at=ASKED.replace(second=second),
        ) as recorder:
            if second:
                recorder.push(np.zeros(SAMPLE_RATE_HZ, np.float32))
            take = recorder.finish()
        told.append(keeper.keep(take, question, None))
    # nothing was recorded in the first
    assert told[0] is None
    with Store.open(tmp_path / "history") as store:
        later, earlier = store.entries()
        # it was not judged, so there is nothing to show yet
        assert told[2] == f"Kept as {later.id}; judge it later with: voice-coach reanalyze {later.id}"
        assert later.rehearsal_id == earlier.rehearsal_id is not None
        assert (later.purpose, later.level, later.target_max_s) == ("90", "early", 100.0)
        recording = tmp_path / "takes" / f"{later.take_id}.wav"
        assert recording.exists()
        store.delete(later.id)
        assert not recording.exists()
        assert not recording.with_suffix(".json").exists()


def test_a_question_is_found_by_its_id_or_is_the_main_one() -> None:
    pack = read_pack()
    assert question_of("how-bad", pack).purpose == "follow_up"
    assert question_of(None, pack) == question_of("gone since", pack) == pack.main_question()
