"""Hesitations from two readings of the same audio, and repetitions."""

from __future__ import annotations

import pytest

from voice_coach.delivery.fillers import count_fillers, filled_pauses, is_filled_pause, repetitions
from voice_coach.records import Span, Word

VOICE = (Span(0.0, 120.0),)


def said(text: str, *, start_s: float = 0.0, step_s: float = 0.4) -> list[Word]:
    """Words of a sentence, one every step_s, each 0.3 s long."""
    return [Word(token, start_s + k * step_s, start_s + k * step_s + 0.3, 0.9) for k, token in enumerate(text.split())]


@pytest.mark.parametrize(
    "token", ["um", "Um,", "uh...", "UH", "er", "erm", "ah", "hmm", "Mm,", "ummm", "uhh", "uhm", "Ugh,", "mhm"]
)
def test_hesitations(token: str) -> None:
    assert is_filled_pause(token)


@pytest.mark.parametrize("token", ["uh-huh", "mm-hmm", "err", "umbrella", "her", "a", "error", "hum", "oh", "-", "I"])
def test_not_hesitations(token: str) -> None:
    assert not is_filled_pause(token)


def test_heard_only_in_the_verbatim_reading() -> None:
    words = said("so we rolled it back and watched the graphs for a while")
    verbatim = said("so um we rolled it back and watched the graphs for a while")
    events = filled_pauses(words, verbatim, VOICE)
    assert [(event.text, event.kind) for event in events] == [("um", "filled_pause")]
    assert events[0].start_s == pytest.approx(0.4)


def test_heard_in_both_readings_counts_once_and_is_surer() -> None:
    both = said("so um we rolled it back and watched the graphs for a while")
    (event,) = filled_pauses(both, both, VOICE)
    assert event.confidence > 0.9


def test_two_hesitations_in_a_row_are_two() -> None:
    words = said("so we rolled it back and watched the graphs for a while")
    verbatim = said("so um uh we rolled it back and watched the graphs for a while")
    assert len(filled_pauses(words, verbatim, VOICE)) == 2


def test_a_hesitation_written_into_silence_is_not_believed() -> None:
    words = said("so we rolled it back")
    verbatim = [*said("so we rolled it back"), Word("um,", 10.0, 10.3, 0.4)]
    assert filled_pauses(words, verbatim, [Span(0.0, 2.0)]) == ()


def test_a_collapsed_verbatim_reading_is_not_believed() -> None:
    words = said("so we rolled it back and watched the graphs for a while and then told support")
    assert filled_pauses(words, said("um um um um"), VOICE) == ()


def test_of_a_short_recording_two_words_may_be_read_otherwise() -> None:
    words, verbatim = said("Montreal for still liner"), said("Montreal um for Styliner")
    assert [event.text for event in filled_pauses(words, verbatim, VOICE)] == ["um"]


def test_a_looping_verbatim_reading_is_not_believed() -> None:
    words = said("so we rolled it back and watched")
    verbatim = said(
        "so um we rolled it back we rolled it back we rolled it back we rolled it back and watched", step_s=0.2
    )
    assert filled_pauses(words, verbatim, VOICE) == ()


def test_no_text_at_all() -> None:
    assert filled_pauses((), (), ()) == ()
    assert repetitions(()) == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the the pager went off", ["the"]),
        ("we rolled, we rolled back the release", ["we rolled"]),
        ("I I I looked", ["I", "I"]),
        ("it was very, very slow", []),
        ("we saw that that node was gone", []),
        ("no no it was fine", []),
        ("port 20 20 was open", []),
        ("we um we looked", ["we"]),
        ("It was real. Real users were hit", []),
        ("we looked at it and we looked at the logs", []),
        ("it is is odd", ["is"]),
    ],
)
def test_repetitions(text: str, found: list[str]) -> None:
    assert [event.text for event in repetitions(said(text))] == found


def test_rates_are_per_minute_of_speaking_and_per_hundred_words() -> None:
    words = said(" ".join(["word"] * 97) + " um uh er")
    fillers = count_fillers(words, words, VOICE, speaking_s=30.0, spoken_words=97)
    assert fillers.filled_pauses == 3
    assert fillers.per_minute == pytest.approx(6.0)
    assert fillers.per_100_words == pytest.approx(100 * 3 / 97)


def test_too_little_speech_has_no_rate() -> None:
    words = said("um we rolled it back")
    fillers = count_fillers(words, words, VOICE, speaking_s=19.9, spoken_words=4)
    assert fillers.filled_pauses == 1
    assert fillers.per_minute is None
    assert fillers.per_100_words is None


def test_repetitions_do_not_enter_the_rate() -> None:
    words = said("the the the pager " + " ".join(f"word{k}" for k in range(60)))
    fillers = count_fillers(words, words, VOICE, speaking_s=30.0, spoken_words=64)
    assert fillers.repetitions == 2
    assert fillers.per_minute == 0.0


def test_the_rate_has_an_honest_range() -> None:
    """What is heard for sure up to what a share of misses would add."""
    words = said("word " * 60 + "um word um word um word um word", step_s=1.0)
    found = count_fillers(words, words, [Span(0.0, 70.0)], speaking_s=60.0, spoken_words=64)
    assert found.per_minute == 4.0
    assert found.per_minute_range is not None
    low, high = found.per_minute_range
    assert low < 4.0 < high == 5.0
    assert count_fillers(words, words, [], speaking_s=10.0, spoken_words=64).per_minute_range is None
