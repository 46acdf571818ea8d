"""Past takes: list, show, play and remove them."""

from __future__ import annotations

import re
import shlex
import sys
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated

import typer

from voice_coach.errors import HistoryError, PlaybackError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voice_coach.history.store import Store
    from voice_coach.records import Assessment, Entry
    from voice_coach.settings import Settings

SHOWN = 20
"""Takes that a table shows unless asked for more: what fits a terminal."""

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="A take, by its id or a unique beginning of it.")]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="AGE|DATE", help="Takes from then on: 7d, 12h, 2w, or 2026-03-01.")
]
QuestionOption = Annotated[str | None, typer.Option("--question", metavar="ID", help="Answers to this question.")]
AskedLevelOption = Annotated[str | None, typer.Option("--level", help="Takes of this level: early, mid, senior.")]

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@contextmanager
def opened_store(adding: Settings | None = None) -> Iterator[Store]:
    """The user's store; whoever adds to it gives the settings, which say how long sound is kept."""
    from voice_coach.history.store import Store, history_folder

    keep_audio_days = None if adding is None else adding.keep_audio_days
    with Store.open(history_folder(), keep_audio_days=keep_audio_days) as store:
        for note in store.notes:
            typer.echo(f"voice-coach: {note}", err=True)
        yield store


