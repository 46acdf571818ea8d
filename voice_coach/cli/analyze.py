"""`analyze` and `coverage`: judge recordings, or a typed answer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from voice_coach.cli.batch import analyze_many
from voice_coach.cli.common import (
    USAGE_EXIT,
    DeviceOption,
    JsonOption,
    LevelOption,
    coach_for,
    complain,
    listening_progress,
    show_assessment,
    speak_feedback,
    user_settings,
)
from voice_coach.errors import OutputError, UsageError, VoiceCoachError


def analyze(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Recordings: wav, flac, mp3, ogg, m4a, webm.")],
    json_output: JsonOption = False,
    level: LevelOption = None,
    device: Annotated[DeviceOption, typer.Option("--device", help="What Whisper runs on.")] = DeviceOption.auto,
    model: Annotated[str, typer.Option("--model", help="Which Whisper (see: voice-coach models).")] = "base.en",
    speak: Annotated[bool, typer.Option("--speak", help="Read the feedback aloud.")] = False,
    speak_to: Annotated[
        Path | None, typer.Option("--speak-to", metavar="FILE", help="Write the spoken feedback as wav.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Many recordings: one row each, in a .csv or .jsonl file."),
    ] = None,
    jobs: Annotated[
        str | None, typer.Option("--jobs", metavar="N|auto", help="With --out: so many at once.", show_default="auto")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="ADDRESS", help="With --out: on the workers of a Dask scheduler."),
    ] = None,
) -> None:
    """Judge recorded answers: time, delivery, coverage of the incident lifecycle, what to fix.

    With --out, the same command run again goes on where it was stopped, and tries again what failed.
    """
    if out is not None:
        if json_output or speak or speak_to is not None:
            raise UsageError("--out writes the results to a file; leave out --json, --speak and --speak-to")
        analyze_many(files, out, level=level, device=device, model=model, jobs=jobs, scheduler=scheduler)
        return
    if jobs is not None or scheduler is not None:
        raise UsageError("--jobs and --scheduler are for many recordings; add --out results.csv")
    if speak_to is not None and len(files) > 1:
        raise UsageError("--speak-to takes the feedback on one recording; give one FILE")
    if speak_to is not None:
        if Path(files[0]).exists() and speak_to.exists() and speak_to.samefile(files[0]):
            raise UsageError(f"--speak-to {speak_to} would overwrite the recording itself; choose another name")
        _check_writable(speak_to)
    settings = user_settings()
    coach = coach_for(settings, level, device, model)
    failed = False
    noted = False
    for name in files:
        try:
            with listening_progress(name, quiet=json_output) as progress:
                assessment = coach.analyze(name, progress=progress)
        except VoiceCoachError as exc:
            # the other recordings are still judged
            complain(exc)
            failed = True
            continue
        if coach.chosen_device.note and not noted:
            typer.echo(f"voice-coach: {coach.chosen_device.note}", err=True)
            noted = True
        failed |= not show_assessment(assessment, json_output)
        if assessment.feedback is not None and (speak or speak_to):
            failed |= not speak_feedback(assessment.feedback.spoken, settings, aloud=speak, to=speak_to)
    if failed:
        raise typer.Exit(USAGE_EXIT)


def coverage(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A typed answer as plain text; - for standard input.")],
    lines: Annotated[bool, typer.Option("--lines", help="One sentence per line, kept one to one.")] = False,
    json_output: JsonOption = False,
    level: LevelOption = None,
) -> None:
    """Judge a typed answer the way a spoken one is judged."""
    text = read_text(file)
    if not text.strip():
        raise UsageError(f"{file}: there are no words in it; write the answer and try again")
    show_assessment(coach_for(user_settings(), level).judge_text(text, lines=lines), json_output)


def read_text(file: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise UsageError(f"{file}: not plain text in UTF-8; for a recording use: voice-coach analyze {file}") from exc
    except OSError as exc:
        raise UsageError(f"{file}: can't be read ({exc.strerror}); check the name and its permissions") from exc


def _check_writable(path: Path) -> None:
    """Find out before minutes of work, not after, that the result can't be put there."""
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file in it, for instance {path / 'feedback.wav'}")
    existed = path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except OSError as exc:
        raise OutputError(f"{path}: can't be written ({exc.strerror}); choose another place") from exc
