"""Feedback: what was good, at most three things to fix, and the next question.

Every sentence rests on something measured and says what to do; nothing here guesses. The order
of fixes is the interviewer's: first whether the question was answered, then what would make
them not hand over the pager, then what was missing, then how it sounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from math import ceil

from voice_coach.interviewer.questions import QuestionPack
from voice_coach.records import (
    CandidateLevel,
    Coverage,
    Delivery,
    Feedback,
    FollowUp,
    Mistake,
    StageCoverage,
    Verdict,
    whole_seconds,
)

MOST_FIXES = 3
MOST_STRENGTHS = 2
SPOKEN_FIXES = 2

SPOKEN_WORDS = 95
"""About 38 s at the 155 words a minute the coach speaks: feedback longer than 40 s is not taken in."""

SPOKEN_QUOTE_WORDS = 14
"""Longer quotes are not read aloud; they are on the screen."""

FILLER_SOUNDS_GOOD, FILLER_SOUNDS_POOR, FILLER_SOUNDS_SEVERE = 2.0, 5.0, 12.0
"""Fillers a minute. Source: Laske & DiGennaro Reed 2024, doi 10.1002/jaba.1093: five a minute
did no harm, twelve did."""

SLOW_WPM, FAST_WPM = 110.0, 190.0
"""Outside these the pace itself is noticed; 130 to 165 is comfortable. Source: published bands
of speech coaches (120–160, 130–160, 140–160), widened by the usual amber zone."""

LONG_PAUSES_NOTICED = 3
"""Single long pauses are thinking; from the third on they are a habit."""

PRONOUNS_ENOUGH = 8
"""Fewer "I" and "we" than this in what was done say nothing about who did it."""

MOSTLY_WE, MOSTLY_I = 0.2, 0.95
"""Shares of "I" under which nobody knows what the candidate did, and over which, from a senior, nobody
else seems to have been there. Ours; the interview guide only asks for an honest share."""

WITHIN_SECONDS = 120.0
"""Targets that end before this are said in seconds, as a person would."""

WEIGHT = ("mitigation", "detection", "communication", "severity", "prevention")
"""Which missing stage hurts most: an answer without the way out is no incident response."""

WALK_THROUGH = "example"
"""The follow-up for somebody who has not told an incident yet; who has is not asked for one again."""

MEANT = {
    "detection": "how you found out and narrowed it down",
    "severity": "how bad it was and who owned it",
    "mitigation": "how you stopped the impact",
    "communication": "who you kept informed",
    "prevention": "the cause and what changed afterwards",
}
"""Each stage in words a tired person understands at once."""

HEARD_AS = {
    "detection": "how you detected it",
    "severity": "how you judged severity and ownership",
    "mitigation": "how you stabilised it",
    "communication": "how you communicated",
    "prevention": "root cause and prevention",
}

SIGNALS: Mapping[str, Mapping[CandidateLevel, str]] = {
    "detection": {
        "early": "name the alert or report that reached you, the value it showed, and the first dashboard or log you opened",
        "mid": "name the alert, the error rate or latency behind it, and what you checked to rule things out",
        "senior": "name the signal that fired, how you verified it, and how you narrowed the fault domain to one service or region",
    },
    "severity": {
        "early": "say which level it was given, who was affected, and who you escalated to; a small role told honestly is fine",
        "mid": "give the SEV level, how many customers or regions were hit, and who took ownership",
        "senior": "tie the level to an SLO or to customers and money, and name who was incident commander",
    },
    "mitigation": {
        "early": "say which runbook step or rollback you carried out, and how you saw that it worked",
        "mid": "say what you did first to shrink the impact, why that rather than digging on, and how you verified it",
        "senior": "say which option you chose (rollback, failover, flag, rate limit), what you traded for it, and how you verified it",
    },
    "communication": {
        "early": "say whom you told, with what context, and in which channel",
        "mid": "name the channel or bridge, who got updates, and how often",
        "senior": "name the bridge and roles, the cadence of updates, and what support, customers and leadership were told",
    },
    "prevention": {
        "early": "say what the postmortem found, and which part of the follow-up you did",
        "mid": "name the root cause and one or two action items with an owner or a date",
        "senior": "name the root cause, the action items with owners and dates, and what became less fragile beyond your own service",
    },
}
"""What would make a stage heard, by level. Source: the interview guide's table of signals."""