def history(
    since: SinceOption = None,
    question: QuestionOption = None,
    level: AskedLevelOption = None,
    json_output: Annotated[bool, typer.Option("--json", help="A JSON list, newest first, nothing else.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="At most so many.", show_default="20; JSON: all")
    ] = None,
) -> None:
    """List past takes, newest first: time, pace, fillers a minute, stages heard."""
    from voice_coach.report.history_view import entries_as_json, history_lines

    with opened_store() as store:
        # one more than is shown tells that there are more
        most = limit if json_output or limit else SHOWN + 1
        entries = select(store, since, question, level, limit=most)
    if json_output:
        sys.stdout.writelines(entries_as_json(entries))
        return
    if not entries:
        filtered = since or question or level
        typer.echo("No such take" if filtered else "No takes yet; rehearse (voice-coach), or: voice-coach import FILE")
        return
    shown = entries if limit else entries[:SHOWN]
    typer.echo("\n".join(history_lines(shown)))
    if len(entries) > len(shown):
        typer.echo(f"There are earlier ones; show more with --limit {5 * SHOWN}")


def show(
    id: IdArgument,
    json_output: Annotated[bool, typer.Option("--json", help="The assessment as JSON, fillers as corrected.")] = False,
) -> None:
    """Show the assessment of a past take again, with its corrections."""
    with opened_store() as store:
        entry = store.entry(id)
        assessment = judged(store, entry)
        marks = store.facts(entry.id).marks
    if json_output:
        from voice_coach.report.json_view import assessment_as_json

        typer.echo(assessment_as_json(assessment))
        return
    from dataclasses import replace

    from rich.console import Console

    from voice_coach.report.history_view import asked, when
    from voice_coach.report.terminal import print_assessment

    title = f"{entry.id}  {when(entry)}  {asked(entry)}"
    recording = assessment.recording
    gaps = [
        f"Sound is missing at {mark.at_s:.0f} s ({mark.kind.replace('_', ' ')})."
        for mark in marks
        if mark.kind != "cue"
    ]
    shown = replace(
        assessment,
        recording=None if recording is None else replace(recording, path=title),
        notes=(*gaps, *assessment.notes),
    )
    print_assessment(Console(highlight=False, soft_wrap=False), shown)


def play(
    id: IdArgument,
    at: Annotated[str | None, typer.Option("--at", metavar="M:SS", help="Begin there.")] = None,
) -> None:
    """Play a past take; Ctrl-C stops it."""
    import soundfile

    from voice_coach.voice.speaker import play as play_file

    with opened_store() as store:
        entry = store.entry(id)
        audio = store.audio(entry.id)
    if audio is None:
        raise HistoryError(f"{entry.id}: its sound is not kept; see what was heard with: voice-coach show {entry.id}")
    start_s = 0.0 if at is None else seconds(at, "--at")
    try:
        length_s = soundfile.info(audio).duration
    except soundfile.LibsndfileError as exc:
        raise HistoryError(f"{audio}: is damaged; restore a backup, or delete the take") from exc
    if start_s >= length_s:
        raise UsageError(f"--at {at}: the take ends at {_clock(length_s)}; give an earlier time")
    try:
        play_file(audio, start_s=start_s)
    except PlaybackError as exc:
        raise PlaybackError(f"no sound output on this machine; the recording is {shlex.quote(str(audio))}") from exc


def delete(id: Annotated[str, typer.Argument(metavar="ID", help="A take, by its whole id.")]) -> None:
    """Delete a take for good: its sound, its transcript, everything."""
    from voice_coach.report.history_view import asked, when

    with opened_store() as store:
        entry = store.entry(id)
        if entry.id != id.strip().lower():
            # what can't be brought back is not to hang on a letter too few
            raise UsageError(f"{id}: to delete a take give its whole id, {entry.id}: {when(entry)}, {asked(entry)}")
        store.delete(entry.id)
    typer.echo(f"Deleted {entry.id}  {when(entry)}  {asked(entry)}")


def forget(
    older_than: Annotated[str, typer.Option("--older-than", metavar="AGE|DATE", help="90d, 12w, or 2026-03-01.")],
    audio_only: Annotated[
        bool, typer.Option("--audio-only", help="Only the sound; what was heard in it stays.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete the takes from before a time, or only their sound."""
    before = moment(older_than, "--older-than")

    def named(ids: tuple[str, ...]) -> str:
        takes = "1 take" if len(ids) == 1 else f"{len(ids)} takes"
        what = "the sound of " if audio_only else ""
        return f"{what}{takes} from before {before.astimezone():%Y-%m-%d %H:%M}"

    with opened_store() as store:
        old = store.older(before, with_sound=audio_only)
        if old and not yes:
            if not sys.stdin.isatty():
                raise UsageError(f"this would delete {named(old)}, for good; add --yes if that is meant")
            typer.confirm(f"Delete {named(old)}, for good?", abort=True)
        gone = store.forget(before, audio_only=audio_only)
    typer.echo(f"Deleted {named(gone)}")


def select(
    store: Store, since: str | None, question: str | None, level: str | None, *, limit: int | None = None
) -> list[Entry]:
    """The takes that the options of `history` and `export` ask for. Raises: UsageError for a level nobody knows."""
    from typing import get_args

    from voice_coach.records import CandidateLevel

    if level is not None and level not in get_args(CandidateLevel):
        raise UsageError(f"--level {level}: choose one of {', '.join(get_args(CandidateLevel))}")
    start = None if since is None else moment(since, "--since")
    return list(store.entries(since=start, question_id=question, level=level, limit=limit))


def judged(store: Store, entry: Entry) -> Assessment:
    """Its assessment, corrected. Raises: HistoryError where it has none."""
    from voice_coach.keeping import corrected

    assessment = corrected(store, entry.id)
    if assessment is None:
        raise HistoryError(f"{entry.id}: was never judged; do it now with: voice-coach reanalyze {entry.id}")
    return assessment


def moment(text: str, option: str) -> datetime:
    """A time in the past: so long ago (7d, 12h, 2w), or a date, on this machine's calendar.

    Raises: UsageError.
    """
    age = re.fullmatch(r"(\d{1,5})([hdw])", text.strip())
    if age:
        return datetime.now(timezone.utc) - int(age[1]) * _UNITS[age[2]]
    try:
        given = datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError) as exc:
        raise UsageError(f"{option} {text}: give an age like 7d, 12h or 2w, or a date like 2026-03-01") from exc
    if given > datetime.now(timezone.utc):
        raise UsageError(f"{option} {text}: is still to come; give a time in the past")
    return given


def seconds(text: str, option: str) -> float:
    """A time on a recording's clock: 1:05, 65, 0:01:05. Raises: UsageError."""
    parts = re.fullmatch(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)", text.strip())
    if parts is None or (parts[2] is not None and float(parts[3]) >= 60):
        raise UsageError(f"{option} {text}: give a time like 1:05")
    return 3600.0 * int(parts[1] or 0) + 60.0 * int(parts[2] or 0) + float(parts[3])


def _clock(time_s: float) -> str:
    from voice_coach.report.wording import clock

    return clock(time_s)
