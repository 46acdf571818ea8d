#!/usr/bin/env python3
"""Measure `analyze --out` on many recordings: throughput of several jobs beside one, memory, and going on after a kill.

Usage:
  scripts/bench_batch.py                           500 recordings of 3 to 20 s: a quarter of an hour on two cores
  scripts/bench_batch.py --files 60 --sample 20    a quick look

The recordings are cut from the fixtures. The first --sample of them are judged by one job held to one core, by one job
that may use all cores (its own threads keep more than one of them busy already) and by `--jobs auto`. Then all of them
are judged by `--jobs auto`, killed (SIGKILL, the whole group) when half are done, and started again. Throughput is
seconds of sound judged in a second; loading the models is in it. Machines are
shared and noisy: the ratios within one run count, and the load is printed. Linux only.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import soundfile

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "audio_fixtures"
NOT_SPOKEN = ("silence", "room_noise")
SHORTEST_S, LONGEST_S = 3.0, 20.0
LOOK_EVERY_S = 0.5


@dataclass
class Run:
    """One run of the program: how long it took, the memory of all its processes in MB as it went, its exit code."""

    seconds: float
    memory_mb: list[float]
    code: int | None


def recordings(folder: Path, count: int) -> dict[str, float]:
    """So many recordings, and how long each is in seconds."""
    rng = random.Random(0)
    sources = [path for path in sorted(FIXTURES.glob("*.flac")) if path.stem not in NOT_SPOKEN]
    lengths = {}
    for k in range(count):
        source = sources[k % len(sources)]
        information = soundfile.info(source)
        length = rng.uniform(SHORTEST_S, min(LONGEST_S, information.duration))
        first = int(rng.uniform(0, information.duration - length) * information.samplerate)
        samples, rate = soundfile.read(source, frames=int(length * information.samplerate), start=first, dtype="int16")
        path = folder / f"{k:04}.flac"
        soundfile.write(path, samples, rate)
        lengths[str(path)] = len(samples) / rate
    return lengths


def group_memory_mb(group: int) -> float:
    """Resident memory of all processes of a group; pages that they share count in each."""
    pages = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            if os.getpgid(int(folder.name)) == group:
                pages += int((folder / "statm").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def run(names: list[str], out: Path, *options: str, cores: str = "", kill_at: int | None = None) -> Run:
    """Run the program; with kill_at, kill it when so many rows are there."""
    command = [sys.executable, "-m", "voice_coach", "analyze", *names, "--out", str(out), *options]
    if cores:
        command = ["taskset", "-c", cores, *command]
    started, memory = time.perf_counter(), []
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        time.sleep(LOOK_EVERY_S)
        memory.append(group_memory_mb(process.pid))
        if kill_at is not None and len(rows(out)) >= kill_at:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return Run(time.perf_counter() - started, memory, process.returncode)


def rows(out: Path) -> list[str]:
    """The recordings that have a whole row."""
    if not out.exists():
        return []
    with out.open(encoding="utf-8", newline="") as file:
        return [row["path"] for row in csv.DictReader(line for line in file if line.endswith("\n"))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--sample", type=int, default=100, help="recordings that one job is measured on")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lengths = recordings(folder, args.files)
        names, sample = list(lengths), list(lengths)[: args.sample]
        print(f"{len(names)} recordings, {sum(lengths.values()):.0f} s of sound; load {os.getloadavg()[0]:.1f}")
        speed = {}
        ways = (("one job on one core", "1", "0"), ("one job on all cores", "1", ""), ("--jobs auto", "auto", ""))
        for what, jobs, core in ways:
            done = run(sample, folder / f"{len(speed)}.csv", "--jobs", jobs, cores=core)
            speed[what] = sum(lengths[one] for one in sample) / done.seconds
            print(f"{what}: {speed[what]:.1f} s of sound a second, most {max(done.memory_mb):.0f} MB", flush=True)
        for what in list(speed)[:2]:
            print(f"  --jobs auto is {speed['--jobs auto'] / speed[what]:.2f} times {what}", flush=True)

        out = folder / "all.csv"
        first = run(names, out, "--jobs", "auto", kill_at=len(names) // 2)
        before = rows(out)
        second = run(names, out, "--jobs", "auto")
        after = rows(out)
        several = sum(lengths.values()) / (first.seconds + second.seconds)
        print(f"all, killed after {len(before)} rows and started again: {several:.1f} s of sound a second")
        memory = second.memory_mb[len(second.memory_mb) // 5 :]
        early, late = memory[: len(memory) // 4], memory[-len(memory) // 4 :]
        if early and late:
            print(f"memory of all processes: {median(early):.0f} MB early, {median(late):.0f} MB late")
        kept = after[: len(before)] == before
        print(f"rows {len(after)}, of {len(set(after))} recordings; nothing done twice: {'yes' if kept else 'NO'}")
        print(f"load {os.getloadavg()[0]:.1f}")
        if len(set(after)) != len(names) or len(after) != len(names) or not kept:
            raise SystemExit("rows are missing or double")


if __name__ == "__main__":
    main()
