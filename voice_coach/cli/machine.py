"""What this machine has: microphones, models, settings, and whether a rehearsal can be run on it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from voice_coach.cli.common import NOT_READY_EXIT, USAGE_EXIT, MicrophoneOption, user_settings

if TYPE_CHECKING:
    from rich.progress import TaskID

_UNSET = {
    "name": "not given",
    "target_min_s": "the question's own",
    "target_max_s": "the question's own",
    "device": "the system's default microphone",
    "voice": "the natural one if installed, else the engine's own",
    "rate_wpm": "the coach's own",
    "keep_audio_days": "for good",
}
"""What a setting that is left out means, in words."""


models_app = typer.Typer(help="The models on this machine.", rich_markup_mode=None, invoke_without_command=True)


def show_settings() -> None:
    """Show your settings: where the file is, every value, and where the value comes from."""
    from voice_coach.settings import KEYS

    settings = user_settings()
    typer.echo(f"{settings.path}{'' if settings.path.exists() else '  (not there: every value is a default)'}")
    for key in KEYS:
        value = getattr(settings, key)
        shown = _UNSET[key] if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        if isinstance(value, tuple):
            shown = ", ".join(value) or "none of your own"
        typer.echo(f"  {key:<15}  {settings.origin(key):<7}  {shown}")


@models_app.callback()
def _models(context: typer.Context) -> None:
    """List the models on this machine: where, how big, whether sound."""
    if context.invoked_subcommand is not None:
        return
    from voice_coach.errors import ModelError
    from voice_coach.speech.model_files import REMOTES, listing, verified

    found = listing()
    faulty = False
    for model in found:
        try:
            verified(model)
            state = "sound"
        except ModelError as exc:
            state, faulty = str(exc), True
        typer.echo(f"{model.name:10} {_size(model.size):>8}  {model.folder}  {state}")
    have = {model.name for model in found}
    for name, remote in REMOTES.items():
        if name not in have:
            typer.echo(
                f"{name:10} {_size(remote.about_bytes):>8}  not here; get it with: voice-coach models fetch {name}"
            )
    if faulty:
        raise typer.Exit(USAGE_EXIT)


@models_app.command()
def fetch(name: Annotated[str, typer.Argument(help="For instance small.en.")]) -> None:
    """Download a larger Whisper; only this and `analyze --scheduler` use the network."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    from voice_coach.speech.fetching import fetch as fetch_model

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bar(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        tasks: dict[str, TaskID] = {}

        def update(file: str, done: int, total: int | None) -> None:
            if file not in tasks:
                tasks[file] = bar.add_task(file)
            bar.update(tasks[file], completed=done, total=total)

        model = fetch_model(name, progress=update)
    typer.echo(f"{model.name} is in {model.folder}; use it with: voice-coach analyze --model {model.name} FILE")


def devices(
    microphone: MicrophoneOption = None,
    seconds: Annotated[
        float | None, typer.Option("--listen", metavar="SECONDS", min=0.5, max=60.0, help="Listen, and give the level.")
    ] = None,
) -> None:
    """List the microphones and mark the one that would be used."""
    from voice_coach.audio.devices import choose, sound_system

    inputs = sound_system().inputs
    chosen = choose(inputs, microphone or user_settings().device)
    for one in inputs:
        mark = "*" if one == chosen else " "
        channels = "1 channel" if one.channels == 1 else f"{one.channels} channels"
        typer.echo(f"{mark} {one.name}  ({one.host}, {one.rate_hz} Hz, {channels})")
    if seconds is not None:
        _listen(chosen.name, seconds)


def _listen(name: str, seconds: float) -> None:
    """Take a reading and print it; exit code 2 where something is wrong."""
    from voice_coach.audio.capture import describe, level_line, listen
    from voice_coach.audio.microphone import Microphone

    typer.echo(f"Say something: listening for {seconds:g} s …", err=True)
    reading = listen(Microphone(name), seconds)
    typer.echo(level_line(reading))
    for fault in reading.faults:
        typer.echo(f"voice-coach: {describe(fault)}", err=True)
    if reading.faults:
        raise typer.Exit(USAGE_EXIT)


def doctor(microphone: MicrophoneOption = None) -> None:
    """Check everything a live rehearsal needs, and say how to mend what is wrong."""
    from voice_coach.doctor import examine
    from voice_coach.history.store import history_folder

    settings = user_settings()
    ready = True
    for finding in examine(microphone or settings.device, settings.takes, history_folder(), voice=settings.voice):
        state = "OK" if finding.good else "FAULT" if finding.needed else "note"
        typer.echo(f"{state:5}  {finding.subject:13}  {finding.told}")
        ready &= finding.good or not finding.needed
    if not ready:
        raise typer.Exit(NOT_READY_EXIT)


def _size(size: int) -> str:
    return f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"
