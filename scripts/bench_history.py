#!/usr/bin/env python3
"""Measure the store of takes: how quick its lists are with many takes, and what is left after kills.

Usage: scripts/bench_history.py                    10,000 takes, `history` timed as a whole command
       scripts/bench_history.py --takes 50000 --command history --command progress
       scripts/bench_history.py --kills 200        a process that saves takes, killed at random moments

The commands are timed from outside, start of Python included, beside `voice-coach --version`, which does
nothing else.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from voice_coach.history import rows
from voice_coach.history.kept import Judgement, KeptTake
from voice_coach.history.store import ID_ALPHABET, Store
from voice_coach.records import TakeFacts

ROOT = Path(__file__).resolve().parent.parent
RUNS = 7
SEED = 20260301

STAGES = ("detection", "severity", "mitigation", "communication", "prevention")
LEVELS = ("missing", "mentioned", "strong")
MISTAKES = ("purely_technical", "no_customer_impact", "root_cause_first", "heroic", "no_follow_through", "vague")


def assessment(chance: random.Random, *, text: str = "I rolled back.") -> dict[str, Any]:
    """The parts of an assessment that the store reads, with figures drawn by lot."""
    duration_s = chance.uniform(40.0, 240.0)
    per_minute = chance.uniform(0.0, 12.0)
    return {
        "schema": "voice-coach/assessment/1",
        "models": {"whisper": "base.en", "lifecycle": "lifecycle-gte-small-int8/1", "device": "cpu"},
        "transcript": {"text": text},
        "delivery": {
            "answer_duration_s": round(duration_s, 3),
            "speaking_time_s": round(0.8 * duration_s, 3),
            "target": {"verdict": "short" if duration_s < 90 else "long" if duration_s > 180 else "in_range"},
            "speech_rate_wpm": round(chance.uniform(100.0, 190.0), 1),
            "fillers": {
                "per_minute": round(per_minute, 2),
                "per_minute_range": [round(0.9 * per_minute, 2), round(1.2 * per_minute, 2)],
                "filled_pauses": round(per_minute * duration_s / 60),
            },
        },
        "coverage": {
            "stages": {stage: {"level": chance.choice(LEVELS)} for stage in STAGES},
            "star": {
                part: {"seconds": round(chance.uniform(0.0, 60.0), 1)}
                for part in ("situation", "task", "action", "result")
            },
            "opening": {"heard": chance.random() < 0.5},
            "mistakes": [{"name": name} for name in MISTAKES if chance.random() < 0.2],
        },
    }


def fill(folder: Path, takes: int, *, seed: int = SEED) -> None:
    """Put so many takes of the last three years into a store, without sound, in one transaction."""
    chance = random.Random(seed)
    first = datetime.now(timezone.utc) - timedelta(days=3 * 365)
    letters = len(ID_ALPHABET)
    with Store.open(folder) as store:
        connection = store._connection
        connection.execute("BEGIN")
        for number in range(takes):
            place = number * 1_000_003 % letters**5
            id = "".join(ID_ALPHABET[place // letters**k % letters] for k in range(5))
            main = chance.random() < 0.6
            facts = TakeFacts(
                id=f"take-{number}",
                taken_at=first + timedelta(days=3 * 365) * (number / takes),
                question_id="incident-response" if main else "how-bad",
                question="How do you handle incident response?" if main else "How did you work out how bad it was?",
                level=chance.choice(("early", "mid", "senior")),
                purpose="main" if main else "follow_up",
                target_min_s=90.0 if main else 60.0,
                target_max_s=180.0 if main else 90.0,
                device="USB headset",
            )
            judged = Judgement(facts.taken_at, assessment(chance))
            rows.put(connection, KeptTake(id, facts, "none", None, own=False, judgements=(judged,)))
        connection.execute("COMMIT")


def time_commands(commands: Sequence[str], takes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        fill(Path(folder) / "voice-coach" / "history", takes)
        print(f"{takes:,} takes made in {time.perf_counter() - started:.1f} s; load {os.getloadavg()[0]:.1f}")
        for command in ("--version", *commands):
            runs = [_run_s(command, Path(folder)) for _ in range(RUNS)]
            wall_s, cpu_s = (statistics.median(figures) for figures in zip(*runs, strict=True))
            print(f"{command:30} {wall_s:.3f} s on the clock, {cpu_s:.3f} s of processor, medians of {RUNS} runs")


def _run_s(command: str, data: Path) -> tuple[float, float]:
    """Seconds on the clock and of processor; the second hardly knows what else the machine does."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "voice_coach", *command.split()],
        env={**os.environ, "XDG_DATA_HOME": str(data)},
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    wall_s = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


# ------------------------------------------------------------------ kills

