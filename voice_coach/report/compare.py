"""Two takes of one question: what changed, what was cut and what came in.

A retelling is never word for word, and a recogniser cuts sentences elsewhere each time. So a sentence
counts as told again where enough of its content words, the rare ones weighing more, stand in one sentence
of the other take or in two neighbours; or, where it was shortened, where the other sentence stands in it.
No model is asked: the same two takes always give the same answer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from math import log

from voice_coach.records import (
    Assessment,
    Changes,
    Coverage,
    Delivery,
    JudgedSentence,
    Level,
    Measure,
    MistakeName,
    StageChange,
    StageMove,
    Verdict,
)

TOLD_AGAIN = 0.5
"""Share of a sentence's weight that must be found in the other take: half of what it says."""

TOLD_AGAIN_SAME_STAGE = 0.36
"""The same where both carry a stage in common: the classifier already says that they are about one thing. On the
four retellings in tests/data/retellings.toml 95 of 96 sentences are right with these two, and at least 94 with any
pair from 0.4 to 0.6 and 0.3 to 0.36; tests/test_compare.py prints the figure."""

SHARED_LEAST = 2
"""One rare word in common is a subject, not a sentence told again."""

CONTENT_LEAST = 2
"""A sentence of fewer content words ("Okay, let me think") says nothing that could be missed."""

_RANK: Mapping[Level, int] = {"missing": 0, "mentioned": 1, "strong": 2}

_EMPTY = frozenset(
    """a about after again all also am an and any are as at be because been before being but by can could did do does
    doing done down first for from get got had has have having he her here him his how i if in into is it its just let
    like me more most my no not now of off okay on once only or other our out over own really right said same she so
    some such sure take than that the their them then there these they thing things this those through to too uh um
    under until up us very was we well went were what when where which while who why will with would yeah you your
    basically actually literally kind sort mean know going gonna want one back i'd i'm i've i'll it's that's
    we'd we've we're didn't don't wasn't couldn't there's what's let's you're they're""".split()
)
"""Words that carry no content of their own in a told incident, fillers included."""

_STRUCTURE = frozenset({"situation", "task", "action", "result"})
"""Labels that half of all sentences carry: sharing one of these says little."""

_WORD = re.compile(r"[a-z0-9]+(?:['’][a-z]+)?")
_SUFFIXES = ("ings", "ing", "edly", "ed", "es", "s", "e")
_STEM_LEAST = 3


def compare(before: Assessment, after: Assessment) -> Changes:
    """What changed from an earlier take to a later one; either may be silent, or typed."""
    told_before, told_after = _sentences(before.coverage), _sentences(after.coverage)
    weights = _weights([*told_before, *told_after])
    cut, added = _gone(told_before, told_after, weights), _gone(told_after, told_before, weights)
    named_before, named_after = _mistakes(before.coverage, after.coverage)
    return Changes(
        stages=_stages(before.coverage, after.coverage),
        cut=cut,
        added=added,
        kept=sum(_says_something(one) for one in told_before) - len(cut),
        duration_s=_measure(before, after, lambda one: one.answer_duration_s),
        verdicts=(_verdict(before), _verdict(after)),
        speech_rate_wpm=_measure(before, after, lambda one: one.speech_rate_wpm),
        fillers_per_minute=_measure(before, after, lambda one: one.fillers.per_minute),
        fillers_moved=_fillers_moved(before.delivery, after.delivery),
        filled_pauses=_measure(before, after, lambda one: one.fillers.filled_pauses),
        long_pauses=_measure(before, after, lambda one: sum(pause.kind != "short" for pause in one.pauses)),
        mistakes_gone=tuple(name for name in named_before if name not in named_after),
        mistakes_new=tuple(name for name in named_after if name not in named_before),
    )


def told_again(sentence: JudgedSentence, others: Sequence[JudgedSentence], weights: Mapping[str, float]) -> bool:
    """Whether the other take tells this sentence, too, perhaps shorter or spread over two sentences."""
    words = _content(sentence.text)
    if not words:
        return False
    contents = [_content(one.text) for one in others]
    for other, text in zip(others, contents, strict=True):
        enough = TOLD_AGAIN_SAME_STAGE if _share_a_stage(sentence, other) else TOLD_AGAIN
        shared = words & text
        if len(shared) >= min(SHARED_LEAST, len(words)) and _weight(shared, weights) >= enough * min(
            _weight(words, weights), _weight(text, weights)
        ):
            return True
    return any(
        _weight(words & (one | two), weights) >= TOLD_AGAIN * _weight(words, weights) for one, two in pairwise(contents)
    )


