"""Discourse markers: "like", "you know", "basically" where the sentence keeps its meaning without them.

Judged by position and neighbours, never by the word alone: "it looked like a leak" and "right
after the deploy" are not fillers. A miss is better than a false accusation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from voice_coach.records import FillerEvent, Word

CONFIDENCE = 0.8
"""Rules reach about this precision on sentences they were not written from."""

PAUSE_S = 0.3
"""A silence that sets a word off as a comma would."""

CRUTCH_FROM = 2
"""Actually, basically, literally carry meaning once; from the second time on they are a habit."""

_NOT_BEFORE_LIKE = frozenset(
    """
    i you we they he she it would do did don't didn't does doesn't look looks looked looking feel feels
    felt feeling sound sounds sounded seem seems seemed something things thing stuff just more is was
    were are much exactly nothing anything not to acts act acted behaves behaved a
    """.split()
)
_NOT_AFTER_YOU_KNOW = frozenset("what how that the why if who where when which about it this".split())
_NOT_BEFORE_YOU_KNOW = frozenset("do did as if don't didn't would let could can that's".split())
_NOT_BEFORE_KIND = frozenset(
    """
    a the this that what some any each every no one same of different another which certain other these
    those all right best worst only first new exact
    """.split()
)
_ARTICLES = frozenset({"a", "an", "the", "some", "any", "every", "no"})
_CRUTCHES = frozenset({"actually", "basically", "literally", "honestly", "obviously"})
_SO_MEANS_THEREFORE = re.compile(r"so (?:that|far|long|much|many|few|soon)\b")


def discourse_markers(words: Sequence[Word], is_filled_pause: Callable[[str], bool]) -> tuple[FillerEvent, ...]:
    """The discourse markers of an answer, in order, each counted once.

    words: the text of record, with its punctuation and times.
    """
    spoken = [word for word in words if not is_filled_pause(word.text)]
    keys = [re.sub(r"[^\w']", "", word.text.lower()) for word in spoken]
    crutches = {key: keys.count(key) for key in _CRUTCHES}
    events: list[FillerEvent] = []
    i = 0
    while i < len(spoken):
        length = _marker_at(i, spoken, keys, crutches)
        if length:
            part = spoken[i : i + length]
            events.append(
                FillerEvent(
                    " ".join(word.text for word in part).strip(".,?!").lower(),
                    "discourse_marker",
                    part[0].start_s,
                    part[-1].end_s,
                    CONFIDENCE,
                )
            )
            i += length
        else:
            i += 1
    return tuple(events)


def _marker_at(i: int, words: Sequence[Word], keys: Sequence[str], crutches: dict[str, int]) -> int:
    """How many words the marker that begins here has; 0 for none."""
    here = keys[i]
    nxt = keys[i + 1] if i + 1 < len(keys) else ""
    before = keys[i - 1] if i else ""
    opens = i == 0 or words[i - 1].text.endswith((".", "?", "!"))
    off_left = opens or words[i - 1].text.endswith(",") or words[i].start_s - words[i - 1].end_s >= PAUSE_S
    pair = f"{here} {nxt}"
    if pair == "you know":
        after = keys[i + 2] if i + 2 < len(keys) else ""
        set_off = words[i + 1].text.endswith((",", ".", "?")) or off_left
        fine = after not in _NOT_AFTER_YOU_KNOW or words[i + 1].text.endswith(",")
        return 2 if set_off and fine and before not in _NOT_BEFORE_YOU_KNOW else 0
    if pair == "i mean":
        return 2 if off_left and not words[i + 1].text.endswith((".", "?")) else 0
    if pair in ("kind of", "sort of"):
        # "a rare kind of failure" names a kind: the article stands two words before
        further = keys[i - 2] if i >= 2 else ""
        return 2 if i > 0 and before not in _NOT_BEFORE_KIND and further not in _ARTICLES else 0
    if pair == "okay so" and opens:
        return 2
    if here == "like":
        # "signals, like latency" gives an example: only a comma behind it makes it empty
        set_off = off_left and words[i].text.endswith(",")
        return 1 if set_off and before not in _NOT_BEFORE_LIKE else 0
    if here == "well":
        return 1 if opens and words[i].text.endswith(",") else 0
    if here == "right":
        return 1 if off_left and not opens and words[i].text.endswith((",", ".", "?")) else 0
    if here == "so":
        rest = " ".join(keys[i : i + 2])
        # the so that opens the whole answer, or draws a conclusion, has its meaning
        return 1 if opens and i > 0 and words[i].text.endswith(",") and not _SO_MEANS_THEREFORE.match(rest) else 0
    if here in _CRUTCHES:
        return 1 if crutches[here] >= CRUTCH_FROM else 0
    if " ".join(keys[i : i + 3]) in ("stuff like that", "and so on"):
        last = i + 3 >= len(words) or words[i + 2].text.endswith((",", ".", "?", "!"))
        return 3 if last else 0
    return 0