@dataclass(frozen=True, slots=True)
class Fix:
    """A thing to fix: as shown, and as said."""

    shown: str
    said: str


def compose_feedback(
    coverage: Coverage,
    delivery: Delivery | None,
    *,
    pack: QuestionPack,
    level: CandidateLevel = "mid",
    asked: Collection[str] = (),
) -> Feedback:
    """Feedback on one answer.

    delivery is None for typed text. asked: ids of follow-ups not to repeat.
    """
    fixes = list(_fixes(coverage, delivery, level))[:MOST_FIXES]
    strengths = list(_strengths(coverage, delivery))[:MOST_STRENGTHS]
    follow_up = choose_follow_up(coverage, pack, level, asked)
    return Feedback(
        verdict="" if delivery is None else verdict_line(delivery),
        spoken=compose_spoken(delivery, strengths, fixes, follow_up),
        strengths=tuple(strength.shown for strength in strengths),
        fixes=tuple(fix.shown for fix in fixes),
        to_be_heard={
            stage: SIGNALS[stage][level] for stage, found in coverage.stages.items() if found.level == "missing"
        },
        follow_up=follow_up,
    )


def weakest_stage(coverage: Coverage) -> str | None:
    """The stage to pull on: missing before mentioned, by WEIGHT; None where all are strong or nothing fits."""
    if not coverage.on_subject:
        return None
    for wanted in ("missing", "mentioned"):
        for stage in WEIGHT:
            if coverage.stages[stage].level == wanted:
                return stage
    unsure = [stage for stage in WEIGHT if coverage.stages[stage].unsure]
    return unsure[0] if unsure else None


def choose_follow_up(
    coverage: Coverage, pack: QuestionPack, level: CandidateLevel, asked: Collection[str] = ()
) -> FollowUp | None:
    """The first question that probes the weakest stage at this level and was not asked yet."""
    probe = weakest_stage(coverage)
    fitting = [one.follow_up for one in pack.follow_ups if level in one.levels and one.follow_up.id not in asked]
    exact = [one for one in fitting if one.probes == probe and (one.id != WALK_THROUGH or not coverage.on_subject)]
    return next(iter(exact or fitting), None)


def spoken_time(seconds: float) -> str:
    """A length of time as one says it: "2 minutes 5 seconds"."""
    minutes, rest = divmod(round(seconds), 60)
    parts = []
    if minutes:
        parts.append(f"{minutes} minute" + ("s" if minutes != 1 else ""))
    if rest or not minutes:
        parts.append(f"{rest} second" + ("s" if rest != 1 else ""))
    return " ".join(parts)


def spoken_length(length_s: float, verdict: Verdict | None) -> str:
    """The length of an answer as one says it, never rounded across the limit that it is held against."""
    return spoken_time(whole_seconds(length_s, verdict))


def verdict_line(delivery: Delivery) -> str:
    """The verdict on time in one sentence; empty where nothing was said."""
    length, target = delivery.answer_duration_s, delivery.target
    if length is None or target.verdict is None:
        return ""
    spoken, span = spoken_length(length, target.verdict), _spoken_span(target.min_s, target.max_s)
    if target.verdict == "in_range":
        return f"You spoke for {spoken}, inside the target of {span}."
    if target.verdict == "short":
        return f"You spoke for {spoken}, {gap(target.min_s - length)} short of the target of {span}."
    return f"You spoke for {spoken}, {gap(length - target.max_s)} over the target of {span}."


def _spoken_span(min_s: float, max_s: float) -> str:
    """A target as one says it: in seconds, in minutes and halves of them, or each end in full."""
    if max_s < WITHIN_SECONDS:
        return f"{min_s:g} to {max_s:g} seconds"
    if min_s % 30 == max_s % 30 == 0:
        return f"{min_s / 60:g} to {max_s / 60:g} minutes"
    return f"{spoken_time(min_s)} to {spoken_time(max_s)}"


