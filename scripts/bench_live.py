#!/usr/bin/env python3
"""Measure how soon the coach answers, beside transcribing after the end, in one process.

Usage:
  scripts/bench_live.py                                      20 answers of 30 s to 4 min: about 25 minutes
  scripts/bench_live.py --answers 40 --live                  every second of them at the pace of speech
  scripts/virtual_mic.sh run .venv/bin/python scripts/bench_live.py --lost 30
                                                             samples lost in a recording of 30 minutes

The answers are cut from the fixtures at pauses and joined, and end in 0.3 to 1.0 s of a quiet room,
as people take that long from their last word to the key. All but the last --paced seconds are pushed as
fast as the reader keeps up, the rest at the pace of speech; --live paces everything. The CPU's share and
the memory are taken in the paced part.

First spoken word: from the key (`Hearing.finish`) until the opening line is a sound file, ready for the
player; where the opening is not certain in time, until the whole feedback is one, as in the rehearsal. The
player's own start is not in it. Full result: from the key until `Hearing.result`. After the end:
`Coach.analyze` on the same samples in a file, then the verdict as a sound file.

With --lost, noise that is known sample by sample is played to the default sound card and recorded through
Microphone and TakeRecorder; the take on disk is then looked through second by second. Run it on the
pretend card, as above. Sound that the player held back shows as inserted, not as lost.

Machines are shared and noisy: the ratio within one run counts, and the load is printed. Ctrl-C shows
what was measured so far.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
import soxr

from voice_coach.audio.files import AudioFile
from voice_coach.audio.microphone import Microphone
from voice_coach.audio.takes import FULL_SCALE, TakeRecorder
from voice_coach.audio.windows import KEEP_S, WindowCutter
from voice_coach.errors import VoiceCoachError
from voice_coach.hearing import Hearing
from voice_coach.records import SAMPLE_RATE_HZ, Assessment, CaptureEvent, Question, Samples, Span
from voice_coach.rehearsal.interview import OPENING_LIMIT_S
from voice_coach.session import Coach
from voice_coach.voice.speaker import synthesize

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "audio_fixtures"
NOT_SPOKEN = ("silence", "room_noise")

SHORTEST_S, LONGEST_ANSWER_S = 30.0, 240.0
KEY_AFTER_S = (0.3, 1.0)
"""From the last word to the key."""

PAUSE_S = 0.3
"""Between sentences, and mostly between clauses: where an answer may begin and end."""

ROOM_RMS = 1e-4
"""-80 dBFS: a quiet room, as no microphone gives exact zeros."""

BLOCK = SAMPLE_RATE_HZ // 10
SEED = 20


@dataclass(frozen=True, slots=True)
class Figures:
    """What one answer gave; all times from the key. cpu: cores' worth of this process while pacing."""

    length_s: float
    first_word_s: float
    result_s: float
    after_s: float
    cpu: float
    recording_mb: float
    rss_mb: float
    opened: bool
    opening_true: bool
    same_words: bool
    same_stages: bool


# the answers


def spoken_fixtures() -> list[tuple[Samples, list[Span]]]:
    """Each fixture with its stretches of voice."""
    found = []
    for path in sorted(FIXTURES.glob("*.flac")):
        if path.stem in NOT_SPOKEN:
            continue
        with AudioFile(path) as audio:
            samples = np.concatenate(list(audio))
        cutter = WindowCutter()
        for _ in (*cutter.push(samples), *cutter.finish()):
            pass
        found.append((samples, cutter.voiced))
    return found


def room(seconds: float) -> Samples:
    noise = np.random.default_rng(SEED).normal(0.0, ROOM_RMS, round(seconds * SAMPLE_RATE_HZ))
    return noise.astype(np.float32)


def make_answer(fixtures: Sequence[tuple[Samples, list[Span]]], length_s: float, chance: random.Random) -> Samples:
    """Fixtures one after another, the first from a pause on, until the pause nearest to length_s."""
    parts: list[Samples] = []
    left_s = length_s
    for k, (samples, voiced) in enumerate(chance.sample(list(fixtures), len(fixtures))):
        begin = chance.choice(beginnings(voiced)[:-1]) if k == 0 else voiced[0].start_s
        begin = max(0.0, begin - KEEP_S)
        last = voiced[-1].end_s
        end = last if last - begin < left_s else min(ends(voiced), key=lambda at: abs(at - begin - left_s))
        silence_s = chance.uniform(*KEY_AFTER_S)
        # the sound right after a word belongs to it; of the pause no more than stays before the key
        kept = samples[round(begin * SAMPLE_RATE_HZ) : round((end + min(PAUSE_S, silence_s)) * SAMPLE_RATE_HZ)]
        quiet = room((end - begin) + silence_s)[len(kept) :]
        parts += [kept, quiet]
        left_s -= end - begin + silence_s
        if end != last or left_s < SHORTEST_S / 2:
            break
    return np.concatenate(parts)


