"""`report`, `compare` and `progress`: one take as a page, two takes side by side, and what many say together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_coach.cli.common import (
    LevelChoice,
    LevelOption,
    coach_for,
    listening_progress,
    user_settings,
)
from voice_coach.cli.history import opened_store
from voice_coach.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence, Set
    from datetime import date

    from voice_coach.records import Assessment, TakeSummary
    from voice_coach.session import Coach


@dataclass(frozen=True)
class _Take:
    """What a report is made from. audio: None where it is no longer kept. about: what it is called, then its level.
    id: its name in the history, None for a file.
    """

    assessment: Assessment
    audio: Path | None
    question: str
    about: tuple[str, ...]
    id: str | None = None


def report(
    name: Annotated[str, typer.Argument(metavar="ID|FILE", help="A past take (see: voice-coach history), or a file.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where to write it.", show_default="NAME-report.html, here"),
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    earlier: Annotated[
        str | None,
        typer.Option(
            "--earlier",
            metavar="ID|FILE",
            help="An earlier take, to show what changed.",
            show_default="for a past take, the one before it at the same question",
        ),
    ] = None,
    level: LevelOption = None,
) -> None:
    """Write one answer as a page to read, hear and print; it needs no network and nothing beside it."""
    path = out or Path(f"{Path(name).stem}-report.html")
    for kept in (name, earlier):
        if kept and Path(kept).exists() and path.exists() and path.samefile(kept):
            raise UsageError(f"--out {path} would overwrite the recording itself; choose another name")
    coach = _coach(level, name, earlier)
    take = _taken(coach, name)
    before = earlier or (None if take.id is None else _before(take.id))
    _write_report(take, _taken(coach, before) if before else None, path)
    typer.echo(path)
    if open_it:
        _show(path)


def compare(
    before: Annotated[str, typer.Argument(metavar="A", help="The earlier take: an ID or a file.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The later take: an ID or a file.")],
    level: LevelOption = None,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object, nothing else.")] = False,
) -> None:
    """Show what changed between two takes: stages, mistakes, time, fillers, and what was cut."""
    from voice_coach.report.compare import compare as compare_takes

    coach = _coach(level, before, after)
    first, second = (_taken(coach, name, quiet=json_output) for name in (before, after))
    changes = compare_takes(first.assessment, second.assessment)
    if json_output:
        import json

        from voice_coach.report.json_view import changes_as_dict

        # an id may have been shortened
        names = {"before": first.id or before, "after": second.id or after}
        typer.echo(json.dumps({**names, **changes_as_dict(changes)}, ensure_ascii=False, allow_nan=False))
        return
    from rich.console import Console

    from voice_coach.report.changes_view import print_changes

    print_changes(Console(highlight=False, soft_wrap=False), changes)


def progress(
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write it as a page.")] = None,
) -> None:
    """Show what your takes say together: time, fillers, pace, stages; a trend only where it exceeds chance."""
    from voice_coach.progress.summary import WHOLE_ANSWER

    with opened_store() as store:
        takes, days = store.summaries(purpose=WHOLE_ANSWER), store.days()
    if not days:
        raise UsageError("there are no takes yet; start with: voice-coach practice")
    _tell_progress(takes, days, html)


def _tell_progress(takes: Sequence[TakeSummary], days: Set[date], html: Path | None) -> None:
    """Print what these takes say together, or write it as a page; days: on which there was any take."""
    from datetime import datetime

    from voice_coach.interviewer.feedback import FILLER_SOUNDS_GOOD
    from voice_coach.progress.summary import progress as sum_up
    from voice_coach.report.wording import GOOD_PACE_WPM

    found = sum_up(takes, today=datetime.now().astimezone().date(), good_pace_wpm=GOOD_PACE_WPM, days=days)
    if html is None:
        from rich.console import Console

        from voice_coach.report.progress_terminal import print_progress

        print_progress(Console(highlight=False, soft_wrap=False), found, good_fillers=FILLER_SOUNDS_GOOD)
        return
    from voice_coach.report.progress_html import progress_page
    from voice_coach.report.writing import write_private

    write_private(html, progress_page(found, good_fillers=FILLER_SOUNDS_GOOD))
    typer.echo(html)


def _coach(level: LevelChoice | None, *names: str | None) -> Coach:
    """For takes of these names. Raises: UsageError for a level where nothing is judged now."""
    if level is not None and not any(map(_is_recording, filter(None, names))):
        raise UsageError("--level is for recordings, which are judged now; a past take keeps the level that it has")
    return coach_for(user_settings(), level)


def _is_recording(name: str) -> bool:
    return Path(name).exists() or bool(Path(name).suffix)


def _taken(coach: Coach, name: str, *, quiet: bool = False) -> _Take:
    """A past take by its id, or a recording, which is judged now.

    Raises: HistoryError, AudioFileError; UsageError where there is nothing to show.
    """
    return _judged(coach, name, quiet) if _is_recording(name) else _past(name)


def _past(id: str) -> _Take:
    from voice_coach.keeping import corrected

    with opened_store() as store:
        entry = store.entry(id)
        assessment = corrected(store, entry.id)
        audio = store.audio(entry.id)
    if assessment is None:
        raise UsageError(f"{id}: was never judged; judge it now: voice-coach reanalyze {id}")
    about = (f"{entry.taken_at.astimezone():%Y-%m-%d %H:%M}", *((entry.level,) if entry.level else ()))
    return _Take(assessment, audio, entry.question or "", about, entry.id)


def _before(id: str) -> str | None:
    """The id of the latest earlier take of the same question and purpose that was judged."""
    with opened_store() as store:
        entry = store.entry(id)
        alike = store.entries(question_id=entry.question_id, purpose=entry.purpose)
    return next((one.id for one in alike if one.taken_at < entry.taken_at and one.assessments), None)


def _judged(coach: Coach, recording: str, quiet: bool) -> _Take:
    """Raises: UsageError where nobody speaks in it: there is nothing to show."""
    from voice_coach.report.terminal import no_speech_line

    with listening_progress(recording, quiet=quiet) as shown:
        assessment = coach.analyze(recording, progress=shown)
    if assessment.recording is not None and not assessment.transcript.words:
        raise UsageError(f"{recording}: {no_speech_line(assessment.recording)}")
    path = Path(recording)
    return _Take(assessment, path, coach.pack.question, (path.name, coach.level))


def _write_report(take: _Take, before: _Take | None, path: Path) -> None:
    from voice_coach.audio.compact import compact
    from voice_coach.interviewer.feedback import FILLER_SOUNDS_GOOD
    from voice_coach.report.compare import compare as compare_takes
    from voice_coach.report.html import report_page
    from voice_coach.report.writing import write_private

    page = report_page(
        take.assessment,
        title=take.question,
        about=take.about,
        audio=None if take.audio is None else compact(take.audio),
        changes=None if before is None else compare_takes(before.assessment, take.assessment),
        earlier="" if before is None else before.about[0],
        good_fillers=FILLER_SOUNDS_GOOD,
    )
    write_private(path, page)


def _show(path: Path) -> None:
    import webbrowser

    if not webbrowser.open(path.resolve().as_uri()):
        typer.echo(f"voice-coach: no browser could be started; open {path} yourself", err=True)