def gap(seconds: float) -> str:
    """A distance from the target as one says it; never "0 seconds", which would be none."""
    return spoken_time(max(1, ceil(seconds)))


def _fixes(coverage: Coverage, delivery: Delivery | None, level: CandidateLevel) -> Iterator[Fix]:
    """Everything worth fixing, most important first."""
    if not coverage.on_subject:
        nearly = any(stage.unsure for stage in coverage.stages.values())
        heard = (
            "I'm not sure I heard an answer to the question" if nearly else "I did not hear an answer to the question"
        )
        yield Fix(
            f"{heard}: tell one real incident, from how you noticed it to what changed afterwards.",
            f"{heard}. Tell me one real incident, from how you noticed it to what changed afterwards.",
        )
        yield from filler_fix(delivery)
        yield from pace_fixes(delivery)
        return
    mistakes = {mistake.name: mistake for mistake in coverage.mistakes}
    if "heroic" in mistakes:
        yield heroic_fix(mistakes["heroic"])
    missing = [stage for stage in WEIGHT if coverage.stages[stage].level == "missing"]
    if "mitigation" in missing:
        yield missing_fix("mitigation", coverage.stages["mitigation"], level)
    if "root_cause_first" in mistakes:
        yield Fix(
            "As you told it, the search for the cause came before the way out, and took more words. "
            "Tell first how you stabilised, then how you found the cause.",
            "As you told it, the search for the cause came first. Tell first how you stopped the impact.",
        )
    if "communication" in missing:
        why = "The story is purely technical. " if "purely_technical" in mistakes else ""
        fix = missing_fix("communication", coverage.stages["communication"], level)
        yield Fix(why + fix.shown, why + fix.said)
    if "no_customer_impact" in mistakes:
        unsure = mistakes["no_customer_impact"].unsure
        opening = "I'm not sure I heard who was hurt" if unsure else "Nobody hears who was hurt"
        yield Fix(
            f"{opening}: say in the first 15 seconds which customers, orders or teams were affected, and how many.",
            "Say early who was affected, and how many.",
        )
    if delivery is not None and delivery.target.verdict in ("short", "long"):
        yield _time_fix(delivery, coverage)
    # a habit told without a scene has no first seconds to win or lose
    elif coverage.opening.heard is False and coverage.star["situation"].evidence and coverage.impact:
        yield Fix(
            "The first 15 seconds name neither who was hurt nor how it was contained: open with one of the two.",
            "Open with who was hurt, or how you contained it.",
        )
    for stage in missing:
        if stage not in ("mitigation", "communication"):
            yield missing_fix(stage, coverage.stages[stage], level)
    severe = delivery is not None and (delivery.fillers.per_minute or 0.0) > FILLER_SOUNDS_SEVERE
    if severe:
        yield from filler_fix(delivery)
    if "vague" in mistakes:
        yield Fix(
            "The answer stays vague: put in one number, one tool and one decision that was yours.",
            "It stayed vague. Put in one number, one tool, and one decision that was yours.",
        )
    for stage in WEIGHT:
        if coverage.stages[stage].level == "mentioned":
            yield Fix(
                f"You only touched on {HEARD_AS[stage]}: {SIGNALS[stage][level]}.",
                f"You only touched on {HEARD_AS[stage]}. Next time, {first_part(SIGNALS[stage][level])}.",
            )
    if not severe:
        yield from filler_fix(delivery)
    yield from pace_fixes(delivery)
    yield from _balance_fixes(coverage)
    yield from _ownership_fixes(coverage, level)


def heroic_fix(found: Mistake) -> Fix:
    """A risky act outside process; where the classifier is in doubt it is asked about."""
    quoted = quote(found.evidence[0].text)
    if found.unsure:
        return Fix(
            f"“{quoted}” may sound like an act outside process: if somebody agreed to it or knew of it, say who.",
            "One act may have sounded outside process. If somebody agreed to it, say who.",
        )
    return Fix(
        f"“{quoted}” sounds like a risky act outside process. "
        "Say who approved or knew of it, or what you would do instead today.",
        "One act sounded risky and outside process. Say who approved it, or what you would do instead today.",
    )


