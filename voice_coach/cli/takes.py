"""`recover`: takes that were cut off."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_coach.cli.common import USAGE_EXIT, complain, user_settings
from voice_coach.errors import UsageError

if TYPE_CHECKING:
    from voice_coach.audio.takes import Take
    from voice_coach.settings import Settings


def recover(
    takes: Annotated[
        Path | None, typer.Option("--takes", metavar="DIR", help="Where the takes are.", show_default="your settings")
    ] = None,
) -> None:
    """Make recordings whole that were cut off: by a crash, a kill, or the power going."""
    from voice_coach.audio.takes import list_takes, recover_take
    from voice_coach.errors import TakeError

    settings = user_settings()
    if takes is not None and not takes.is_dir():
        raise UsageError(f"--takes {takes}: is no folder; name the folder that holds the takes")
    folder = takes or settings.takes
    open_takes = [take for take in list_takes(folder) if take.state != "finished"]
    failed = False
    for found in open_takes:
        try:
            take = recover_take(found.path)
        except TakeError as exc:
            complain(exc)
            failed = True
            continue
        _show_take(take, settings)
    if not open_takes:
        typer.echo(f"No take was cut off in {folder}")
    if failed:
        raise typer.Exit(USAGE_EXIT)


def _show_take(take: Take, settings: Settings) -> None:
    """One take that was cut off: when, how long, what was asked, and how to go on."""
    length = f"{int(take.duration_s // 60)}:{take.duration_s % 60:04.1f}"
    asked = take.metadata.question if take.metadata else None
    about = f"{take.started_at.astimezone():%Y-%m-%d %H:%M}  {length:>7}  {asked or 'question not known'}"
    if take.state == "recording":
        typer.echo(f"{about}\n  is being recorded now; left alone")
        return
    if not take.samples:
        typer.echo(f"{about}\n  ended before any sound came; there is nothing to analyse")
        return
    level = take.metadata.level if take.metadata else None
    flag = f" --level {level}" if level and level != settings.level else ""
    typer.echo(f"{about}\n  voice-coach analyze {shlex.quote(str(take.path))}{flag}")
