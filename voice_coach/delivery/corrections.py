"""Corrections of the fillers by the person who spoke: what is none goes, what was not heard is added."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from voice_coach.delivery.fillers import SAME_EVENT_S, filler_totals, is_filled_pause
from voice_coach.records import Correction, Delivery, FillerEvent

ADDED_S = 0.4
"""How long a filler is that a person adds by its time alone: a usual "um"."""

ADDED_CONFIDENCE = 1.0
"""Whoever spoke heard it."""


def dropping(event: FillerEvent) -> Correction:
    """The correction that says: this is no filler."""
    return Correction("drop", event.text, event.kind, event.start_s, event.end_s)


def adding(text: str, start_s: float) -> Correction:
    """The correction that says: here is a filler that was not heard.

    A hesitation sound is a filled pause, words said twice are a repetition, everything else a discourse marker.
    """
    text = " ".join(text.split())
    words = text.lower().split()
    half = len(words) // 2
    if is_filled_pause(text):
        kind = "filled_pause"
    elif half and len(words) % 2 == 0 and words[:half] == words[half:]:
        kind = "repetition"
    else:
        kind = "discourse_marker"
    return Correction("add", text, kind, start_s, start_s + ADDED_S)  # type: ignore[arg-type]


def correct(delivery: Delivery, corrections: Sequence[Correction]) -> Delivery:
    """The delivery with its fillers as corrected, one after another, and every count and rate anew.

    A dropped filler is known by its kind, its text and its time within SAME_EVENT_S, so a correction outlives a new
    assessment with a better model; one that the new assessment does not have is dropped already. What is added is not
    added twice where the new assessment has it.
    """
    events = list(delivery.fillers.events)
    for one in corrections:
        found = _nearest(events, one)
        if one.action == "drop" and found is not None:
            events.remove(found)
        elif one.action == "add" and found is None:
            events.append(FillerEvent(one.text, one.kind, one.start_s, one.end_s, ADDED_CONFIDENCE))
    fillers = filler_totals(events, speaking_s=delivery.speaking_time_s, spoken_words=delivery.words)
    return replace(delivery, fillers=fillers)


def taken_back(event: FillerEvent, corrections: Iterable[Correction]) -> Correction | None:
    """The correction that added this filler, if one did: to drop it is to forget that."""
    return next(
        (one for one in corrections if one.action == "add" and (one.text, one.start_s) == (event.text, event.start_s)),
        None,
    )


def _nearest(events: Iterable[FillerEvent], correction: Correction) -> FillerEvent | None:
    def apart_s(event: FillerEvent) -> float:
        return abs(event.start_s - correction.start_s)

    same = [
        event
        for event in events
        if event.kind == correction.kind
        and event.text.casefold() == correction.text.casefold()
        and apart_s(event) <= SAME_EVENT_S
    ]
    return min(same, key=apart_s, default=None)
