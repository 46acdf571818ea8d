"""What a worker does with one recording; the models are loaded once in its process and serve all that follow."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from voice_coach import __version__
from voice_coach.errors import VoiceCoachError
from voice_coach.interviewer.questions import read_pack
from voice_coach.records import CandidateLevel
from voice_coach.report.json_view import assessment_as_dict
from voice_coach.report.terminal import no_speech_line
from voice_coach.session import Coach, sounds_foreign
from voice_coach.speech.device import DeviceChoice
from voice_coach.speech.model_files import LIFECYCLE, Model, find, verified

State = Literal["judged", "no speech", "not English", "failed"]
"""judged: there is an assessment to trust. no speech, not English: heard, and nothing to judge. failed: not heard."""


@dataclass(frozen=True, slots=True)
class Job:
    """How the recordings of one run are judged; small enough to be sent to any process.

    threads: of one worker, 0 for as many as are useful. target_s: how long an answer should take, from and to;
    None is the pack's own.
    """

    level: CandidateLevel = "mid"
    whisper: str = "base.en"
    device: DeviceChoice = "auto"
    threads: int = 0
    terms: tuple[str, ...] = ()
    target_s: tuple[float, float] | None = None

    def coach(self) -> Coach:
        pack = read_pack()
        if self.target_s is not None:
            pack = replace(pack, target_min_s=self.target_s[0], target_max_s=self.target_s[1])
        return Coach(
            level=self.level,
            device=self.device,
            whisper_name=self.whisper,
            pack=pack,
            terms=self.terms,
            threads=self.threads,
        )

    def made_with(self) -> str:
        """What an assessment depends on beside the recording, in short: a row made with another is made again.

        Checks the models' files on the way. Raises: ModelError.
        """
        models = [find(self.whisper), find(LIFECYCLE)]
        for model in models:
            verified(model)
        sums = [_sum(model) for model in models]
        target = "" if self.target_s is None else f" {self.target_s[0]:g}-{self.target_s[1]:g} s"
        terms = f" {','.join(self.terms)}" if self.terms else ""
        return f"{__version__} {self.whisper}@{sums[0]} {LIFECYCLE}@{sums[1]} {self.level}{target}{terms}"


def _sum(model: Model) -> str:
    """Eight digits that change with any file of a model: thresholds lie beside the weights."""
    return hashlib.sha256("".join(sorted(file.sha256 for file in model.files)).encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one recording.

    error: one line where it was not judged. assessment: as the schema says. note: one line on the process that judged
    it, where that does not run as it was asked to.
    """

    state: State
    error: str | None = None
    assessment: dict[str, Any] | None = None
    note: str | None = None


Engine = Callable[[Iterable[str]], Iterator[tuple[str, Outcome]]]
"""Judges recordings by name and gives them back as they are done, in any order, each once. Takes a name only when
it can soon begin with it, so that thousands of them wait nowhere."""


def judge(job: Job, name: str) -> Outcome:
    """Judge one recording in this process; one at a time, whichever threads ask.

    Raises: nothing that belongs to the recording. A bug in judging one recording must not stop the thousands
    behind it, so it ends as this recording's failure, with its kind named.
    """
    with _one_at_a_time:
        try:
            coach = _coach(job)
            assessment = coach.analyze(name)
        except VoiceCoachError as exc:
            return Outcome("failed", " ".join(str(exc).split()))
        except Exception as exc:
            return Outcome("failed", f"{name}: {type(exc).__name__}: {' '.join(str(exc).split())}")
    table, note = assessment_as_dict(assessment), coach.chosen_device.note
    recording = assessment.recording
    if recording is not None and not assessment.transcript.words:
        return Outcome("no speech", no_speech_line(recording), table, note)
    if sounds_foreign(assessment.transcript.words):
        return Outcome("not English", "this does not sound like English; answer in English", table, note)
    return Outcome("judged", None, table, note)


_one_at_a_time = threading.Lock()


@lru_cache(maxsize=1)
def _coach(job: Job) -> Coach:
    return job.coach()


def size_of(path: Path) -> tuple[int, int]:
    """Bytes and time of last change in ns; (0, 0) where there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
