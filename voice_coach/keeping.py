"""From what was recorded and judged to the store of takes: live, or from a file."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from voice_coach.audio.files import AudioFile
from voice_coach.audio.takes import Mark, Take, TakeMetadata, read_take
from voice_coach.delivery.corrections import correct
from voice_coach.errors import AudioFileError, HistoryError, OutputError, TakeError
from voice_coach.history.store import Store
from voice_coach.interviewer.questions import QuestionPack
from voice_coach.records import SAMPLE_RATE_HZ, Assessment, CandidateLevel, Question, TakeFacts, TakeMark
from voice_coach.report.json_reading import assessment_from_dict
from voice_coach.report.json_view import assessment_as_dict
from voice_coach.scratch import scratch_folder
from voice_coach.settings import KEYS, Settings

_NOT_KEPT = {"name", "takes"}
"""Settings that say nothing of how a take was made, and something of who made it."""


class HistoryKeeper:
    """Keeps the takes of one sitting as they come. Any thread may call it, one at a time."""

    def __init__(self, folder: Path, settings: Settings, *, rehearsal_id: str | None = None) -> None:
        self._folder, self._settings = folder, settings
        self._rehearsal_id = rehearsal_id or uuid.uuid4().hex

    def keep(self, take: Take, question: Question, assessment: Assessment | None) -> str | None:
        """Keep a take; returns a line for the person, or None where nothing was recorded.

        Raises: HistoryError, and the recording stays where it is.
        """
        if not take.samples:
            return None
        facts = facts_of(take, question, rehearsal_id=self._rehearsal_id)
        with Store.open(self._folder, keep_audio_days=self._settings.keep_audio_days) as store:
            id = store.add(
                facts,
                audio=take.path,
                assessment=None if assessment is None else assessment_as_dict(assessment),
                settings=settings_kept(self._settings),
            )
            notes = "".join(f"\nHistory: {note}" for note in store.notes)
        if assessment is None:
            return f"Kept as {id}; judge it later with: voice-coach reanalyze {id}{notes}"
        return f"Kept as {id}; see it again with: voice-coach show {id}{notes}"


def facts_of(take: Take, question: Question, *, rehearsal_id: str | None = None) -> TakeFacts:
    """What is known of one of this program's own takes, given what it answers."""
    known = take.metadata
    return TakeFacts(
        id=take.id,
        taken_at=take.started_at,
        question_id=question.id,
        question=question.text,
        level=None if known is None else known.level,
        purpose=question.purpose,
        rehearsal_id=rehearsal_id,
        target_min_s=question.target_min_s,
        target_max_s=question.target_max_s,
        probes=question.probes,
        device=None if known is None else known.device,
        marks=() if known is None else tuple(_mark(one) for one in known.marks),
    )


def facts_of_file(path: Path, pack: QuestionPack, level: CandidateLevel) -> TakeFacts:
    """What is known of a recording: all that its take says, or else when the file was written and what is in it.

    The same file gives the same id, wherever it lies.

    Raises: AudioFileError if it can't be read; TakeError if it is being recorded at this moment.
    """
    try:
        take = read_take(path)
    except TakeError:
        return _foreign(path, pack, level)
    if take.state == "recording":
        raise TakeError(f"{path}: is being recorded now; wait until it is done")
    return facts_of(take, _asked(take.metadata, pack))


def _asked(known: TakeMetadata | None, pack: QuestionPack) -> Question:
    """What a take says that it answers, which need not be in the pack; what it does not say is as there."""
    there = question_of(None if known is None else known.question_id, pack)
    if known is None:
        return there
    return replace(
        there,
        id=known.question_id or there.id,
        text=known.question or there.text,
        purpose=known.purpose or there.purpose,
        target_min_s=there.target_min_s if known.target_min_s is None else known.target_min_s,
        target_max_s=there.target_max_s if known.target_max_s is None else known.target_max_s,
        probes=there.probes if known.purpose is None else known.probes,
    )


def question_of(question_id: str | None, pack: QuestionPack) -> Question:
    """The question of a pack by its id; the main one where nobody knows."""
    followed = (one.asked_as for one in pack.follow_ups if one.follow_up.id == question_id)
    return next(followed, pack.main_question())


