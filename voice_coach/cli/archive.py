"""Takes in and out: recordings from elsewhere, exports, backups."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_coach.cli.common import (
    USAGE_EXIT,
    DeviceOption,
    LevelOption,
    coach_for,
    complain,
    listening_progress,
    user_settings,
)
from voice_coach.cli.history import AskedLevelOption, QuestionOption, SinceOption, opened_store, select
from voice_coach.errors import UsageError, VoiceCoachError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from voice_coach.history.store import Store
    from voice_coach.records import CandidateLevel, Entry
    from voice_coach.report.exports import PastTake
    from voice_coach.report.scrub import Scrubber
    from voice_coach.session import Coach
    from voice_coach.settings import Settings

NAMED = 20
"""Doubtful words that are named to the user; more would not be read."""


class ExportFormat(str, Enum):
    """What an export may be."""

    json = "json"
    csv = "csv"
    markdown = "markdown"
    html = "html"


def import_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Recordings: wav, flac, mp3, ogg, m4a, webm.")],
    level: LevelOption = None,
    device: Annotated[DeviceOption, typer.Option("--device", help="What Whisper runs on.")] = DeviceOption.auto,
    model: Annotated[str, typer.Option("--model", help="Which Whisper (see: voice-coach models).")] = "base.en",
) -> None:
    """Judge recordings and keep them in the history; takes that a rehearsal left count as recordings, too."""
    settings = user_settings()
    coach = coach_for(settings, level, device, model)
    wanted = coach.level
    failed = False
    with opened_store(adding=settings) as store:
        for file in files:
            try:
                typer.echo(_import(store, file, coach, wanted, settings))
            except VoiceCoachError as exc:
                # the other recordings are still kept
                complain(exc)
                failed = True
    if failed:
        raise typer.Exit(USAGE_EXIT)


def export(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID…]", help="Takes; all of them where none is named.")
    ] = None,
    form: Annotated[ExportFormat, typer.Option("--format", help="What to write.")] = ExportFormat.json,
    scrub: Annotated[
        bool, typer.Option("--scrub", help="Replace names of people, companies and hosts, addresses, account numbers.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write it.", show_default="standard output")
    ] = None,
    since: SinceOption = None,
    question: QuestionOption = None,
    level: AskedLevelOption = None,
) -> None:
    """Write takes for other programs or other people; the recordings themselves stay here."""
    from voice_coach.report.exports import exported
    from voice_coach.report.scrub import Scrubber
    from voice_coach.report.writing import write_private

    if ids and (since or question or level):
        raise UsageError("--since, --question and --level choose among all takes; leave them out, or the ids")
    settings = user_settings()
    people = [settings.name] if settings.name else []
    scrubber = Scrubber(people=people, products=settings.terms) if scrub else None
    with opened_store() as store:
        entries = [store.entry(id) for id in ids] if ids else select(store, since, question, level)
        pieces = exported(_past_takes(store, entries), form.value, scrubber)
        if out is None:
            for piece in pieces:
                sys.stdout.write(piece)
        else:
            write_private(out, "".join(pieces))
    if scrubber is not None:
        _tell_scrubbed(scrubber)


def backup(file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, for instance takes.zip.")]) -> None:
    """Write all takes, with their sound, into one private file."""
    with opened_store() as store:
        count = store.back_up(file)
    typer.echo(f"{_takes(count)} in {file} ({file.stat().st_size / 1e6:.1f} MB); not encrypted, so keep it safe")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What voice-coach backup wrote.")],
    replace: Annotated[bool, typer.Option("--replace", help="In place of the takes that are here now.")] = False,
) -> None:
    """Bring all takes of a backup back."""
    from voice_coach.history.store import Store, history_folder

    count = Store.restore(history_folder(), file, replace=replace)
    typer.echo(f"{_takes(count)} restored")


def _import(store: Store, file: Path, coach: Coach, wanted: CandidateLevel, settings: Settings) -> str:
    """wanted: the level of recordings that say none themselves."""
    from voice_coach.keeping import as_plain_sound, facts_of_file, question_answered, settings_kept
    from voice_coach.report.json_view import assessment_as_dict
    from voice_coach.report.terminal import no_speech_line

    facts = facts_of_file(file, coach.pack, wanted)
    kept = store.find(facts.id)
    if kept is not None and store.entry(kept).assessments:
        return f"{file}: is kept already as {kept}"
    coach.level = facts.level or wanted
    with listening_progress(str(file), quiet=False) as progress:
        assessment = coach.analyze(file, question=question_answered(facts, coach.pack), progress=progress)
    if assessment.recording is not None and not assessment.transcript.words:
        raise UsageError(f"{file}: not kept: {no_speech_line(assessment.recording)}")
    with as_plain_sound(file) as sound:
        id = store.add(facts, audio=sound, assessment=assessment_as_dict(assessment), settings=settings_kept(settings))
    return f"{file}: kept as {id}; see it with: voice-coach show {id}"


def _past_takes(store: Store, entries: Sequence[Entry]) -> Iterator[PastTake]:
    from voice_coach.keeping import corrected
    from voice_coach.report.exports import PastTake
    from voice_coach.report.json_view import assessment_as_dict

    for entry in entries:
        assessment = corrected(store, entry.id)
        table = None if assessment is None else assessment_as_dict(assessment)
        yield PastTake(entry, table, store.corrections(entry.id))


def _tell_scrubbed(scrubber: Scrubber) -> None:
    """What was replaced and what could not be judged, on standard error."""
    counts = ", ".join(f"{count} × {kind}" for kind, count in sorted(scrubber.replaced.items())) or "nothing"
    typer.echo(f"voice-coach: replaced: {counts}", err=True)
    doubtful = sorted(scrubber.unsure)
    if doubtful:
        more = f" and {len(doubtful) - NAMED} more" if len(doubtful) > NAMED else ""
        typer.echo(f"voice-coach: could not judge, and left: {', '.join(doubtful[:NAMED])}{more}", err=True)
    typer.echo(
        "voice-coach: names in small letters, nicknames and what a story gives away can't be judged; read it first",
        err=True,
    )


def _takes(count: int) -> str:
    return "1 take" if count == 1 else f"{count} takes"
