"""What the commands share: options, the user's settings, a coach made from both, and how things are told."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_coach.errors import OutputError, PlaybackError, SettingsError, SpeechEngineError, UsageError
from voice_coach.settings import RATE_RANGE_WPM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voice_coach.records import Assessment
    from voice_coach.session import Coach, Progress
    from voice_coach.settings import Settings

NOT_READY_EXIT = 1
USAGE_EXIT = 2
SIGNALLED_EXIT = 128
"""And the signal's number: what shells make of a process that a signal ended."""

INTERRUPTED_EXIT = 130


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
VoiceOption = Annotated[
    str | None,
    typer.Option("--voice", metavar="NAME", help="The coach's voice, as `voices` lists them.", show_default="yours"),
]
RateOption = Annotated[
    int | None,
    typer.Option(
        "--rate",
        metavar="WPM",
        min=RATE_RANGE_WPM[0],
        max=RATE_RANGE_WPM[1],
        help="How fast the coach reads, in words a minute.",
        show_default="yours",
    ),
]


def user_settings() -> Settings:
    from voice_coach.settings import read_settings

    return read_settings()


def coach_for(
    settings: Settings,
    level: LevelChoice | None,
    device: DeviceOption = DeviceOption.auto,
    model: str = "base.en",
    pack: Path | None = None,
) -> Coach:
    from voice_coach.interviewer.questions import read_pack
    from voice_coach.session import Coach

    questions = read_pack(pack)
    if settings.target_min_s is not None and settings.target_max_s is not None:
        questions = replace(questions, target_min_s=settings.target_min_s, target_max_s=settings.target_max_s)
    wanted = level.value if level else settings.level
    return Coach(level=wanted, device=device.value, whisper_name=model, pack=questions, terms=settings.terms)


def voice_wanted(settings: Settings, name: str | None) -> str | None:
    """The id of the voice to speak with: the one named, else the settings', else the natural one if installed.

    None is the engine's own. Where no engine answers, the name stands as it is: speaking tells why.

    Raises: UsageError or SettingsError if no voice is called so.
    """
    from voice_coach.voice.catalogue import voice_in_use

    wanted = name or settings.voice
    try:
        return voice_in_use(wanted)
    except SpeechEngineError:
        return wanted
    except UsageError as exc:
        if name is not None:
            raise
        raise SettingsError(f"{settings.path}: voice: {exc}") from exc


def show_assessment(assessment: Assessment, json_output: bool) -> bool:
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


def speak_feedback(text: str, settings: Settings, *, aloud: bool, to: Path | None) -> bool:
    """Say the feedback or write it; where that fails, show the words and return False."""
    from voice_coach.voice.speaker import speak, synthesize
    from voice_coach.voice.synthesis import RATE_WPM

    rate_wpm = settings.rate_wpm or RATE_WPM
    try:
        voice = voice_wanted(settings, None)
        if to is not None:
            synthesize(text, to, rate_wpm=rate_wpm, voice=voice)
        if aloud:
            speak(text, rate_wpm=rate_wpm, voice=voice)
    except (SettingsError, SpeechEngineError, PlaybackError, OutputError) as exc:
        complain(exc)
        typer.echo(f"It would have said: {text}", err=True)
        return False
    return True


@contextmanager
def listening_progress(name: str, *, quiet: bool) -> Iterator[Progress | None]:
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


def complain(error: Exception) -> None:
    typer.echo(f"voice-coach: {' '.join(str(error).split())}", err=True)