def question_answered(facts: TakeFacts, pack: QuestionPack) -> Question:
    """What a take is an answer to: as its facts say, and by the pack where they do not."""
    known = question_of(facts.question_id, pack)
    stage = facts.purpose.removeprefix("stage:") if facts.purpose.startswith("stage:") else facts.probes or known.probes
    return Question(
        id=facts.question_id or known.id,
        text=facts.question or known.text,
        target_min_s=known.target_min_s if facts.target_min_s is None else facts.target_min_s,
        target_max_s=known.target_max_s if facts.target_max_s is None else facts.target_max_s,
        purpose=facts.purpose,
        probes=stage,
    )


def settings_kept(settings: Settings) -> dict[str, Any]:
    """What is kept of the settings with a take."""
    values = asdict(settings)
    return {key: values[key] for key in KEYS if key not in _NOT_KEPT}


def corrected(store: Store, id: str) -> Assessment | None:
    """The newest assessment of a take, its fillers as corrected; None where it was never judged.

    Raises: HistoryError if it can't be read back.
    """
    assessment = measured(store, id)
    return None if assessment is None else with_corrections(store, id, assessment)


def measured(store: Store, id: str) -> Assessment | None:
    """The newest assessment of a take as it was made; None where it was never judged.

    Raises: HistoryError if it can't be read back.
    """
    table = store.assessment(id)
    if table is None:
        return None
    try:
        return assessment_from_dict(table)
    except ValueError as exc:
        raise HistoryError(f"{id}: its assessment can't be read; judge it anew: voice-coach reanalyze {id}") from exc


def with_corrections(store: Store, id: str, assessment: Assessment) -> Assessment:
    """An assessment of a take with the corrections that are remembered for it, and a note that says so."""
    corrections = store.corrections(id)
    if not corrections or assessment.delivery is None:
        return assessment
    dropped = sum(one.action == "drop" for one in corrections)
    note = (
        f"You corrected the fillers: {dropped} dropped, {len(corrections) - dropped} added. "
        "The advice was given before that."
    )
    return replace(assessment, delivery=correct(assessment.delivery, corrections), notes=(*assessment.notes, note))


@contextmanager
def as_plain_sound(path: Path) -> Iterator[Path]:
    """A file with the sound of any recording, which libsndfile can read: itself, or a private copy for a while.

    Raises: AudioFileError; OutputError where there is no room for a copy.
    """
    import soundfile

    try:
        # as bytes: a name need not be UTF-8, and soundfile takes every text for that
        soundfile.info(os.fsencode(path))
    except soundfile.LibsndfileError:
        with scratch_folder() as folder:
            copy = folder / "sound.wav"
            try:
                with AudioFile(path) as audio, soundfile.SoundFile(copy, "w", SAMPLE_RATE_HZ, 1, "PCM_16") as plain:
                    for block in audio:
                        plain.write(block)
            except soundfile.LibsndfileError as exc:
                raise OutputError(f"{path}: no room for a copy of it in {folder.parent}; free some space") from exc
            yield copy
    else:
        yield path


def _foreign(path: Path, pack: QuestionPack, level: CandidateLevel) -> TakeFacts:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
        written_s = path.stat().st_mtime
    except OSError as exc:
        raise AudioFileError(f"{path}: can't be read ({exc.strerror}); check the name and its permissions") from exc
    return TakeFacts(
        id=f"file-{digest.hexdigest()[:32]}",
        taken_at=datetime.fromtimestamp(written_s, timezone.utc),
        question_id=pack.id,
        question=pack.question,
        level=level,
        target_min_s=pack.target_min_s,
        target_max_s=pack.target_max_s,
    )


def _mark(mark: Mark) -> TakeMark:
    lost_s = None if mark.lost is None else mark.lost / SAMPLE_RATE_HZ
    return TakeMark(mark.kind, mark.at / SAMPLE_RATE_HZ, lost_s, mark.filled / SAMPLE_RATE_HZ, mark.note)
