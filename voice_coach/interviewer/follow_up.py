"""Feedback on answers that are not the whole story: follow-ups, drills of one stage; and on interruptions.

Whoever was asked about one stage is held to that stage and to the question's own time, and is never told
that the other four are missing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from voice_coach.interviewer.feedback import (
    HEARD_AS,
    MEANT,
    MOST_FIXES,
    MOST_STRENGTHS,
    SIGNALS,
    WALK_THROUGH,
    Fix,
    choose_follow_up,
    compose_feedback,
    compose_spoken,
    filler_fix,
    first_part,
    gap,
    heroic_fix,
    missing_fix,
    pace_fixes,
    quote,
    spoken_length,
    verdict_line,
)
from voice_coach.interviewer.questions import QuestionPack
from voice_coach.records import CandidateLevel, Coverage, Delivery, Feedback, FollowUp, Question, Word

WHOLE_STORY = frozenset({"main", "90", "deep", "interrupt"})
"""Purposes that ask for all five stages; who is interrupted is to come back to the story."""

TURN_TO = ("impact", "mitigation", "communication")
"""What an answer should turn to when the interviewer says that customers are still down."""

_STEM = 5
"""Letters by which two words count as the same: "monitor" and "monitoring", "metric" and "metrics"."""

_EMPTY = frozenset(
    "about after again also and any are because been before but can could did does doing done during each else ever "
    "every first for from had has have how into its just like made make makes more most much need not now one only "
    "other our really same should some such sure tell than that the their them then there they this those through "
    "was were what when where which while who why will with would you your yours me us is it if in of on or to a an "
    "do be by as at so we my i up out would walk".split()
)
"""Words that say nothing about the subject of a question."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """How an answer went on after an interruption.

    recovery_s: from the end of the interruption to the first word after it; None where none came.
    turned_to: those of TURN_TO that the first sentence on the subject after it carries. well: it carries any.
    """

    recovery_s: float | None
    turned_to: tuple[str, ...]

    @property
    def well(self) -> bool:
        return bool(self.turned_to)


def compose_answer_feedback(
    question: Question,
    coverage: Coverage,
    delivery: Delivery | None,
    *,
    pack: QuestionPack,
    level: CandidateLevel = "mid",
    asked: Collection[str] = (),
) -> Feedback:
    """Feedback on the answer to `question`: on the whole story, or on the part that was asked for.

    delivery is None for typed text. asked: ids of follow-ups not to repeat.
    """
    if question.purpose in WHOLE_STORY or question.id == WALK_THROUGH:
        return compose_feedback(coverage, delivery, pack=pack, level=level, asked=asked)
    fixes = list(_fixes(question, coverage, delivery, level))[:MOST_FIXES]
    strengths = list(_strengths(question, coverage, delivery))[:MOST_STRENGTHS]
    follow_up = _next(question, coverage, pack, level, asked)
    probed = question.probes
    missing = probed is not None and coverage.stages[probed].level == "missing"
    return Feedback(
        verdict="" if delivery is None else verdict_line(delivery),
        spoken=compose_spoken(delivery, strengths, fixes, follow_up),
        strengths=tuple(one.shown for one in strengths),
        fixes=tuple(one.shown for one in fixes),
        to_be_heard={probed: SIGNALS[probed][level]} if probed is not None and missing else {},
        follow_up=follow_up,
    )


def next_question(
    pack: QuestionPack, coverage: Coverage, level: CandidateLevel, asked: Collection[str] = ()
) -> Question | None:
    """The question after a whole story, by its weakest stage; None when all that fit the level were asked.

    asked: ids of follow-ups not to repeat.
    """
    chosen = choose_follow_up(coverage, pack, level, asked)
    return next((one.asked_as for one in pack.follow_ups if one.follow_up == chosen), None)


def recovery_after(coverage: Coverage, words: Sequence[Word], interrupted_s: float) -> Recovery:
    """How the answer went on after an interruption that ended at interrupted_s, on the answer's own clock.

    A sentence that was under way counts as told after it when more than half of it was.
    """
    after = min((word.start_s for word in words if word.start_s >= interrupted_s), default=None)
    told = [
        one
        for one in coverage.sentences
        if one.start_s is not None and one.end_s is not None and (one.start_s + one.end_s) / 2 > interrupted_s
    ]
    subjects = {*coverage.stages, "impact"}
    first = next((one for one in told if subjects & set(one.assigned)), None)
    turned = () if first is None else tuple(label for label in TURN_TO if label in first.assigned)
    return Recovery(None if after is None else after - interrupted_s, turned)


def takes_up(question: str, answer: str) -> bool:
    """Whether the answer uses any of the question's words that carry meaning; True where it has none."""
    asked = _content(question)
    return not asked or bool(asked & _content(answer))


