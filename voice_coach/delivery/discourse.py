"""Discourse markers: "like", "you know", "basically" where the sentence keeps its meaning without them.

Judged by position and neighbours, never by the word alone: "it looked like a leak" and "right
after the deploy" are not fillers. A miss is better than a false accusation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from voice_coach.records import FillerEvent, Word

CONFIDENCE = 0.9
"""Of the markers found in sentences the rules were not written from, 95% are real
(tests/data/discourse_test*.txt); rounded down, because speech is messier than a written table."""

PAUSE_S = 0.3
"""A silence that sets a word off as a comma would."""

CRUTCH_FROM = 2
"""Actually, honestly, obviously carry meaning once; from the second time on they are a habit."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_BE = _set("is are was were be been am it's that's there's he's she's they're we're i'm you're wasn't isn't")
_JOINS = _set("and but so because cause then well yeah okay or")
_NUMBER = re.compile(
    r"(?:\d.*|half|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty"
    r"|sixty|seventy|eighty|ninety|a?hundred|thousands?|hundreds?|millions?|dozens?)$"
)
_ORDINALS = _set("first second third fourth fifth tenth last only")
_INTENSE = _set("really so super very totally completely pretty kind sort too literally basically absolutely quite")
_NOT_BEFORE_LIKE = _set(
    """
    i you we they he she it would do did don't didn't does doesn't look looks looked looking feel feels
    felt feeling sound sounds sounded seem seems seemed something things thing stuff just more is was
    were are much exactly nothing anything not to acts act acted behaves behaved a
    """
)
_SAID_SO = _set("i we you he she they that this any most many all in a an")
_NOT_AFTER_YOU_KNOW = _set("what how that why who if where when which about it this whether")
_NOT_BEFORE_YOU_KNOW = _set("do did as if don't didn't would let could can that's before until once unless")
_NOT_BEFORE_KIND = _set(
    """
    a the this that what some any each every no one same of different another which certain other these
    those all right best worst only first new exact
    """
)
_ARTICLES = _set("a an the some any every no")
_CRUTCHES = _set("actually honestly obviously")
_NEARLY = _set(
    "the same every everything all no nothing none impossible unusable gone done identical useless passed free"
)
_TRUE_AFTER = _set("what who which that if whether not never didn't doesn't don't wasn't isn't can't to how did")
_CONTRAST = _set(
    "not but instead only thought looked seemed supposed turned wasn't isn't didn't never rather even though"
)
_ADJECTIVE_RIGHT = _set(
    """
    the is was were are be been it them that things look looks looked went go get got seemed do did turned to not
    that's all far top bottom hand your my our exactly about came feel felt sounds sounded just more quite
    """
)
_AFTER_WELL = _set("there i we it you that the yeah no so my they he she it's i'd i'll that's if when maybe")
_AFTER_AND_SO_ON = _set("and but so which that because they it we were was is are until while")
_SO_MEANS_THEREFORE = re.compile(r"so (?:that|far|long|much|many|few|soon)\b")
_SO_IS_EMPTY = _set("yeah like basically okay um uh i mean you well anyway yes")


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
    place = _Place(i, words, keys)
    here, pair = place.key(0), f"{place.key(0)} {place.key(1)}"
    if pair == "you know":
        return 2 * _you_know(place)
    if pair == "i mean":
        return 2 * _i_mean(place)
    if pair in ("kind of", "sort of"):
        # "a rare kind of failure" names a kind: the article stands two words before
        return 2 * (i > 0 and place.key(-1) not in _NOT_BEFORE_KIND and place.key(-2) not in _ARTICLES)
    if pair == "okay so" and place.opens:
        return 2
    if " ".join(keys[i : i + 3]) in ("stuff like that", "and so on"):
        return 3 * (place.ends(2) or place.key(3) in _AFTER_AND_SO_ON)
    if here in _CRUTCHES and crutches[here] >= CRUTCH_FROM:
        return 1
    rule = _RULES.get(here)
    return int(rule is not None and rule(place))


