#!/usr/bin/env python3
"""Find out how Whisper writes the field's terms: voices say each of them in sentences, the shipped model reads them.

Usage:
  scripts/hear_terms.py speak --model kokoro.onnx --voices voices/ [--each 6] [--to build/terms]
  scripts/hear_terms.py hear [--to build/terms]

`speak` runs in the environment of scripts/make_fixtures.py, with the voices of the tuning half of
scripts/speak_delivery.py: what is found goes into voice_coach/questions/terms.toml, and the test half must not have
taught it. It speaks tests/data/terms_traps.txt, too: ordinary words that sound like terms. `hear` runs in the project's
and prints, for each term, the ways in which it was written that the glossary does not know, most frequent first, how
many of all were right, and the traps in which a term was put.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf
import soxr
from make_fixtures import RATE, Speaker
from speak_delivery import OUT_HZ, SENTENCES, SPEECH_RMS, TERM, VOICES

if TYPE_CHECKING:
    from voice_coach.records import Word
    from voice_coach.speech.whisper import Whisper

ROOT = Path(__file__).resolve().parent.parent
CARRIERS = (
    "We had trouble with {} for most of that week.",
    "First I looked at {}, and then I called my lead.",
    "It turned out that {} was the cause.",
    "The page said {}, so I got out of bed.",
    "Nobody had touched {} since the spring.",
    "After the deploy, {} looked wrong to me.",
    "I asked the other team about {} right away.",
    "We checked {} twice and found nothing.",
    "My notes from that night begin with {} at two o'clock.",
    "In the end we fixed {} and went back to sleep.",
)
PLACE = "{}"
BETWEEN_S = 0.6
IN_A_FILE = 8
"""Sentences: about 25 s, one window."""

TRAPS = ROOT / "tests" / "data" / "terms_traps.txt"
TRAPS_EACH = 2
"""Voices that say each trap."""


def pronunciations(terms: Sequence[str]) -> dict[str, list[str]]:
    """How each term is said: as the marked sentences say it; else letter by letter, or as it is written."""
    said: dict[str, list[str]] = defaultdict(list)
    for name in SENTENCES.values():
        for term, way in TERM.findall((ROOT / "tests/data" / name).read_text(encoding="utf-8")):
            if way not in said[term]:
                said[term].append(way)
    for term in terms:
        if term not in said:
            said[term].append(" ".join(term) if term.isupper() and term.isalpha() else term)
    return {term: said[term] for term in terms}


def speak(args: argparse.Namespace) -> None:
    """A file of sentences a voice, and what they say and where beside it."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    args.to.mkdir(parents=True, exist_ok=True)
    (args.to / "cache").mkdir(exist_ok=True)
    terms = list(tomllib.loads((ROOT / "voice_coach/questions/terms.toml").read_text(encoding="utf-8"))["terms"])
    ways, voices = pronunciations(terms), VOICES["tune"]
    speaker = Speaker(args.model, args.voices, args.to / "cache")
    planned: dict[str, list[dict[str, str]]] = defaultdict(list)
    for place, term in enumerate(terms):
        for turn in range(args.each):
            way = ways[term][turn % len(ways[term])]
            carrier = CARRIERS[(place + 3 * turn) % len(CARRIERS)]
            one = {"term": term, "carrier": carrier, "text": carrier.replace(PLACE, way)}
            planned[voices[(place + 5 * turn) % len(voices)]].append(one)
    for place, text in enumerate(trap_sentences()):
        for turn in range(TRAPS_EACH):
            planned[f"{voices[(place // IN_A_FILE + 4 * turn) % len(voices)]}_traps"].append({"text": text})
    for name, sentences in planned.items():
        voice = name.removesuffix("_traps")
        for first in range(0, len(sentences), IN_A_FILE):
            path = args.to / f"{name}_{first // IN_A_FILE:02}.flac"
            if path.exists():
                continue
            parts, told, at = [], [], 0
            for one in sentences[first : first + IN_A_FILE]:
                text = one["text"]
                sound = soxr.resample(speaker.say(text[0].upper() + text[1:], voice, 1.0), RATE, OUT_HZ)
                sound = sound * (SPEECH_RMS / max(float(np.sqrt(np.mean(sound**2))), 1e-6))
                told.append({**one, "start": at, "end": at + len(sound)})
                parts += [sound, np.zeros(round(BETWEEN_S * OUT_HZ))]
                at += len(sound) + round(BETWEEN_S * OUT_HZ)
            room = np.random.default_rng(first).normal(0.0, 1e-4, at)
            sf.write(path, np.clip(np.concatenate(parts) + room, -1.0, 1.0), OUT_HZ, subtype="PCM_16")
            path.with_suffix(".json").write_text(json.dumps(told), encoding="utf-8")
            print(path.name, flush=True)


