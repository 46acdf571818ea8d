"""Discourse markers by position and neighbours; the second table must stay quiet."""

from __future__ import annotations

import pytest

from voice_coach.delivery.discourse import discourse_markers
from voice_coach.delivery.fillers import is_filled_pause
from voice_coach.records import Word


def markers(text: str) -> list[str]:
    words = [Word(token, k * 0.4, k * 0.4 + 0.38, 0.9) for k, token in enumerate(text.split())]
    return [event.text for event in discourse_markers(words, is_filled_pause)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("We had, like, forty alerts at once.", ["like"]),
        ("It was, you know, the usual Friday.", ["you know"]),
        ("The database, I mean, the replica was behind.", ["i mean"]),
        ("We restarted it. Well, first we looked.", ["well"]),
        ("So it was kind of slow that day.", ["kind of"]),
        ("That was sort of my job.", ["sort of"]),
        ("We opened a bridge, right, and called support.", ["right"]),
        ("We paged them. So, I took over.", ["so"]),
        ("Basically it was down. We basically waited.", ["basically", "basically"]),
        ("We checked logs, metrics, stuff like that.", ["stuff like that"]),
        ("Okay so the first thing is the alert.", ["okay so"]),
    ],
)
def test_markers(text: str, found: list[str]) -> None:
    assert markers(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "It looked like a leak in the connection pool.",
        "I like canaries better than big releases.",
        "We drained the node so that traffic moved away.",
        "Right after the deploy the errors went up.",
        "We told support as well.",
        "Do you know what the error budget was?",
        "You know that the replica lags behind at night.",
        "There are two kinds of incidents.",
        "It was the kind of outage nobody forgets.",
        "We did what I meant to do before.",
        "So I was on call that week.",
        "I would like to see the graphs first.",
        "Something like ten percent of orders failed.",
        "The queue was literally full.",
        "It was actually the load balancer.",
        "Was that the right call?",
        "It works well under load.",
        "I watch the golden signals, like latency.",
        "It was a rare kind of failure.",
        "And so on Monday we met again.",
        "",
    ],
)
def test_no_markers(text: str) -> None:
    assert markers(text) == []
