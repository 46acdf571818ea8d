"""Second thoughts about past takes: fillers corrected by their speaker, and takes judged anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from voice_coach.cli.common import (
    USAGE_EXIT,
    DeviceOption,
    coach_for,
    complain,
    listening_progress,
    user_settings,
)
from voice_coach.cli.history import IdArgument, opened_store, seconds
from voice_coach.errors import HistoryError, UsageError, VoiceCoachError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voice_coach.history.store import Store
    from voice_coach.records import Assessment, CandidateLevel, Correction, Delivery, Entry
    from voice_coach.session import Coach

KIND_WORDS = {"filled_pause": "um/uh", "discourse_marker": "like/you know", "repetition": "repeated"}


def fillers(
    id: IdArgument,
    drop: Annotated[
        list[int] | None, typer.Option("--drop", metavar="N", help="Number N of the list is no filler; repeatable.")
    ] = None,
    add: Annotated[
        tuple[str, str] | None,
        typer.Option("--add", metavar="M:SS WORD", help="When a filler was that was not heard, and which."),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Take all corrections back.")] = False,
) -> None:
    """List the fillers of a take, and correct them: what you change is remembered, in all totals."""
    from voice_coach.delivery.corrections import adding, dropping, taken_back
    from voice_coach.keeping import corrected

    if reset and (drop or add):
        raise UsageError("--reset takes all corrections back; give it alone")
    with opened_store() as store:
        entry = store.entry(id)
        assessment = corrected(store, entry.id)
        if assessment is None or assessment.delivery is None:
            raise HistoryError(f"{entry.id}: was never judged; do it now with: voice-coach reanalyze {entry.id}")
        corrections = [] if reset else list(store.corrections(entry.id))
        events = assessment.delivery.fillers.events
        for number in sorted(set(drop or ())):
            if not 1 <= number <= len(events):
                raise UsageError(f"--drop {number}: the list has numbers 1 to {len(events)}")
            mistaken = taken_back(events[number - 1], corrections)
            if mistaken is None:
                corrections.append(dropping(events[number - 1]))
            else:
                corrections.remove(mistaken)
        if add is not None:
            at, text = add
            start_s = seconds(at, "--add")
            length_s = None if assessment.recording is None else assessment.recording.duration_s
            if not text.strip():
                raise UsageError("--add: give the filler after its time, for instance --add 1:05 um")
            if length_s is not None and start_s >= length_s:
                raise UsageError(f"--add {at}: is after the end of the take, which lasts {length_s:.0f} s")
            corrections.append(adding(text, start_s))
        if reset or drop or add:
            assessment = _remember(store, entry, corrections)
    assert assessment.delivery is not None
    _print_fillers(entry, assessment.delivery, corrections)


def reanalyze(
    id: Annotated[str | None, typer.Argument(metavar="[ID]", help="A take, by its id.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All takes whose sound is kept.")] = False,
    device: Annotated[DeviceOption, typer.Option("--device", help="What Whisper runs on.")] = DeviceOption.auto,
    model: Annotated[str, typer.Option("--model", help="Which Whisper (see: voice-coach models).")] = "base.en",
) -> None:
    """Judge a past take anew, with a better model or a newer program; the old assessment stays beside it."""
    if (id is None) != every:
        raise UsageError("name one take, or give --all")
    coach = coach_for(user_settings(), None, device, model)
    usual = coach.level
    with opened_store() as store:
        if id is not None:
            entry = store.entry(id)
            before, after = _judge_anew(store, entry, coach, usual)
            _show_both(before, after)
            return
        entries = [entry for entry in store.entries() if entry.audio]
        if not entries:
            raise HistoryError("there is no take whose sound is kept; keep one with: voice-coach import FILE")
        failed = False
        for number, entry in enumerate(entries, 1):
            try:
                before, after = _judge_anew(store, entry, coach, usual)
            except VoiceCoachError as exc:
                # the other takes are still judged
                complain(exc)
                failed = True
                continue
            typer.echo(f"{number}/{len(entries)}  {entry.id}  {_in_a_line(before, after)}")
    if failed:
        raise typer.Exit(USAGE_EXIT)


def _remember(store: Store, entry: Entry, corrections: Sequence[Correction]) -> Assessment:
    from voice_coach.delivery.corrections import correct
    from voice_coach.keeping import corrected, measured
    from voice_coach.report.json_view import fillers_as_dict

    as_measured = measured(store, entry.id)
    assert as_measured is not None
    assert as_measured.delivery is not None
    totals = fillers_as_dict(correct(as_measured.delivery, corrections).fillers)
    store.correct(entry.id, corrections, fillers=totals)
    assessment = corrected(store, entry.id)
    assert assessment is not None
    return assessment


def _judge_anew(
    store: Store, entry: Entry, coach: Coach, usual: CandidateLevel
) -> tuple[Assessment | None, Assessment]:
    """The assessment so far, None where there is none that can be read, and the new one, which is kept.

    usual: the level of takes that say none.
    """
    from voice_coach.keeping import measured, question_answered, with_corrections
    from voice_coach.report.json_view import assessment_as_dict, fillers_as_dict

    audio = store.audio(entry.id)
    if audio is None:
        raise HistoryError(f"{entry.id}: its sound is not kept, so it can't be judged anew")
    coach.level = entry.level or usual
    question = question_answered(store.facts(entry.id), coach.pack)
    with listening_progress(entry.id, quiet=False) as progress:
        fresh = coach.analyze(audio, question=question, progress=progress)
    try:
        before = measured(store, entry.id)
    except HistoryError:
        # one that can't be read is what people are sent here for
        before = None
    now = with_corrections(store, entry.id, fresh)
    totals = None if now.delivery is None or now is fresh else fillers_as_dict(now.delivery.fillers)
    store.reassess(entry.id, assessment_as_dict(fresh), fillers=totals)
    return None if before is None else with_corrections(store, entry.id, before), now


def _show_both(before: Assessment | None, after: Assessment) -> None:
    from rich.console import Console

    from voice_coach.report.reanalysis_view import print_side_by_side
    from voice_coach.report.terminal import print_assessment

    console = Console(highlight=False, soft_wrap=False)
    if before is None:
        print_assessment(console, after)
    else:
        print_side_by_side(console, before, after)


def _in_a_line(before: Assessment | None, after: Assessment) -> str:
    from voice_coach.report.reanalysis_view import changes_in_a_line

    return "judged for the first time" if before is None else changes_in_a_line(before, after)


def _print_fillers(entry: Entry, delivery: Delivery, corrections: Sequence[Correction]) -> None:
    from voice_coach.delivery.corrections import taken_back
    from voice_coach.report.terminal import filler_line
    from voice_coach.report.wording import clock

    events = delivery.fillers.events
    for number, event in enumerate(events, 1):
        sure = f"{event.confidence:.0%} sure" if taken_back(event, corrections) is None else "yours"
        typer.echo(f"{number:3}  {clock(event.start_s):>5}  {event.text:<20}  {KIND_WORDS[event.kind]:<14}  {sure}")
    if not events:
        typer.echo("No fillers")
    typer.echo(filler_line(delivery.fillers))
    if corrections:
        noun = "correction" if len(corrections) == 1 else "corrections"
        typer.echo(
            f"With {len(corrections)} {noun} of yours; take them back with: voice-coach fillers {entry.id} --reset"
        )
