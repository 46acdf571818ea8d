"""Time: how long the answer was, where it paused, and how that compares with the target."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from voice_coach.records import Cards, Pause, PauseKind, PausePlace, Span, Target, Verdict, Word

TARGET_MIN_S = 90.0
TARGET_MAX_S = 180.0
"""A first answer takes 1.5 to 3 minutes: long enough for the whole story, short enough that the
interviewer can pull on it. Source: the interview guide."""

SHORTEST_PAUSE_S = 0.25
"""Shorter silences are articulation. Source: Goldman-Eisler 1968; the rubric."""

LONG_PAUSE_S = 2.0
"""From here on listeners hear a stumble. Source: the rubric."""

LOST_THREAD_S = 5.0
"""From here on the thread is lost. Source: the rubric."""

LAST_CALL_SHARE = 1 / 3
"""Yellow stands this share of the target's range before red: 30 s of the main answer's 90, time for
the result and a lesson, which is what an answer that is cut off lacks."""

SHORTEST_LAST_CALL_S = 15.0
"""Two sentences at 150 words a minute; a later warning comes too late to act on."""

OVERRUN_SHARE = 1 / 6
"""Overrun stands this share of the longest time behind red: 30 s of the main answer's three minutes."""

SHORTEST_OVERRUN_S = 10.0
"""One sentence more, so that nobody is cut off in the middle of the last one."""

CLAUSE_OPENERS = frozenset("and but so because then or which where when while after before if okay well".split())
"""A recogniser leaves out commas, so a clause also ends where one of these begins the next."""

WORD_TO_VOICE_S = 0.5
"""How far the voice may begin before the first word or end after the last and still belong to it."""


def answer_span(words: Sequence[Word], voiced: Sequence[Span]) -> Span | None:
    """From the first to the last spoken word; None where no word was spoken.

    Word times of a recogniser are good to 0.2 s at best; the voice detector knows better when
    the first word begins and the last one ends, so the ends are taken from it.
    """
    if not words:
        return None
    first_s, last_s = words[0].start_s, words[-1].end_s
    touching = [
        span for span in voiced if span.end_s > first_s - WORD_TO_VOICE_S and span.start_s < last_s + WORD_TO_VOICE_S
    ]
    if not touching:
        return Span(first_s, max(first_s, last_s))
    return Span(touching[0].start_s, touching[-1].end_s)


def speaking_time_s(answer: Span, voiced: Sequence[Span]) -> float:
    """Seconds of voice inside the answer."""
    return sum(max(0.0, min(span.end_s, answer.end_s) - max(span.start_s, answer.start_s)) for span in voiced)


def silent_pauses(answer: Span, voiced: Sequence[Span], words: Sequence[Word] = ()) -> tuple[Pause, ...]:
    """Silences of SHORTEST_PAUSE_S and more inside the answer, in order, placed among the words."""
    inside = [span for span in voiced if span.end_s > answer.start_s and span.start_s < answer.end_s]
    return tuple(
        Pause(
            before.end_s,
            after.start_s,
            _kind(after.start_s - before.end_s),
            _place((before.end_s + after.start_s) / 2, words),
        )
        for before, after in pairwise(inside)
        if after.start_s - before.end_s >= SHORTEST_PAUSE_S
    )


def held_against_target(
    duration_s: float | None, *, min_s: float = TARGET_MIN_S, max_s: float = TARGET_MAX_S
) -> Target:
    """The verdict on time; None where nothing was said."""
    verdict: Verdict | None = None
    if duration_s is not None:
        verdict = "short" if duration_s < min_s else "long" if duration_s > max_s else "in_range"
    margin_s = None if duration_s is None else min(duration_s - min_s, 0.0) + max(duration_s - max_s, 0.0)
    return Target(min_s, max_s, verdict, margin_s)


def cards_for(target_min_s: float, target_max_s: float) -> Cards:
    """When to show which card for an answer that should take target_min_s to target_max_s.

    | answer | target | green | yellow | red | overrun |
    | --- | --- | --- | --- | --- | --- |
    | main | 1:30 to 3:00 | 1:30 | 2:30 | 3:00 | 3:30 |
    | 90-second version | 1:00 to 1:30 | 1:00 | 1:15 | 1:30 | 1:45 |
    | long version | 3:00 to 4:00 | 3:00 | 3:40 | 4:00 | 4:40 |

    Green and red are the target's ends, so that the cards and the verdict never disagree. In a range too
    narrow for SHORTEST_LAST_CALL_S yellow lies half-way.

    Raises: ValueError unless 0 < target_min_s < target_max_s.
    """
    if not 0.0 < target_min_s < target_max_s:
        raise ValueError(f"not a range of times: {target_min_s} to {target_max_s}")
    range_s = target_max_s - target_min_s
    last_call_s = min(max(LAST_CALL_SHARE * range_s, SHORTEST_LAST_CALL_S), range_s / 2)
    overrun_s = max(OVERRUN_SHARE * target_max_s, SHORTEST_OVERRUN_S)
    return Cards(target_min_s, target_max_s - last_call_s, target_max_s, target_max_s + overrun_s)


def _place(middle_s: float, words: Sequence[Word]) -> PausePlace:
    """Whether a clause ends at that time, by the punctuation before it or the word after it."""
    said = [word for word in words if (word.start_s + word.end_s) / 2 <= middle_s]
    follows = next((word for word in words if (word.start_s + word.end_s) / 2 > middle_s), None)
    if not said or follows is None or said[-1].text.endswith((",", ".", "?", "!", ";", ":")):
        return "clause"
    return "clause" if follows.text.strip(".,?!").lower() in CLAUSE_OPENERS else "inside"


def _kind(duration_s: float) -> PauseKind:
    if duration_s >= LOST_THREAD_S:
        return "lost_thread"
    return "long" if duration_s >= LONG_PAUSE_S else "short"