def ends(voiced: Sequence[Span]) -> list[float]:
    """Where a pause follows."""
    return [*(a.end_s for a, b in pairwise(voiced) if b.start_s - a.end_s >= PAUSE_S), voiced[-1].end_s]


def beginnings(voiced: Sequence[Span]) -> list[float]:
    """Where a pause went before."""
    return [voiced[0].start_s, *(b.start_s for a, b in pairwise(voiced) if b.start_s - a.end_s >= PAUSE_S)]


def lengths(count: int, chance: random.Random) -> list[float]:
    """Evenly spread and in a random order, so that a run that is cut off stands for the whole."""
    spread = [float(at) for at in np.linspace(SHORTEST_S, LONGEST_ANSWER_S, count)]
    chance.shuffle(spread)
    return spread


# one answer


def push_fast(hearing: Hearing, samples: Samples) -> None:
    """As fast as the reader keeps up: no window waits while another is read, as on a live answer."""
    for k in range(0, len(samples), BLOCK):
        hearing.push(samples[k : k + BLOCK])
        # how far behind it is says nothing: a window of 28 s of sound may span more, with the long pauses left out
        while hearing.state.heard_s < k / SAMPLE_RATE_HZ - 1.0 or hearing._windows:
            time.sleep(0.005)


def push_paced(hearing: Hearing, samples: Samples) -> tuple[float, float]:
    """At the pace of speech; cores' worth of CPU that the process took, and its largest memory in MB."""
    started, cpu_before = time.perf_counter(), time.process_time()
    largest = rss_mb()
    for k in range(0, len(samples), BLOCK):
        block = samples[k : k + BLOCK]
        # a block is there once it was spoken
        time.sleep(max(0.0, started + (k + len(block)) / SAMPLE_RATE_HZ - time.perf_counter()))
        hearing.push(block)
        if k % SAMPLE_RATE_HZ == 0:
            largest = max(largest, rss_mb())
    return (time.process_time() - cpu_before) / (time.perf_counter() - started), largest


def rss_mb() -> float:
    """Memory of this process in MB; Linux only."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


class Line:
    """A line on its way to a sound file, in a thread as the voice does it."""

    def __init__(self, text: str, folder: Path) -> None:
        self.ready_at = 0.0
        self._error: VoiceCoachError | None = None
        self._text, self._wav = text, folder / "line.wav"
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def wait(self) -> float:
        """When it was ready, on the clock of perf_counter. Raises: SpeechEngineError, OutputError."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self.ready_at

    def _work(self) -> None:
        try:
            synthesize(self._text, self._wav)
        except VoiceCoachError as exc:
            self._error = exc
        self.ready_at = time.perf_counter()


def measure(coach: Coach, samples: Samples, paced_s: float, folder: Path) -> Figures:
    """Hear one answer as the rehearsal does, then read it after its end."""
    path = folder / "take.wav"
    hearing = Hearing(coach, coach.main_question, path=path)
    split = max(0, len(samples) - round(paced_s * SAMPLE_RATE_HZ))
    push_fast(hearing, samples[:split])
    cpu, recording_mb = push_paced(hearing, samples[split:])

    key_at = time.perf_counter()
    hearing.finish()
    opening = hearing.opening(OPENING_LIMIT_S)
    line = Line(opening, folder) if opening else None
    live = hearing.result()
    result_s = time.perf_counter() - key_at
    if live.feedback is None:
        raise SystemExit("no word was heard in an answer: the fixtures are not what they were")
    line = line or Line(live.feedback.spoken, folder)
    first_word_s = line.wait() - key_at

    # the integers that a take would hold: soundfile's own scale for floats is another one
    kept = np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1.0).astype(np.int16)
    soundfile.write(path, kept, SAMPLE_RATE_HZ, subtype="PCM_16")
    ended_at = time.perf_counter()
    read = coach.analyze(path)
    if read.feedback is None:
        raise SystemExit("no word was read in an answer: the fixtures are not what they were")
    after_s = Line(read.feedback.verdict, folder).wait() - ended_at
    return Figures(
        length_s=len(samples) / SAMPLE_RATE_HZ,
        first_word_s=first_word_s,
        result_s=result_s,
        after_s=after_s,
        cpu=cpu,
        recording_mb=recording_mb,
        rss_mb=rss_mb(),
        opened=opening is not None,
        opening_true=opening == live.feedback.verdict,
        same_words=words(live) == words(read),
        same_stages=stages(live) == stages(read),
    )


