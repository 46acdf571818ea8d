"""What was heard in each recording, kept between runs: reading is slow, and what is counted from it changes often."""

from __future__ import annotations

import ast
import hashlib
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from delivery_sets import CACHE, ROOT, Times

from voice_coach.audio.activity import FRAME
from voice_coach.audio.sound import listen
from voice_coach.audio.windows import WindowCutter
from voice_coach.delivery.fillers import filled_pauses, is_filled_pause
from voice_coach.delivery.measure import measure_delivery
from voice_coach.records import SAMPLE_RATE_HZ, Delivery, Samples, Sound, Span, Window, Word
from voice_coach.speech.terms import correct_terms, read_terms
from voice_coach.speech.whisper import Whisper

READ_BY = (
    "audio/activity.py",
    "audio/windows.py",
    "audio/sound.py",
    "speech/whisper.py",
    "speech/terms.py",
    "questions/terms.toml",
    "records.py",
)
SYSTEMS = ("plain", "prompt", "coach")


@dataclass(frozen=True, eq=False)
class Heard:
    """One recording, heard once: both readings, and the text that faster-whisper itself gives for the same windows."""

    words: tuple[Word, ...]
    verbatim: tuple[Word, ...]
    voiced: tuple[Span, ...]
    sounds: tuple[Sound, ...]
    duration_s: float
    library: str | None

    def found(self, system: str) -> Times:
        """Hesitations by the plain reading alone, the primed one alone, or the coach."""
        if system == "coach":
            events = filled_pauses(self.words, self.verbatim, self.voiced, self.sounds)
            return [(event.start_s, event.end_s) for event in events]
        words = [word for word in self.read_by(system) if is_filled_pause(word.text)]
        return [(word.start_s, word.end_s) for word in words]

    def read_by(self, system: str) -> tuple[Word, ...]:
        """The words of a reading; the coach's are the plain one's."""
        if system != "prompt":
            return self.words
        # one that was only nearly written carries no comma
        return tuple(w for w in self.verbatim if not is_filled_pause(w.text) or w.text[-1] in ",.?!…-")

    def delivery(self) -> Delivery:
        words = correct_terms(self.words, read_terms())
        return measure_delivery(words, self.verbatim, self.voiced, sounds=self.sounds)


class Reader:
    """Whisper, and what it read before with the code as it is now."""

    def __init__(self, whisper: Whisper) -> None:
        self._whisper = whisper
        self._code = hashlib.sha256("".join(_code(ROOT / "voice_coach" / name) for name in READ_BY).encode()).digest()
        (CACHE / "heard").mkdir(parents=True, exist_ok=True)

    def hear(self, samples: Samples, *, library: bool) -> Heard:
        """library: read the windows by faster-whisper's own transcribe, too."""
        key = hashlib.sha256(self._code + bytes([library]) + samples.tobytes()).hexdigest()[:24]
        path = CACHE / "heard" / f"{key}.pkl"
        if path.exists():
            kept: Heard = pickle.loads(path.read_bytes())
            return kept
        heard = _hear(samples, self._whisper, library)
        _write(path, heard)
        return heard


def _code(path: Path) -> str:
    """A module without its comments and docstrings, which change nothing that is read; any other file as it is."""
    if path.suffix != ".py":
        return path.read_text(encoding="utf-8")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [
                one for one in node.body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
            ]
    return ast.dump(tree)


def _write(path: Path, heard: Heard) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(pickle.dumps(heard))
    part.replace(path)


def _hear(samples: Samples, whisper: Whisper, library: bool) -> Heard:
    windows, voiced = windows_of(samples)
    texts = [whisper.transcribe(window) for window in windows]
    return Heard(
        words=tuple(word for text in texts for word in text.words),
        verbatim=tuple(word for text in texts for word in text.verbatim),
        voiced=voiced,
        sounds=tuple(listen(window) for window in windows),
        duration_s=len(samples) / SAMPLE_RATE_HZ,
        library=" ".join(_by_library(whisper, window) for window in windows) if library else None,
    )


def windows_of(samples: Samples) -> tuple[Sequence[Window], tuple[Span, ...]]:
    cutter = WindowCutter()
    windows = [w for k in range(0, len(samples), FRAME * 64) for w in cutter.push(samples[k : k + FRAME * 64])]
    windows += cutter.finish()
    return windows, tuple(cutter.voiced)


def _by_library(whisper: Whisper, window: Window) -> str:
    """A plain pass that shares none of our code: greedy, no prompt, the library's own ladder and seeking."""
    segments, _ = whisper._model.transcribe(
        np.asarray(window.samples), language="en", beam_size=1, condition_on_previous_text=False
    )
    return " ".join(segment.text.strip() for segment in segments)
