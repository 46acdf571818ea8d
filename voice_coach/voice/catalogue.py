"""Which voices there are, and which of them a name means."""

from __future__ import annotations

import difflib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from voice_coach.errors import SpeechEngineError, UsageError
from voice_coach.voice.natural import NATURAL, how_to_get_natural, natural_installed
from voice_coach.voice.synthesis import SYNTHESIS_LIMIT_S, why_no_speech

LANGUAGE = "en"
"""What the coach speaks; voices of other languages are listed only on request."""

NEAR = 0.6
"""How alike a name must be to be offered: difflib's own measure of a close match, which takes english-us (what older
espeaks called gmw/en-us) for near and a made-up word not."""


@dataclass(frozen=True, slots=True)
class VoiceInfo:
    """One voice. id: what selects it. language: as the engine writes it ("en-gb"), None if it does not say."""

    id: str
    name: str
    language: str | None

    @property
    def speaks_english(self) -> bool:
        """Whether it may be of use here; one that does not name its language may."""
        return self.language is None or self.language.lower().startswith(LANGUAGE)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All voices of this machine. own: id of the one that is used where none is chosen, None if there is none."""

    voices: tuple[VoiceInfo, ...]
    own: str | None


def catalogue() -> Catalogue:
    """The engine's voices and the natural one; the natural one is used first where it is installed.

    Raises: SpeechEngineError if there is no voice at all.
    """
    natural = natural_installed()
    try:
        found = _engine_voices()
    except SpeechEngineError:
        if not natural:
            raise
        found = Catalogue((), None)
    if not natural:
        return found
    return Catalogue((VoiceInfo(NATURAL, "Joe (natural)", "en-us"), *found.voices), NATURAL)


def voice_in_use(name: str | None) -> str | None:
    """The id of the voice that a name means, or of the one used where none is chosen; None is the engine's own.

    Only a name costs a look at the engine's voices.

    Raises: UsageError if no voice is called so, offering the nearest; SpeechEngineError if there is no engine to
    ask.
    """
    if name is None:
        return NATURAL if natural_installed() else None
    if name.strip().lower() == NATURAL:
        if not natural_installed():
            raise UsageError(f"the natural voice {NATURAL} is not installed; get it with: {how_to_get_natural()}")
        return NATURAL
    return find_voice(name, catalogue().voices).id


def find_voice(name: str, voices: Sequence[VoiceInfo]) -> VoiceInfo:
    """The voice of that id, name or language, or the only one with it as a part; capitals do not matter.

    Raises: UsageError offering the nearest names.
    """
    wanted = name.strip().casefold()
    for names in (_ids, _names, _languages):
        for voice in voices:
            if wanted in names(voice):
                return voice
    partly = [voice for voice in voices if wanted and any(wanted in one for one in (*_ids(voice), *_names(voice)))]
    if len(partly) == 1:
        return partly[0]
    near = partly or _nearest(wanted, voices)
    hint = f"did you mean {' or '.join(repr(one.id) for one in near[:3])}? " if near else ""
    raise UsageError(f"no single voice is called {name!r}; {hint}all of them: voice-coach voices --all")


def _ids(voice: VoiceInfo) -> tuple[str, ...]:
    # espeak's are paths by family: gmw/en-us
    return voice.id.casefold(), voice.id.casefold().rpartition("/")[2]


def _names(voice: VoiceInfo) -> tuple[str, ...]:
    return (voice.name.casefold(),)


def _languages(voice: VoiceInfo) -> tuple[str, ...]:
    return () if voice.language is None else (voice.language.casefold().replace("_", "-"),)


def _nearest(wanted: str, voices: Sequence[VoiceInfo]) -> list[VoiceInfo]:
    def likeness(voice: VoiceInfo) -> float:
        known = (*_ids(voice), *_names(voice))
        return max(difflib.SequenceMatcher(None, wanted, one).ratio() for one in known)

    # names of a few letters are near to much, so other languages are offered only where no English voice is near
    near = [voice for voice in voices if likeness(voice) >= NEAR]
    return sorted([one for one in near if one.speaks_english] or near, key=likeness, reverse=True)


def _engine_voices() -> Catalogue:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "voice_coach.voice.engine", "--list"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SYNTHESIS_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise SpeechEngineError("the speech engine did not say which voices it has; try again") from exc
    if done.returncode != 0:
        raise SpeechEngineError(why_no_speech(done.stderr))
    # a library may have printed something first
    told = json.loads(done.stdout.splitlines()[-1])
    return Catalogue(tuple(VoiceInfo(*one) for one in told["voices"]), told["own"])
