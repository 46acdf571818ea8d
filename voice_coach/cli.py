"""The `voice-coach` program.

Results go to standard output, everything else to standard error. What the program can explain
ends as one line and exit code 2; anything else is a bug and keeps its traceback. Nothing heavy is
imported before a command needs it.
"""

from __future__ import annotations

import errno
import logging
import os
import shlex
import sys
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_coach import __version__
from voice_coach.errors import OutputError, PlaybackError, SpeechEngineError, UsageError, VoiceCoachError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import TaskID

    from voice_coach.audio.takes import Take
    from voice_coach.records import Assessment
    from voice_coach.session import Coach, Progress
    from voice_coach.settings import Settings

NOT_READY_EXIT = 1
USAGE_EXIT = 2
INTERRUPTED_EXIT = 130

_UNSET = {
    "name": "not given",
    "target_min_s": "the question's own",
    "target_max_s": "the question's own",
    "device": "the system's default microphone",
    "voice": "the engine's own",
    "rate_wpm": "the coach's own",
    "keep_audio_days": "for good",
}
"""What a setting that is left out means, in words."""

app = typer.Typer(
    name="voice-coach",
    help="An offline spoken mock interviewer: rehearse “How do you handle incident response?” aloud, "
    "and hear how it was.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="The models on this machine.", rich_markup_mode=None, invoke_without_command=True)
app.add_typer(models_app, name="models")


class LevelChoice(str, Enum):
    """What is expected of the candidate."""

    early = "early"
    mid = "mid"
    senior = "senior"


class DeviceOption(str, Enum):
    """What Whisper runs on."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


LevelOption = Annotated[
    LevelChoice | None,
    typer.Option("--level", help="What is expected of the candidate.", show_default="your settings, else mid"),
]
MicrophoneOption = Annotated[
    str | None,
    typer.Option("--device", metavar="NAME", help="Which microphone: its name, or a part of it."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a file on standard output, nothing else.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"voice-coach {__version__}")
        raise typer.Exit


@app.callback()
def _global(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log what is done, transcript included.")] = False,
) -> None:
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.ERROR, stream=sys.stderr, format="%(name)s: %(message)s"
    )


@app.command()
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
) -> None:
    """Judge recorded answers: time, delivery, coverage of the incident lifecycle, what to fix."""
    if speak_to is not None and len(files) > 1:
        raise UsageError("--speak-to takes the feedback on one recording; give one FILE")
    if speak_to is not None:
        if Path(files[0]).exists() and speak_to.exists() and speak_to.samefile(files[0]):
            raise UsageError(f"--speak-to {speak_to} would overwrite the recording itself; choose another name")
        _check_writable(speak_to)
    settings = _settings()
    coach = _coach(settings, level, device, model)
    failed = False
    noted = False
    for name in files:
        try:
            with _progress(name, quiet=json_output) as progress:
                assessment = coach.analyze(name, progress=progress)
        except VoiceCoachError as exc:
            # the other recordings are still judged
            _complain(exc)
            failed = True
            continue
        if coach.chosen_device.note and not noted:
            typer.echo(f"voice-coach: {coach.chosen_device.note}", err=True)
            noted = True
        failed |= not _show(assessment, json_output)
        if assessment.feedback is not None and (speak or speak_to):
            failed |= not _speak(assessment.feedback.spoken, settings, aloud=speak, to=speak_to)
    if failed:
        raise typer.Exit(USAGE_EXIT)


@app.command()
def coverage(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A typed answer as plain text; - for standard input.")],
    lines: Annotated[bool, typer.Option("--lines", help="One sentence per line, kept one to one.")] = False,
    json_output: JsonOption = False,
    level: LevelOption = None,
) -> None:
    """Judge a typed answer the way a spoken one is judged."""
    text = _read_text(file)
    if not text.strip():
        raise UsageError(f"{file}: there are no words in it; write the answer and try again")
    _show(_coach(_settings(), level).judge_text(text, lines=lines), json_output)


@app.command("settings")
def show_settings() -> None:
    """Show your settings: where the file is, every value, and where the value comes from."""
    from voice_coach.settings import KEYS

    settings = _settings()
    typer.echo(f"{settings.path}{'' if settings.path.exists() else '  (not there: every value is a default)'}")
    for key in KEYS:
        value = getattr(settings, key)
        shown = _UNSET[key] if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        typer.echo(f"  {key:<15}  {settings.origin(key):<7}  {shown}")


@app.command()
def recover(
    takes: Annotated[
        Path | None, typer.Option("--takes", metavar="DIR", help="Where the takes are.", show_default="your settings")
    ] = None,
) -> None:
    """Make recordings whole that were cut off: by a crash, a kill, or the power going."""
    from voice_coach.audio.takes import list_takes, recover_take
    from voice_coach.errors import TakeError

    settings = _settings()
    if takes is not None and not takes.is_dir():
        raise UsageError(f"--takes {takes}: is no folder; name the folder that holds the takes")
    folder = takes or settings.takes
    open_takes = [take for take in list_takes(folder) if take.state != "finished"]
    failed = False
    for found in open_takes:
        try:
            take = recover_take(found.path)
        except TakeError as exc:
            _complain(exc)
            failed = True
            continue
        _show_take(take, settings)
    if not open_takes:
        typer.echo(f"No take was cut off in {folder}")
    if failed:
        raise typer.Exit(USAGE_EXIT)


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
    """Download a larger Whisper: the only command that uses the network."""
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


@app.command()
def devices(
    microphone: MicrophoneOption = None,
    seconds: Annotated[
        float | None, typer.Option("--listen", metavar="SECONDS", min=0.5, max=60.0, help="Listen, and give the level.")
    ] = None,
) -> None:
    """List the microphones and mark the one that would be used."""
    from voice_coach.audio.devices import choose, sound_system

    inputs = sound_system().inputs
    chosen = choose(inputs, microphone or _settings().device)
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


@app.command()
def doctor(microphone: MicrophoneOption = None) -> None:
    """Check everything a live rehearsal needs, and say how to mend what is wrong."""
    from voice_coach.doctor import examine

    ready = True
    for finding in examine(microphone or _settings().device):
        state = "OK" if finding.good else "FAULT" if finding.needed else "note"
        typer.echo(f"{state:5}  {finding.subject:13}  {finding.told}")
        ready &= finding.good or not finding.needed
    if not ready:
        raise typer.Exit(NOT_READY_EXIT)


def _settings() -> Settings:
    from voice_coach.settings import read_settings

    return read_settings()


def _coach(
    settings: Settings, level: LevelChoice | None, device: DeviceOption = DeviceOption.auto, model: str = "base.en"
) -> Coach:
    from voice_coach.interviewer.questions import read_pack
    from voice_coach.session import Coach

    pack = read_pack()
    if settings.target_min_s is not None and settings.target_max_s is not None:
        pack = replace(pack, target_min_s=settings.target_min_s, target_max_s=settings.target_max_s)
    wanted = level.value if level else settings.level
    return Coach(level=wanted, device=device.value, whisper_name=model, pack=pack)


def _show(assessment: Assessment, json_output: bool) -> bool:
    """Print one assessment; False where it holds nothing to judge, or nothing to trust."""
    from voice_coach.report.terminal import no_speech_line
    from voice_coach.session import sounds_foreign

    if json_output:
        from voice_coach.report.json_view import assessment_as_json

        typer.echo(assessment_as_json(assessment))
    else:
        from rich.console import Console

        from voice_coach.report.terminal import print_assessment

        print_assessment(Console(highlight=False, soft_wrap=False), assessment)
    recording = assessment.recording
    if recording is not None and not assessment.transcript.words:
        if json_output:
            typer.echo(f"voice-coach: {recording.path}: {no_speech_line(recording)}", err=True)
        return False
    if recording is not None and sounds_foreign(assessment.transcript.words):
        typer.echo(f"voice-coach: {recording.path}: this does not sound like English; answer in English", err=True)
        return False
    return True


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


def _speak(text: str, settings: Settings, *, aloud: bool, to: Path | None) -> bool:
    """Say the feedback or write it; where that fails, show the words and return False."""
    from voice_coach.voice.speaker import RATE_WPM, speak, synthesize

    rate_wpm = settings.rate_wpm or RATE_WPM
    try:
        if to is not None:
            synthesize(text, to, rate_wpm=rate_wpm, voice=settings.voice)
        if aloud:
            speak(text, rate_wpm=rate_wpm, voice=settings.voice)
    except (SpeechEngineError, PlaybackError, OutputError) as exc:
        _complain(exc)
        typer.echo(f"It would have said: {text}", err=True)
        return False
    return True


@contextmanager
def _progress(name: str, *, quiet: bool) -> Iterator[Progress | None]:
    """A progress bar on standard error while a recording is judged, where somebody watches."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    with Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(f"Listening to {Path(name).name}", total=None)

        def update(done_s: float, total_s: float | None) -> None:
            bar.update(task, completed=done_s, total=total_s)

        yield update


def _read_text(file: str) -> str:
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


def _size(size: int) -> str:
    return f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"


def _complain(error: Exception) -> None:
    typer.echo(f"voice-coach: {' '.join(str(error).split())}", err=True)


def run(arguments: list[str] | None = None) -> int:
    """The program as a function: its exit code."""
    command: Callable[..., object] = typer.main.get_command(app)
    words = sys.argv[1:] if arguments is None else arguments
    result: object
    try:
        result = command(args=words or ["--help"], prog_name="voice-coach", standalone_mode=False)
    except typer.TyperException as exc:
        told = getattr(exc, "format_message", exc.__str__)().replace("Value error, ", "")
        _complain(UsageError(f"{told} (see: voice-coach --help)"))
        return USAGE_EXIT
    except (KeyboardInterrupt, typer.Abort):
        result = INTERRUPTED_EXIT
    except VoiceCoachError as exc:
        _complain(exc)
        return USAGE_EXIT
    except BrokenPipeError:
        # the reader of our output went away; there is nobody left to tell
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
        return 0
    except OSError as exc:
        if exc.errno != errno.ENOSPC:
            raise
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
        _complain(OutputError("the disk is full; free some space and run it again"))
        return USAGE_EXIT
    if result == INTERRUPTED_EXIT:
        typer.echo("voice-coach: stopped", err=True)
    return result if isinstance(result, int) else 0


def main() -> None:
    """Entry point of the `voice-coach` command."""
    sys.exit(run())


if __name__ == "__main__":
    main()
