"""Fillers: hesitation sounds from the verbatim reading, discourse markers and repetitions from the text.

Whisper cleans hesitations away, so they are not looked for in the text of record alone: the
verbatim reading of the same audio is laid beside it word by word, and a hesitation counts where
either has one and there is voice at that place. Where the verbatim reading lost or looped
text, it is not believed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from voice_coach.delivery.discourse import discourse_markers
from voice_coach.delivery.hesitations import SHORTEST_STEADY_S, held_between, steady_stretches
from voice_coach.records import FillerEvent, Fillers, Sound, Span, Word

FILLED_PAUSES = re.compile(r"(?:u+h*m+|u+h+|e+r+m+|e+r+|a+h+m*|h+m+|m+h*m+|u+gh+)", re.IGNORECASE)
"""um, uh, er, erm, ah, hmm, mm and their drawn-out spellings; each is one, however long."""

NOT_PAUSES = re.compile(r"(?:uh-?huh|mm-?hmm|ah-?ha|err)", re.IGNORECASE)
"""Yes-sounds, which answer somebody, and the verb "to err"."""

SURE_FROM = 0.2
"""Confidence of the primed reading from which a hesitation needs no held sound to be believed. Below it Whisper
preferred another word by four to one or more."""

FAINT_BELOW, FAINT_HELD_S = 0.1, 0.2
"""Confidence below which only a long held sound speaks for a hesitation, and how long: words are seldom drawn out so
far. The one of the human clips had 0.09 and 0.21 s."""

HELD_NEAR_S = 0.3
"""How far from a hesitation's written time its held sound may lie; further off it is the word before (human
recordings: up to 0.3 s)."""

SAME_EVENT_S = 0.5
"""Two readings put the same hesitation at most this far apart."""

LEAST_VOICE_S = 0.08
"""Voice that must lie under a hesitation; the verbatim reading sometimes writes one into silence."""

VOICE_NEAR_S = 0.15
"""How far from voice a hesitation's time may be wrong."""

LOST_BELOW, LOOPED_ABOVE = 0.7, 1.35
"""A verbatim stretch with fewer or more words than this share of the plain one is not believed."""

FEW_WORDS = 2
"""So many words may differ whatever the share: of a short recording's four, Whisper reads two otherwise by chance."""

STRETCH_S = 15.0
"""Length of the stretches whose word counts are compared."""

BOTH_CONFIDENCE, ONE_CONFIDENCE = 0.95, 0.8
"""A hesitation in both readings is nearly certain; in the primed one alone, four in five were
real on human recordings."""

PROBABLE_CONFIDENCE = 0.5
"""A hesitation that only held sound speaks for: people draw words out as often."""

HEARD_SHARE = 0.8
"""Of the hesitations in human recordings, so many are found at least: 11 of 14 before doubtful ones were looked for.
Kept, because the 14 of 14 since then are on the recordings that the thresholds were chosen on (scripts/LOG.md)."""

WEAK_WORDS = frozenset("a an and the of to i oh or er ah".split())
"""What the plain reading writes for a hesitation that it can't drop: no word that explains one."""

BROKEN_OFF = ("...", "…", "-")
"""A word that the plain reading breaks off is as often a hesitation: "It's... and that" for "um, and that"."""

LEAST_ROOM_S = 0.15
"""From a hesitation's start to the next word's. One that has less was hardly there: it needs held sound, or
CERTAIN_FROM. A false one of the tuning half had 0.14 s, a true one of the human clips 0.16 s: filled pauses last
200 ms and more, but Whisper's times are rough."""

CERTAIN_FROM = 0.8
"""Confidence of the primed reading from which neither a lack of room nor a word of the plain reading ("arm" for "um")
speaks against it. Of those so doubted, two false ones had 0.39 and 0.50, two true ones 0.90 and 0.97 (tuning half,
fixtures, people)."""

LEAST_SPEECH_S = 20.0
"""Under 20 s a rate per minute says nothing: one "um" more or less would change the verdict."""

MEANT = frozenset(
    {"that", "had", "very", "really", "so", "many", "much", "no", "yes", "again", "never", "long", "far", "more", "bye"}
)
"""Words said twice for emphasis: "very, very slow" is not a stumble."""

LONGEST_REPEAT = 4
"""Longest run of words looked at for repetition ("we rolled back the, we rolled back the")."""


def is_filled_pause(text: str) -> bool:
    """Whether a written token is a hesitation sound."""
    bare = text.strip(".,!?;:…-–—\"'()").replace("-", "")
    return bool(FILLED_PAUSES.fullmatch(bare)) and not NOT_PAUSES.fullmatch(text.strip(".,!?…"))