def words(assessment: Assessment) -> list[str]:
    return [word.text for word in assessment.transcript.words]


def stages(assessment: Assessment) -> tuple[str, ...]:
    return assessment.coverage.order if assessment.coverage else ()


# all answers


def run_answers(count: int, paced_s: float) -> list[Figures]:
    chance = random.Random(SEED)
    fixtures = spoken_fixtures()
    coach = Coach(device="cpu")
    coach.warm()
    figures: list[Figures] = []
    print("answer  length  first word  full result  after the end      RSS   load", flush=True)
    with tempfile.TemporaryDirectory(prefix="voice-coach-") as name:
        folder = Path(name)
        Line("Let us begin.", folder).wait()
        try:
            for number, length_s in enumerate(lengths(count, chance), 1):
                one = measure(coach, make_answer(fixtures, length_s, chance), paced_s, folder)
                figures.append(one)
                print(
                    f"{number:6} {one.length_s:6.0f} s {one.first_word_s:9.2f} s {one.result_s:10.2f} s "
                    f"{one.after_s:12.1f} s {one.rss_mb:5.0f} MB {os.getloadavg()[0]:5.1f}  {', '.join(remarks(one))}",
                    flush=True,
                )
        except KeyboardInterrupt:
            print("cut off; what was measured until then:")
    return figures


def remarks(one: Figures) -> Iterator[str]:
    """What is not as it should be."""
    if not one.opened:
        yield "opening not in time"
    elif not one.opening_true:
        yield "opening is not the verdict"
    if not one.same_words:
        yield "other words"
    if not one.same_stages:
        yield "other stages"


def show(figures: Sequence[Figures], paced_s: float) -> None:
    if not figures:
        return
    seconds = [one.length_s for one in figures]
    pace = "everything paced" if paced_s > LONGEST_ANSWER_S else f"the last {paced_s:.0f} s paced"
    print(f"\n{len(figures)} answers of {min(seconds):.0f} to {max(seconds):.0f} s, {pace}; {load()}\n")
    print("| from the key | p50 s | p95 s | max s |\n| --- | --- | --- | --- |")
    print(row("first spoken word", [one.first_word_s for one in figures]))
    print(row("full result", [one.result_s for one in figures]))
    print(row("first spoken word, transcribed after the end", [one.after_s for one in figures]))
    ratios = [one.after_s / one.first_word_s for one in figures]
    print(f"\ntimes faster than after the end: median {median(ratios):.1f}, least {min(ratios):.1f}")
    count = len(figures)
    print(f"opening in time: {sum(one.opened for one in figures)} of {count}")
    print(f"opening equals the verdict: {sum(one.opening_true for one in figures)} of {count}")
    print(f"same words as analyze: {sum(one.same_words for one in figures)} of {count}")
    print(f"same stages as analyze: {sum(one.same_stages for one in figures)} of {count}")
    shares = [100 * one.cpu for one in figures]
    print(f"CPU while recording: median {median(shares):.0f}% of one core, most {max(shares):.0f}%")
    print(f"memory while recording: at most {max(one.recording_mb for one in figures):.0f} MB")
    first, last = figures[0].rss_mb, figures[-1].rss_mb
    print(
        f"memory after each answer: first {first:.0f} MB, last {last:.0f} MB ({last / first - 1:+.1%}), "
        f"most {max(one.rss_mb for one in figures):.0f} MB"
    )


def row(name: str, values: Sequence[float]) -> str:
    """p95 is a value that was measured: the one that at most one answer in twenty exceeds."""
    p95 = float(np.percentile(values, 95, method="inverted_cdf"))
    return f"| {name} | {median(values):.2f} | {p95:.2f} | {max(values):.2f} |"


def load() -> str:
    return f"load average {' '.join(f'{one:.1f}' for one in os.getloadavg())} on {os.cpu_count()} cores"


# samples lost

CARD_HZ = 48_000
NOISE_RMS = 0.1
FIRST_S = 5.0
"""The player and the card start within this."""

STRAY_S = 0.5
"""How far one second may be from where the one before it puts it."""

FOUND_ABOVE = 0.5
"""Likeness (-1 to 1): the same noise gives over 0.9, other noise under 0.05."""


def noise_second(k: int) -> Samples:
    """Second k of the signal, below what resampling takes away."""
    noise = np.random.default_rng([SEED, k]).normal(0.0, NOISE_RMS, SAMPLE_RATE_HZ)
    return noise.astype(np.float32)


