"""Names and numbers taken out of a text before it is shown to others, as far as a program can tell.

Replaced: addresses (web, mail, IP, MAC), names of hosts, account-like numbers, people and companies. A person is known
by a list of given names and by the words around ("I paged Priya"), a company by the words around
("we at Globex"). The same name gets the same stand-in all along ("[person 1]"). What has a capital in
mid-sentence and is neither replaced nor a known term is left as it is and named: `Scrubber.unsure`.
"""

from __future__ import annotations

import ipaddress
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:  # the same parser, from before it entered the standard library
    import tomli as tomllib

WORDS_FILE = Path(__file__).with_name("scrub_words.toml")

UNTOUCHED = frozenset(
    "schema id take_id question_id rehearsal_id taken_at whisper lifecycle purpose level kind action".split()
)
"""Keys of exported objects whose texts are no free texts; everything else is looked at, also what is added later."""

MODELS = "models"
"""The part that only names models."""

WHOLE = {"path": "[path]", "source": "[path]", "device": "[device]"}
"""Keys whose whole value tells of the machine or its owner."""

_UPPER = "".join(letter for letter in map(chr, range(ord("A"), 0x0530)) if letter.isupper())
"""Capitals of all the Latin, Greek and Cyrillic alphabets: `re` has no class for them."""