def trap_sentences() -> list[str]:
    lines = TRAPS.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def hear(args: argparse.Namespace) -> None:
    """Print what was written for each term, where it is not the term."""
    from evaluate_delivery import terms_in, terms_said

    from voice_coach.speech.model_files import DEFAULT_WHISPER, find, verified
    from voice_coach.speech.terms import correct_terms, read_terms
    from voice_coach.speech.whisper import Whisper

    glossary = read_terms()
    whisper = Whisper(verified(find(DEFAULT_WHISPER)), glossary=glossary)
    trapped: list[tuple[str, str]] = []
    traps = 0
    right, spoken, wrong = Counter[str](), Counter[str](), defaultdict[str, Counter[str]](Counter)
    for path in sorted(args.to.glob("*.flac")):
        words = list(_read(whisper, path))
        for one in json.loads(path.with_suffix(".json").read_text(encoding="utf-8")):
            start_s, end_s = one["start"] / OUT_HZ - 0.3, one["end"] / OUT_HZ + 0.3
            inside = [word for word in words if start_s <= (word.start_s + word.end_s) / 2 <= end_s]
            written = correct_terms(inside, glossary)
            if "term" not in one:
                put_in = terms_in(written, glossary) - terms_said(one["text"], glossary)
                trapped += [(one["text"], name) for name in put_in]
                traps += 1
                continue
            spoken[one["term"]] += 1
            if terms_in(written, glossary)[one["term"].lower()]:
                right[one["term"]] += 1
            else:
                wrong[one["term"]][_in_place(inside, one["carrier"])] += 1
    for term, ways in sorted(wrong.items(), key=lambda item: -item[1].total()):
        print(
            f"{term} ({right[term]} of {spoken[term]} right): " + ", ".join(f"{w!r} {n}" for w, n in ways.most_common())
        )
    print(f"right: {right.total()} of {spoken.total()}")
    for text, name in trapped:
        print(f"{name} put into: {text}")
    print(f"put in: {len(trapped)}, in {traps} sentences of ordinary words")


def _read(whisper: Whisper, path: Path) -> Iterator[Word]:
    from delivery_readings import windows_of

    samples: Any = sf.read(path, dtype="float32")[0]
    for window in windows_of(samples)[0]:
        yield from whisper.transcribe(window).words


def _in_place(words: Sequence[Word], carrier: str) -> str:
    """What stands between the carrier's words before the term and those after it, as it was written."""
    before, _, after = carrier.partition(PLACE)
    kept = [word.text for word in words]
    for token in before.split():
        if kept and _bare(kept[0]) == _bare(token):
            kept.pop(0)
    for token in reversed(after.strip(" ,.").split()):
        if kept and _bare(kept[-1]) == _bare(token):
            kept.pop()
    return " ".join(kept)


def _bare(text: str) -> str:
    return text.lower().strip(".,?!;:…")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("speak", "hear"))
    parser.add_argument("--model", type=Path, help="Kokoro's model")
    parser.add_argument("--voices", type=Path, help="Kokoro's voices")
    parser.add_argument("--each", type=int, default=6, help="times that each term is said")
    parser.add_argument("--to", type=Path, default=ROOT / "build" / "terms")
    args = parser.parse_args()
    if args.what == "speak" and not (args.model and args.voices):
        parser.error("speak needs --model and --voices")
    (speak if args.what == "speak" else hear)(args)


if __name__ == "__main__":
    main()
