#!/usr/bin/env python3
"""Make spoken answers whose hesitations, pauses and terms are known to the sample, for scripts/evaluate_delivery.py.

Usage: speak_delivery.py --model kokoro.onnx --voices voices/ --minutes 30 --half test [--to build/delivery/generated]

Runs in the environment of scripts/make_fixtures.py, which says how Kokoro is fetched. Answers come from
the classifier's test split. The tuning half (a….flac) and the test half (b….flac) share neither voices nor the
sentences with terms, so that what is chosen on one can be judged on the other. Of every three answers two get
hesitations and one stays clean; every fifth is sentences of tests/data/terms_spoken.txt, or its _test
fellow, instead. What is there already is kept, so a longer run goes on where a shorter one ended.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from corpus_units import read_units
from make_fixtures import FILLERS, RATE, Piece, Script, Sound, Speaker, Unit, lay_out

ROOT = Path(__file__).resolve().parent.parent
VOICES = {
    "tune": (
        "af_heart", "am_michael", "bf_emma", "bm_george", "af_bella", "am_fenrir",
        "bm_fable", "bf_isabella", "af_nicole", "am_puck", "bm_lewis", "am_onyx",
    ),
    "test": ("af_aoede", "am_echo", "bf_alice", "bm_daniel", "af_kore", "am_liam", "af_nova", "am_eric"),
}  # fmt: skip
PREFIX = {"tune": "a", "test": "b"}
FIRST = {"tune": 0, "test": 1000}  # of the answers' numbers, which seed all that is drawn
SENTENCES = {"tune": "terms_spoken.txt", "test": "terms_spoken_test.txt"}
OUT_HZ = 16_000
SPEECH_RMS = 0.05
UNITS = 8  # an answer's first sentences: more answers, more voices
OPENING, AFTER_COMMA, INSIDE = 0.35, 0.35, 0.12  # how often a hesitation stands there
PAUSE = 0.25  # how often a comma is followed by a pause
PAUSES_S = (0.35, 1.4)
COMMONEST = ("um", "uh")
TERM = re.compile(r"\[([^|\]]+)\|([^\]]+)\]")
TERM_SENTENCES = 10
FAINT_BY_DB = 15.0  # under the words: bm_fable's "uh" came out as a breath 23 dB down, the others at -6 to 0
HESITATION = re.compile(r"\b(?:um+|uh+|er+m?|ah|hm+)\b", re.IGNORECASE)


def answers() -> list[list[str]]:
    """The words of each answer of the test split, unit by unit."""
    paths = sorted((ROOT / "models/lifecycle/data/test").glob("*.txt"))
    found = [[words for _, words in units] for path in paths for _, units in read_units(path)]
    # an answer that has hesitations of its own would have some at unknown times
    return [units for units in found if len(units) >= UNITS and not HESITATION.search(" ".join(units))]


def with_marks(words: str, rng: random.Random) -> tuple[Piece, ...]:
    """Pieces of a sentence with hesitations and pauses put in where people have them."""
    pieces: list[Piece] = [Piece("filler", rng.choice(COMMONEST))] if rng.random() < OPENING else []
    clauses = re.split(r"(?<=,)\s+", words)
    for number, clause in enumerate(clauses):
        tokens = clause.split()
        if number and rng.random() < AFTER_COMMA:
            pieces.append(Piece("filler", rng.choice(COMMONEST)))
        elif number and rng.random() < PAUSE:
            pieces.append(Piece("pause", seconds=round(rng.uniform(*PAUSES_S), 3)))
        if len(tokens) >= 6 and rng.random() < INSIDE:
            cut = rng.randrange(2, len(tokens) - 2)
            pieces += [Piece("words", " ".join(tokens[:cut])), Piece("filler", rng.choice(COMMONEST))]
            tokens = tokens[cut:]
        text = " ".join(tokens)
        if pieces and pieces[-1].kind == "words":
            pieces[-1] = Piece("words", f"{pieces[-1].text} {text}")
        else:
            pieces.append(Piece("words", text))
    return tuple(pieces)


def unit(pieces: tuple[Piece, ...]) -> Unit:
    return Unit((), (), pieces, (), ())


def plan(number: int, texts: list[list[str]], sentences: list[str]) -> tuple[str, list[Unit], list[str], list[str]]:
    """The kind of the answer, its units, the words as a transcriber writes them, and its terms."""
    rng = random.Random(number)
    if number % 5 == 4:
        first = number // 5 * TERM_SENTENCES
        chosen = [sentences[(first + k) % len(sentences)] for k in range(TERM_SENTENCES)]
        units = [unit((Piece("words", TERM.sub(r"\2", one)),)) for one in chosen]
        return "terms", units, [TERM.sub(r"\1", one) for one in chosen], [m for s in chosen for m, _ in TERM.findall(s)]
    words = texts[number * 7 % len(texts)][:UNITS]
    if number % 3 == 2:
        return "clean", [unit((Piece("words", one),)) for one in words], words, []
    return "fillers", [unit(with_marks(one, rng)) for one in words], words, []


def sidecar(
    kind: str, voice: str, words: list[str], terms: list[str], sounds: list[Sound], length: int
) -> dict[str, object]:
    def at(sample: int) -> float:
        return round(sample / RATE, 4)

    gaps = [(a.end, b.start) for a, b in pairwise(sounds)]
    return {
        "kind": kind,
        "voice": voice,
        "text": " ".join(words),
        "terms": terms,
        "duration_s": at(length),
        "answer": [at(sounds[0].start), at(sounds[-1].end)],
        "fillers": [[at(s.start), at(s.end)] for s in sounds if s.piece.kind == "filler"],
        "pauses": [[at(a), at(b)] for a, b in gaps if (b - a) / RATE >= 0.25],
    }


def weakest_filler_db(audio: np.ndarray, sounds: list[Sound]) -> float:
    """Level of the faintest filler against that of the words; 0 where there is none."""

    def rms(some: list[Sound]) -> float:
        return float(np.sqrt(np.mean(np.square(np.concatenate([audio[s.start : s.end] for s in some])))))

    words = rms([sound for sound in sounds if sound.piece.kind == "words"])
    fillers = [20.0 * np.log10(rms([s]) / words + 1e-9) for s in sounds if s.piece.kind == "filler"]
    return float(min(fillers, default=0.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="Kokoro's model")
    parser.add_argument("--voices", type=Path, required=True, help="Kokoro's voices")
    parser.add_argument("--minutes", type=float, default=60.0, help="stop once this much is there")
    parser.add_argument("--half", choices=sorted(VOICES), default="tune", help="which half to make")
    parser.add_argument("--to", type=Path, default=ROOT / "build/delivery/generated")
    args = parser.parse_args()
    (args.to / "cache").mkdir(parents=True, exist_ok=True)
    speaker = Speaker(args.model, args.voices, args.to / "cache")
    texts = answers()
    lines = (ROOT / "tests/data" / SENTENCES[args.half]).read_text(encoding="utf-8").splitlines()
    sentences = [line for line in lines if line and not line.startswith("#")]
    voices = VOICES[args.half]
    seconds, number, refused = 0.0, 0, 0
    while seconds < 60.0 * args.minutes:
        path = args.to / f"{PREFIX[args.half]}{number:03d}.flac"
        voice = voices[number % len(voices)]
        if not path.exists():
            kind, units, words, terms = plan(FIRST[args.half] + number, texts, sentences)
            script = Script(path.stem, "", "speech", voice, 1.0, 0.0, None, RATE, 1, False, False, tuple(units))
            try:
                audio, sounds = lay_out(script, speaker, np.random.default_rng(FIRST[args.half] + number))
            except ValueError as exc:  # a voice that never leaves a filler free
                print(f"{path.stem}: {exc}", flush=True)
                refused, number = refused + 1, number + 1
                if refused > len(voices):
                    raise SystemExit("no voice leaves a filler free") from exc
                continue
            loud = np.concatenate([audio[s.start : s.end] for s in sounds])
            if weakest_filler_db(audio, sounds) < -FAINT_BY_DB:
                print(f"{path.stem}: {voice} breathes a filler instead of saying it", flush=True)
                number += 1
                continue
            audio = audio * (SPEECH_RMS / float(np.sqrt(np.mean(np.square(loud)))))
            sf.write(path, np.clip(soxr.resample(audio, RATE, OUT_HZ), -1, 1), OUT_HZ)
            about = sidecar(kind, voice, words, terms, sounds, len(audio))
            path.with_suffix(".json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        seconds += sf.info(path).duration
        number += 1
        print(f"{path.stem} {voice}: {seconds / 60:.1f} min", flush=True)


if __name__ == "__main__":
    assert set(COMMONEST) <= set(FILLERS)
    main()