def filled_pauses(
    words: Sequence[Word], verbatim: Sequence[Word], voiced: Sequence[Span], sounds: Sequence[Sound] = ()
) -> tuple[FillerEvent, ...]:
    """Hesitations heard in either reading, once each, in order.

    words: the text of record; verbatim: the primed reading; voiced: where there is voice; sounds: what the
    windows sounded like. Held sound gives a hesitation its time, and decides where the reading is in doubt;
    without sounds a doubtful one is left out.
    """
    plain = [word for word in words if is_filled_pause(word.text)]
    steady = steady_stretches(sounds)
    explained = _written_for_words(words, verbatim)
    primed = [
        (word, heard)
        for k, word in enumerate(verbatim)
        if is_filled_pause(word.text)
        and (heard := _heard(k, verbatim, steady, voiced)) is not None
        and _voice_under(heard, voiced) >= LEAST_VOICE_S
        and k not in explained
        and _believed(heard, words, verbatim)
    ]
    events = []
    matched: set[int] = set()
    for word, heard in primed:
        # both readings may be early by as much; the held sound says where it really is
        times_s = (word.start_s, heard.start_s)
        twin = next(
            (
                k
                for k, other in enumerate(plain)
                if k not in matched and min(abs(other.start_s - time_s) for time_s in times_s) <= SAME_EVENT_S
            ),
            None,
        )
        if twin is not None:
            matched.add(twin)
        alone = ONE_CONFIDENCE if (word.confidence or 0.0) >= SURE_FROM else PROBABLE_CONFIDENCE
        events.append(_pause_event(heard, alone if twin is None else BOTH_CONFIDENCE))
    events += [_pause_event(word, ONE_CONFIDENCE) for k, word in enumerate(plain) if k not in matched]
    return tuple(sorted(events, key=lambda event: event.start_s))


def repetitions(words: Sequence[Word]) -> tuple[FillerEvent, ...]:
    """Runs of words said again at once ("the the", "we rolled, we rolled back"), each counted once.

    Emphasis ("very, very") and numbers ("20 20") are left alone; hesitations between the two
    rounds do not hide a repetition.
    """
    spoken = [word for word in words if not is_filled_pause(word.text)]
    keys = [re.sub(r"[^\w']", "", word.text.lower()) for word in spoken]
    events = []
    i = 0
    while i < len(spoken):
        for length in range(LONGEST_REPEAT, 0, -1):
            run = keys[i : i + length]
            if len(run) < length or run != keys[i + length : i + 2 * length]:
                continue
            if not all(run) or any(key.isdigit() for key in run) or (length == 1 and run[0] in MEANT):
                continue
            # "It was real. It was slow." repeats nothing: a new sentence began
            if spoken[i + length - 1].text.endswith((".", "?", "!")):
                continue
            part = spoken[i : i + length]
            confidence = min((word.confidence or 0.5) for word in part)
            events.append(
                FillerEvent(
                    " ".join(word.text for word in part).strip(".,"),
                    "repetition",
                    part[0].start_s,
                    part[-1].end_s,
                    round(confidence, 3),
                )
            )
            i += length
            break
        else:
            i += 1
    return tuple(events)


def count_fillers(
    words: Sequence[Word],
    verbatim: Sequence[Word],
    voiced: Sequence[Span],
    *,
    speaking_s: float | None,
    spoken_words: int,
    sounds: Sequence[Sound] = (),
) -> Fillers:
    """All fillers of an answer, with rates per minute of speaking time and per 100 words.

    Repetitions are counted apart and enter neither rate. Rates are None under LEAST_SPEECH_S.
    """
    pauses = filled_pauses(words, verbatim, voiced, sounds)
    markers = discourse_markers(words, is_filled_pause)
    repeated = repetitions(words)
    return filler_totals((*pauses, *markers, *repeated), speaking_s=speaking_s, spoken_words=spoken_words)


def filler_totals(events: Sequence[FillerEvent], *, speaking_s: float | None, spoken_words: int) -> Fillers:
    """Counts and rates of these fillers, in whatever order they are given; see `count_fillers`."""
    counts = Counter(event.kind for event in events)
    counted = counts["filled_pause"] + counts["discourse_marker"]
    least = sum(event.confidence for event in events if event.kind != "repetition")
    most = counts["filled_pause"] / HEARD_SHARE + counts["discourse_marker"]
    enough = speaking_s is not None and speaking_s >= LEAST_SPEECH_S and spoken_words > 0
    return Fillers(
        filled_pauses=counts["filled_pause"],
        discourse_markers=counts["discourse_marker"],
        repetitions=counts["repetition"],
        per_minute=60.0 * counted / speaking_s if enough and speaking_s else None,
        per_100_words=100.0 * counted / spoken_words if enough else None,
        events=tuple(sorted(events, key=lambda event: event.start_s)),
        per_minute_range=(60.0 * least / speaking_s, 60.0 * most / speaking_s) if enough and speaking_s else None,
    )


