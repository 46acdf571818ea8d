#!/usr/bin/env python3
"""Measure whole rehearsals: how soon one is ready to record, and what many of them do to the memory.

Usage:
  scripts/virtual_mic.sh run .venv/bin/python scripts/bench_rehearsal.py --ready 10
                                                           command to go sign, on the pretend card
  scripts/bench_rehearsal.py --memory 20                               rehearsals in one process; some minutes

--ready starts the program as its users do, with a home of its own and nothing said aloud, so many times and reads
the time until the go sign; the first start also hashes the models, and is told by itself. --memory runs so
many rehearsals of one answer each, all of the same length, from a recording as fast as it is heard, with the
shipped models and a store; resident memory is read after each. The load is printed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import soundfile
from bench_live import load, rss_mb

from voice_coach.audio.recorded import RecordedSource
from voice_coach.keeping import HistoryKeeper
from voice_coach.records import Assessment, Changes, Question
from voice_coach.rehearsal.interview import Interview
from voice_coach.rehearsal.setting import MuteVoice, Setting
from voice_coach.rehearsal.surface import Answered, Key, Progress
from voice_coach.session import Coach
from voice_coach.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
ANSWER = ROOT / "audio_fixtures" / "strong_answer.flac"
GO = "● Recording"

STEADY_FROM = 3
"""Rehearsals after which everything that is loaded once, or grows to its size once, is there."""


def ready_s(home: Path) -> float:
    """Seconds from the command to the go sign of one start."""
    environment = {f"XDG_{name}_HOME": str(home / name) for name in ("CONFIG", "DATA", "CACHE")}
    command = [sys.executable, "-m", "voice_coach", "practice", "--plain", "--quiet", "--keys-only"]
    began_s = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, **environment}, text=True
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        for line in program.stdout:
            if GO in line:
                took_s = time.perf_counter() - began_s
                program.stdin.write("q")
                program.stdin.flush()
                program.stdout.read()
                return took_s
    raise SystemExit("no go sign came: run it under scripts/virtual_mic.sh")


def run_ready(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="voice-coach-") as name:
        first_s, *times_s = (ready_s(Path(name)) for _ in range(1 + count))
    print(f"first start ever {first_s:.2f} s")
    print(f"{count} starts to the go sign: median {median(times_s):.2f} s, max {max(times_s):.2f} s; {load()}")


class Nobody:
    """A surface that shows nothing and presses no key."""

    def tell(self, line: str) -> None: ...

    def warn(self, line: str) -> None:
        print(f"! {line}", file=sys.stderr)

    def ask(self, question: Question, number: int) -> None: ...

    def go(self) -> None: ...

    def progress(self, progress: Progress) -> None: ...

    def heard(self) -> None: ...

    def say(self, text: str) -> None: ...

    def assessed(self, assessment: Assessment, changes: Changes | None) -> None: ...

    def choose(self, line: str) -> None: ...

    def close(self, answers: tuple[Answered, ...]) -> None: ...

    def key(self, timeout_s: float) -> Key | None:
        time.sleep(timeout_s)
        return None


def run_memory(count: int, length_s: float) -> None:
    coach = Coach(device="cpu")
    found: list[float] = []
    with tempfile.TemporaryDirectory(prefix="voice-coach-") as name:
        folder = Path(name)
        samples, rate_hz = soundfile.read(ANSWER, dtype="int16")
        answer = folder / "answer.wav"
        soundfile.write(answer, samples[: round(length_s * rate_hz)], rate_hz)
        settings = Settings(path=folder / "settings.toml", takes=folder / "takes")
        for number in range(1, count + 1):
            sources = iter([RecordedSource(answer, fast=True)])
            setting = Setting(
                coach=coach,
                takes=settings.takes,
                questions=(coach.main_question,),
                level="mid",
                source=lambda sources=sources: next(sources, None),  # type: ignore[misc]
                voice=MuteVoice(),
                follow_ups=0,
                sources_end=True,
                keeper=HistoryKeeper(folder / "history", settings),
            )
            interview = Interview(setting, Nobody())
            (answered,) = interview.run()
            if answered.assessment is None:
                raise SystemExit("an answer was not judged")
            interview.wait_until_idle(60.0)
            found.append(rss_mb())
            print(f"rehearsal {number:3}  {found[-1]:6.0f} MB", flush=True)
    steady = min(STEADY_FROM, count)
    first, last = found[steady - 1], found[-1]
    print(
        f"{count} rehearsals of {length_s:.0f} s in one process: after number {steady} {first:.0f} MB, "
        f"at the end {last:.0f} MB ({last / first - 1:+.1%}), most {max(found):.0f} MB; {load()}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--ready", type=int, metavar="N", help="starts to time")
    parser.add_argument("--memory", type=int, metavar="N", help="rehearsals in one process")
    parser.add_argument("--length", type=float, default=20.0, metavar="S", help="of their answers (20)")
    args = parser.parse_args()
    if not args.ready and not args.memory:
        parser.error("measure --ready N, --memory N, or both")
    os.environ["HF_HUB_OFFLINE"] = "1"
    if args.ready:
        run_ready(args.ready)
    if args.memory:
        run_memory(args.memory, args.length)


if __name__ == "__main__":
    main()
