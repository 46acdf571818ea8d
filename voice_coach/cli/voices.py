"""`voices`: what the coach can speak with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_coach.cli.common import RateOption, user_settings, voice_wanted
from voice_coach.errors import UsageError

if TYPE_CHECKING:
    from voice_coach.voice.catalogue import VoiceInfo

SAMPLE = "Hello. How do you handle incident response?"


def voices(
    sample: Annotated[
        str | None, typer.Option("--sample", metavar="NAME", help="Say one line with that voice.")
    ] = None,
    speak_to: Annotated[
        Path | None, typer.Option("--speak-to", metavar="FILE", help="With --sample: write the line to a wav file.")
    ] = None,
    rate: RateOption = None,
    every: Annotated[bool, typer.Option("--all", help="Voices of all languages, not only English.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """List the voices the coach can speak with, and mark the one in use; or hear one of them."""
    if sample is not None:
        _sample(sample, rate, speak_to)
        return
    if speak_to is not None or rate is not None:
        raise UsageError("--rate and --speak-to go with --sample NAME")
    from voice_coach.voice.catalogue import catalogue
    from voice_coach.voice.natural import how_to_get_natural, natural_installed

    found = catalogue()
    in_use = voice_wanted(user_settings(), None) or found.own
    shown = [one for one in found.voices if every or one.speaks_english or one.id == in_use]
    if json_output:
        typer.echo(_as_json(shown, in_use))
        return
    for line in _table(shown, in_use):
        typer.echo(line)
    if not natural_installed():
        typer.echo(f"A more natural voice (92 MB): {how_to_get_natural()}", err=True)


def _sample(name: str, rate: int | None, speak_to: Path | None) -> None:
    from voice_coach.voice.catalogue import voice_in_use
    from voice_coach.voice.speaker import speak, synthesize
    from voice_coach.voice.synthesis import RATE_WPM

    voice, rate_wpm = voice_in_use(name), rate or user_settings().rate_wpm or RATE_WPM
    if speak_to is not None:
        synthesize(SAMPLE, speak_to, rate_wpm=rate_wpm, voice=voice)
    else:
        speak(SAMPLE, rate_wpm=rate_wpm, voice=voice)


def _table(voices: list[VoiceInfo], in_use: str | None) -> list[str]:
    ids = max((len(one.id) for one in voices), default=0)
    names = max((len(one.name) for one in voices), default=0)
    marks = ("*" if one.id == in_use else " " for one in voices)
    return [
        f"{mark} {one.id:{ids}}  {one.name:{names}}  {one.language or ''}".rstrip()
        for mark, one in zip(marks, voices, strict=True)
    ]


def _as_json(voices: list[VoiceInfo], in_use: str | None) -> str:
    listed = [{"id": one.id, "name": one.name, "language": one.language, "in_use": one.id == in_use} for one in voices]
    return json.dumps({"voices": listed}, ensure_ascii=False)
