"""Corrections of fillers, on cases worked by hand."""

from __future__ import annotations

import pytest

from voice_coach.delivery.corrections import adding, correct, dropping, taken_back
from voice_coach.delivery.fillers import filler_totals
from voice_coach.records import Delivery, FillerEvent, FillerKind, Target


def event(text: str, kind: FillerKind, start_s: float, confidence: float = 0.8) -> FillerEvent:
    return FillerEvent(text, kind, start_s, start_s + 0.3, confidence)


UM, LIKE, AGAIN = (
    event("um", "filled_pause", 2.0),
    event("like", "discourse_marker", 5.0, 0.9),
    event("the", "repetition", 9.0),
)


def delivery(*events: FillerEvent, speaking_s: float = 30.0, words: int = 100) -> Delivery:
    return Delivery(
        answer_duration_s=40.0,
        speaking_time_s=speaking_s,
        target=Target(90.0, 180.0, "short", -50.0),
        words=words,
        speech_rate_wpm=150.0,
        articulation_rate_wpm=200.0,
        fillers=filler_totals(events, speaking_s=speaking_s, spoken_words=words),
        pauses=(),
    )


def test_totals_by_hand() -> None:
    found = delivery(AGAIN, LIKE, UM).fillers
    assert found.events == (UM, LIKE, AGAIN)
    assert (found.filled_pauses, found.discourse_markers, found.repetitions) == (1, 1, 1)
    # two in half a minute of speech; the repetition enters no rate
    assert (found.per_minute, found.per_100_words) == (4.0, 2.0)
    # sure of 0.8 + 0.9; of every five hesitations one may be unheard
    assert found.per_minute_range == pytest.approx((3.4, 4.5))


def test_a_dropped_filler_leaves_every_total() -> None:
    fillers = correct(delivery(UM, LIKE, AGAIN), [dropping(UM)]).fillers
    assert fillers.events == (LIKE, AGAIN)
    assert (fillers.filled_pauses, fillers.per_minute, fillers.per_100_words) == (0, 2.0, 1.0)
    assert fillers.per_minute_range == pytest.approx((1.8, 2.0))


def test_an_added_filler_enters_every_total() -> None:
    fillers = correct(delivery(UM), [adding("uh", 7.0)]).fillers
    assert [(one.text, one.kind, one.start_s, one.confidence) for one in fillers.events] == [
        ("um", "filled_pause", 2.0, 0.8),
        ("uh", "filled_pause", 7.0, 1.0),
    ]
    assert (fillers.filled_pauses, fillers.per_minute) == (2, 4.0)
    assert fillers.per_minute_range == pytest.approx((3.6, 5.0))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("um", "filled_pause"),
        ("Uhhh", "filled_pause"),
        ("you  know", "discourse_marker"),
        ("like", "discourse_marker"),
        ("the the", "repetition"),
        ("we rolled we rolled", "repetition"),
        ("the a", "discourse_marker"),
    ],
)
def test_the_kind_is_read_from_the_text(text: str, kind: str) -> None:
    assert adding(text, 1.0).kind == kind
    assert adding(text, 1.0).text == " ".join(text.split())


@pytest.mark.parametrize(
    ("heard", "left"),
    [
        ((event("um", "filled_pause", 2.4),), 0),  # the same, a little later
        ((event("um", "filled_pause", 2.6),), 1),  # another one
        ((event("uh", "filled_pause", 2.0),), 1),  # another sound
        ((), 0),  # a better model does not hear it any more
        ((UM, event("um", "filled_pause", 2.4)), 1),  # of two, the one that was meant
    ],
)
def test_a_correction_outlives_a_new_assessment(heard: tuple[FillerEvent, ...], left: int) -> None:
    fillers = correct(delivery(*heard), [dropping(UM)]).fillers
    assert fillers.filled_pauses == left
    assert UM not in fillers.events


def test_what_a_better_model_hears_by_itself_is_not_counted_twice() -> None:
    heard = event("uh", "filled_pause", 7.2, 0.95)
    assert correct(delivery(heard), [adding("uh", 7.0)]).fillers.events == (heard,)


def test_corrections_follow_one_another() -> None:
    added = adding("uh", 7.0)
    corrected = correct(delivery(UM), [added, dropping(UM)])
    (left,) = corrected.fillers.events
    assert left.text == "uh"
    assert taken_back(left, [added, dropping(UM)]) == added
    assert taken_back(UM, [added, dropping(UM)]) is None
    assert correct(delivery(UM), []).fillers == delivery(UM).fillers


def test_too_little_speech_stays_too_little() -> None:
    fillers = correct(delivery(UM, speaking_s=12.0), [adding("uh", 7.0)]).fillers
    assert (fillers.filled_pauses, fillers.per_minute, fillers.per_minute_range) == (2, None, None)
