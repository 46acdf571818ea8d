"""The store of takes: what goes in comes out, whatever happens in between."""

from __future__ import annotations

import dataclasses
import gc
import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from bench_history import assessment, check_store, fill, kill_often, take_wav

from tests.conftest import ROOT
from voice_coach.errors import HistoryError, OutputError
from voice_coach.history import rows, schema
from voice_coach.history.kept import KeptTake, write_kept
from voice_coach.history.store import Store
from voice_coach.records import Correction, TakeFacts, TakeMark, TakeSummary

NOW = datetime(2026, 3, 1, 12, 0, 30, 250_000, timezone.utc)


def facts(name: str = "take-20260301T120030Z", *, at: datetime = NOW, **given: object) -> TakeFacts:
    asked: dict[str, Any] = {"question_id": "incident-response", "level": "mid", **given}
    return TakeFacts(name, at, **asked)


def judged(text: str = "I rolled back.", seed: int = 1) -> dict[str, Any]:
    return assessment(random.Random(seed), text=text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "history"


# ------------------------------------------------------------------ in and out


def test_everything_comes_back(folder: Path, tmp_path: Path) -> None:
    wav = take_wav(tmp_path, 7)
    known = facts(
        question="How do you handle incident response?",
        purpose="stage:mitigation",
        rehearsal_id="r1",
        target_min_s=90.0,
        target_max_s=180.0,
        device="USB headset",
        marks=(TakeMark("gap", 3.5, 1.0, 1.0, "no sound came"), TakeMark("overflow", 9.0, None, 0.0)),
    )
    table = judged()
    with Store.open(folder) as store:
        id = store.add(known, audio=wav, assessment=table, settings={"level": "mid", "cues": "tone"})
    with Store.open(folder) as store:
        kept, entry = store.kept(id), store.entry(id)
        assert kept.facts == store.facts(id) == known
        assert kept.settings == {"level": "mid", "cues": "tone"}
        assert store.assessment(id) == table
        flac = store.audio(id)
    assert flac is not None
    np.testing.assert_array_equal(soundfile.read(flac, dtype="int16")[0], soundfile.read(wav, dtype="int16")[0])
    assert (entry.id, entry.take_id, entry.taken_at, entry.purpose) == (id, known.id, NOW, "stage:mitigation")
    assert (entry.target_min_s, entry.target_max_s, entry.device) == (90.0, 180.0, "USB headset")
    delivery, coverage = table["delivery"], table["coverage"]
    assert entry.duration_s == delivery["answer_duration_s"]
    assert entry.speaking_time_s == delivery["speaking_time_s"]
    assert entry.verdict == delivery["target"]["verdict"]
    assert entry.speech_rate_wpm == delivery["speech_rate_wpm"]
    assert entry.fillers_per_minute == delivery["fillers"]["per_minute"]
    assert entry.fillers_range == tuple(delivery["fillers"]["per_minute_range"])
    assert entry.filled_pauses == delivery["fillers"]["filled_pauses"]
    assert entry.stages == {stage: one["level"] for stage, one in coverage["stages"].items()}
    assert list(entry.stages) == ["detection", "severity", "mitigation", "communication", "prevention"]
    assert entry.star == {part: one["seconds"] for part, one in coverage["star"].items()}
    assert entry.mistakes == tuple(one["name"] for one in coverage["mistakes"])
    assert (entry.whisper, entry.lifecycle) == ("base.en", "lifecycle-gte-small-int8/1")
    assert (entry.audio, entry.assessments, entry.corrections) == (True, 1, 0)


def test_a_take_that_was_never_judged_is_unknown_not_zero(folder: Path, tmp_path: Path) -> None:
    with Store.open(folder) as store:
        id = store.add(TakeFacts("file-1", NOW), audio=take_wav(tmp_path, 1), assessment=None)
        entry = store.entry(id)
        assert store.assessment(id) is None
    assert (entry.question_id, entry.level, entry.duration_s, entry.fillers_per_minute) == (None, None, None, None)
    assert (entry.fillers_range, entry.filled_pauses, entry.stages, entry.mistakes) == (None, None, {}, ())
    assert entry.assessments == 0


def test_silence_and_typed_answers_have_no_figures(folder: Path) -> None:
    silent = {**judged(), "coverage": None, "delivery": None}
    with Store.open(folder) as store:
        entry = store.entry(store.add(facts(), audio=None, assessment=silent))
    assert (entry.audio, entry.assessments, entry.duration_s, entry.stages, entry.star) == (False, 1, None, {}, {})


@pytest.mark.parametrize(
    ("subtype", "rate_hz", "channels", "kept"),
    [
        ("PCM_16", 16_000, 1, "PCM_16"),
        ("PCM_24", 48_000, 2, "PCM_24"),
        ("FLOAT", 44_100, 1, "PCM_24"),
        ("PCM_U8", 8_000, 1, "PCM_16"),
    ],
)
def test_sound_keeps_its_rate_channels_and_depth(
    folder: Path, tmp_path: Path, subtype: str, rate_hz: int, channels: int, kept: str
) -> None:
    source = tmp_path / "answer.wav"
    noise = np.random.default_rng(3).uniform(-0.9, 0.9, (5_000, channels))
    noise[7] = np.nan if subtype == "FLOAT" else 0.0
    soundfile.write(source, noise, rate_hz, subtype)
    with Store.open(folder) as store:
        flac = store.audio(store.add(facts("file-1"), audio=source, assessment=None))
    assert flac is not None
    info = soundfile.info(flac)
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (rate_hz, channels, kept, 5_000)
    due = np.nan_to_num(soundfile.read(source)[0])
    np.testing.assert_allclose(soundfile.read(flac)[0], due, atol=2.0**-23)


def test_what_is_no_sound_is_refused_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    text = tmp_path / "answer.wav"
    text.write_text("no sound")
    with Store.open(folder) as store:
        with pytest.raises(HistoryError, match="can't be read as sound"):
            store.add(facts(), audio=text, assessment=judged())
        with pytest.raises(HistoryError, match="can't be read as sound"):
            store.add(facts(), audio=tmp_path / "nowhere.wav", assessment=judged())
        assert store.entries() == []
    assert not list(folder.rglob("*.flac"))
    assert not list((folder / "pending").iterdir())
    assert not list((folder / "takes").iterdir())


def test_files_are_private(folder: Path, tmp_path: Path) -> None:
    # an open umask must not matter
    before = os.umask(0)
    try:
        with Store.open(folder) as store:
            store.add(facts(), audio=take_wav(tmp_path, 1), assessment=judged())
            store.back_up(tmp_path / "backup.zip")
            modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder.parent, *folder.parent.rglob("*"))}
    finally:
        os.umask(before)
    assert {path.name for path in modes} >= {"history.db", "history.db-wal", "lock", "takes", "pending"}
    assert {path: mode for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == {}
    assert stat.S_IMODE((tmp_path / "backup.zip").stat().st_mode) == 0o600


# ------------------------------------------------------------------ ids and lists


def test_ids_are_short_and_a_unique_beginning_will_do(folder: Path) -> None:
    with Store.open(folder) as store:
        ids = [store.add(facts(f"take-{n}", at=NOW + timedelta(n)), audio=None, assessment=None) for n in range(60)]
        assert len(set(ids)) == 60
        for id in ids:
            assert len(id) == 5
            assert store.entry(id[:4].upper()).id == id
        twins = next(id for id in ids if sum(other[0] == id[0] for other in ids) > 1)
        with pytest.raises(HistoryError, match=f"{twins[0]} is the beginning of several takes .*; give more of it"):
            store.entry(twins[0])
        for unknown in ("aaaaa", "zzzzzzzz"):
            with pytest.raises(HistoryError, match=f"no take {unknown}; .* voice-coach history"):
                store.entry(unknown)
        for wrong in ("", "*", "../x", "' OR 1"):
            with pytest.raises(HistoryError, match="is no id of a take"):
                store.entry(wrong)


def test_lists_are_newest_first_and_filtered(folder: Path) -> None:
    made = [
        ("a", 0, "incident-response", "early", "main"),
        ("b", 1, "how-bad", "mid", "follow_up"),
        ("c", 2, "incident-response", "mid", "main"),
        ("d", 3, "how-bad", "mid", "follow_up"),
        ("e", 4, "metrics-first", "senior", "follow_up"),
    ]
    with Store.open(folder) as store:
        for name, day, question, level, purpose in made:
            at = NOW + timedelta(days=day)
            known = facts(name, at=at, question_id=question, level=level, purpose=purpose)
            store.add(known, audio=None, assessment=judged(seed=day))

        def names(since: datetime | None = None, limit: int | None = None, **asked: str) -> str:
            return "".join(entry.take_id for entry in store.entries(since=since, limit=limit, **asked))

        assert names() == "edcba"
        assert names(limit=2) == "ed"
        assert names(since=NOW + timedelta(days=2)) == "edc"
        # the same moment on another clock
        assert names(since=(NOW + timedelta(days=2)).astimezone(timezone(timedelta(hours=-8)))) == "edc"
        assert names(question_id="how-bad") == "db"
        assert names(level="mid", purpose="main") == "c"
        assert names(level="mid", limit=1) == "d"
        assert names(level="expert") == ""
        assert store.count() == 5
        entries, names_of = store.entries(), [field.name for field in dataclasses.fields(TakeSummary)]
        every = [TakeSummary(**{n: getattr(one, n) for n in names_of}) for one in entries]
        assert store.summaries() == every
        assert store.summaries(purpose="main") == [one for one in every if one.purpose == "main"]
        assert store.days() == {one.taken_at.astimezone().date() for one in every}
        assert store.asked_since(NOW) == {"incident-response", "how-bad", "metrics-first"}
        assert store.asked_since(NOW + timedelta(days=4)) == {"metrics-first"}
        assert store.asked_since(NOW + timedelta(days=5)) == frozenset()


def test_a_take_is_not_kept_twice(folder: Path, tmp_path: Path) -> None:
    with Store.open(folder) as store:
        first = store.add(facts(), audio=take_wav(tmp_path, 1), assessment=None)
        assert store.find(facts().id) == first
        assert store.find("take-20200101T000000Z") is None
        assert store.add(facts(), audio=take_wav(tmp_path, 1), assessment=judged("late")) == first
        assert store.add(facts(), audio=take_wav(tmp_path, 1), assessment=judged("later")) == first
        assert [one["transcript"]["text"] for one in store.assessments(first)] == ["late"]
        assert store.count() == 1


# ------------------------------------------------------------------ second thoughts


def test_older_assessments_stay_and_the_newest_counts(folder: Path) -> None:
    with Store.open(folder) as store:
        id = store.add(facts(), audio=None, assessment=judged("first", seed=1))
        newer = judged("second", seed=2)
        store.reassess(id, newer)
        assert [one["transcript"]["text"] for one in store.assessments(id)] == ["second", "first"]
        entry = store.entry(id)
        assert (entry.assessments, entry.duration_s) == (2, newer["delivery"]["answer_duration_s"])


def test_corrections_are_remembered_and_enter_the_figures(folder: Path) -> None:
    said = [
        Correction("drop", "like", "discourse_marker", 4.2, 4.5),
        Correction("add", "um", "filled_pause", 65.0, 65.4),
    ]
    totals = {"per_minute": 3.0, "per_minute_range": [2.5, 3.5], "filled_pauses": 6}
    with Store.open(folder) as store:
        id = store.add(facts(), audio=None, assessment=judged())
        measured = store.entry(id)
        store.correct(id, said, fillers=totals)
    with Store.open(folder) as store:
        assert store.corrections(id) == tuple(said)
        entry = store.entry(id)
        assert (entry.corrections, entry.fillers_per_minute, entry.fillers_range) == (2, 3.0, (2.5, 3.5))
        assert (entry.filled_pauses, entry.duration_s) == (6, measured.duration_s)
        store.correct(id, [], fillers=None)
        assert (store.corrections(id), store.entry(id)) == ((), measured)


# ------------------------------------------------------------------ deleting


def bytes_in(folder: Path) -> bytes:
    return b"\0".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_delete_leaves_no_byte(folder: Path, tmp_path: Path) -> None:
    takes = tmp_path / "takes"
    takes.mkdir()
    name = "take-20260301T120030Z"
    secret, question = "the zebrafinch certificate lapsed", "Who is Quillfeather?"
    wav = take_wav(takes, 5).rename(takes / f"{name}.wav")
    for ending in (".json", ".json.damaged"):
        (takes / f"{name}{ending}").write_text(question)
    foreign = takes / "mine.wav"
    shutil.copy(take_wav(tmp_path, 6), foreign)
    with Store.open(folder) as store:
        other = store.add(facts("take-2"), audio=None, assessment=judged("something else"))
        id = store.add(facts(name, question=question), audio=wav, assessment=judged(secret))
        store.reassess(id, judged(f"{secret}, again"))
        store.correct(id, [Correction("add", "zebraum", "filled_pause", 1.0, 1.4)], fillers=None)
        imported = store.add(facts("file-9", question=question), audio=foreign, assessment=judged(secret))
    # a database that was set aside holds it, too
    with Store.open(folder) as store:
        shutil.copy(folder / "history.db", folder / "history.damaged-20260101T000000Z.db")
    traces = [secret.encode(), question.encode(), b"zebraum", name.encode(), id.encode()]
    sound = wav.read_bytes()[2_000:2_064]
    found = bytes_in(tmp_path)
    assert all(trace in found for trace in traces)
    assert sound in found

    # another process reads meanwhile: it must not keep the journal alive
    with Store.open(folder) as store, Store.open(folder) as reader:
        assert len(reader.entries()) == 3
        store.delete(id)
        store.delete(imported)
        assert [entry.id for entry in reader.entries()] == [other]
        left = bytes_in(tmp_path)
        assert [trace for trace in traces if trace in left] == []
        assert sound not in left
    assert not list(folder.rglob(f"*{id}*"))
    assert not list(takes.glob(f"{name}*"))
    # a recording that was only imported is its owner's
    assert foreign.exists()
    assert not list(folder.glob("history.damaged*"))
    with Store.open(folder) as store:
        assert store.assessment(other) == judged("something else")


def test_a_reader_in_the_middle_is_waited_for(folder: Path) -> None:
    with Store.open(folder) as store, sqlite3.connect(folder / "history.db", check_same_thread=False) as reader:
        id = store.add(facts(), audio=None, assessment=judged("the secret"))
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM takes").fetchall()
        ends = threading.Timer(1.0, reader.rollback)
        ends.start()
        store.delete(id)
        ends.join()
        assert facts().id.encode() not in bytes_in(folder)
    reader.close()


def test_a_reader_that_stays_is_named_and_the_traces_go_after_it(folder: Path) -> None:
    with Store.open(folder) as store, sqlite3.connect(folder / "history.db") as reader:
        store._connection.execute("PRAGMA busy_timeout = 200")
        id = store.add(facts(), audio=None, assessment=judged())
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM takes").fetchall()
        with pytest.raises(HistoryError, match="still reads the journal"):
            store.delete(id)
        assert store.entries() == []
        reader.rollback()
    reader.close()
    with Store.open(folder) as store:
        assert facts().id.encode() not in bytes_in(folder)
        assert not list((folder / "pending").iterdir())


def test_a_take_with_damaged_json_can_be_deleted(folder: Path, tmp_path: Path) -> None:
    with Store.open(folder) as store:
        id = store.add(facts(), audio=take_wav(tmp_path, 1), assessment=judged())
        (folder / "takes" / f"{id}.json").write_text("{")
        with pytest.raises(HistoryError, match="is damaged"):
            store.assessment(id)
        assert store.delete(id).id == id
        assert store.entries() == []
    assert not list((folder / "takes").iterdir())


def test_forget_by_age(folder: Path, tmp_path: Path) -> None:
    wavs = [take_wav(tmp_path, n).rename(tmp_path / f"take-old-{n}.wav") for n in range(4)]
    with Store.open(folder) as store:
        ids = [
            store.add(facts(wav.stem, at=NOW + timedelta(days=n)), audio=wav, assessment=judged())
            for n, wav in enumerate(wavs)
        ]
        assert store.forget(NOW) == ()
        assert set(store.forget(NOW + timedelta(days=2), audio_only=True)) == set(ids[:2])
        assert store.forget(NOW + timedelta(days=2), audio_only=True) == ()
        assert [store.audio(id) is not None for id in ids] == [False, False, True, True]
        assert [store.entry(id).audio for id in ids] == [False, False, True, True]
        assert store.assessment(ids[0]) == judged()
        # this program's own recordings went, too
        assert [wav.exists() for wav in wavs] == [False, False, True, True]
        assert store.forget(NOW + timedelta(days=1)) == (ids[0],)
        assert store.count() == 3


def test_damaged_json_does_not_keep_sound_that_should_go(folder: Path, tmp_path: Path) -> None:
    with Store.open(folder) as store:
        id = store.add(facts(), audio=take_wav(tmp_path, 1), assessment=judged())
    (folder / "takes" / f"{id}.json").write_text("{")
    # whoever opens it to add takes must not be stopped by it, ever
    for _ in range(2):
        with Store.open(folder, keep_audio_days=30) as store:
            assert store.audio(id) is None
    assert not list((folder / "takes").glob("*.flac"))


def test_sound_is_kept_as_long_as_the_settings_say(folder: Path, tmp_path: Path) -> None:
    today = datetime.now(timezone.utc)
    with Store.open(folder) as store:
        old, new = (
            store.add(facts(f"t{days}", at=today - timedelta(days=days)), audio=take_wav(tmp_path, 1), assessment=None)
            for days in (31, 29)
        )
    with Store.open(folder) as store:
        assert store.audio(old) is not None
    with Store.open(folder, keep_audio_days=30) as store:
        assert (store.audio(old), store.audio(new) is not None) == (None, True)
        assert store.count() == 2


# ------------------------------------------------------------------ damage


def harm_header(database: Path) -> None:
    with database.open("r+b") as file:
        file.write(b"not a database..")


def harm_page(database: Path) -> None:
    with database.open("r+b") as file:
        file.seek(4096 + 8)
        file.write(os.urandom(2048))


def harm_length(database: Path) -> None:
    os.truncate(database, database.stat().st_size // 2 + 100)


def harm_all(database: Path) -> None:
    database.write_bytes(b"")


def harm_tables(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("DROP TABLE corrections")
    connection.close()


@pytest.mark.parametrize("harm", [harm_header, harm_page, harm_length, harm_all, harm_tables])
def test_a_damaged_database_is_set_aside_and_made_anew(
    folder: Path, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    with Store.open(folder) as store:
        for n in range(30):
            store.add(facts(f"take-{n}"), audio=None, assessment=judged(seed=n))
        id = store.add(facts("take-x"), audio=take_wav(tmp_path, 1), assessment=judged("here"))
        store.reassess(id, judged("here again"))
        store.correct(id, [Correction("add", "um", "filled_pause", 1.0, 1.4)], fillers=None)
        before = store.entries()
    harm(folder / "history.db")
    with Store.open(folder) as store:
        (note,) = store.notes
        assert store.entries() == before
        assert store.older(datetime.now(timezone.utc), with_sound=True) == (id,)
        assert [one["transcript"]["text"] for one in store.assessments(id)] == ["here again", "here"]
        assert store.audio(id) is not None
    (aside,) = folder.glob("history.damaged-*.db")
    assert f"set aside as {aside}; 31 takes were read back" in note
    with Store.open(folder) as store:
        assert store.notes == ()


def test_a_lost_database_is_made_anew(folder: Path, tmp_path: Path) -> None:
    with Store.open(folder) as store:
        kept = store.add(facts("take-a"), audio=take_wav(tmp_path, 1), assessment=judged())
        bare = store.add(facts("take-b"), audio=take_wav(tmp_path, 2), assessment=judged())
        broken = store.add(facts("take-c"), audio=None, assessment=judged())
    (folder / "history.db").unlink()
    (folder / "takes" / f"{bare}.json").unlink()
    (folder / "takes" / f"{broken}.json").write_text('{"schema": "voice-coach/kept-take/1", "id": 3}')
    with Store.open(folder) as store:
        read_back, lost = store.notes
        assert "was missing; 2 takes were read back" in read_back
        assert "1 take was not read back" in lost
        assert f"{broken}.json" in lost
        # of one only the sound was left
        assert {entry.id: entry.assessments for entry in store.entries()} == {kept: 1, bare: 0}
        assert store.audio(bare) is not None


def test_a_newer_database_is_refused_in_one_line_and_left_alone(folder: Path) -> None:
    with Store.open(folder) as store:
        store.add(facts(), audio=None, assessment=None)
    with sqlite3.connect(folder / "history.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = (folder / "history.db").read_bytes()
    with pytest.raises(HistoryError, match=r"newer voice-coach .*99.*; update voice-coach") as told:
        Store.open(folder)
    assert "\n" not in str(told.value)
    assert (folder / "history.db").read_bytes() == before


def test_an_older_database_is_brought_up_to_date_after_a_backup(folder: Path) -> None:
    with Store.open(folder) as store:
        id = store.add(facts(), audio=None, assessment=judged())
        entry = store.entry(id)
    older = folder / "older.db"
    connection = schema.connect(older)
    schema.migrate(connection, schema.MIGRATIONS[:1])
    connection.execute("ATTACH ? AS newer", (str(folder / "history.db"),))
    columns = ", ".join(name for _, name, *_ in connection.execute("PRAGMA table_info(takes)"))
    connection.execute(f"INSERT INTO takes SELECT {columns} FROM newer.takes")
    connection.close()
    older.replace(folder / "history.db")
    with Store.open(folder) as store:
        # what a migration added is read from the take on disk
        assert entry.opening is not None
        assert store.entry(id) == entry
        assert store.notes == ()
    (backup,) = folder.glob("history.before-*.db")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    for path, version in ((backup, 1), (folder / "history.db", len(schema.MIGRATIONS))):
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (version,)
            assert connection.execute("SELECT id FROM takes").fetchall() == [(id,)]
        connection.close()


def test_a_migration_that_is_cut_off_is_made_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(folder) as store:
        id = store.add(facts(), audio=None, assessment=judged())
        entry = store.entry(id)
    with sqlite3.connect(folder / "history.db") as connection:
        connection.execute("ALTER TABLE takes DROP COLUMN opening")
        connection.execute("PRAGMA user_version = 2")
    connection.close()

    def stopped(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rows, "put", stopped)
        with pytest.raises(KeyboardInterrupt):
            Store.open(folder)
    with Store.open(folder) as store:
        assert entry.opening is not None
        assert store.entry(id) == entry


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    connection = schema.connect(tmp_path / "x.db")
    schema.migrate(connection)
    with pytest.raises(sqlite3.OperationalError):
        schema.migrate(connection, (*schema.MIGRATIONS, "ALTER TABLE takes ADD COLUMN mood TEXT; SELECT nonsense"))
    assert schema.version(connection) == len(schema.MIGRATIONS)
    assert "mood" not in {row[1] for row in connection.execute("PRAGMA table_info(takes)")}
    connection.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere, so no folder refuses")
def test_a_folder_of_somebody_else_is_told_in_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(HistoryError, match="check that the folder"):
        Store.open(tmp_path / "history")


def test_a_file_in_the_folders_place_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "history").write_text("")
    with pytest.raises(HistoryError, match="check that the folder"):
        Store.open(tmp_path / "history")


def test_a_full_disk_keeps_what_was_there(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        with Store.open(disk / "history") as store:
            first = store.add(facts("take-1"), audio=take_wav(tmp_path, 1), assessment=judged())
            long = tmp_path / "long.wav"
            soundfile.write(long, np.random.default_rng(1).uniform(-1, 1, 16_000 * 60), 16_000)
            with pytest.raises(HistoryError, match="the disk is full; free some space") as told:
                store.add(facts("take-2"), audio=long, assessment=judged())
            assert "\n" not in str(told.value)
            assert [entry.id for entry in store.entries()] == [first]
            assert store.audio(first) is not None
        assert {path.suffix for path in (disk / "history" / "takes").iterdir()} == {".flac", ".json"}
        assert not list((disk / "history" / "pending").iterdir())
        # what makes room must work without any
        with Store.open(disk / "history") as store:
            with suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
                while True:
                    filler.write(bytes(512))
            store.delete(first)
            assert store.entries() == []
        assert not list((disk / "history" / "takes").iterdir())
    finally:
        subprocess.run(["umount", disk], check=True)


# ------------------------------------------------------------------ cut off


def test_killed_at_random_moments_nothing_is_lost() -> None:
    """`scripts/bench_history.py --kills 200` does it more often."""
    told = kill_often(12)
    assert len(told.added) > 12


def test_an_id_whose_deletion_is_not_ended_is_not_given_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["2222b", "2222c"])
    monkeypatch.setattr(random.SystemRandom, "choices", lambda *_, **__: list(next(drawn)))
    with Store.open(folder) as store:
        (folder / "pending" / "2222b.delete").write_text("[]")
        assert store.add(TakeFacts("take-1", NOW), audio=None, assessment=judged()) == "2222c"


@pytest.mark.parametrize("source", ["there", "gone"])
def test_a_save_that_was_cut_off_is_ended_by_whoever_comes_next(folder: Path, tmp_path: Path, source: str) -> None:
    """What a process killed right after its first write leaves behind."""
    wav = take_wav(tmp_path, 4)
    with Store.open(folder):
        pass
    kept = KeptTake("bcdfg", facts(), "kept", wav if source == "there" else tmp_path / "gone.wav", own=True)
    write_kept(folder / "pending" / "bcdfg.json", kept)
    (folder / "takes" / ".new-abc.flac").write_bytes(b"half a take")
    with Store.open(folder) as store:
        assert [entry.id for entry in store.entries()] == ["bcdfg"]
        assert (store.audio("bcdfg") is not None) == (source == "there")
    assert not list((folder / "pending").iterdir())
    assert not list((folder / "takes").glob(".*"))
    assert wav.exists()


@pytest.mark.parametrize("left", ["nothing", "its sound", "what was kept before"])
def test_a_change_that_can_not_be_read_does_not_close_the_store(folder: Path, tmp_path: Path, left: str) -> None:
    with Store.open(folder) as store:
        id = store.add(facts("take-1"), audio=take_wav(tmp_path, 1), assessment=judged())
    (folder / "pending" / f"{id}.json").write_bytes(b"\0" * 500)
    if left != "what was kept before":
        (folder / "takes" / f"{id}.json").unlink()
        (folder / "history.db").unlink()
    if left == "nothing":
        (folder / "takes" / f"{id}.flac").unlink()
    with Store.open(folder) as store:
        assert [entry.assessments for entry in store.entries()] == {"nothing": [], "its sound": [0]}.get(left, [1])
        assert not list((folder / "pending").iterdir())


def test_a_take_that_somebody_else_kept_meanwhile_is_kept_once(folder: Path, tmp_path: Path) -> None:
    with Store.open(folder) as store:
        id = store.add(facts("take-1"), audio=None, assessment=judged())
    write_kept(
        folder / "pending" / "bcdfg.json", KeptTake("bcdfg", facts("take-1"), "kept", take_wav(tmp_path, 1), own=True)
    )
    with Store.open(folder) as store:
        assert [entry.id for entry in store.entries()] == [id]
    assert {path.name for path in (folder / "takes").iterdir()} == {f"{id}.json"}


def test_an_interrupted_save_is_ended_by_whoever_comes_next(folder: Path, tmp_path: Path) -> None:
    class Interrupted(Path().__class__):  # type: ignore[misc]
        """A recording whose reading the user interrupts."""

        def __fspath__(self) -> str:
            raise KeyboardInterrupt

    wav = take_wav(tmp_path, 1)
    with Store.open(folder) as store:
        with pytest.raises(KeyboardInterrupt):
            store.add(facts("take-1"), audio=Interrupted(wav), assessment=judged())
        assert store.entries() == []
    with Store.open(folder) as store:
        (entry,) = store.entries()
        assert store.audio(entry.id) is not None


def test_a_save_that_goes_on_is_left_alone(folder: Path, tmp_path: Path) -> None:
    with Store.open(folder) as store:
        kept = KeptTake("bcdfg", facts(), "kept", take_wav(tmp_path, 4), own=True)
        with store._home.lock.shared():
            write_kept(folder / "pending" / "bcdfg.json", kept)
            with Store.open(folder) as other:
                assert other.entries() == []
            assert (folder / "pending" / "bcdfg.json").exists()


def test_a_deletion_that_was_cut_off_is_ended(folder: Path, tmp_path: Path) -> None:
    wav = take_wav(tmp_path, 4).rename(tmp_path / "take-4x.wav")
    with Store.open(folder) as store:
        id = store.add(facts("take-4x"), audio=wav, assessment=judged("the secret"))
    (folder / "pending" / f"{id}.delete").write_text(f'["{wav}"]')
    with Store.open(folder) as store:
        assert store.entries() == []
    assert b"the secret" not in bytes_in(tmp_path)
    assert not wav.exists()


WRITER = """
import random, sys
from datetime import datetime, timezone
from pathlib import Path
from bench_history import assessment, take_wav
from voice_coach.history.store import Store
from voice_coach.records import TakeFacts

folder, who = Path(sys.argv[1]), int(sys.argv[2])
for number in range(who * 1000, who * 1000 + 15):
    with Store.open(folder / "history") as store:
        wav = take_wav(folder, number)
        id = store.add(TakeFacts(wav.stem, datetime.now(timezone.utc)), audio=wav,
                       assessment=assessment(random.Random(number), text=f"take number {number}"))
        store.reassess(id, assessment(random.Random(number), text=f"take number {number}, again"))
"""


def test_rehearsals_at_the_same_time_do_not_clash(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}"}
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(who)], env=env, stderr=subprocess.PIPE)
        for who in (1, 2, 3)
    ]
    for writer in writers:
        _, said = writer.communicate(timeout=120)
        assert writer.returncode == 0, said.decode()
    with Store.open(tmp_path / "history") as store:
        entries = store.entries()
        assert {int(entry.take_id.removeprefix("take-")) for entry in entries} == {
            who * 1000 + n for who in (1, 2, 3) for n in range(15)
        }
        assert {entry.assessments for entry in entries} == {2}


# ------------------------------------------------------------------ backups


def test_a_backup_brings_everything_back_elsewhere(folder: Path, tmp_path: Path) -> None:
    with Store.open(folder) as store:
        id = store.add(facts("take-1"), audio=take_wav(tmp_path, 1), assessment=judged("one"))
        store.correct(id, [Correction("add", "um", "filled_pause", 1.0, 1.4)], fillers=None)
        store.add(facts("take-2"), audio=None, assessment=judged("two"))
        before = store.entries()
        assert store.back_up(tmp_path / "all.zip") == 2
        with pytest.raises(OutputError, match="is there already"):
            store.back_up(tmp_path / "all.zip")
    other = tmp_path / "elsewhere" / "history"
    assert Store.restore(other, tmp_path / "all.zip") == 2
    with Store.open(other) as store:
        assert store.notes == ()
        assert store.entries() == before
        assert store.corrections(id)
        audio = store.audio(id)
    assert audio is not None
    assert audio.read_bytes() == (folder / "takes" / f"{id}.flac").read_bytes()
    assert {path.name for path in other.parent.iterdir()} == {"history"}


def test_restoring_over_takes_wants_a_word(folder: Path, tmp_path: Path) -> None:
    with Store.open(folder) as store:
        store.add(facts("take-1"), audio=None, assessment=judged("one"))
        store.back_up(tmp_path / "all.zip")
        store.add(facts("take-2"), audio=None, assessment=judged("two"))
    with pytest.raises(HistoryError, match=r"holds takes already; .* --replace"):
        Store.restore(folder, tmp_path / "all.zip")
    with Store.open(folder) as store:
        assert store.count() == 2
    assert Store.restore(folder, tmp_path / "all.zip", replace=True) == 1
    with Store.open(folder) as store:
        assert [entry.take_id for entry in store.entries()] == ["take-1"]
    assert {path.name for path in folder.parent.iterdir()} == {"history"}


def test_a_restore_that_was_cut_off_loses_nothing(folder: Path) -> None:
    with Store.open(folder) as store:
        store.add(facts("take-1"), audio=None, assessment=judged("one"))
    # between the two renames
    folder.rename(folder.with_name("history.replaced"))
    with Store.open(folder) as store:
        assert store.count() == 1


@pytest.mark.parametrize(
    "harm", ["text", "cut", "flipped", "garbled", "password", "foreign", "slip", "newer", "nowhere"]
)
def test_a_bad_backup_is_refused_and_nothing_is_touched(folder: Path, tmp_path: Path, harm: str) -> None:
    with Store.open(folder) as store:
        store.add(facts("take-1"), audio=take_wav(tmp_path, 1), assessment=judged("one"))
        store.back_up(tmp_path / "all.zip")
    file = tmp_path / "all.zip"
    raw = bytearray(file.read_bytes())
    if harm == "text":
        file.write_text("no backup")
    elif harm == "cut":
        file.write_bytes(raw[: len(raw) // 2])
    elif harm == "flipped":
        # in the middle of the sound
        raw[len(raw) // 2] ^= 1
        file.write_bytes(raw)
    elif harm == "garbled":
        with zipfile.ZipFile(file) as parts:
            (packed,) = (one for one in parts.infolist() if one.compress_type == zipfile.ZIP_DEFLATED)
        # a block of a kind that there is not, where the packed bytes begin
        raw[packed.header_offset + 30 + len(packed.filename)] = 0xFF
        file.write_bytes(raw)
    elif harm == "password":
        # the same flag stands before each file and in the list at the end
        for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            raw[raw.index(mark) + place] |= 1
        file.write_bytes(raw)
    elif harm == "nowhere":
        file.unlink()
    else:
        with zipfile.ZipFile(file, "w") as parts:
            if harm != "foreign":
                version = 9 if harm == "newer" else 1
                parts.writestr("backup.json", f'{{"schema": "voice-coach/backup/{version}", "takes": 0}}')
            parts.writestr("../../evil.json" if harm == "slip" else "letters/a.txt", "x")
    with pytest.raises(HistoryError) as told:
        Store.restore(folder, file, replace=True)
    assert "\n" not in str(told.value)
    assert str(file) in str(told.value)
    with Store.open(folder) as store:
        assert store.count() == 1
    assert {path.name for path in folder.parent.iterdir()} == {"history"}
    assert not list(tmp_path.rglob("evil*"))


# ------------------------------------------------------------------ many


def test_ten_thousand_takes_are_listed_in_a_blink(folder: Path) -> None:
    """The whole command is timed by `scripts/bench_history.py`; here the store's own share of processor time."""
    fill(folder, 10_000)
    # neither what other tests left to be collected, nor what their threads do, is this work
    gc.collect()
    started = time.thread_time()
    with Store.open(folder) as store:
        latest = store.entries(limit=21)
    spent_s = time.thread_time() - started
    assert [entry.take_id for entry in latest[:2]] == ["take-9999", "take-9998"]
    assert spent_s < 0.15
    gc.collect()
    started = time.thread_time()
    with Store.open(folder) as store:
        assert len(store.entries()) == len(store.summaries()) == 10_000
    assert time.thread_time() - started < 0.6


def test_the_check_after_a_kill_can_fail(tmp_path: Path) -> None:
    from bench_history import Told

    told = Told(set(), set(), set(), set(), set())
    with Store.open(tmp_path / "history") as store:
        wav = take_wav(tmp_path, 3)
        id = store.add(TakeFacts(wav.stem, NOW), audio=wav, assessment=judged("take number 3"))
        told.added.add(3)
    check_store(tmp_path, told)
    soundfile.write(tmp_path / "history" / "takes" / f"{id}.flac", np.zeros(16_000), 16_000)
    with pytest.raises(AssertionError, match="its sound differs"):
        check_store(tmp_path, told)
