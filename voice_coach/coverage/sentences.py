"""Cut an answer into sentences, the units that are judged: from timed words or from typed text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from voice_coach.records import Sentence, Word

LONGEST_WORDS = 40
"""A transcriber's sentence longer than this is nearly always several; it is cut at its best joint."""

SHORTEST_WORDS = 5
"""No piece of a cut sentence is shorter."""

SENTENCE_PAUSE_S = 1.2
"""A silence this long ends a sentence even where the recogniser wrote no full stop."""

_ENDS = (".", "?", "!")
_TITLES = frozenset("Mr. Mrs. Ms. Dr. St. Prof.".split())
_NEVER_LAST = frozenset("vs. e.g. i.e. approx.".split())
"""Abbreviations that something must follow."""

_HOURS = frozenset("a.m. p.m.".split())
_AFTER_HOURS = frozenset(
    "UTC GMT ET EST EDT CT CST CDT MT MST MDT PT PST PDT BST CET CEST IST JST AEST AEDT Pacific Eastern Central "
    "Mountain Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
)
"""What with a capital goes on after an hour."""

_SELDOM_LAST = re.compile(r"(?:[A-Za-z]\.){2,}|Inc\.|Ltd\.")
"""U.S., Inc.: more often inside a sentence than at its end."""

_INITIAL = re.compile(r"[A-HJ-Z]\.")
_LETTERED = frozenset(
    "plan option region zone team vendor version tier phase class part group cluster shard node".split()
)
"""Words after which a single letter is a label, and no initial of a name."""

_LIST_NUMBER = re.compile(r"\d{1,2}\.")

_OPENERS = frozenset(
    "I We It The They That This Then There So And But You He She When After My Our His Her Their Your Nobody".split()
)
"""Words that with a capital open a sentence, and are no name."""

_JOINTS = frozenset("and but so then because which while when after before or until".split())


def spoken_sentences(words: Sequence[Word]) -> tuple[Sentence, ...]:
    """Sentences of a transcript; together they hold every word once, in order."""
    pieces: list[list[Word]] = [[]]
    for k, word in enumerate(words):
        pieces[-1].append(word)
        if k + 1 == len(words):
            break
        pause_s = words[k + 1].start_s - word.end_s
        if _LIST_NUMBER.fullmatch(word.text) and len(pieces[-1]) == 1:
            continue
        if _ends_sentence(word.text, words[k + 1].text, words[k - 1].text if k else "") or (
            pause_s >= SENTENCE_PAUSE_S and len(pieces[-1]) >= SHORTEST_WORDS
        ):
            pieces.append([])
    cut = [part for piece in pieces if piece for part in _cut_long(piece)]
    return tuple(Sentence(" ".join(word.text for word in part), part[0].start_s, part[-1].end_s) for part in cut)


def typed_sentences(text: str) -> tuple[Sentence, ...]:
    """Sentences of a typed answer; a blank line always ends one."""
    sentences: list[Sentence] = []
    for paragraph in re.split(r"\n\s*\n", text):
        # without a clock every word stands at 0: only the punctuation and the joints count
        words = [Word(token, 0.0, 0.0, None) for token in paragraph.split()]
        sentences += [Sentence(one.text, None, None) for one in spoken_sentences(words)]
    return tuple(sentences)


def line_sentences(text: str) -> tuple[Sentence, ...]:
    """One sentence a line, kept one to one: an empty line is an empty sentence."""
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []
    return tuple(Sentence(line.strip(), None, None) for line in lines)


def _ends_sentence(token: str, following: str, before: str) -> bool:
    bare = token.rstrip("\"')]”’")
    if not bare.endswith(_ENDS) or bare.endswith(("...", "…")):
        return False
    if bare.lower() == "no.":
        return not following[:1].isdigit()
    if bare in _TITLES or bare.lower() in _NEVER_LAST:
        return False
    # "I'm" and "So," open one, too
    opening = re.split(r"[^A-Za-z]", following.lstrip("\"'“‘(["), maxsplit=1)[0]
    if bare.lower() in _HOURS:
        return opening[:1].isupper() and opening not in _AFTER_HOURS
    if _SELDOM_LAST.fullmatch(bare) or (_INITIAL.fullmatch(bare) and before.lower() not in _LETTERED):
        return opening in _OPENERS
    if bare != token and bare.endswith(("?", "!")):
        # "what broke?" within what somebody says of it
        return not following[:1].islower()
    return bare.lower() != "etc." or following[:1].isupper()


def _cut_long(words: list[Word]) -> list[list[Word]]:
    """Halve a run-on at its best joint until no piece is too long."""
    if len(words) <= LONGEST_WORDS:
        return [words]
    places = range(SHORTEST_WORDS, len(words) - SHORTEST_WORDS + 1)
    best = max(places, key=lambda k: _joint_strength(words, k))
    return [*_cut_long(words[:best]), *_cut_long(words[best:])]


def _joint_strength(words: list[Word], k: int) -> float:
    """How good it is to cut before word k: a comma, a joining word, a pause, near the middle."""
    before, after = words[k - 1], words[k]
    strength = 1.0 if before.text.endswith((",", ";", ":", "...", "…")) else 0.0
    if re.sub(r"\W", "", after.text.lower()) in _JOINTS:
        strength += 1.0
    strength += min(max(after.start_s - before.end_s, 0.0), 1.0)
    off_middle = abs(k - len(words) / 2) / (len(words) / 2)
    return strength - off_middle
