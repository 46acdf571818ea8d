"""Domain terms put right after the reading: "cooper netties" is Kubernetes, "sev one" is SEV-1.

Whisper is not told the terms beforehand: a prompt that names them makes it write them where they were not
said. Instead runs of written words that sound like a term, and like nothing else that people say, are
replaced. What is a term's sound-alike stands in a list (questions/terms.toml) or, for terms of the user's own,
follows from the term. Runs that only resemble a term, or that people also say otherwise, are held against the sound:
Whisper says how likely it would have written the term in their place (speech/whisper.py).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from voice_coach.errors import QuestionPackError
from voice_coach.records import HeardTerm, Word

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

SUSPECTED_BELOW = 0.9
"""Mean confidence under which a run of words is held against the sound if it resembles a term."""

SUSPECTED_FROM = 0.65
"""Likeness to a term or one of its sound-alikes, letters and consonants weighed alike, from which it is."""

MOST_SUSPECTED = 4
"""Words of such a run."""

SHORTEST_SUSPECTED = 4
"""Letters of such a run, unless it is written in capitals."""

MOST_FOR_A_RUN = 4
"""Terms that one run is held against."""

TERM_FROM = -9.0
"""Log likelihood ratio from which a term is believed in place of words that are a known sound-alike of it: by so much
Whisper prefers common words to names that it seldom met. This and the next two were chosen on 440 sentences with a
term, 100 in which ordinary words sound like one, and half an hour of answers, in the voices of the tuning half. There
"engine X" for NGINX had -5.4 and more, "dated dog" -10.7, "red is the colour" -10.4, "the score was 7-2" -13.9."""

UNLIKE_COSTS = 12.0
"""How much more likely a term must be for each whole of likeness that is missing: a colleague named Katka (likeness
0.73, ratio -6.0) is not Kafka; "post-war" (0.66, -4.8) is a postmortem."""

TORN_WITHIN = 1.0
"""Two terms whose ratios lie this close for the same words are both left out: "SL in" may be SLO as well as SLA."""

SHORTEST_ALIKE = 5
"""Consonants a term needs to be looked for by likeness: "helm" resembles too much."""

SOUND_DECIDES = "~"
"""Before a sound-alike that people also say otherwise ("~seven one"): the sound decides, with the words that follow."""

NEIGHBOURS_DECIDE = "?"
"""Before one that also sounds the same ("?roll back")."""

_MARKS = SOUND_DECIDES + NEIGHBOURS_DECIDE

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

_PUNCTUATION = ".,?!;:…"
_OPENING, _CLOSING = "\"'“‘([", "\"'”’)]–—"
_SENTENCE_ENDS = (".", "?", "!", ";", ":")
_CLAUSE_ENDS = (*_SENTENCE_ENDS, ",")

_INITIALS = re.compile(r"(?:\w\.)+|.{1,2}")
"""What ends with a full stop and ends no sentence: "H.A. proxy", "S. L. O."."""

_SOUNDS = (("ph", "f"), ("ck", "k"), ("qu", "kw"), ("ch", "k"), ("x", "ks"), ("c", "k"), ("q", "k"), ("z", "s"))


@dataclass(frozen=True, slots=True)
class Suspect:
    """Words [first, first + count) that resemble a term; likeness and their mean confidence, 0 to 1."""

    first: int
    count: int
    term: str
    likeness: float
    confidence: float

    @property
    def promise(self) -> float:
        """What to hold against the sound first: listed ways, then likely terms, read with doubt."""
        return 2.0 if self.likeness == 1.0 else self.likeness - 0.3 * self.confidence


@dataclass(frozen=True, slots=True)
class Glossary:
    """Terms as they are to be written. heard: joined sound-alike → term. skeletons: consonants → term.

    doubtful: those of the sound-alikes that people say otherwise, too; of these the sound decides on `weighable`.
    letters: those that are letters said one by one.
    capitals: of sound-alikes with words in capitals ("his TO") those words; they must be written so.
    """

    names: tuple[str, ...]
    heard: Mapping[str, str]
    skeletons: Mapping[str, str]
    doubtful: frozenset[str] = frozenset()
    weighable: frozenset[str] = frozenset()
    letters: frozenset[str] = frozenset()
    capitals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


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
    capitals: dict[str, tuple[str, ...]] = {}
    for term, ways in terms.items():
        for way in (term, *ways):
            if _joined(way) not in heard:
                heard[_joined(way)] = term
                capitals[_joined(way)] = () if way == term else _in_capitals(way.lstrip(_MARKS).split())
    skeletons = {_skeleton(term): term for term in terms if len(_skeleton(term)) >= SHORTEST_ALIKE}
    weighable, same = (
        frozenset(_joined(way) for ways in terms.values() for way in ways if way.startswith(mark))
        for mark in (SOUND_DECIDES, NEIGHBOURS_DECIDE)
    )
    letters = frozenset(_joined(term) for term in terms if term.isalpha() and term.isupper())
    return Glossary(
        names=tuple(terms),
        heard=heard,
        skeletons=skeletons,
        doubtful=weighable | same,
        weighable=weighable,
        letters=letters,
        capitals={way: words for way, words in capitals.items() if words},
    )


def suspected(words: Sequence[Word], glossary: Glossary) -> list[Suspect]:
    """Runs of words that may be a term, to be held against the sound; they may overlap.

    Sound-alikes on which the sound decides, however surely they were read, and of each other run the MOST_FOR_A_RUN
    terms that it resembles most. Words that are a term as they are written are no part of one, nor are others that
    sound the same as a term ("on call").
    """
    listed = _weighable_runs(words, glossary)
    certain = {at + k for at, (count, _) in _by_spelling(words, glossary).items() for k in range(count)}
    names = {_joined(term) for term in glossary.names}
    for first, count in _runs(len(words), MOST_WORDS):
        if _joined_run(words[first : first + count]) in names:
            certain.update(range(first, first + count))
    certain.difference_update(k for one in listed for k in range(one.first, one.first + one.count))
    runs = [
        (first, count)
        for first, count in _runs(len(words), MOST_SUSPECTED)
        if certain.isdisjoint(range(first, first + count)) and _may_be_a_term(words[first : first + count], glossary)
    ]
    ways = [(way, term) for way, term in glossary.heard.items() if len(way) > 1 and way not in glossary.capitals]
    likeness = _likeness([_joined_run(words[at : at + count]) for at, count in runs], [way for way, _ in ways])
    found = []
    for (first, count), values in zip(runs, likeness, strict=True):
        run = words[first : first + count]
        best: dict[str, float] = {}
        for (_, term), value in zip(ways, values, strict=True):
            best[term] = max(best.get(term, 0.0), float(value))
        spelled_out = any(word.text.isupper() for word in run)
        likely = [
            Suspect(first, count, term, value, _confidence(run) or 0.0)
            for term, value in best.items()
            if value >= SUSPECTED_FROM and (spelled_out or _joined(term) not in glossary.letters)
        ]
        found += sorted(likely, key=lambda one: -one.likeness)[:MOST_FOR_A_RUN]
    decided = {(one.first, one.count) for one in listed}
    return [*listed, *(one for one in found if (one.first, one.count) not in decided)]


def _runs(words: int, most: int) -> Iterator[tuple[int, int]]:
    """First word and count of every run of at most so many words; from each word on the longest first."""
    return ((first, count) for first in range(words) for count in range(min(most, words - first), 0, -1))


def _weighable_runs(words: Sequence[Word], glossary: Glossary) -> list[Suspect]:
    """Listed runs on which the sound decides, the longest at each place; none that is written as the term is."""
    found: dict[int, Suspect] = {}
    for first, count in _runs(len(words), MOST_WORDS):
        run = words[first : first + count]
        if first in found or _joined_run(run) not in glossary.weighable:
            continue
        term = _listed(run, glossary)
        if term is not None and not _is_written(run, term):
            found[first] = Suspect(first, count, term, 1.0, _confidence(run) or 0.0)
    return list(found.values())


def _is_written(run: Sequence[Word], term: str) -> bool:
    """Whether the run is the term as it is to be written, but for capitals within a word: "zookeeper", "New Relic"."""
    return _joined_run(run) == _joined(term) and (len(run) == 1 or " ".join(word.text for word in run).startswith(term))


_NUMBERED = re.compile(r"(.+?)(one|two|three|1|2|3)")


def _without_number(text: str) -> str:
    found = _NUMBERED.fullmatch(text)
    return found.group(1) if found else text


def _likeness(texts: Sequence[str], ways: Sequence[str]) -> npt.NDArray[np.float32]:
    """How alike joined words and sound-alikes are, float32 [texts, ways]; a level's number is no likeness.

    "step three" and "sev three" share the three, and what counts is how alike "step" and "sev" are.
    """
    whole = _spelling_likeness(texts, ways)
    bare = _spelling_likeness([_without_number(text) for text in texts], [_without_number(way) for way in ways])
    return np.minimum(whole, bare)


def _spelling_likeness(texts: Sequence[str], ways: Sequence[str]) -> npt.NDArray[np.float32]:
    """Letters and consonants weighed alike, float32 [texts, ways]."""
    letters = cdist(texts, ways, scorer=Indel.normalized_similarity)
    bones, of_ways = [_skeleton(text) for text in texts], [_skeleton(way) for way in ways]
    consonants = cdist(bones, of_ways, scorer=Indel.normalized_similarity)
    # nothing resembles nothing: "10" and "71" have no consonants
    consonants[[k for k, bone in enumerate(bones) if not bone], :] = 0.0
    likeness: npt.NDArray[np.float32] = (letters + consonants) / 2.0
    return likeness


def _may_be_a_term(run: Sequence[Word], glossary: Glossary) -> bool:
    """Whether a run was read with doubt, and is no everyday word."""
    confidence = _confidence(run)
    if confidence is None or confidence >= SUSPECTED_BELOW:
        return False
    if _ends_inside(run, _SENTENCE_ENDS):
        return False
    joined = _joined_run(run)
    # "so" and "um" are no acronyms, "SL" and "HP" may be what is left of one
    return len(joined) >= SHORTEST_SUSPECTED or (len(joined) > 1 and any(word.text.isupper() for word in run))


def correct_terms(words: Sequence[Word], glossary: Glossary) -> tuple[Word, ...]:
    """The words with each term written as the glossary has it; times and order are kept.

    What is spelled like a term, or a known sound-alike, comes first, unless the sound said otherwise
    (`Word.sounds_like`); then what sounds like one, where those words are all still there. A term written over several
    words becomes one, from the first one's start to the last one's end, with the lowest of their confidences.
    """
    spelled = _by_spelling(words, glossary)
    corrected: list[Word] = []
    at = 0
    while at < len(words):
        count, term = spelled.get(at) or _by_sound(words, at, spelled) or (1, None)
        run = words[at : at + count]
        corrected.append(replace(run[0], sounds_like=None) if term is None else _as_term(run, term))
        at += count
    return tuple(corrected)


def _by_spelling(words: Sequence[Word], glossary: Glossary) -> dict[int, tuple[int, str]]:
    """Where a term begins as it is written: how many words it takes, and which it is."""
    refused = {
        k
        for at, word in enumerate(words)
        if word.sounds_like is not None and word.sounds_like.term is None
        for k in range(at, at + word.sounds_like.count)
    }
    found: dict[int, tuple[int, str]] = {}
    at = 0
    while at < len(words):
        here = _term_at(words, at, refused, glossary)
        if here is not None:
            found[at] = here
        at += here[0] if here is not None else 1
    return found


def _term_at(words: Sequence[Word], at: int, refused: Set[int], glossary: Glossary) -> tuple[int, str] | None:
    """The term that begins at a word, and how many words it takes. refused: words that the sound says are no term.

    The longest listed run, unless a longer one is alike another term to the last consonant; where none is listed, the
    one that is most like a term.
    """
    runs = [words[at : at + count] for count in range(min(MOST_WORDS, len(words) - at), 0, -1)]
    alike = _alike([run for run in runs if refused.isdisjoint(range(at, at + len(run)))], glossary)
    for run in runs:
        term = _listed(run, glossary)
        if term is not None and _stands_for(run, glossary, words[:at], words[at + len(run) :]):
            longer = [(n, other) for likeness, n, other in alike if likeness == 1.0 and n > len(run) and other != term]
            return max(longer, default=(len(run), term))
    return min(alike, key=lambda one: (-one[0], *one[1:]))[1:] if alike else None


def _by_sound(words: Sequence[Word], at: int, spelled: Mapping[int, object]) -> tuple[int, str] | None:
    mark = words[at].sounds_like
    if mark is None or mark.term is None or any(k in spelled for k in range(at, at + mark.count)):
        return None
    return (mark.count, mark.term) if _joined_run(words[at : at + mark.count]) == mark.written else None


def chosen_terms(weighed: Sequence[tuple[float, Suspect]]) -> list[Suspect]:
    """Of (log likelihood ratio, suspect) those that are believed: the likeliest of those that share words, unless
    another term is as likely for some of them."""
    likely = [(ratio, one) for ratio, one in weighed if ratio >= TERM_FROM + UNLIKE_COSTS * (1.0 - one.likeness)]
    chosen: list[Suspect] = []
    taken: set[int] = set()
    for ratio, one in sorted(likely, key=lambda pair: -pair[0]):
        run = set(range(one.first, one.first + one.count))
        if not taken.isdisjoint(run):
            continue
        taken |= run
        torn = any(
            other.term != one.term
            and abs(ratio - others) <= TORN_WITHIN
            and not run.isdisjoint(range(other.first, other.first + other.count))
            for others, other in likely
        )
        if not torn:
            chosen.append(one)
    return chosen


def heard_terms(
    words: Sequence[Word], weighed: Sequence[tuple[float, Suspect]], glossary: Glossary
) -> dict[int, HeardTerm]:
    """What is kept with which word: the terms that are believed, and the sound-alikes on which the sound decides that
    are not."""
    marks = [(one.first, _mark(words, one, None)) for _, one in weighed]
    refused = {first: mark for first, mark in marks if mark.written in glossary.weighable}
    return refused | {one.first: _mark(words, one, one.term) for one in chosen_terms(weighed)}


def _mark(words: Sequence[Word], suspect: Suspect, term: str | None) -> HeardTerm:
    return HeardTerm(term, suspect.count, _joined_run(words[suspect.first : suspect.first + suspect.count]))


def _listed(run: Sequence[Word], glossary: Glossary) -> str | None:
    """The term that a run of words is a listed sound-alike of; None where it is of none.

    A sentence or a clause that ends inside the run is the end of it, but a comma inside a long name is misheard.
    """
    joined = _joined_run(run)
    if joined not in glossary.heard:
        return None
    commas = joined not in glossary.doubtful and len(joined) >= LONG_NAME
    if _ends_inside(run, _SENTENCE_ENDS if commas else _CLAUSE_ENDS):
        return None
    capitals = glossary.capitals.get(joined)
    if capitals is not None and capitals != _in_capitals([word.text for word in run]):
        return None
    return glossary.heard[joined]


def _alike(runs: Sequence[Sequence[Word]], glossary: Glossary) -> list[tuple[float, int, str]]:
    """Likeness, words and term where the consonants of a run that was read with doubt resemble a term's."""
    found = []
    for run in runs:
        confidence = _confidence(run)
        if confidence is None or confidence >= UNSURE_BELOW or _ends_inside(run, _CLAUSE_ENDS):
            continue
        skeleton = _skeleton(_joined_run(run))
        # a word without consonants at either end ("a", "I", "you") would come for nothing
        if len(skeleton) < SHORTEST_ALIKE or not _skeleton(run[0].text) or not _skeleton(run[-1].text):
            continue
        for known, term in glossary.skeletons.items():
            if known[0] == skeleton[0]:
                likeness = SequenceMatcher(a=known, b=skeleton, autojunk=False).ratio()
                if likeness >= ALIKE_FROM:
                    found.append((likeness, len(run), term))
    return found


