"""`recover`: takes that were cut off, and those that never got into the history."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_coach.cli.common import USAGE_EXIT, complain, user_settings
from voice_coach.cli.history import opened_store
from voice_coach.errors import HistoryError, UsageError

if TYPE_CHECKING:
    from voice_coach.audio.takes import Take
    from voice_coach.history.store import Store


def recover(
    takes: Annotated[
        Path | None, typer.Option("--takes", metavar="DIR", help="Where the takes are.", show_default="your settings")
    ] = None,
) -> None:
    """List recordings that are not in the history, and make those whole that a crash or a power cut broke off."""
    from voice_coach.audio.takes import list_takes, recover_take
    from voice_coach.errors import TakeError

    settings = user_settings()
    if takes is not None and not takes.is_dir():
        raise UsageError(f"--takes {takes}: is no folder; name the folder that holds the takes")
    folder = takes or settings.takes
    there = list_takes(folder)
    failed = listed = False
    try:
        with opened_store() as store:
            known = store.take_ids()
    except HistoryError as exc:
        # what is broken off is made whole all the same
        complain(exc)
        failed, known = True, frozenset(take.id for take in there if take.state == "finished")
    for found in there:
        if found.id in known and found.state != "cut_off":
            continue
        try:
            take = recover_take(found.path)
        except TakeError as exc:
            complain(exc)
            failed = True
            continue
        if found.id in known:
            # kept as far as it was written, where its own disk would not let it end
            typer.echo(f"{take.path}: made whole; it is in the history already")
            listed = True
            continue
        listed |= _show_take(take, was_whole=found.state == "finished")
    if not (listed or failed):
        typer.echo(f"Nothing to recover in {folder}: no take was cut off, and all are in the history")
    if failed:
        raise typer.Exit(USAGE_EXIT)


def waiting_line(store: Store, folder: Path) -> str | None:
    """One line for the start of a rehearsal about recordings that are not in the history; None where all are.

    Raises: HistoryError; TakeError if the folder can't be read.
    """
    from voice_coach.audio.takes import list_takes

    known = store.take_ids()
    count = sum(take.id not in known and take.samples > 0 and take.state != "recording" for take in list_takes(folder))
    if not count:
        return None
    takes = "1 recording is" if count == 1 else f"{count} recordings are"
    return f"{takes} not in the history yet; see: voice-coach recover"


def _show_take(take: Take, *, was_whole: bool) -> bool:
    """One take: when, how long, what was asked, and how to go on; False where there is nothing to be told of it."""
    length = f"{int(take.duration_s // 60)}:{take.duration_s % 60:04.1f}"
    asked = take.metadata.question if take.metadata else None
    about = f"{take.started_at.astimezone():%Y-%m-%d %H:%M}  {length:>7}  {asked or 'question not known'}"
    if take.state == "recording":
        typer.echo(f"{about}\n  is being recorded now; left alone")
    elif take.samples:
        typer.echo(f"{about}\n  voice-coach import {shlex.quote(str(take.path))}")
    elif was_whole:
        return False
    else:
        typer.echo(f"{about}\n  ended before any sound came; there is nothing to judge")
    return True
