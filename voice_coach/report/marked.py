"""The transcript with its marks: every word a place in the audio, fillers, pauses and mistakes where they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from voice_coach.records import Assessment, Coverage, Delivery, FillerEvent, JudgedSentence, Mistake, Word

Mark = Literal["filled_pause", "discourse_marker", "repetition"]

NEAR_S = 0.15
"""How far a filler's time may be from its word's: two passes of a recogniser place the same sound this closely."""

HESITATIONS = frozenset("um uh er erm ah eh hm hmm mm mhm uhm ugh oh".split())
"""How recognisers write the sounds that are counted as filled pauses."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the marked transcript: a word, or a filler or pause that stands between words.

    mark: which kind of filler it is. start_s, end_s: None for typed text. inserted: heard, but not in the
    text of record.
    """

    text: str
    start_s: float | None = None
    end_s: float | None = None
    mark: Mark | None = None
    inserted: bool = False
    pause_s: float | None = None
    searching: bool = False


@dataclass(slots=True)
class MarkedSentence:
    """A sentence with its tokens. mistakes: what it is evidence of."""

    sentence: JudgedSentence
    mistakes: tuple[Mistake, ...]
    tokens: list[Token] = field(default_factory=list)


def marked_transcript(assessment: Assessment) -> tuple[MarkedSentence, ...]:
    """Every sentence in order; together the tokens hold each word once. Empty where nothing was said."""
    coverage, delivery = assessment.coverage, assessment.delivery
    if coverage is None:
        return ()
    marked = [MarkedSentence(one, _mistakes_of(one, coverage)) for one in coverage.sentences]
    words = assessment.transcript.words
    for one, said in zip(marked, _words_of(coverage.sentences, words), strict=True):
        one.tokens = [_token(word, spoken=delivery is not None) for word in said]
    if delivery is not None:
        for event in delivery.fillers.events:
            _mark_filler(marked, event)
        _insert_pauses(marked, delivery)
    return tuple(marked)


def _words_of(sentences: Sequence[JudgedSentence], words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """The words of each sentence: sentences hold every word once, in order."""
    start = 0
    for one in sentences:
        count = len(one.text.split())
        yield words[start : start + count]
        start += count


def _token(word: Word, *, spoken: bool) -> Token:
    return Token(word.text, word.start_s, word.end_s) if spoken else Token(word.text)


def _mistakes_of(sentence: JudgedSentence, coverage: Coverage) -> tuple[Mistake, ...]:
    return tuple(
        mistake
        for mistake in coverage.mistakes
        if any((one.text, one.start_s) == (sentence.text, sentence.start_s) for one in mistake.evidence)
    )


def _mark_filler(marked: Sequence[MarkedSentence], event: FillerEvent) -> None:
    """Mark the words that are the filler; put it between the words where the text of record left it out."""
    found = False
    for one in marked:
        for k, token in enumerate(one.tokens):
            if _is_said_by(token, event):
                one.tokens[k] = Token(token.text, token.start_s, token.end_s, event.kind)
                found = True
    if not found:
        middle = (event.start_s + event.end_s) / 2
        _insert(marked, Token(event.text, event.start_s, event.end_s, event.kind, inserted=True), middle)


def _is_said_by(token: Token, event: FillerEvent) -> bool:
    if token.start_s is None or token.end_s is None or token.pause_s is not None or token.inserted:
        return False
    bare = token.text.strip(".,?!;:…-\"'“”").lower()
    said = event.text.lower().split()
    if event.kind == "filled_pause":
        near = token.start_s < event.end_s + NEAR_S and token.end_s > event.start_s - NEAR_S
        return near and (bare in said or bare in HESITATIONS)
    return event.start_s - NEAR_S <= (token.start_s + token.end_s) / 2 <= event.end_s + NEAR_S and bare in said


def _insert_pauses(marked: Sequence[MarkedSentence], delivery: Delivery) -> None:
    for pause in delivery.pauses:
        if pause.kind != "short":
            token = Token("", pause.start_s, pause.end_s, pause_s=pause.duration_s, searching=pause.place == "inside")
            _insert(marked, token, (pause.start_s + pause.end_s) / 2)


def _insert(marked: Sequence[MarkedSentence], token: Token, middle_s: float) -> None:
    """Before the first token that is said later; after all of them where there is none."""
    for one in marked:
        for k, other in enumerate(one.tokens):
            if other.start_s is not None and other.end_s is not None and (other.start_s + other.end_s) / 2 > middle_s:
                one.tokens.insert(k, token)
                return
    if marked:
        marked[-1].tokens.append(token)