class _Place:
    """A word and its neighbours."""

    def __init__(self, i: int, words: Sequence[Word], keys: Sequence[str]) -> None:
        self._i, self._words, self._keys = i, words, keys
        self.starts_answer = i == 0
        self.opens = i == 0 or words[i - 1].text.endswith((".", "?", "!"))
        self.off_left = (
            self.opens or words[i - 1].text.endswith(",") or words[i].start_s - words[i - 1].end_s >= PAUSE_S
        )

    def key(self, offset: int) -> str:
        """The word so many places on, bare and in lower case; empty beyond the ends."""
        k = self._i + offset
        return self._keys[k] if 0 <= k < len(self._keys) else ""

    def comma(self, offset: int = 0) -> bool:
        """Whether a comma follows the word so many places on."""
        return self._words[self._i + offset].text.endswith(",")

    def ends(self, offset: int = 0) -> bool:
        """Whether something ends with that word: a clause, a sentence, the answer."""
        k = self._i + offset
        return k + 1 >= len(self._words) or self._words[k].text.endswith((",", ".", "?", "!"))

    def sentence(self) -> set[str]:
        """The words of the sentence this one stands in."""
        first, last = self._i, self._i
        while first > 0 and not self._words[first - 1].text.endswith((".", "?", "!")):
            first -= 1
        while last + 1 < len(self._words) and not self._words[last].text.endswith((".", "?", "!")):
            last += 1
        return set(self._keys[first : last + 1])


def _you_know(at: _Place) -> bool:
    if at.key(-1) in _NOT_BEFORE_YOU_KNOW:
        return False
    if at.comma(1) or (at.off_left and at.ends(1)):
        return True
    if at.key(2) in _NOT_AFTER_YOU_KNOW:
        return False
    return at.off_left or at.ends(1) or at.key(-1) in _BE | _JOINS | {"where", "like", "just", "a"}


def _i_mean(at: _Place) -> bool:
    if at.comma(1):
        return True
    if at.opens:
        # "I mean the primary, not the replica" says what was meant
        return not at.ends(1) and at.key(2) not in _ARTICLES | {"that", "this", "my", "our", "his", "her"}
    return at.off_left or at.key(-1) in _JOINS


def _like(at: _Place) -> bool:
    before, after = at.key(-1), at.key(1)
    if at.off_left and at.comma():
        # "signals, like latency" gives an example: only a comma behind it makes it empty
        return True
    if before in _BE | {"maybe", "just", "for", "took", "after", "about", "got", "had", "lost"}:
        quantity = _NUMBER.match(after) or (after == "the" and at.key(2) in _ORDINALS)
        return bool(quantity) or (before in _BE and after in _INTENSE)
    if _NUMBER.match(after) and before not in _NOT_BEFORE_LIKE:
        return True
    if at.opens or before in _JOINS | {"when", "where"}:
        return after not in _SAID_SO
    return False


def _basically(at: _Place) -> bool:
    return at.key(1) not in _NEARLY or at.opens or at.comma()


def _actually(at: _Place) -> bool:
    if at.opens:
        return at.comma()
    if {at.key(-1), at.key(-2)} & _TRUE_AFTER or at.sentence() & _CONTRAST:
        return False
    # "it was actually the load balancer" corrects what was believed
    return at.ends() or (at.key(-1) in _BE and at.key(1) != "the")


def _literally(at: _Place) -> bool:
    # "took it literally and …", "literally full": here it says something
    return at.off_left or not (at.ends() or at.ends(1) or at.key(1) in _JOINS)


def _right(at: _Place) -> bool:
    if at.off_left and not at.opens and at.ends():
        return True
    return at.key(1) in {"and", "so", "but", "because"} and not at.opens and at.key(-1) not in _ADJECTIVE_RIGHT


def _well(at: _Place) -> bool:
    return at.opens and (at.comma() or at.key(1) in _AFTER_WELL)


def _so(at: _Place) -> bool:
    if not at.opens or _SO_MEANS_THEREFORE.match(f"so {at.key(1)}"):
        return False
    # there is nothing yet that the first so of an answer could follow from
    return at.starts_answer or at.comma() or at.key(1) in _SO_IS_EMPTY


def _just(at: _Place) -> bool:
    before, after = at.key(-1), at.key(1)
    if after in {"like", "kept", "basically", "literally", "really"} or at.comma():
        return True
    if after in {"kind", "sort"} and at.key(2) == "of":
        return True
    if before in {"basically", "like", "literally"}:
        return True
    if before in _BE and after in _INTENSE:
        return True
    return after == "went" or (before in {"i", "we", "they"} and at.key(-2) == "then")


_RULES: dict[str, Callable[[_Place], bool]] = {
    "like": _like,
    "basically": _basically,
    "actually": _actually,
    "literally": _literally,
    "right": _right,
    "well": _well,
    "so": _so,
    "just": _just,
}