_CAP = rf"[{_UPPER}][\w'’]*[\w]"
_NAME = rf"{_CAP}(?:\s+(?:&\s+)?{_CAP}){{0,2}}"

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("url", re.compile(r"\b(?:[a-z][a-z0-9+.-]*://|www\.)[^\s<>\"“”]*[^\s<>\"“”.,;:!?)]")),
    ("e-mail", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("e-mail", re.compile(r"\b[\w.]+ at [\w-]+(?: dot [\w-]+)* dot (?:com|org|net|io|dev|co|edu|gov)\b", re.I)),
    ("address", re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d+)?\b")),
    ("address", re.compile(r"\b\d{1,3}(?: dot \d{1,3}){3}\b", re.I)),
    ("address", re.compile(r"\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b", re.I)),
    ("IPv6", re.compile(r"(?<![\w:])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:/\d{1,3})?(?![\w:])", re.I)),
    ("number", re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.I)),
    ("number", re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12,}\b", re.I)),
    ("number", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("number", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")),
    (
        "number",
        re.compile(r"\b(?!(?:SEV|RFC|CVE|HTTP|UTF|SHA|P|COVID|AES|RSA|ISO|TLS|SSL|PEP|IEEE)-)[A-Z]{2,}-\d{2,}\b"),
    ),
    (
        "number",
        re.compile(
            r"(?<=\b)(?P<before>(?:accounts?|customers?|orders?|tickets?|invoices?|cards?|ids?|number|case|contract|user)"
            r"(?: (?:number|id|no\.?))?(?: is)?[ #]+)(?P<it>#?\d[\d-]{2,})(?!\s*(?:%|percent|ms|seconds))\b",
            re.I,
        ),
    ),
    ("digits", re.compile(r"(?<!CVE-)(?<![\w.])\+?\(?\d(?:[ ()/.-]{0,2}\d){6,}(?![\w%])")),
    ("number", re.compile(r"\b(?:(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)[ ,-]+){5,}\w+\b", re.I)),
    (
        "host",
        re.compile(
            r"\b[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
            r"\.(?:com|org|net|io|dev|co|uk|de|fr|eu|in|cloud|app|ai|internal|local|lan|corp|intra|prod|svc|cluster)\b",
            re.I,
        ),
    ),
    ("host", re.compile(r"\b[\w-]+ dot (?:com|org|net|io|dev|internal|local)\b", re.I)),
    ("numbered host", re.compile(r"\b[a-z]{2,}[a-z0-9]*(?:-[a-z0-9]+)*-\d+[a-z]?\b|\b[a-z]{2,}\d{2,}\b")),
)

_NO_HOST = re.compile(
    r"(?:us|eu|ap|sa|ca|af|me|il|gov)-(?:gov-)?(?:north|south|east|west|central)+-?\d[a-z]?"
    r"|(?:sev|tier|level|phase|priority|top|step|part|version|layer|covid|utf|sha|http|day|week|stage|plan|option|round)"
    r"-?\d+|(?:sha|utf|base|arm|amd|fp|int|win|md|ipv|http|node|python|java|go|log|ec)\d+"
    r"|(?:mid|non|sub|pre|post|late|early|under|over|multi)-[1-9]\d{2,}",
    re.I,
)
"""Numbered words that name no machine: regions of clouds, levels, encodings."""

_DATE = re.compile(
    r"(?:19|20)\d\d[-/. ]\d{1,2}[-/. ]\d{1,2}(?:[ T]\d{1,2}[: ]?\d{2})?|\d{1,2}[./]\d{1,2}[./](?:19|20)?\d\d"
)

_PERSON_AFTER = re.compile(
    rf"\b(?:(?i:colleague|teammate|team-mate|coworker|co-worker|manager|boss|mentor|friend|name is|named|"
    rf"paged|pinged|messaged|texted|phoned|emailed|thanks to)|Mr\.?|Mrs\.?|Ms\.?|Dr\.?)[,:]?\s+({_CAP}(?:\s+{_CAP})?)"
)
_COMPANY_AFTER = re.compile(
    rf"\b(?i:work(?:ed|ing)? (?:at|for)|here at|over at|back at|employer,?|our (?:customer|client|vendor|partner),?|"
    rf"company called|company named|startup called|acquired by|engineer at|on[- ]call (?:at|for)|joined|we at)"
    rf"\s+({_NAME})"
)
_COMPANY_AT = re.compile(rf"\b[Aa]t ({_NAME})(?=,? (?:we|I|they|our|my)\b)")
_COMPANY_KIND = re.compile(rf"\b({_NAME}),? (?:Inc|Ltd|LLC|GmbH|Corp|Corporation|PLC|Limited)\b\.?")

_CAPITAL = re.compile(rf"(?<![\w'’\[-])[{_UPPER}][\w’']*")
_AFTER_STOP = re.compile(r"(?:^|[.?!:\n]|[“\"(])\s*$")


@dataclass(frozen=True, slots=True)
class _Lists:
    given: frozenset[str]
    ambiguous: frozenset[str]
    firms: frozenset[str]
    known: frozenset[str]


@lru_cache(maxsize=1)
def _lists() -> _Lists:
    raw = tomllib.loads(WORDS_FILE.read_text(encoding="utf-8"))
    return _Lists(**{name: frozenset(raw[name].split()) for name in ("given", "ambiguous", "firms", "known")})


class Scrubber:
    """Takes names and numbers out of texts; what it once knew for a name stays one in every later text.

    people, products: names that are known from the start, such as the user's own. replaced: how many places of each
    kind. unsure: capitalised words that were left, and how often.
    """

    def __init__(self, *, people: Iterable[str] = (), products: Iterable[str] = ()) -> None:
        self.replaced: Counter[str] = Counter()
        self.unsure: Counter[str] = Counter()
        self._stand_ins: dict[str, str] = {}
        self._numbers: Counter[str] = Counter()
        self._surfaces: dict[str, str] = {}
        for kind, names in (("person", people), ("company", products)):
            for name in names:
                self._name(kind, name)

    def learn(self, text: str) -> None:
        """Look for names that the words around give away, so that they are known wherever else they stand."""
        for pattern in (_COMPANY_KIND, _COMPANY_AFTER, _COMPANY_AT):
            for found in pattern.finditer(text):
                name = self._without_known(found[1], keep_firms=True)
                if name:
                    self._name("company", name)
        for found in _PERSON_AFTER.finditer(text):
            name = self._without_known(found[1])
            if name:
                self._person(name)
        for found in _CAPITAL.finditer(text):
            self._learn_given(text, found)

    def scrub(self, text: str) -> str:
        """The text with stand-ins; counts what was replaced and what was left in doubt."""
        parts, end = [], 0
        for first, last, stand_in in self._spans(text):
            parts += [text[end:first], stand_in]
            end = last
        clean = "".join([*parts, text[end:]])
        self._doubt(clean)
        return clean

    def scrub_words(self, words: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The words of a transcript, with text and times; a stand-in takes the times of all it stands for."""
        text = " ".join(word["text"] for word in words)
        spans = list(self._spans(text))
        clean: list[dict[str, Any]] = []
        at = 0
        for word in words:
            first, last = at, at + len(word["text"])
            at = last + 1
            inside = [span for span in spans if span[0] < last and span[1] > first]
            if not inside:
                clean.append(dict(word))
            elif inside[0][0] < first:
                # it belongs to the stand-in before it
                clean[-1] = {**clean[-1], "end_s": word["end_s"], "text": clean[-1]["text"] + text[inside[0][1] : last]}
            else:
                new = word["text"]
                for one in reversed(inside):
                    new = new[: one[0] - first] + one[2] + new[max(one[1] - first, 0) :]
                clean.append({**word, "text": new})
        return clean

    def scrub_object(self, value: Any, key: str = "") -> Any:  # noqa: ANN401 - any JSON
        """The same object with every free text in it scrubbed; keys stay as they are."""
        if key in WHOLE:
            return None if value is None else WHOLE[key]
        if key == MODELS:
            return value
        if isinstance(value, str):
            return value if key in UNTOUCHED else self.scrub(value)
        if isinstance(value, Mapping):
            return {name: self.scrub_object(inner, name) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            if key == "words" and value:
                return self.scrub_words(value)
            return [self.scrub_object(inner) for inner in value]
        return value

    def _spans(self, text: str) -> Iterator[tuple[int, int, str]]:
        """What is replaced, in order, without overlaps: where, and by what."""
        end = 0
        # of two that begin together the longer one
        for first, last, kind in sorted(self._found(text), key=lambda span: (span[0], -span[1])):
            if first < end:
                continue
            value = text[first:last]
            stand_in = self._surfaces.get(value)
            if stand_in is None:
                stand_in = self._person(value.capitalize()) if kind == "person" else self._stand_in(kind, value)
            self.replaced[stand_in[1:].rsplit(" ", 1)[0]] += 1
            yield first, last, stand_in
            end = last

    def _found(self, text: str) -> Iterator[tuple[int, int, str]]:
        for kind, pattern in _PATTERNS:
            for found in pattern.finditer(text):
                group = "it" if "it" in pattern.groupindex else 0
                named = _kind_of(kind, found[group])
                if named is not None:
                    yield *found.span(group), named
        if self._surfaces:
            names = "|".join(re.escape(name) for name in sorted(self._surfaces, key=len, reverse=True))
            for found in re.finditer(rf"(?<![\w-])(?:{names})(?![\w-])", text):
                yield *found.span(), "name"
        for found in re.finditer(r"[^\W\d_]+", text):
            if _folded(found[0]) in _lists().given:
                yield *found.span(), "person"

    def _learn_given(self, text: str, found: re.Match[str]) -> None:
        """A given name with a capital: with the surname that follows it."""
        word = _bare(found[0])
        lists = _lists()
        starts = bool(_AFTER_STOP.search(text[: found.start()]))
        surname = re.match(rf"\s+({_CAP})", text[found.start() + len(word) :])
        follows = surname is not None and bool(self._without_known(surname[1]))
        listed = _folded(word)
        if listed in lists.given or (listed in lists.ambiguous and word not in lists.known and (follows or not starts)):
            name = f"{word} {_bare(surname[1])}" if surname is not None and follows else word
            self._person(name)

    def _person(self, name: str) -> str:
        """The stand-in of a person; the given name alone is the same person."""
        first = name.split()[0]
        known = self._surfaces.get(name) or self._surfaces.get(first) or self._stand_in("person", first.lower())
        for part in name.split():
            self._surfaces.setdefault(part, known)
        self._surfaces.setdefault(name, known)
        return known

    def _name(self, kind: str, name: str) -> None:
        if kind == "person":
            self._person(" ".join(part.capitalize() if part.islower() else part for part in name.split()))
        elif name not in self._surfaces:
            self._surfaces[name] = self._stand_in(kind, name.lower())

    def _stand_in(self, kind: str, value: str) -> str:
        key = f"{kind} {value}"
        if key not in self._stand_ins:
            self._numbers[kind] += 1
            self._stand_ins[key] = f"[{kind} {self._numbers[kind]}]"
        return self._stand_ins[key]

    def _without_known(self, name: str, *, keep_firms: bool = False) -> str:
        """The leading words of a name that are no known terms."""
        kept = []
        for word in name.split():
            bare = _bare(word)
            # an acronym is a firm where the words around say so, and nobody's name
            known = {bare, _unnumbered(bare)} & _lists().known or (bare.upper() == bare and not keep_firms)
            firm = bare in _lists().firms
            if (known and not firm) or (firm and not keep_firms):
                break
            kept.append(bare)
        return " ".join(kept)

    def _doubt(self, clean: str) -> None:
        lists = _lists()
        for found in _CAPITAL.finditer(clean):
            word = _bare(found[0])
            bare = _unnumbered(word)
            ordinary = re.search(rf"\b{re.escape(word.lower())}\b", clean) is not None
            if _AFTER_STOP.search(clean[: found.start()]):
                # every sentence begins with a capital; only what may be a name is worth a doubt
                ordinary = ordinary or _folded(word) not in lists.ambiguous
            if ordinary:
                continue
            if not {word, bare, word.removesuffix("s")} & (lists.known | lists.firms) and len(word) > 1:
                self.unsure[word] += 1


def _folded(word: str) -> str:
    """In small letters without accents, as the lists are written."""
    plain = unicodedata.normalize("NFKD", word.lower().translate(_NOT_COMPOSED))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


_NOT_COMPOSED = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "ı": "i"})
"""Letters that are no letter with an accent."""


def _unnumbered(word: str) -> str:
    """A word without the number that ends it: P99, SEV2."""
    return re.sub(r"\d+$", "", word)


def _bare(word: str) -> str:
    return re.sub(r"['’]s?$", "", word)


def _from_year_to_year(text: str) -> bool:
    years = re.fullmatch(r"(\d{4}) ?[-–/] ?(\d{4})", text)
    return years is not None and 1990 <= int(years[1]) <= int(years[2]) <= date.today().year + 1


def _kind_of(kind: str, text: str) -> str | None:
    """What a pattern's find is called; None where it is something else after all."""
    if kind == "IPv6":
        try:
            ipaddress.ip_interface(text)
        except ValueError:
            return None
        return "address"
    if kind == "digits":
        digits = re.sub(r"\D", "", text)
        # a date tells nobody's account, nor do years from to, nor a round number
        told = _DATE.fullmatch(text) or _from_year_to_year(text) or digits.endswith("000")
        return None if told else "number"
    if kind == "numbered host":
        return None if _NO_HOST.fullmatch(text) else "host"
    return kind
