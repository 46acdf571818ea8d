"""Domain terms put right after the reading: "cooper netties" is Kubernetes, "sev one" is SEV-1.

Whisper is not told the terms beforehand: a prompt that names them makes it write them where they were not
said. Instead runs of written words that sound like a term, and like nothing else that people say, are
replaced. What is a term's sound-alike stands in a list (questions/terms.toml) or, for terms of the user's own,
follows from the term.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path

from voice_coach.errors import QuestionPackError
from voice_coach.records import Word

if sys.version_info >= (3, 11):
    import tomllib
else:  # the same parser, from before it entered the standard library
    import tomli as tomllib

TERMS = Path(__file__).resolve().parent.parent / "questions" / "terms.toml"

MOST_WORDS = 6
"""Words a sound-alike may have: "pee ninety five" has three, "crash loop back off" four."""

UNSURE_BELOW = 0.6
"""Mean confidence under which a run of words may be a term that only resembles it. Ordinary English is read at 0.88
to 0.95 on average (session.FOREIGN_BELOW), names it does not know at 0.1 to 0.5
("aligner" in human recordings)."""

ALIKE_FROM = 0.86
"""Likeness of the consonants from which an unsure run is taken for a term: one in seven may differ."""

SHORTEST_ALIKE = 5
"""Consonants a term needs to be looked for by likeness: "helm" resembles too much."""

DOUBTFUL = "?"
"""Before a sound-alike that people also say otherwise ("?seven one"): its neighbours decide."""

BEFORE_A_NAME = frozenset(
    "a an the this that another our as is was were are it's be been got called declared full real".split()
)
"""After one of these a noun stands: "a seven one" is SEV-1, "restarted seven one by one" is not."""

AFTER_A_NUMBER = frozenset("of by or more another at to thing person time day hour minute node host".split())
"""Before one of these stands a count, not a name: "seven, one of them"."""

WORDS_TOO = frozenset("envoy helm lambda sentry slack vault".split())
"""Terms that are words or names themselves: they keep the spelling they were read with, since Whisper writes a capital
where it hears a name."""

LONG_NAME = 8
"""Letters from which a term may have a comma read into it: "post, mortem", "pager, duty"."""

_SENTENCE_ENDS = (".", "?", "!", ";", ":")
_CLAUSE_ENDS = (*_SENTENCE_ENDS, ",")

_INITIALS = re.compile(r"(?:\w\.)+|.{1,2}")
"""What ends with a full stop and ends no sentence: "H.A. proxy", "S. L. O."."""

_SOUNDS = (("ph", "f"), ("ck", "k"), ("qu", "kw"), ("ch", "k"), ("x", "ks"), ("c", "k"), ("q", "k"), ("z", "s"))


@dataclass(frozen=True, slots=True)
class Glossary:
    """Terms as they are to be written. heard: joined sound-alike → term. skeletons: consonants → term.

    doubtful: those of the sound-alikes that people say otherwise, too. letters: those that are letters said one by one.
    """

    names: tuple[str, ...]
    heard: Mapping[str, str]
    skeletons: Mapping[str, str]
    doubtful: frozenset[str] = frozenset()
    letters: frozenset[str] = frozenset()


def read_terms(path: Path | None = None, own: Sequence[str] = ()) -> Glossary:
    """The shipped terms, or those at `path`, and the user's own beside them.

    Raises: QuestionPackError naming the key that is wrong.
    """
    path = path or TERMS
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise QuestionPackError(f"{path}: not a readable TOML file ({exc})") from exc
    table = raw.get("terms")
    if set(raw) != {"terms"} or not isinstance(table, dict):
        raise QuestionPackError(f"{path}: must hold one table, [terms]")
    for term, ways in table.items():
        if not isinstance(ways, list) or not all(isinstance(way, str) and _joined(way) for way in ways):
            raise QuestionPackError(f"{path}: {term} must be a list of the ways it is heard")
    terms: dict[str, list[str]] = {**table, **{term: [] for term in own if term not in table}}
    heard: dict[str, str] = {}
    for term, ways in terms.items():
        for way in (term, *ways):
            heard.setdefault(_joined(way), term)
    skeletons = {_skeleton(term): term for term in terms if len(_skeleton(term)) >= SHORTEST_ALIKE}
    doubtful = frozenset(_joined(way) for ways in terms.values() for way in ways if way.startswith(DOUBTFUL))
    letters = frozenset(_joined(term) for term in terms if term.isalpha() and term.isupper())
    return Glossary(tuple(terms), heard, skeletons, doubtful, letters)


def correct_terms(words: Sequence[Word], glossary: Glossary) -> tuple[Word, ...]:
    """The words with each term written as the glossary has it; times and order are kept.

    A term written over several words becomes one, from the first one's start to the last one's end, with the lowest
    of their confidences.
    """
    corrected: list[Word] = []
    at = 0
    while at < len(words):
        for count in range(min(MOST_WORDS, len(words) - at), 0, -1):
            run = words[at : at + count]
            term = _term_of(run, glossary)
            if term is not None and _stands_for(run, glossary, words[:at], words[at + count :]):
                corrected.append(_as_term(run, term))
                at += count
                break
        else:
            corrected.append(words[at])
            at += 1
    return tuple(corrected)


def _term_of(run: Sequence[Word], glossary: Glossary) -> str | None:
    """The term a run of words stands for; None where it is ordinary words.

    A sentence or a clause that ends inside the run is the end of it, but a comma inside a long name is misheard.
    """
    joined = _joined_run(run)
    commas = joined in glossary.heard and joined not in glossary.doubtful and len(joined) >= LONG_NAME
    stops = _SENTENCE_ENDS if commas else _CLAUSE_ENDS
    if any(word.text.endswith(stops) and not _INITIALS.fullmatch(word.text) for word in run[:-1]):
        return None
    if joined in glossary.heard:
        return glossary.heard[joined]
    confidences = [word.confidence for word in run if word.confidence is not None]
    if not confidences or sum(confidences) / len(confidences) >= UNSURE_BELOW:
        return None
    skeleton = _skeleton(joined)
    if len(skeleton) < SHORTEST_ALIKE:
        return None
    for known, term in glossary.skeletons.items():
        if known[0] == skeleton[0] and SequenceMatcher(a=known, b=skeleton, autojunk=False).ratio() >= ALIKE_FROM:
            return term
    return None


def _stands_for(run: Sequence[Word], glossary: Glossary, before: Sequence[Word], after: Sequence[Word]) -> bool:
    """Whether a run that sounds like a term is one here, and not the ordinary words that it is written as."""
    joined = _joined_run(run)
    if len(run) > 1 and joined in glossary.letters:
        # "I A M" and "a WS" are spelled out; "I am" is not
        return all(len(_joined(word.text)) == 1 or word.text.removesuffix("'s").isupper() for word in run)
    if joined not in glossary.doubtful:
        return True
    ends = run[-1].text.endswith(_CLAUSE_ENDS)
    follows = _bare(after[0]) if after and not ends else ""
    return bool(before) and _bare(before[-1]) in BEFORE_A_NAME and follows not in AFTER_A_NUMBER


def _bare(word: Word) -> str:
    return word.text.lower().strip(".,?!;:…")


def _joined_run(run: Sequence[Word]) -> str:
    return _joined("".join(word.text for word in run).removesuffix("'s"))


def _as_term(run: Sequence[Word], term: str) -> Word:
    last = run[-1]
    if len(run) == 1 and _joined(last.text) == _joined(term) and _joined(term) in WORDS_TOO:
        return last
    tail = re.search(r"(?:'s)?[.,?!;:…]*$", last.text)
    confidences = [word.confidence for word in run if word.confidence is not None]
    return replace(
        run[0],
        text=term + (tail.group() if tail else ""),
        end_s=last.end_s,
        confidence=min(confidences) if confidences else None,
    )


def _joined(text: str) -> str:
    """Letters and digits only, in small letters."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _skeleton(text: str) -> str:
    """The consonants in a rough spelling by sound, doubles once: "cooper netties" and "Kubernetes" nearly meet."""
    rough = _joined(text)
    for written, sound in _SOUNDS:
        rough = rough.replace(written, sound)
    rough = re.sub(r"[aeiouywh0-9]", "", rough)
    return re.sub(r"(.)\1+", r"\1", rough)