def _ends_inside(run: Sequence[Word], stops: tuple[str, ...]) -> bool:
    return any(word.text.endswith(stops) and not _INITIALS.fullmatch(word.text) for word in run[:-1])


def _in_capitals(words: Sequence[str]) -> tuple[str, ...]:
    """Those of two capitals and more, but for initials: "TO", not "T.O."."""
    bare = (word.removesuffix("'s").strip(_PUNCTUATION) for word in words)
    return tuple(word for word in bare if len(word) > 1 and word.isalpha() and word.isupper())


def _stands_for(run: Sequence[Word], glossary: Glossary, before: Sequence[Word], after: Sequence[Word]) -> bool:
    """Whether a run that sounds like a term is one here, and not the ordinary words that it is written as."""
    joined = _joined_run(run)
    if len(run) > 1 and joined in glossary.letters:
        # "I A M" and "a WS" are spelled out; "I am" is not
        return all(len(_joined(word.text)) == 1 or word.text.removesuffix("'s").isupper() for word in run)
    if joined not in glossary.doubtful:
        return True
    if _is_written(run, glossary.heard[joined]):
        return True
    mark = run[0].sounds_like
    if mark is not None and (mark.count, mark.written) == (len(run), joined):
        return mark.term is not None
    if mark is not None and mark.term is not None:
        return False  # the sound believes another run here
    ends = run[-1].text.endswith(_CLAUSE_ENDS)
    follows = _bare(after[0]) if after and not ends else ""
    return bool(before) and _bare(before[-1]) in BEFORE_A_NAME and follows not in AFTER_A_NUMBER


