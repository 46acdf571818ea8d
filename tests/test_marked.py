"""The marks in the transcript, the drawing along the time, and the lines of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.takes_by_hand import answer, delivery, said
from voice_coach.audio.compact import outline
from voice_coach.records import Assessment, FillerEvent, FillerKind, Pause, Transcript, Word
from voice_coach.report.changes_view import change_lines
from voice_coach.report.compare import compare
from voice_coach.report.marked import marked_transcript
from voice_coach.report.timeline import ticks, wave_path


def spoken(texts: Sequence[str], events: Sequence[FillerEvent] = (), pauses: Sequence[Pause] = ()) -> Assessment:
    """Sentences said at one word a half second, from 0 s on, without a gap."""
    words: list[Word] = []
    sentences = []
    for text in texts:
        start_s = 0.5 * len(words)
        words += [Word(word, 0.5 * k, 0.5 * k + 0.5, 0.9) for k, word in enumerate(text.split(), len(words))]
        sentences.append(said(text, at=(start_s, 0.5 * len(words))))
    measured = delivery(pauses=pauses)
    measured = replace(measured, fillers=replace(measured.fillers, events=tuple(events)))
    return replace(answer(*sentences, delivery=measured), transcript=Transcript(tuple(words), ()))


def written(assessment: Assessment) -> list[str]:
    """Each sentence with its marks: <filler>, <+filler put in>, [pause]."""

    def show(token: object) -> str:
        pause_s, mark = getattr(token, "pause_s", None), getattr(token, "mark", None)
        text = str(getattr(token, "text", ""))
        if pause_s is not None:
            return f"[{pause_s:.1f}]"
        return f"<{'+' if getattr(token, 'inserted', False) else ''}{text}>" if mark else text

    return [" ".join(map(show, one.tokens)) for one in marked_transcript(assessment)]


def event(text: str, kind: FillerKind, start_s: float, end_s: float) -> FillerEvent:
    return FillerEvent(text, kind, start_s, end_s, 0.9)


@pytest.mark.parametrize(
    ("texts", "events", "marked"),
    [
        (["We rolled back."], [], ["We rolled back."]),
        # in the text, as the recogniser spells it
        (["Um, we rolled back."], [event("um", "filled_pause", 0.1, 0.4)], ["<Um,> we rolled back."]),
        (["Ugh, we rolled back."], [event("uh", "filled_pause", 0.1, 0.4)], ["<Ugh,> we rolled back."]),
        # heard, and not in the text
        (["We rolled back."], [event("um", "filled_pause", 0.45, 0.55)], ["We <+um> rolled back."]),
        (["We did.", "It held."], [event("um", "filled_pause", 1.0, 1.1)], ["We did.", "<+um> It held."]),
        (["We rolled back."], [event("um", "filled_pause", 1.6, 1.8)], ["We rolled back. <+um>"]),
        # two words, and only where they were said
        (["It was, you know, you."], [event("you know", "discourse_marker", 1.0, 2.0)], ["It was, <you> <know,> you."]),
        (["I like what I like."], [event("like", "discourse_marker", 2.0, 2.5)], ["I like what I <like.>"]),
        (["The the pager."], [event("the", "repetition", 0.0, 0.5)], ["<The> the pager."]),
    ],
)
def test_fillers_are_marked(texts: list[str], events: list[FillerEvent], marked: list[str]) -> None:
    assert written(spoken(texts, events)) == marked


def test_long_pauses_stand_between_the_words_and_short_ones_do_not() -> None:
    pauses = [Pause(0.4, 0.6, "short", "inside"), Pause(0.9, 1.1, "long", "inside")]
    assert written(spoken(["We rolled back."], pauses=pauses)) == ["We rolled [0.2] back."]


def test_the_tokens_hold_every_word_once() -> None:
    texts = ["One alert came.", "", "Then we paged the team."]
    assert written(spoken([text for text in texts if text])) == [text for text in texts if text]


def test_typed_text_has_no_places() -> None:
    tokens = [token for one in marked_transcript(answer(said("We rolled back."))) for token in one.tokens]
    assert [(token.text, token.start_s) for token in tokens] == [("We", None), ("rolled", None), ("back.", None)]


@pytest.mark.parametrize(
    ("duration_s", "labels"),
    [
        (3.0, ["0:00"]),
        (47.0, ["0:00", "0:10", "0:20", "0:30", "0:40"]),
        (120.0, ["0:00", "0:15", "0:30", "0:45", "1:00", "1:15", "1:30", "1:45"]),
        (210.5, ["0:00", "0:30", "1:00", "1:30", "2:00", "2:30", "3:00"]),
    ],
)
def test_ticks_are_round_and_never_hang_over_the_end(duration_s: float, labels: list[str]) -> None:
    assert [one.label for one in ticks(duration_s)] == labels


def test_the_outline_is_the_loudest_of_each_stretch() -> None:
    samples = np.array([0.0, 0.1, -0.4, 0.2, 0.0, 0.0], np.float32)
    assert outline(samples, 3) == (0.25, 1.0, 0.0)
    assert outline(np.zeros(4, np.float32), 2) == (0.0, 0.0)
    assert outline(samples[:2], 10) == (0.0, 1.0)
    assert outline(samples[:0], 10) == ()


def test_the_wave_is_a_closed_shape_around_the_middle() -> None:
    assert wave_path(()) == ""
    assert wave_path((0.0, 1.0)) == "M0 50L0.0 50.0L500.0 2.0L1000 50L500.0 98.0L0.0 50.0Z"


DETECT = said("Prometheus paged me because checkout errors were at nine percent.", "detection", specific=0.9)
FIX = said("I rolled back the config push on every gateway server.", "mitigation", specific=0.9)


def test_the_lines_of_a_comparison() -> None:
    before = answer(DETECT, delivery=delivery(duration_s=200.0, per_minute=9.0, rate_range=(8.0, 10.0)))
    after = answer(FIX, DETECT, delivery=delivery(duration_s=150.0, per_minute=2.0), mistakes=["vague"])
    lines = [f"{line.sign} {line.text}" for line in change_lines(compare(before, after))]
    assert lines == [
        "▲ mitigation: now heard, with something specific",
        "▼ new: vague",
        "= time 3:20 → 2:30, 50 s shorter",
        "▲ fillers 9.0 → 2.0 a minute",
        "= pace 150 → 150 words a minute",
        "= new: 1 sentence",
    ]
    back = [f"{line.sign} {line.text}" for line in change_lines(compare(after, before))]
    assert back[0] == "▼ mitigation: no longer heard; before it was"
    assert "= cut from mitigation: 1 sentence" in back


def test_another_story_is_called_one() -> None:
    lines = [line.text for line in change_lines(compare(answer(DETECT), answer(FIX)))]
    assert lines[-1] == "another story: only 0 of 1 sentence are told again"
