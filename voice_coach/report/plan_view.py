"""Views of a plan: lines for a terminal, one line for the start of a rehearsal, a JSON object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import date
from itertools import groupby
from typing import Any

from voice_coach.records import Plan, PlanItem

SHOWN = 3
"""What is due is told in full for so many: more than that nobody practises in one day."""

BEGIN = "Nothing was heard yet; begin with: voice-coach practice"


def plan_lines(plan: Plan) -> Iterator[str]:
    """Weakest first, each with its reason and its command."""
    if not plan.due and not plan.later:
        yield BEGIN
        return
    yield "Today" if plan.due else "Nothing is due today"
    for number, item in enumerate(plan.due[:SHOWN], 1):
        yield f"  {number}. {item.name}: {item.why}"
        yield f"     {item.command}"
    if plan.due[SHOWN:]:
        yield f"Due too: {_names(plan.due[SHOWN:])}"
    if plan.later:
        days = groupby(plan.later, key=lambda item: item.due)
        yield f"Later: {'; '.join(f'{_in_days(due, plan.today)} {_names(items)}' for due, items in days)}"
    if plan.unheard:
        yield f"Not heard yet: {', '.join(plan.unheard)}; answer the whole question: voice-coach practice"


def due_line(plan: Plan) -> str | None:
    """What is due, in one line; None where nothing is."""
    if not plan.due:
        return None
    first, *others = plan.due[:SHOWN]
    more = f"; then {_names(others)}" if others else ""
    # practising the whole question is what already goes on
    how = "" if first.command == "voice-coach practice" else f", alone with: {first.command}"
    return f"Due today: {first.name} ({first.why}){how}{more}."


def plan_as_dict(plan: Plan) -> dict[str, Any]:
    """For JSON: days as YYYY-MM-DD."""
    return {
        "today": plan.today.isoformat(),
        "due": [_as_dict(item) for item in plan.due],
        "later": [_as_dict(item) for item in plan.later],
        "unheard": list(plan.unheard),
    }


def _as_dict(item: PlanItem) -> dict[str, Any]:
    return {**asdict(item), "due": item.due.isoformat()}


def _names(items: Iterable[PlanItem]) -> str:
    return ", ".join(item.name for item in items)


def _in_days(due: date, today: date) -> str:
    days = (due - today).days
    return "tomorrow" if days == 1 else f"in {days} days"
