"""`practice`: the live mock interview; the program's default command."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_coach.cli.common import LevelOption, MicrophoneOption, coach_for, user_settings
from voice_coach.errors import UsageError

if TYPE_CHECKING:
    from voice_coach.audio.capture import AudioSource
    from voice_coach.rehearsal.surface import Surface

REPEAT_AFTER = timedelta(days=7)
"""A follow-up is not put again within a week."""

FromOption = Annotated[
    list[Path] | None,
    typer.Option("--from", metavar="FILE", help="A recording in the microphone's place; once for each answer."),
]


def practice(
    level: LevelOption = None,
    follow_ups: Annotated[int, typer.Option("--follow-ups", min=0, max=10, help="How many at most.")] = 2,
    question: Annotated[
        str | None, typer.Option("--question", metavar="ID", help="Start with this question of the pack.")
    ] = None,
    pack: Annotated[Path | None, typer.Option("--pack", metavar="FILE", help="A question pack of your own.")] = None,
    microphone: MicrophoneOption = None,
    recordings: FromOption = None,
    fast: Annotated[bool, typer.Option("--fast", help="With --from: as fast as can be, not as if live.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing aloud; the words are shown.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Plain lines, no full screen.")] = False,
    keys_only: Annotated[bool, typer.Option("--keys-only", help="Never end an answer by silence.")] = False,
) -> None:
    """Rehearse aloud: hear a question, answer it, hear how it was, and be asked the next one."""
    from voice_coach.history.store import history_folder
    from voice_coach.keeping import HistoryKeeper
    from voice_coach.rehearsal.interview import Interview
    from voice_coach.rehearsal.setting import MuteVoice, Setting
    from voice_coach.voice.speaker import RATE_WPM
    from voice_coach.voice.speaking import EngineVoice

    if fast and not recordings:
        raise UsageError("--fast goes with --from FILE; a microphone can't be hurried")
    for path in recordings or ():
        if not path.is_file():
            raise UsageError(f"--from {path}: no such file; name a recording")
    settings = user_settings()
    coach = coach_for(settings, level)
    if pack is not None:
        from voice_coach.interviewer.questions import read_pack

        coach.pack = read_pack(pack)
    first = coach.main_question if question is None else coach.question(question)
    sources = _recordings(recordings, fast=fast) if recordings else None

    def source() -> AudioSource | None:
        if sources is not None:
            return next(sources, None)
        from voice_coach.audio.microphone import Microphone

        return Microphone(microphone or settings.device)

    setting = Setting(
        coach=coach,
        takes=settings.takes,
        questions=(first,),
        level=coach.level,
        source=source,
        voice=MuteVoice() if quiet else EngineVoice(rate_wpm=settings.rate_wpm or RATE_WPM, name=settings.voice),
        follow_ups=min(follow_ups, len(recordings) - 1) if recordings else follow_ups,
        name=settings.name,
        asked=_asked_lately(settings.takes),
        sources_end=sources is not None,
        patient=not keys_only and sources is None,
        keeper=HistoryKeeper(history_folder(), settings),
    )

    def interview(surface: Surface) -> object:
        return Interview(setting, surface).run()

    _on_screen(interview, plain=plain)


def _on_screen(interview: Callable[[Surface], object], *, plain: bool) -> None:
    # Textual draws on standard error
    if plain or not (sys.stdout.isatty() and sys.stdin.isatty() and sys.stderr.isatty()):
        from voice_coach.screen.plain import PlainSurface, single_keys

        with single_keys() as keys:
            interview(PlainSurface(sys.stdout, keys))
        return
    from voice_coach.screen.full import run_full

    for line in run_full(interview):
        typer.echo(line)


def _recordings(paths: list[Path], *, fast: bool) -> Iterator[AudioSource]:
    from voice_coach.audio.recorded import RecordedSource

    for path in paths:
        yield RecordedSource(path, fast=fast)


def _asked_lately(takes: Path) -> frozenset[str]:
    """Ids of the questions of the last week's takes."""
    from voice_coach.audio.takes import list_takes

    since = datetime.now(timezone.utc) - REPEAT_AFTER
    return frozenset(
        take.metadata.question_id
        for take in list_takes(takes)
        if take.started_at >= since and take.metadata is not None and take.metadata.question_id
    )
