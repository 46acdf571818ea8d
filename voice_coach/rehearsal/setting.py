"""What a rehearsal is made of: chosen by the command line, handed to the interview."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from voice_coach.audio.capture import AudioSource
from voice_coach.audio.takes import Take
from voice_coach.records import Assessment, CandidateLevel, Question
from voice_coach.session import Coach
from voice_coach.voice.speaking import Utterance, Voice


class Keeper(Protocol):
    """Where judged takes go, for history; a failure there must not end a rehearsal."""

    def keep(self, take: Take, question: Question, assessment: Assessment | None) -> str | None:
        """Keep it; a line for the person, or None. Raises: VoiceCoachError."""
        ...


class NoKeeper:
    """The takes stay where they were recorded, and that is all."""

    def keep(self, take: Take, question: Question, assessment: Assessment | None) -> str | None:
        return None


class _Said:
    error = None

    def wait(self, timeout_s: float | None = None) -> bool:
        return True

    def stop(self) -> None:
        return None


class MuteVoice:
    """Says nothing aloud: for `--quiet`, and where there is no engine."""

    def say(self, text: str) -> Utterance:
        return _Said()

    def close(self) -> None:
        return None


@dataclass(frozen=True)
class Setting:
    """One rehearsal.

    questions: what is planned, in order; follow-ups come only after a single one. source: opens what is to be
    heard for the next answer, None when there is nothing more (recordings in the microphone's place run out).
    sources_end: such recordings end the answer, and no key is waited for between them. follow_ups: how many at
    most. asked: ids of follow-ups put lately. patient: whether a long silence ends an answer.
    interruption: what the interviewer cuts in with, once, in the middle of an answer. cues: gives each time card's
    cue by its name. hint: what is told after the greeting.
    """

    coach: Coach
    takes: Path
    questions: tuple[Question, ...]
    level: CandidateLevel
    source: Callable[[], AudioSource | None]
    voice: Voice
    follow_ups: int = 2
    name: str | None = None
    asked: frozenset[str] = frozenset()
    sources_end: bool = False
    patient: bool = True
    interruption: str | None = None
    cues: Voice = field(default_factory=MuteVoice)
    hint: str | None = None
    keeper: Keeper = field(default_factory=NoKeeper)
