#!/usr/bin/env python3
"""Measure speed and memory, ours beside the alternatives, in one run.

Usage: scripts/bench.py [FILE]            default: audio_fixtures/strong_answer.flac
       scripts/bench.py --repeat 5

Machines are shared and noisy, so what counts are the ratios within one run: each way is run
in turn, several times, and the median is shown. whisper.cpp runs the very same weights, put back
into its format (scripts/whisper_to_ggml.py); it is left out with a word if pywhispercpp is not
installed (pip install pywhispercpp).
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
WHISPER = ROOT / "models" / "whisper-base.en-int8"
THREADS = 2

CHILD = """
import json, resource, sys, time
from pathlib import Path

def peak_kb():
    # getrusage would tell the parent's peak, which a child inherits until it starts its own program
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))

from voice_coach.session import Coach
coach = Coach(device="cpu")
coach.whisper, coach.classifier
load_s = coach.load_s
started = time.perf_counter()
coach.analyze(sys.argv[1])
spent = time.perf_counter() - started
print(json.dumps([load_s, spent, peak_kb()]))
"""


def samples_of(path: Path) -> np.ndarray:
    """The recording as the alternatives want it: float32 mono at 16 kHz."""
    from voice_coach.audio.files import AudioFile

    with AudioFile(path) as audio:
        return np.concatenate(list(audio))


def ours(path: Path) -> tuple[float, float, float]:
    """Load time, time after loading, peak memory in MB, in a process of its own."""
    import json

    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    load_s, spent_s, peak_kb = json.loads(done.stdout.splitlines()[-1])
    return load_s, spent_s, peak_kb / 1024


def plain_faster_whisper(samples: np.ndarray, beam: int) -> Callable[[], float]:
    from faster_whisper import WhisperModel

    model = WhisperModel(str(WHISPER), device="cpu", compute_type="int8", cpu_threads=THREADS)

    def run() -> float:
        started = time.perf_counter()
        for _ in model.transcribe(samples, language="en", beam_size=beam, word_timestamps=True)[0]:
            pass
        return time.perf_counter() - started

    return run


def whisper_cpp(samples: np.ndarray) -> Callable[[], float] | None:
    if importlib.util.find_spec("pywhispercpp") is None:
        print("whisper.cpp is left out: pip install pywhispercpp to see it here")
        return None
    from pywhispercpp.model import Model

    weights = ROOT / "build" / "ggml-base.en.bin"
    if not weights.exists():
        converter = ROOT / "scripts" / "whisper_to_ggml.py"
        subprocess.run([sys.executable, str(converter), "--to", str(weights)], check=True)
    model = Model(
        str(weights), n_threads=THREADS, print_progress=False, print_realtime=False, redirect_whispercpp_logs_to=None
    )

    def run() -> float:
        started = time.perf_counter()
        model.transcribe(samples, language="en")
        return time.perf_counter() - started

    return run


def classifier_ms() -> tuple[float, float]:
    """Milliseconds a sentence in a batch of 25 on one core, and seconds of a cold start."""
    from voice_coach.coverage.classifier import Classifier
    from voice_coach.coverage.corpus import read_corpus
    from voice_coach.speech.model_files import LIFECYCLE, find, verified

    folder = verified(find(LIFECYCLE))
    data = sorted((ROOT / "models" / "lifecycle" / "data" / "train").glob("w01*.txt"))
    texts = [unit.text for answer in read_corpus(data) for unit in answer.units][:25]
    started = time.perf_counter()
    classifier = Classifier(folder, threads=1)
    classifier.logits(texts[:1])
    cold_s = time.perf_counter() - started
    times = []
    for _ in range(9):
        started = time.perf_counter()
        classifier.logits(texts)
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times) / len(texts), cold_s


def help_s() -> float:
    times = []
    for _ in range(7):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "voice_coach", "--help"], stdout=subprocess.DEVNULL, check=True, cwd=ROOT)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=ROOT / "audio_fixtures" / "strong_answer.flac")
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    samples = samples_of(args.file)
    length_s = len(samples) / 16_000
    ways: dict[str, Callable[[], float] | None] = {
        "faster-whisper, greedy": plain_faster_whisper(samples, 1),
        "faster-whisper, beam 5 (its default)": plain_faster_whisper(samples, 5),
        "whisper.cpp, greedy": whisper_cpp(samples),
    }
    spent: dict[str, list[float]] = {"voice-coach analyze, everything": []}
    loads, peaks = [], []
    for _ in range(args.repeat):
        load_s, whole_s, peak_mb = ours(args.file)
        loads.append(load_s)
        peaks.append(peak_mb)
        spent["voice-coach analyze, everything"].append(whole_s)
        for name, way in ways.items():
            if way is not None:
                spent.setdefault(name, []).append(way())
    base = statistics.median(spent["voice-coach analyze, everything"])
    print(f"{args.file.name}, {length_s:.0f} s of audio, {THREADS} threads, median of {args.repeat}\n")
    print("| way | seconds | of the audio's length | beside ours |\n| --- | --- | --- | --- |")
    for name, times in spent.items():
        middle = statistics.median(times)
        print(f"| {name} | {middle:.1f} | {middle / length_s:.3f} | {middle / base:.2f} |")
    per_sentence, cold_s = classifier_ms()
    print(f"\nloading both models {statistics.median(loads):.2f} s; peak memory {max(peaks):.0f} MB")
    print(f"classifier on one core: {per_sentence:.1f} ms a sentence in a batch of 25, cold start {cold_s:.2f} s")
    print(f"voice-coach --help: {help_s():.2f} s")


if __name__ == "__main__":
    main()