def missing_fix(stage: str, found: StageCoverage, level: CandidateLevel) -> Fix:
    """A stage that was not heard: what would make it heard at this level."""
    opening = "I'm not sure I heard" if found.unsure else "I did not hear"
    return Fix(
        f"{opening} {MEANT[stage]} ({stage}): {SIGNALS[stage][level]}.",
        f"{opening} {MEANT[stage]}. Next time, {first_part(SIGNALS[stage][level])}.",
    )


def _time_fix(delivery: Delivery, coverage: Coverage) -> Fix:
    length, target = delivery.answer_duration_s or 0.0, delivery.target
    if target.verdict == "short":
        thin = next((stage for stage in WEIGHT if coverage.stages[stage].level != "strong"), "mitigation")
        return Fix(
            f"At {spoken_length(length, target.verdict)} it is too short: spend {gap(target.min_s - length)} more, first on {MEANT[thin]}.",
            f"Take {gap(target.min_s - length)} more, first for {MEANT[thin]}.",
        )
    over, too_long = gap(length - target.max_s), f"At {spoken_length(length, target.verdict)} it is too long"
    longest = max(coverage.stages, key=lambda stage: coverage.stages[stage].seconds or 0.0)
    longest_s, beside_s = coverage.stages[longest].seconds or 0.0, _seconds_beside_stages(coverage)
    if beside_s > longest_s:
        return Fix(
            f"{too_long}: cut {over}, first from what belongs to no stage of the incident, which took {beside_s:.0f} s.",
            f"Cut {over}, first from what belongs to no stage of the incident.",
        )
    return Fix(
        f"{too_long}: cut {over}, first from {MEANT[longest]}, where you spent {longest_s:.0f} s.",
        f"Cut {over}, first from {MEANT[longest]}.",
    )


def _seconds_beside_stages(coverage: Coverage) -> float:
    """Seconds of the sentences that tell no stage, and neither the scene, nor who was hurt, nor how it ended."""
    told = {*coverage.stages, "impact", "situation", "result"}
    return sum(one.duration_s or 0.0 for one in coverage.sentences if not told & set(one.assigned))


def filler_fix(delivery: Delivery | None) -> Iterator[Fix]:
    """Fillers, where there are enough of them to be noticed."""
    if delivery is None:
        return
    fillers = delivery.fillers
    if fillers.per_minute is not None and fillers.per_minute > FILLER_SOUNDS_POOR:
        strong = "very noticeable" if fillers.per_minute > FILLER_SOUNDS_SEVERE else "noticeable"
        # most_common keeps the order of first hearing among equals
        said, _ = Counter(event.text for event in fillers.events if event.kind != "repetition").most_common(1)[0]
        yield Fix(
            f"{fillers.per_minute:.0f} fillers a minute are {strong} (most often “{said}”): pause in silence instead.",
            f"About {fillers.per_minute:.0f} fillers a minute, most often {said}. Pause in silence instead.",
        )


def pace_fixes(delivery: Delivery | None) -> Iterator[Fix]:
    """A pace or a number of pauses that a listener notices."""
    if delivery is None:
        return
    pace = delivery.speech_rate_wpm
    if delivery.fillers.per_minute is None:
        # the same too little speech that has no filler rate has no pace worth a word
        pace = None
    if pace is not None and pace > FAST_WPM:
        yield Fix(f"{pace:.0f} words a minute is fast: aim for 130 to 165.", "Slow down a little.")
    if pace is not None and pace < SLOW_WPM:
        yield Fix(f"{pace:.0f} words a minute is slow: aim for 130 to 165.", "Pick up the pace a little.")
    long = [pause for pause in delivery.pauses if pause.kind != "short"]
    if len(long) >= LONG_PAUSES_NOTICED:
        yield Fix(
            f"{len(long)} pauses of over 2 s: know your next step before you finish the last one.",
            f"There were {len(long)} long pauses. Know your next step before you finish the last.",
        )


