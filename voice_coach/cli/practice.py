"""`practice`: the live mock interview; the program's default command."""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_coach.cli.common import (
    SIGNALLED_EXIT,
    USAGE_EXIT,
    LevelOption,
    MicrophoneOption,
    RateOption,
    VoiceOption,
    coach_for,
    complain,
    user_settings,
    voice_wanted,
)
from voice_coach.cli.history import opened_store
from voice_coach.cli.plan import what_is_due
from voice_coach.cli.takes import waiting_line
from voice_coach.errors import HistoryError, UsageError, VoiceCoachError

if TYPE_CHECKING:
    from voice_coach.audio.capture import AudioSource
    from voice_coach.records import Question
    from voice_coach.rehearsal.setting import Setting
    from voice_coach.rehearsal.surface import Surface
    from voice_coach.session import Coach
    from voice_coach.settings import Settings

REPEAT_AFTER = timedelta(days=7)
"""A follow-up is not put again within a week."""

IDLE_S = 0.5
"""Whoever quits in the middle of an answer need not wait until a model has read it."""

FromOption = Annotated[
    list[Path] | None,
    typer.Option("--from", metavar="FILE", help="A recording in the microphone's place; once for each answer."),
]


FastOption = Annotated[bool, typer.Option("--fast", help="With --from: as fast as can be, not as if live.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Say nothing aloud; the words are shown.")]
PlainOption = Annotated[bool, typer.Option("--plain", help="Plain lines, no full screen.")]
KeysOnlyOption = Annotated[bool, typer.Option("--keys-only", help="Never end an answer by silence.")]
PackOption = Annotated[Path | None, typer.Option("--pack", metavar="FILE", help="A question pack of your own.")]


class CuesChoice(str, Enum):
    """What is heard at the time cards."""

    tone = "tone"
    spoken = "spoken"
    off = "off"


CuesOption = Annotated[
    CuesChoice | None,
    typer.Option(
        "--cues",
        help="At the green, yellow and red card: a soft tone, the word, or nothing. Wear headphones: the microphone "
        "hears loudspeakers.",
    ),
]


class LengthChoice(str, Enum):
    """Versions of the main question's answer."""

    short = "90"
    main = "main"
    deep = "deep"


class StageChoice(str, Enum):
    """Stages that can be drilled alone."""

    detection = "detection"
    severity = "severity"
    mitigation = "mitigation"
    communication = "communication"
    prevention = "prevention"


def practice(
    level: LevelOption = None,
    follow_ups: Annotated[int, typer.Option("--follow-ups", min=0, max=10, help="How many at most.")] = 2,
    question: Annotated[
        str | None, typer.Option("--question", metavar="ID", help="Start with this question of the pack.")
    ] = None,
    pack: PackOption = None,
    microphone: MicrophoneOption = None,
    voice: VoiceOption = None,
    rate: RateOption = None,
    cues: CuesOption = None,
    recordings: FromOption = None,
    fast: FastOption = False,
    quiet: QuietOption = False,
    plain: PlainOption = False,
    keys_only: KeysOnlyOption = False,
) -> None:
    """Rehearse aloud: hear a question, answer it, hear how it was, and be asked the next one."""
    settings = _heard_as_asked(user_settings(), voice, rate, cues or CuesChoice.off)
    coach = coach_for(settings, level, pack=pack)
    first = coach.main_question if question is None else coach.question(question)
    setting = _setting(settings, coach, (first,), microphone, recordings, fast=fast, quiet=quiet, keys_only=keys_only)
    most = follow_ups if recordings is None else min(follow_ups, len(recordings) - 1)
    _rehearse(replace(setting, follow_ups=most, hint=_hint(settings.takes)), plain=plain)


def drill(
    length: Annotated[
        list[LengthChoice] | None,
        typer.Option("--length", help="The same story in 90 s, in its main length, or deep; once for each round."),
    ] = None,
    stage: Annotated[StageChoice | None, typer.Option("--stage", help="One stage in half a minute.")] = None,
    interrupt: Annotated[bool, typer.Option("--interrupt", help="The interviewer cuts in.")] = False,
    level: LevelOption = None,
    pack: PackOption = None,
    microphone: MicrophoneOption = None,
    voice: VoiceOption = None,
    rate: RateOption = None,
    cues: CuesOption = None,
    recordings: FromOption = None,
    fast: FastOption = False,
    quiet: QuietOption = False,
    plain: PlainOption = False,
    keys_only: KeysOnlyOption = False,
) -> None:
    """Drill one thing: the story in several lengths, one stage, or being interrupted."""
    if sum((bool(length), stage is not None, interrupt)) != 1:
        raise UsageError("drill one thing: --length 90 (again for more rounds), --stage mitigation, or --interrupt")
    # who asks for quiet means the cues, too, unless they ask for those as well
    settings = _heard_as_asked(user_settings(), voice, rate, cues or (CuesChoice.off if quiet else None))
    coach = coach_for(settings, level, pack=pack)
    interruption = None
    if length:
        questions = tuple(coach.pack.main_question(one.value) for one in length)
    elif stage is not None:
        questions = (coach.stage_question(stage.value, asked=_asked_lately(settings.takes)),)
    else:
        if not coach.pack.interruptions:
            raise UsageError("this pack has no [[interruption]]; add one, or leave out --pack")
        interruption = random.choice(coach.pack.interruptions).text
        questions = (replace(coach.main_question, purpose="interrupt"),)
    setting = _setting(settings, coach, questions, microphone, recordings, fast=fast, quiet=quiet, keys_only=keys_only)
    _rehearse(replace(setting, follow_ups=0, interruption=interruption), plain=plain)


