"""What to practise next: every stage and habit is a card, every take that tells something of it a review.

When a card comes back is FSRS's choice: the better it went, and the longer ago it went well the time before, the later.
Nothing is remembered between runs: the cards are replayed from the takes, so a deleted or corrected take
changes the plan as if it had always been so.
Source: Ye, Su & Cao 2022, "A stochastic shortest path algorithm for optimizing spaced repetition scheduling", KDD,
doi 10.1145/3534678.3539081; version 6 of the scheme, from the package `fsrs`, with its published parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from voice_coach.progress.skills import RECENT, WHOLE, Bands, Skill, skills
from voice_coach.records import Entry, Plan, PlanItem, Standing

if TYPE_CHECKING:
    from fsrs import Card, Rating, Scheduler

REPLAYED = 60
"""Takes replayed for a card, the latest ones. A review so long ago has next to no say in when the card comes back."""

EASY_RUN = 3
"""Good so many times running counts as easy: once may be luck, and so may twice."""

TODAY_AGAIN = timedelta(minutes=1)
"""FSRS's step for what is not yet known: a card goes on being due the same day, and leaves for days only once it went
well. Plans are made by the day, so all that matters is that the day is still the same."""

MOST_DAYS = 30
"""Nothing stays away for longer. FSRS lets what goes well wait for years; whoever rehearses has an interview ahead, and
a habit that nobody looked at for a month may be gone by then."""

POINTS: dict[Standing, float] = {"poor": 1.0, "fair": 0.5, "good": 0.0}
"""What a take adds to the weakness of a skill."""


def purposes(stages: Iterable[str]) -> tuple[str, ...]:
    """Purposes of all takes that may say something; the latest REPLAYED of each are what `plan` needs."""
    return (*WHOLE, "follow_up", *(f"stage:{stage}" for stage in stages))


def plan(takes: Iterable[Entry], *, stages: Sequence[str], bands: Bands, now: datetime) -> Plan:
    """The plan for the day of `now`.

    takes in any order; those dated after now are left out. stages: the rubric's, in its order. now: with the
    reader's time zone, in which days are counted.
    """
    ordered = sorted((take for take in takes if take.taken_at <= now), key=lambda take: (take.taken_at, take.id))
    known = skills(stages, bands)
    found = {skill.name: item for skill in known if (item := _item(skill, ordered, now)) is not None}
    items = sorted(found.values(), key=lambda item: (-item.weakness, item.retrievability))
    today = now.date()
    return Plan(
        today=today,
        due=tuple(item for item in items if item.due <= today),
        later=tuple(sorted((item for item in items if item.due > today), key=lambda item: item.due)),
        unheard=tuple(stage for stage in stages if stage not in found),
    )


def _item(skill: Skill, ordered: Sequence[Entry], now: datetime) -> PlanItem | None:
    """Where a skill stands; None where no take tells anything of it."""
    heard = [(take, standing) for take in ordered if (standing := skill.heard(take)) is not None][-REPLAYED:]
    if not heard:
        return None
    scheduler = plain_scheduler()
    card = replayed(scheduler, [(take.taken_at, standing) for take, standing in heard])
    recent = heard[-RECENT:]
    last, standing = heard[-1]
    return PlanItem(
        name=skill.name,
        kind=skill.kind,
        standing=standing,
        why=skill.why([take for take, _ in recent]),
        command=skill.command(last),
        due=card.due.astimezone(now.tzinfo).date(),
        retrievability=scheduler.get_card_retrievability(card, now),
        takes=len(heard),
        weakness=sum(POINTS[one] for _, one in recent) / len(recent),
    )


def plain_scheduler() -> Scheduler:
    """FSRS as it is used here, by the day and without chance."""
    from fsrs import Scheduler

    return Scheduler(
        learning_steps=(TODAY_AGAIN,),
        relearning_steps=(TODAY_AGAIN,),
        maximum_interval=MOST_DAYS,
        # fuzzing spreads thousands of cards over days by chance; a plan asked for twice must be the same plan
        enable_fuzzing=False,
    )


def replayed(scheduler: Scheduler, reviews: Sequence[tuple[datetime, Standing]]) -> Card:
    """The card after these reviews, oldest first."""
    from fsrs import Card

    card = Card(card_id=0)
    run = 0
    for time, standing in reviews:
        run = run + 1 if standing == "good" else 0
        card, _ = scheduler.review_card(card, _rating(standing, run), time.astimezone(timezone.utc))
    return card


def _rating(standing: Standing, run: int) -> Rating:
    """run: how many times running it was good, this one included."""
    from fsrs import Rating

    if standing == "good":
        return Rating.Easy if run >= EASY_RUN else Rating.Good
    return Rating.Again if standing == "poor" else Rating.Hard
