"""What the speech path makes of an answer, learnt from answers that went through it, for those that did not.

A voice and Whisper cost a minute or two an answer; hundreds of training answers went that way. From them this
learns where sentences are cut and joined (by punctuation and the next word) and what words are taken for,
and does the same to any written answer at no cost.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from voice_coach.coverage.corpus import Answer

LONGEST_SPAN = 3
"""Words of a phrase that is taken for another; longer ones are gaps of the alignment rather than mishearings."""

FEWEST_GAPS = 20
"""Places of a kind that were seen, under which its share of sentence ends is not believed."""

BOOST = 2.5
"""How much oftener a mishearing that is known is drawn than it was met, for all those that were not met. Learnt from
one half of the pairs, answers of the other half get a word error rate of 0.09 instead of 0.055; really it was 0.11."""

_JOINTS = frozenset("and but so then because which while when after before or until where who".split())


@dataclass(frozen=True)
class Piece:
    """A sentence as heard, and the units (0-based) of which it tells something."""

    text: str
    units: tuple[int, ...]


@dataclass
class Mishearing:
    """Learnt from pairs; `hear` draws what might have been heard of a written answer.

    taken_for: what each written phrase was heard as, and how often (itself included). ends: of the places
    between two words, by kind, the share where a heard sentence ended.
    """

    taken_for: dict[tuple[str, ...], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    ends: dict[str, float] = field(default_factory=dict)

    @classmethod
    def learn(cls, written: Mapping[str, Answer], heard: Iterable[Answer]) -> Mishearing:
        """From answers that are there both ways. written: by id."""
        one = cls()
        seen: Counter[str] = Counter()
        ended: Counter[str] = Counter()
        right: list[list[str]] = []
        for answer in heard:
            said = words_of([unit.text for unit in written[answer.id].units])
            got = words_of([unit.text for unit in answer.units])
            blocks = SequenceMatcher(
                None, [_plain(word) for word, _ in said], [_plain(word) for word, _ in got], autojunk=False
            )
            for kind, a, b, c, d in blocks.get_opcodes():
                if kind == "equal":
                    right.append([_plain(word) for word, _ in said[a:b]])
                    for k in range(b - a):
                        word = _plain(said[a + k][0])
                        one.taken_for[(word,)][word] += 1
                        if k:
                            place = place_before(said, a + k)
                            seen[place] += 1
                            ended[place] += got[c + k - 1][1] != got[c + k][1]
                elif b - a <= LONGEST_SPAN and d - c <= LONGEST_SPAN and a < b:
                    phrase = tuple(_plain(word) for word, _ in said[a:b])
                    one.taken_for[phrase][" ".join(word.strip(".,?!") for word, _ in got[c:d])] += 1
        # A phrase that was heard right elsewhere weighs against its mishearing, and one time more than was seen: of
        # most phrases one mishearing is all that is known.
        for phrase, heard_as in one.taken_for.items():
            if len(phrase) > 1:
                heard_as[" ".join(phrase)] += 1
        for words in right:
            for length in range(2, LONGEST_SPAN + 1):
                for k in range(len(words) - length + 1):
                    phrase = tuple(words[k : k + length])
                    if phrase in one.taken_for:
                        one.taken_for[phrase][" ".join(phrase)] += 1
        one.ends = {place: ended[place] / seen[place] for place in seen if seen[place] >= FEWEST_GAPS}
        return one

    def hear(self, texts: Sequence[str], chance: random.Random) -> list[Piece]:
        """Sentences that might have been heard of these units."""
        words = words_of(texts)
        pieces: list[Piece] = []
        current: list[str] = []
        units: set[int] = set()
        k = 0
        while k < len(words):
            length, heard_as = self._misheard(words, k, chance)
            tail = _tail(words[k + length - 1][0])
            if heard_as is None:
                current += [word for word, _ in words[k : k + length]]
            elif heard_as:
                current.append(heard_as + tail)
            units.update(unit for _, unit in words[k : k + length])
            k += length
            if k == len(words) or chance.random() < self.ends.get(place_before(words, k), 0.0):
                if current:
                    pieces.append(Piece(sentence_of(current), tuple(sorted(units))))
                current, units = [], set()
            elif current and current[-1].endswith((".", "?", "!")) and words[k][1] != words[k - 1][1]:
                # run into the next unit
                current[-1] = current[-1].rstrip(".?!") + ","
        return pieces

    def _misheard(self, words: Sequence[tuple[str, int]], k: int, chance: random.Random) -> tuple[int, str | None]:
        """How many words from k on are taken together, and for what; None where they are heard right."""
        for length in range(min(LONGEST_SPAN, len(words) - k), 0, -1):
            phrase = tuple(_plain(word) for word, _ in words[k : k + length])
            known = self.taken_for.get(phrase)
            if known is None or words[k][1] != words[k + length - 1][1]:
                continue
            right = " ".join(phrase)
            weights = [seen if said == right else BOOST * seen for said, seen in known.items()]
            heard_as = chance.choices(list(known), weights=weights)[0]
            if heard_as != right:
                return length, heard_as
        return 1, None


def words_of(texts: Sequence[str]) -> list[tuple[str, int]]:
    return [(word, k) for k, text in enumerate(texts) for word in text.split() if _plain(word)]


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9']", "", word.lower())


def _tail(word: str) -> str:
    found = re.search(r"[.,?!;:]+$", word)
    return found.group() if found else ""


def place_before(words: Sequence[tuple[str, int]], k: int) -> str:
    """The kind of place before word k: what the transcriber's hand and the words themselves say of it."""
    before, after = words[k - 1], words[k]
    mark = _tail(before[0])[:1]
    kind = "stop" if mark in (".", "?", "!") else "comma" if mark else "none"
    if before[1] != after[1]:
        return f"unit {kind}"
    return f"{kind} {'joint' if _plain(after[0]) in _JOINTS else 'other'}"


def sentence_of(words: Sequence[str]) -> str:
    text = " ".join(words).rstrip(",;: ")
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else text + "."