def _heard_as_asked(settings: Settings, voice: str | None, rate: int | None, cues: CuesChoice | None) -> Settings:
    """The settings with what the flags say of the voice and the cues.

    Raises: UsageError or SettingsError if no voice is called so.
    """
    return replace(
        settings,
        voice=voice_wanted(settings, voice),
        rate_wpm=rate or settings.rate_wpm,
        cues=cues.value if cues is not None else settings.cues,
    )


def _setting(
    settings: Settings,
    coach: Coach,
    questions: tuple[Question, ...],
    microphone: str | None,
    recordings: list[Path] | None,
    *,
    fast: bool,
    quiet: bool,
    keys_only: bool,
) -> Setting:
    from voice_coach.history.store import history_folder
    from voice_coach.keeping import HistoryKeeper
    from voice_coach.rehearsal.setting import MuteVoice, Setting
    from voice_coach.voice.speaking import EngineVoice
    from voice_coach.voice.synthesis import RATE_WPM
    from voice_coach.voice.tones import ToneEngine

    if fast and not recordings:
        raise UsageError("--fast goes with --from FILE; a microphone can't be hurried")
    for path in recordings or ():
        if not path.is_file():
            raise UsageError(f"--from {path}: no such file; name a recording")
    sources = _recordings(recordings, fast=fast) if recordings else None

    def source() -> AudioSource | None:
        if sources is not None:
            return next(sources, None)
        from voice_coach.audio.microphone import Microphone

        return Microphone(microphone or settings.device)

    # the last thing that can fail is behind us: the natural voice begins to load here
    asked = _asked_lately(settings.takes)
    voice = MuteVoice() if quiet else EngineVoice(rate_wpm=settings.rate_wpm or RATE_WPM, name=settings.voice)
    tones = EngineVoice(engine=ToneEngine())
    return Setting(
        coach=coach,
        takes=settings.takes,
        questions=questions,
        level=coach.level,
        source=source,
        voice=voice,
        cues={"tone": tones, "spoken": voice, "off": MuteVoice()}["off" if fast else settings.cues],
        name=settings.name,
        asked=asked,
        sources_end=sources is not None,
        patient=not keys_only and sources is None,
        keeper=HistoryKeeper(history_folder(), settings),
    )


def _rehearse(setting: Setting, *, plain: bool) -> None:
    from voice_coach.rehearsal.interview import Interview

    interviews: list[Interview] = []

    def interview(surface: Surface) -> None:
        interviews.append(Interview(setting, surface))
        interviews[-1].run()

    with closing(setting.voice):
        code = _on_screen(interview, plain=plain)
    deaf = next((one.deaf for one in interviews if one.deaf is not None), None)
    if code == 0 and deaf is not None:
        complain(deaf)
        code = USAGE_EXIT
    if not all(one.wait_until_idle(IDLE_S) for one in interviews):
        # everything is on disk; unwinding under a thread that is inside a model would crash
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    raise typer.Exit(code)


def _on_screen(interview: Callable[[Surface], None], *, plain: bool) -> int:
    """Show it to its end; the process's exit code."""
    # Textual draws on standard error
    if plain or not (sys.stdout.isatty() and sys.stdin.isatty() and sys.stderr.isatty()):
        from voice_coach.screen.plain import Ending, PlainSurface, single_keys

        with Ending() as ending, single_keys() as keys:
            interview(PlainSurface(sys.stdout, keys, ending.descriptor))
        return 0 if ending.number is None else SIGNALLED_EXIT + ending.number
    from voice_coach.screen.full import run_full
    from voice_coach.screen.view import wrapped

    for line in run_full(interview):
        typer.echo(wrapped(line, shutil.get_terminal_size().columns))
    return 0


def _hint(takes: Path) -> str | None:
    """What is told after the greeting; None where there is nothing, or the history can't be read.

    The take that follows is kept in the same history, and whatever is wrong with it is told then.
    """
    try:
        with opened_store() as store:
            return "\n".join(filter(None, (waiting_line(store, takes), what_is_due(store)))) or None
    except VoiceCoachError:
        return None


def _recordings(paths: list[Path], *, fast: bool) -> Iterator[AudioSource]:
    from voice_coach.audio.recorded import RecordedSource

    for path in paths:
        yield RecordedSource(path, fast=fast)


def _asked_lately(takes: Path) -> frozenset[str]:
    """Ids of the questions of the last week's takes: those in the history, and those that never got there."""
    from voice_coach.audio.takes import list_takes

    since = datetime.now(timezone.utc) - REPEAT_AFTER
    waiting = frozenset(
        take.metadata.question_id
        for take in list_takes(takes)
        if take.started_at >= since and take.metadata is not None and take.metadata.question_id
    )
    try:
        with opened_store() as store:
            return waiting | store.asked_since(since)
    except HistoryError:
        # a rehearsal goes on without its history; keeping the take says what is wrong with it
        return waiting