CHILD = """
import random, sys
from datetime import datetime, timezone
from pathlib import Path
from bench_history import assessment, take_wav
from voice_coach.history.store import Store
from voice_coach.records import Correction, TakeFacts

folder, first = Path(sys.argv[1]), int(sys.argv[2])
chance = random.Random(first)
mine = []
with Store.open(folder / "history") as store:
    for number in range(first, first + 100_000):
        wav = take_wav(folder, number)
        facts = TakeFacts(wav.stem, datetime.now(timezone.utc), "incident-response")
        id = store.add(facts, audio=wav, assessment=assessment(chance, text=f"take number {number}"))
        mine.append((number, id))
        print("added", number, id, flush=True)
        if number % 3 == 1:
            store.correct(id, [Correction("add", "um", "filled_pause", 0.2, 0.6)], fillers=None)
            print("corrected", number, id, flush=True)
        if number % 3 == 2:
            store.reassess(id, assessment(chance, text=f"take number {number}, again"))
            print("judged", number, id, flush=True)
        if number % 4 == 3:
            gone, id = mine.pop(0)
            print("deleting", gone, id, flush=True)
            store.delete(id)
            print("deleted", gone, id, flush=True)
"""

TAKE_SAMPLES = 16_000


def take_wav(folder: Path, number: int) -> Path:
    """A second of noise that only this take has, as a wav file; written once."""
    path = folder / f"take-{number}.wav"
    if not path.exists():
        new = path.with_suffix(".new")
        with wave.open(str(new), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes(random.Random(number).randbytes(2 * TAKE_SAMPLES))
        new.replace(path)
    return path


@dataclass
class Told:
    """What a child said that it had done, by the number of the take: the id of a deleted take is free again."""

    added: set[int]
    corrected: set[int]
    judged: set[int]
    deleting: set[int]
    deleted: set[int]


def run_and_kill(folder: Path, first: int, after_s: float, told: Told) -> int:
    """Let a child save takes and kill it so long after its first; returns the number to go on with."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), str(first)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}"},
    )
    assert child.stdout is not None
    lines = [child.stdout.readline()]
    time.sleep(after_s)
    child.send_signal(signal.SIGKILL)
    lines += child.stdout.readlines()
    child.stdout.close()
    if child.wait() != -signal.SIGKILL:
        raise RuntimeError(f"the child ended by itself: {lines[-1:]}")
    last = first
    for line in lines:
        if not line.endswith("\n"):
            continue
        did, number, _ = line.split()
        last = max(last, int(number))
        getattr(told, did).add(int(number))
    return last + 2


def check_store(folder: Path, told: Told) -> None:
    """Open the store and hold it against what was told. Raises: AssertionError."""
    import soundfile

    with Store.open(folder / "history") as store:
        assert store.notes == (), store.notes
        kept = store.entries()
        entries = {int(entry.take_id.removeprefix("take-")): entry for entry in kept}
        assert len(entries) == len(kept), "a take is there twice"
        due = told.added - told.deleting
        assert due <= set(entries), f"lost: {sorted(due - set(entries))}"
        back = told.deleted & set(entries)
        assert not back, f"deleted, and there again: {sorted(back)}"
        for number, entry in entries.items():
            id = entry.id
            flac = store.audio(id)
            assert flac is not None, f"{id}: its sound is gone"
            samples = soundfile.read(flac, dtype="int16")[0].tobytes()
            assert samples == random.Random(number).randbytes(2 * TAKE_SAMPLES), f"{id}: its sound differs"
            judged = store.assessments(id)
            assert judged[-1]["transcript"]["text"] == f"take number {number}"
            assert len(judged) == entry.assessments
            assert entry.assessments == 2 or number not in told.judged
            assert store.corrections(id) or number not in told.corrected
            assert len(store.corrections(id)) == entry.corrections
        ids = {entry.id for entry in kept}
        left = [path.name for path in (folder / "history" / "pending").iterdir()]
        assert not left, f"left over: {left}"
        files = {path.name for path in (folder / "history" / "takes").iterdir()}
        assert files == {f"{id}{ending}" for id in ids for ending in (".flac", ".json")}


def kill_often(kills: int, *, longest_s: float = 0.25, seed: int = SEED, folder: Path | None = None) -> Told:
    """Kill a saving child so many times, and check the store each time. Raises: AssertionError."""
    chance = random.Random(seed)
    told = Told(set(), set(), set(), set(), set())
    with tempfile.TemporaryDirectory() as made:
        where, number = folder or Path(made), 0
        for done in range(1, kills + 1):
            number = run_and_kill(where, number, chance.uniform(0.0, longest_s), told)
            check_store(where, told)
            if done % 20 == 0:
                print(
                    f"{done} kills: {len(told.added)} takes saved, {len(told.deleted)} deleted, none lost", flush=True
                )
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--takes", type=int, default=10_000)
    parser.add_argument("--command", action="append", help="what to time; by default history, and history --json")
    parser.add_argument("--kills", type=int, help="kill a saving process so many times, and time nothing")
    chosen = parser.parse_args()
    if chosen.kills:
        kill_often(chosen.kills)
    else:
        time_commands(chosen.command or ["history", "history --json"], chosen.takes)


if __name__ == "__main__":
    main()
