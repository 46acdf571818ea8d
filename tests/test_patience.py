"""When a silence ends an answer."""

from __future__ import annotations

import pytest

from voice_coach.records import Cards
from voice_coach.rehearsal.patience import silence_that_ends_s
from voice_coach.rehearsal.surface import card_at


@pytest.mark.parametrize(
    ("spoken_s", "answered_s", "last_words", "expected"),
    [
        (20.0, 60.0, "and it was fine.", None),  # before the target only a key ends it
        (0.0, 120.0, "", None),  # nobody has spoken yet
        (20.0, 120.0, "and it was fine.", 4.0),  # little was said: longer
        (80.0, 120.0, "and it was fine.", 3.0),
        (80.0, 120.0, "then we rolled back and", 6.0),
        (80.0, 120.0, "so the, um", 6.0),
        (80.0, 120.0, "because,", 6.0),
        (80.0, 120.0, "", 3.0),  # a cough
        (80.0, 120.0, None, 6.0),  # the end is not transcribed yet: it may be an "and"
    ],
)
def test_silence_that_ends(spoken_s: float, answered_s: float, last_words: str | None, expected: float | None) -> None:
    found = silence_that_ends_s(spoken_s=spoken_s, answered_s=answered_s, target_min_s=90.0, last_words=last_words)
    assert found == expected


@pytest.mark.parametrize(
    ("time_s", "card"),
    [
        (0.0, "white"),
        (89.9, "white"),
        (90.0, "green"),
        (150.0, "yellow"),
        (180.0, "red"),
        (209.9, "red"),
        (210.0, "overrun"),
    ],
)
def test_card(time_s: float, card: str) -> None:
    assert card_at(time_s, Cards(90.0, 150.0, 180.0, 210.0)) == card
