"""Every answer as it might have been handed over: cut short, run together, misheard, without punctuation.

A variant is drawn by the answer's id, the phase and the epoch, and not by a run's seed, so that what a teacher says of
it (scripts/teach_coverage.py) can be kept and used in any later run on the same corpus.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from coverage_scores import targets
from mishearing import Mishearing, Piece

from voice_coach.coverage.corpus import Answer
from voice_coach.coverage.labels import OUTPUTS, STAGES

SHORTEST_PART = 3
"""Words of the shorter part of a unit that is cut in two."""

ON_SUBJECT = 0.25
"""Share of its units that tell a stage, from which an answer is on the subject: of 412 off-topic answers that teach 390
have fewer (`scripts/judgement_rules.py`), of those that tell an incident hardly any."""

FILLERS = ("um,", "uh,", "like,", "you know,", "I mean,", "so,", "well,", "er,")

Truth = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Mix:
    """Shares of answers or of their units that are changed, each in one way.

    excerpt: answers cut down to one to six sentences. heard: answers put through `Mishearing`. merge, split:
    units run into the next, cut in two at a comma. unpunctuated: answers without stops and capitals.
    fillers: sentences with a filler put in. in_parts: of the answers of which a reader
    labelled the parts, those that come in them.
    """

    excerpt: float
    heard: float
    merge: float
    split: float
    unpunctuated: float
    fillers: float
    in_parts: float = 0.0


@dataclass(frozen=True, eq=False)
class Variant:
    """One answer as handed over.

    writer: of the answer. goal: float32 [sentences, outputs], 1 or 0, or NaN where a labelled unit was cut and this
    part may or may not tell it. bags: for each such unit its parts (indices of sentences) and its labels,
    float32 [outputs]: at least one of the parts tells each (multiple-instance learning).
    """

    writer: str
    texts: tuple[str, ...]
    goal: Truth
    bags: tuple[tuple[tuple[int, ...], Truth], ...]

    @cached_property
    def fingerprint(self) -> int:
        """64 bits of its words: tells whether what a teacher said belongs to them."""
        digest = hashlib.blake2b("\n".join(self.texts).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little")


def vary(answer: Answer, mix: Mix, name: str, ears: Mishearing | None, *, written: Answer | None = None) -> Variant:
    """The variant of this name. ears: None for an answer that went through the speech path itself. written: the answer
    before it was heard or cut into parts, where it was; whether it is on the subject is seen there."""
    chance = random.Random(f"{name} {answer.id} {len(answer.units)}")
    first, last = 0, len(answer.units)
    if chance.random() < mix.excerpt:
        # short answers, and the first sentences of one still being spoken, have little context
        length = min(chance.randint(1, 6), last)
        place = chance.choice((0, chance.randint(0, last - length)))
        # what shows an answer to be about something else stands at its beginning; a sentence from its middle may be the
        # very one that would tell a stage in another answer
        first = 0 if off_subject(written or answer) else place
        last = first + length
    texts = [unit.text for unit in answer.units[first:last]]
    if ears is not None and chance.random() < mix.heard:
        pieces = ears.hear(texts, chance) or [Piece(text, (k,)) for k, text in enumerate(texts)]
    else:
        pieces = _cut_and_join(texts, mix, chance)
    wanted = np.asarray([targets(unit) for unit in answer.units[first:last]], dtype=np.float32)
    return _variant(answer.writer, pieces, wanted, _written(pieces, mix, chance))


def off_subject(answer: Answer) -> bool:
    """Whether hardly a unit tells a stage."""
    return sum(bool(unit.labels & set(STAGES)) for unit in answer.units) < ON_SUBJECT * len(answer.units)


def _cut_and_join(texts: Sequence[str], mix: Mix, chance: random.Random) -> list[Piece]:
    pieces: list[Piece] = []
    for k, text in enumerate(texts):
        if chance.random() < mix.split:
            pieces += [Piece(part, (k,)) for part in cut_in_two(text, chance)]
        elif pieces and chance.random() < mix.merge:
            before = pieces.pop()
            pieces.append(Piece(f"{before.text} {text}", (*before.units, k)))
        else:
            pieces.append(Piece(text, (k,)))
    return pieces


def cut_in_two(text: str, chance: random.Random) -> list[str]:
    """A unit as a recogniser that took a pause for a full stop writes it; whole where it has no comma."""
    words = text.split()
    places = [k for k in range(SHORTEST_PART, len(words) - SHORTEST_PART + 1) if words[k - 1].endswith(",")]
    if not places:
        return [text]
    place = chance.choice(places)
    first, second = " ".join(words[:place]).rstrip(",") + ".", " ".join(words[place:])
    return [first, second[:1].upper() + second[1:]]


def _written(pieces: Sequence[Piece], mix: Mix, chance: random.Random) -> tuple[str, ...]:
    bare = chance.random() < mix.unpunctuated
    result = []
    for piece in pieces:
        words = piece.text.split()
        if chance.random() < mix.fillers:
            words.insert(chance.randrange(len(words) + 1), chance.choice(FILLERS))
        text = " ".join(words)
        if bare:
            text = "".join(c for c in text.lower() if c.isalnum() or c in " '%-")
        result.append(text)
    return tuple(result)


def _variant(writer: str, pieces: Sequence[Piece], wanted: Truth, texts: tuple[str, ...]) -> Variant:
    parts: dict[int, list[int]] = {}
    for k, piece in enumerate(pieces):
        for unit in piece.units:
            parts.setdefault(unit, []).append(k)
    goal = np.zeros((len(pieces), len(OUTPUTS)), dtype=np.float32)
    for unit, among in parts.items():
        if len(among) > 1:
            goal[np.ix_(among, wanted[unit] > 0)] = np.nan
    for unit, among in parts.items():
        if len(among) == 1:
            goal[among[0], wanted[unit] > 0] = 1.0
    bags = tuple((tuple(among), wanted[unit]) for unit, among in parts.items() if len(among) > 1 and wanted[unit].any())
    return Variant(writer, texts, goal, bags)
