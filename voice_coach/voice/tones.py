"""Soft tones for the time cards."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np

from voice_coach.errors import SpeechEngineError
from voice_coach.records import SAMPLE_RATE_HZ, Samples

TONE_HZ = 880.0
"""Above the pitch of a speaking voice (up to 400 Hz), so that a tone the microphone hears is not taken for one."""

TONE_S = 0.12
GAP_S = 0.10
EDGE_S = 0.02
"""Rise and fall of a tone, as a half cosine: a sudden edge clicks, and a click startles."""

PEAK = 0.05
"""-26 dBFS: 10 dB under the loudest of the coach's own speech, heard without breaking a sentence off."""

TONES = {"green": 1, "yellow": 2, "red": 3}
"""How many tones each card has: counted more surely than pitches are told apart."""


def cue_tone(card: str) -> Samples:
    """The cue of a card: one tone at green, two at yellow, three at red; float32, shape (n,), quiet.

    Raises: KeyError for any other card.
    """
    times_s = np.arange(round(TONE_S * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    edge = np.clip(np.minimum(times_s, times_s[-1] - times_s) / EDGE_S, 0.0, 1.0)
    tone = PEAK * np.sin(2 * np.pi * TONE_HZ * times_s) * (1 - np.cos(np.pi * edge)) / 2
    gap = np.zeros(round(GAP_S * SAMPLE_RATE_HZ))
    sound = np.concatenate([tone, *[gap, tone] * (TONES[card] - 1)])
    return sound.astype(np.float32)


class ToneEngine:
    """A synthesizer whose sentences are the names of cards."""

    def write(
        self, text: str, out: Path, *, started: Callable[[subprocess.Popen[str]], None], stopped: Callable[[], bool]
    ) -> None:
        import soundfile

        try:
            soundfile.write(out, cue_tone(text), SAMPLE_RATE_HZ)
        except soundfile.LibsndfileError as exc:
            raise SpeechEngineError(f"no room for the sound of a cue in {out.parent.parent}; free some space") from exc

    def close(self) -> None:
        return None