def _content(text: str) -> set[str]:
    words = re.findall(r"[a-z]+", text.lower().replace("'", ""))
    return {word[:_STEM] for word in words if len(word) > 2 and word not in _EMPTY}


def _fixes(question: Question, coverage: Coverage, delivery: Delivery | None, level: CandidateLevel) -> Iterator[Fix]:
    """What to mend, most important first: the question, risk, time, then how it sounded."""
    probed = question.probes
    nearly = probed is not None and coverage.stages[probed].unsure
    if not coverage.on_subject and not nearly:
        meant = f": say {MEANT[probed]}" if probed else ""
        text = f"I did not hear an answer to the question{meant}."
        yield Fix(text, text)
    elif probed is None:
        if not takes_up(question.text, " ".join(one.text for one in coverage.sentences)):
            text = "I am not sure you answered the question: take up its own words in your first sentence."
            yield Fix(text, text)
    elif coverage.stages[probed].level == "missing":
        yield missing_fix(probed, coverage.stages[probed], level)
    for mistake in coverage.mistakes:
        if mistake.name == "heroic":
            yield heroic_fix(mistake)
    if probed and coverage.stages[probed].level == "mentioned":
        yield Fix(
            f"You only touched on {HEARD_AS[probed]}: {SIGNALS[probed][level]}.",
            f"You only touched on {HEARD_AS[probed]}. Next time, {first_part(SIGNALS[probed][level])}.",
        )
    yield from _time_fix(delivery)
    yield from filler_fix(delivery)
    yield from pace_fixes(delivery)


def _time_fix(delivery: Delivery | None) -> Iterator[Fix]:
    if delivery is None or delivery.answer_duration_s is None:
        return
    length, target = delivery.answer_duration_s, delivery.target
    if target.verdict == "short":
        text = f"Take {gap(target.min_s - length)} more: give one example."
        yield Fix(f"At {spoken_length(length, target.verdict)} it is too short. {text}", text)
    elif target.verdict == "long":
        text = f"Cut {gap(length - target.max_s)}: answer first, then one example."
        yield Fix(f"At {spoken_length(length, target.verdict)} it is too long. {text}", text)


def _strengths(question: Question, coverage: Coverage, delivery: Delivery | None) -> Iterator[Fix]:
    """What was good about the part that was asked for."""
    probed = question.probes
    if probed and coverage.stages[probed].level == "strong":
        said = f"You made {HEARD_AS[probed]} concrete."
        yield Fix(f"{said[:-1]}: “{quote(coverage.stages[probed].evidence[0].text)}”", said)
    elif probed and coverage.stages[probed].level == "mentioned":
        said = "You answered the question."
        yield Fix(f"{said[:-1]}: “{quote(coverage.stages[probed].evidence[0].text)}”", said)
    if delivery is not None and delivery.target.verdict == "in_range":
        yield Fix("The length is right.", "The length is right.")


def _next(
    question: Question, coverage: Coverage, pack: QuestionPack, level: CandidateLevel, asked: Collection[str]
) -> FollowUp | None:
    """The same stage again while it is not strong, otherwise another one; never a question that was asked."""
    used = {*asked, question.id}
    fitting = [
        one.follow_up
        for one in pack.follow_ups
        if level in one.levels and one.follow_up.id not in used and one.follow_up.id != WALK_THROUGH
    ]
    probed = question.probes
    again = probed is not None and coverage.stages[probed].level != "strong"
    wanted = [one for one in fitting if (one.probes == probed) is again]
    return next(iter(wanted or fitting), None)