def write_signal(path: Path, seconds: int) -> None:
    up = soxr.ResampleStream(SAMPLE_RATE_HZ, CARD_HZ, 1, dtype="float32")
    with soundfile.SoundFile(path, "w", CARD_HZ, 1, subtype="PCM_16") as file:
        for k in range(seconds):
            file.write(up.resample_chunk(noise_second(k), last=k == seconds - 1))


def record(signal: Path, folder: Path) -> tuple[Path, list[CaptureEvent]]:
    """The signal as it comes back: the take's path, and what the microphone complained of."""
    events: list[CaptureEvent] = []
    player: subprocess.Popen[bytes] | None = None
    over_at: int | None = None
    with (
        Microphone() as microphone,
        TakeRecorder(
            folder, question=Question("bench", "noise", 90.0, 180.0), level="mid", device=microphone.name
        ) as recorder,
    ):
        for heard in microphone:
            if isinstance(heard, CaptureEvent):
                events.append(heard)
                continue
            recorder.push(heard.samples)
            if player is None:
                player = play_in(signal)
            if over_at is None and player.poll() is not None:
                over_at = recorder.samples
            if over_at is not None and recorder.samples - over_at > SAMPLE_RATE_HZ:
                microphone.stop()
        path = recorder.finish().path
    if player is None or player.returncode != 0:
        raise SystemExit(
            "the signal could not be played: install pulseaudio-utils, and run under scripts/virtual_mic.sh"
        )
    return path, events


def play_in(signal: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["paplay", str(signal)])


def place(second: Samples, within: Samples) -> tuple[int, float]:
    """Where the second fits best, and the likeness there (-1 to 1)."""
    size = 1 << (len(second) + len(within)).bit_length()
    product = np.fft.irfft(np.fft.rfft(within, size) * np.conj(np.fft.rfft(second, size)), size)
    at = int(np.argmax(product[: max(1, len(within) - len(second) + 1)]))
    found = within[at : at + len(second)]
    scale = float(np.linalg.norm(second[: len(found)]) * np.linalg.norm(found))
    return at, float(second[: len(found)] @ found) / scale if scale else 0.0


def seconds_of(path: Path, seconds: int) -> Iterator[tuple[int, int | None]]:
    """Each second of the signal with the sample of the take where it begins; None where it is not there."""
    with soundfile.SoundFile(path) as take:
        expected, stray = 0, round(FIRST_S * SAMPLE_RATE_HZ)
        for k in range(seconds):
            begin = min(max(0, expected - stray), take.frames)
            take.seek(begin)
            at, likeness = place(noise_second(k), take.read(2 * stray + SAMPLE_RATE_HZ, dtype="float32"))
            if likeness >= FOUND_ABOVE:
                expected, stray = begin + at, round(STRAY_S * SAMPLE_RATE_HZ)
                yield k, expected
            else:
                yield k, None
            expected += SAMPLE_RATE_HZ


def run_lost(minutes: float) -> None:
    seconds = max(2, round(60 * minutes))
    with tempfile.TemporaryDirectory(prefix="voice-coach-") as name:
        folder = Path(name)
        signal = folder / "signal.wav"
        write_signal(signal, seconds)
        path, events = record(signal, folder / "takes")
        found = list(seconds_of(path, seconds))
    places = [(k, at) for k, at in found if at is not None]
    if not places:
        raise SystemExit("nothing of the signal was heard: run under scripts/virtual_mic.sh")
    steps = [(at - before) - (k - j) * SAMPLE_RATE_HZ for (j, before), (k, at) in pairwise(places)]
    lost, inserted = -sum(step for step in steps if step < 0), sum(step for step in steps if step > 0)
    print(f"{seconds} s recorded through Microphone and TakeRecorder, {seconds * SAMPLE_RATE_HZ} samples; {load()}")
    print(f"samples lost {lost}, inserted {inserted}, seconds not found {seconds - len(places)}")
    print(f"the microphone told: {', '.join(event.kind for event in events) or 'nothing'}")
    if lost or len(places) < seconds:
        sys.exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--answers", type=int, default=20, help="how many (20)")
    parser.add_argument("--paced", type=float, default=35.0, metavar="S", help="seconds at the end that are paced (35)")
    parser.add_argument("--live", action="store_true", help="pace everything")
    parser.add_argument(
        "--lost", type=float, nargs="?", const=2.0, metavar="MINUTES", help="count samples lost instead (2 minutes)"
    )
    args = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    if args.lost is not None:
        run_lost(args.lost)
        return
    paced_s = float("inf") if args.live else args.paced
    paced_s = min(paced_s, 2 * LONGEST_ANSWER_S)
    show(run_answers(args.answers, paced_s), paced_s)


if __name__ == "__main__":
    main()