def _confidence(run: Sequence[Word]) -> float | None:
    """The mean of those words whose confidence is known."""
    known = [word.confidence for word in run if word.confidence is not None]
    return sum(known) / len(known) if known else None


def _bare(word: Word) -> str:
    return word.text.lower().strip(_PUNCTUATION)


def _joined_run(run: Sequence[Word]) -> str:
    return _joined("".join(word.text for word in run).removesuffix("'s"))


def tail(text: str) -> str:
    """What stays behind a word when it is put right: "'s", punctuation, and what closes a quote or a bracket."""
    found = re.search(rf"(?:['’]s)?[{_PUNCTUATION}{re.escape(_CLOSING)}]*$", text)
    return found.group() if found else ""


def head(text: str) -> str:
    """What stays in front of it: what opens a quote or a bracket."""
    return text[: len(text) - len(text.lstrip(_OPENING))]


def _as_term(run: Sequence[Word], term: str) -> Word:
    last = run[-1]
    if len(run) == 1 and _joined(last.text) == _joined(term) and _joined(term) in WORDS_TOO:
        return last
    confidences = [word.confidence for word in run if word.confidence is not None]
    return replace(
        run[0],
        text=head(run[0].text) + term + tail(last.text),
        end_s=last.end_s,
        confidence=min(confidences) if confidences else None,
        sounds_like=None,
    )


def _joined(text: str) -> str:
    """Letters and digits only, in small letters."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


@lru_cache(maxsize=4096)  # the glossary's come up in every reading
def _skeleton(text: str) -> str:
    """The consonants in a rough spelling by sound, doubles once: "cooper netties" and "Kubernetes" nearly meet."""
    rough = _joined(text)
    for written, sound in _SOUNDS:
        rough = rough.replace(written, sound)
    rough = re.sub(r"[aeiouywh0-9]", "", rough)
    return re.sub(r"(.)\1+", r"\1", rough)
