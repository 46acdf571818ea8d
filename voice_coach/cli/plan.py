"""`plan`: what to practise next, and the line about it at the start of a rehearsal."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from voice_coach.cli.history import opened_store

if TYPE_CHECKING:
    from voice_coach.history.store import Store
    from voice_coach.records import Plan


def plan(
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object, nothing else.")] = False,
) -> None:
    """Say what to practise next: the weakest of what is due, why, and the command that starts it."""
    from voice_coach.report.plan_view import plan_as_dict, plan_lines

    with opened_store() as store:
        made = made_from(store, datetime.now().astimezone())
    if json_output:
        import json

        typer.echo(json.dumps(plan_as_dict(made), ensure_ascii=False))
        return
    typer.echo("\n".join(plan_lines(made)))


def made_from(store: Store, now: datetime) -> Plan:
    """The plan of these takes. Raises: HistoryError."""
    from voice_coach.coverage.judgement import OPENING_S
    from voice_coach.coverage.labels import STAGES
    from voice_coach.interviewer.feedback import FAST_WPM, FILLER_SOUNDS_GOOD, FILLER_SOUNDS_POOR, SLOW_WPM
    from voice_coach.progress.schedule import REPLAYED, plan, purposes
    from voice_coach.progress.skills import Bands
    from voice_coach.report.wording import GOOD_PACE_WPM

    # no card is reviewed by more takes of one purpose than are replayed for it
    takes = [take for purpose in purposes(STAGES) for take in store.entries(purpose=purpose, limit=REPLAYED)]
    bands = Bands(GOOD_PACE_WPM, (SLOW_WPM, FAST_WPM), FILLER_SOUNDS_GOOD, FILLER_SOUNDS_POOR, OPENING_S)
    return plan(takes, stages=STAGES, bands=bands, now=now)


def what_is_due(store: Store) -> str | None:
    """One line for the start of a rehearsal; None where nothing is due. Raises: HistoryError."""
    from voice_coach.report.plan_view import due_line

    return due_line(made_from(store, datetime.now().astimezone()))