def cut_by_stage(changes: Changes) -> Mapping[str, tuple[JudgedSentence, ...]]:
    """The sentences that were cut, under each stage that lost any; a sentence of two stages stands under both."""
    by_stage = {stage: tuple(one for one in changes.cut if stage in one.assigned) for stage in changes.stages}
    return {stage: cut for stage, cut in by_stage.items() if cut}


def _stages(before: Coverage | None, after: Coverage | None) -> Mapping[str, StageChange]:
    known = before or after
    return {} if known is None else {stage: _stage_change(stage, before, after) for stage in known.stages}


def _stage_change(stage: str, before: Coverage | None, after: Coverage | None) -> StageChange:
    """One stage; an answer in which nothing was said is missing all of them."""
    old = None if before is None else before.stages[stage]
    new = None if after is None else after.stages[stage]
    was: Level = "missing" if old is None else old.level
    now: Level = "missing" if new is None else new.level
    move = _move(was, now)
    shown = new if move in ("gained", "firmer") else old if move in ("lost", "vaguer") else None
    return StageChange(
        before=was,
        after=now,
        move=move,
        seconds=Measure(None if old is None else old.seconds, None if new is None else new.seconds),
        evidence=() if shown is None else shown.evidence,
        unsure=any(found is not None and found.unsure for found in (old, new)),
    )


def _move(was: Level, now: Level) -> StageMove:
    if was == now:
        return "same"
    if was == "missing":
        return "gained"
    if now == "missing":
        return "lost"
    return "firmer" if _RANK[now] > _RANK[was] else "vaguer"


def _measure(before: Assessment, after: Assessment, value: Callable[[Delivery], float | None]) -> Measure:
    return Measure(*(None if one.delivery is None else value(one.delivery) for one in (before, after)))


def _fillers_moved(before: Delivery | None, after: Delivery | None) -> bool | None:
    """Whether the filler rate changed by more than the measurement allows for."""
    old = None if before is None else before.fillers.per_minute_range
    new = None if after is None else after.fillers.per_minute_range
    if old is None or new is None:
        return None
    return old[1] < new[0] or new[1] < old[0]


def _verdict(one: Assessment) -> Verdict | None:
    return None if one.delivery is None else one.delivery.target.verdict


def _mistakes(
    before: Coverage | None, after: Coverage | None
) -> tuple[tuple[MistakeName, ...], tuple[MistakeName, ...]]:
    """Those of both; none where either tells something else: nobody looked for any there."""
    if before is None or after is None or not (before.on_subject and after.on_subject):
        return (), ()
    return before.sure_mistakes, after.sure_mistakes


def _sentences(coverage: Coverage | None) -> tuple[JudgedSentence, ...]:
    return () if coverage is None else coverage.sentences


def _gone(
    sentences: Sequence[JudgedSentence], others: Sequence[JudgedSentence], weights: Mapping[str, float]
) -> tuple[JudgedSentence, ...]:
    return tuple(one for one in sentences if _says_something(one) and not told_again(one, others, weights))


def _says_something(sentence: JudgedSentence) -> bool:
    return len(_content(sentence.text)) >= CONTENT_LEAST


def _share_a_stage(one: JudgedSentence, other: JudgedSentence) -> bool:
    return bool(set(one.assigned) & set(other.assigned) - _STRUCTURE)


def _weights(sentences: Sequence[JudgedSentence]) -> Mapping[str, float]:
    """How much each content word says: the fewer of the sentences hold it, the more (inverse document frequency)."""
    holding = Counter(word for one in sentences for word in _content(one.text))
    return {word: 1.0 + log(len(sentences) / count) for word, count in holding.items()}


def _weight(words: Iterable[str], weights: Mapping[str, float]) -> float:
    return sum(weights[word] for word in words)


@lru_cache(maxsize=4096)
def _content(text: str) -> frozenset[str]:
    """The stems of the words that carry content."""
    said = (word.replace("’", "'") for word in _WORD.findall(text.lower()))
    return frozenset(_stem(word) for word in said if word not in _EMPTY)


def _stem(word: str) -> str:
    """The word without its ending, so that "paged" and "paging" meet; crude, and the same on both sides."""
    word = word.partition("'")[0]
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _STEM_LEAST:
            return word[: -len(suffix)]
    return word