def _balance_fixes(coverage: Coverage) -> Iterator[Fix]:
    parts = {part: found.seconds for part, found in coverage.star.items()}
    action = parts["action"]
    if action is None or any(seconds is None for seconds in parts.values()):
        return
    longest = max(parts, key=lambda part: parts[part] or 0.0)
    if longest != "action" and (parts[longest] or 0.0) > 0:
        yield Fix(
            f"More time went on the {longest} than on what you did: make the action the longest part.",
            "Make what you did the longest part.",
        )


def _ownership_fixes(coverage: Coverage, level: CandidateLevel) -> Iterator[Fix]:
    """Who did it: the candidate's own part, and from a senior the others' parts."""
    if not coverage.star["task"].evidence:
        yield Fix(
            "I did not hear your own role: say in one sentence what was yours to do"
            + ("; a small role told honestly is fine." if level == "early" else "."),
            "Say what your own role was.",
        )
    said = coverage.ownership
    both = said.singular + said.plural
    if both < PRONOUNS_ENOUGH:
        return
    share = said.singular / both
    if share < MOSTLY_WE:
        yield Fix(
            f"Nearly all of it is told as “we” ({said.plural} of {both}): say which part was yours.",
            "Say I where it was you.",
        )
    if share > MOSTLY_I and level == "senior":
        yield Fix(
            f"Nearly all of it is told as “I” ({said.singular} of {both}): from a senior one wants to hear who else had which role.",
            "Say who else had which role.",
        )


def _strengths(coverage: Coverage, delivery: Delivery | None) -> Iterator[Fix]:
    """What was good, most telling first; nothing is praised that was not measured."""
    strong = [stage for stage in WEIGHT if coverage.stages[stage].level == "strong"]
    if len(strong) == len(WEIGHT):
        yield Fix(
            "All five stages of the incident, each with something specific.",
            "All five stages, each with something specific.",
        )
    if strong:
        best = max(strong, key=lambda stage: coverage.stages[stage].evidence[0].score)
        quoted = quote(coverage.stages[best].evidence[0].text)
        yield Fix(
            f"You made {HEARD_AS[best]} concrete: “{quoted}”",
            f"You made {HEARD_AS[best]} concrete.",
        )
    if coverage.impact and coverage.on_subject:
        yield Fix("You said who was affected.", "You said who was affected.")
    if delivery is not None:
        fillers = delivery.fillers
        if delivery.target.verdict == "in_range":
            yield Fix("The length is right.", "The length is right.")
        if fillers.per_minute is not None and fillers.per_minute <= FILLER_SOUNDS_GOOD:
            yield Fix(f"Few fillers: {fillers.per_minute:.1f} a minute.", "Very few fillers.")


def compose_spoken(
    delivery: Delivery | None, strengths: list[Fix], fixes: list[Fix], follow_up: FollowUp | None
) -> str:
    """The spoken version: time, one strength, one or two fixes, the follow-up; at most SPOKEN_WORDS."""
    opening = [verdict_line(delivery)] if delivery is not None else []
    praise = [strengths[0].said] if strengths else []
    closing = [f"Next question. {follow_up.text}"] if follow_up is not None else []
    for count in range(min(SPOKEN_FIXES, len(fixes)), -1, -1):
        parts = [*opening, *praise, *(fix.said for fix in fixes[:count]), *closing]
        text = " ".join(part for part in parts if part)
        if len(text.split()) <= SPOKEN_WORDS or count <= 1:
            return text
    return ""


def first_part(signals: str) -> str:
    """The first thing of a list of signals: one step is all that is remembered when heard."""
    return signals.partition(";")[0].partition(", and ")[0]


def quote(text: str) -> str:
    """The first SPOKEN_QUOTE_WORDS of a sentence."""
    words = text.split()
    return " ".join(words[:SPOKEN_QUOTE_WORDS]) + (" …" if len(words) > SPOKEN_QUOTE_WORDS else "")