def _heard(place: int, verbatim: Sequence[Word], steady: Sequence[Span], voiced: Sequence[Span]) -> Word | None:
    """A hesitation of the primed reading at the time of its held sound; None where it is doubtful and has none.

    Word times touch each other and Whisper's lag, so the sound is looked for from the middle of the word before
    to the middle of the word after.
    """
    word = verbatim[place]
    sure = (word.confidence or 0.0) >= SURE_FROM
    before = verbatim[place - 1] if place else None
    after = verbatim[place + 1] if place + 1 < len(verbatim) else None
    first_s, last_s = word.start_s - HELD_NEAR_S, word.end_s + HELD_NEAR_S
    if before is not None:
        # a drawn-out word before must not vouch for a doubtful hesitation
        first_s = max(first_s, (before.start_s + before.end_s) / 2 if sure else before.end_s)
    if after is not None:
        last_s = min(last_s, (after.start_s + after.end_s) / 2)
    shortest_s = FAINT_HELD_S if (word.confidence or 0.0) < FAINT_BELOW else SHORTEST_STEADY_S
    held = held_between(steady, first_s, last_s, (word.start_s + word.end_s) / 2, shortest_s)
    if held is not None:
        return replace(word, start_s=held.start_s, end_s=held.end_s)
    if not sure:
        return None
    moved = _moved_to_voice(word, after, voiced)
    ends_s = word.end_s if after is None else max(word.end_s, after.start_s)
    squeezed = ends_s - word.start_s < LEAST_ROOM_S and (word.confidence or 0.0) < CERTAIN_FROM
    # in silence before the voice times say nothing of room
    return None if squeezed and moved is word else moved


def _moved_to_voice(word: Word, after: Word | None, voiced: Sequence[Span]) -> Word:
    """A hesitation that alignment put into the silence before the voice, moved to where the voice begins.

    Whisper's first words start with the window. Where the word after begins in that silence too, both are late.
    """
    if after is None or after.start_s - word.end_s > VOICE_NEAR_S:
        return word
    begins = next((span.start_s for span in voiced if span.end_s > word.start_s), None)
    if begins is None or not after.start_s <= begins < after.end_s:
        return word
    return replace(word, start_s=begins, end_s=max(begins, (begins + after.end_s) / 2))


def _pause_event(word: Word, confidence: float) -> FillerEvent:
    return FillerEvent(word.text.strip(".,!?…-").lower(), "filled_pause", word.start_s, word.end_s, confidence)


def _voice_under(word: Word, voiced: Sequence[Span]) -> float:
    start_s, end_s = word.start_s - VOICE_NEAR_S, word.end_s + VOICE_NEAR_S
    return sum(max(0.0, min(span.end_s, end_s) - max(span.start_s, start_s)) for span in voiced)


def _written_for_words(words: Sequence[Word], verbatim: Sequence[Word]) -> frozenset[int]:
    """Places of the hesitations that the primed reading wrote instead of a word of the plain one: "um killed" for "OOM
    killed". They stand where the readings differ, over a word that nothing else in the primed reading accounts for.
    """
    plain_keys, primed_keys = _keys(words), _keys(verbatim)
    found: set[int] = set()
    blocks = SequenceMatcher(a=plain_keys, b=primed_keys, autojunk=False).get_opcodes()
    for kind, first, last, primed_first, primed_last in blocks:
        if kind != "replace":
            continue
        hesitant = [k for k in range(primed_first, primed_last) if is_filled_pause(verbatim[k].text)]
        others = primed_last - primed_first - len(hesitant)
        doubted = [k for k in hesitant if (verbatim[k].confidence or 0.0) < CERTAIN_FROM]
        strong = [
            word
            for word, key in zip(words[first:last], plain_keys[first:last], strict=True)
            if key not in WEAK_WORDS and not is_filled_pause(word.text) and not word.text.endswith(BROKEN_OFF)
        ]
        if len(strong) > others:
            found.update(k for k in doubted if any(_overlap(verbatim[k], word) for word in strong))
    return frozenset(found)


def _overlap(pause: Word, word: Word) -> bool:
    """Whether a word covers most of a hesitation."""
    shared_s = min(pause.end_s, word.end_s) - max(pause.start_s, word.start_s)
    return shared_s > 0.5 * (pause.end_s - pause.start_s)


def _keys(words: Sequence[Word]) -> list[str]:
    return [re.sub(r"\W", "", word.text.lower()) for word in words]


def _believed(pause: Word, words: Sequence[Word], verbatim: Sequence[Word]) -> bool:
    """Whether the verbatim reading kept the ordinary words around a hesitation.

    Primed decoding can collapse a whole stretch to "um": then the words beside it are gone, and
    the share of plain words found again in order falls.
    """

    def around(some: Sequence[Word]) -> list[str]:
        near = (word for word in some if abs(word.start_s - pause.start_s) <= STRETCH_S / 2)
        return _keys([word for word in near if not is_filled_pause(word.text)])

    plain, primed = around(words), around(verbatim)
    if not plain:
        # nothing but hesitation for 15 s: only the primed reading can have heard it
        return True
    if abs(len(primed) - len(plain)) > FEW_WORDS and not LOST_BELOW <= len(primed) / len(plain) <= LOOPED_ABOVE:
        return False
    found = sum(block.size for block in SequenceMatcher(a=plain, b=primed, autojunk=False).get_matching_blocks())
    return found >= min(LOST_BELOW * len(plain), len(plain) - FEW_WORDS)
