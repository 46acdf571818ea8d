"""Sentences keep every word once, in order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_coach.coverage.sentences import LONGEST_WORDS, line_sentences, spoken_sentences, typed_sentences
from voice_coach.records import Word


def said(text: str, pauses: dict[int, float] | None = None) -> list[Word]:
    """Words of 0.3 s; `pauses` puts a silence before the k-th word."""
    words, now = [], 0.0
    for k, token in enumerate(text.split()):
        now += (pauses or {}).get(k, 0.05)
        words.append(Word(token, now, now + 0.3, 0.9))
        now += 0.3
    return words


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("Yes.", ["Yes."]),
        ("It was real. We rolled back.", ["It was real.", "We rolled back."]),
        ("Was it real? Yes! We saw it.", ["Was it real?", "Yes!", "We saw it."]),
        ("We used e.g. a canary and v2.1 of it.", ["We used e.g. a canary and v2.1 of it."]),
        ("The page came at 2 a.m. We rolled it back.", ["The page came at 2 a.m.", "We rolled it back."]),
        ("No. I fixed it.", ["No.", "I fixed it."]),
        ("See ticket no. 7 of Dr. Lee.", ["See ticket no. 7 of Dr. Lee."]),
        ("It hit 99.9 percent.", ["It hit 99.9 percent."]),
        ("We waited... and then it came back.", ["We waited... and then it came back."]),
        ("We waited… and then it came back.", ["We waited… and then it came back."]),
        ("Our U.S. customers could not pay.", ["Our U.S. customers could not pay."]),
        ("We moved the U.S. East traffic away.", ["We moved the U.S. East traffic away."]),
        ("We compared MySQL vs. Postgres for that.", ["We compared MySQL vs. Postgres for that."]),
        ("We run queues, e.g. Kafka and Redis.", ["We run queues, e.g. Kafka and Redis."]),
        ("It fired at 3 a.m. UTC and paged me.", ["It fired at 3 a.m. UTC and paged me."]),
        (
            "I paged J. Smith and Prof. Lee. So did I. Then it held.",
            ["I paged J. Smith and Prof. Lee.", "So did I.", "Then it held."],
        ),
        (
            'He asked "what broke?" and left. "What broke?" I said.',
            ['He asked "what broke?" and left.', '"What broke?"', "I said."],
        ),
        ("It fired at 3 a.m. Nobody was awake.", ["It fired at 3 a.m.", "Nobody was awake."]),
        ("It fired at 3 a.m. I'm on call then.", ["It fired at 3 a.m.", "I'm on call then."]),
        ("We told Acme Inc. Their team came.", ["We told Acme Inc.", "Their team came."]),
        ("We went to plan B. Customers could pay.", ["We went to plan B.", "Customers could pay."]),
        ("It rose to 800 ms. We rolled back.", ["It rose to 800 ms.", "We rolled back."]),
        ("We failed over to DR. Then it held.", ["We failed over to DR.", "Then it held."]),
        ("1. We saw it. 2. We rolled back.", ["1. We saw it.", "2. We rolled back."]),
        ("Node 3. It was down.", ["Node 3.", "It was down."]),
        ("Queues, caches, etc. Kafka died first.", ["Queues, caches, etc.", "Kafka died first."]),
        ("It was down in the U.S. We moved traffic.", ["It was down in the U.S.", "We moved traffic."]),
    ],
)
def test_typed(text: str, parts: list[str]) -> None:
    assert [sentence.text for sentence in typed_sentences(text)] == parts


def test_typed_text_has_no_times() -> None:
    assert {(one.start_s, one.end_s) for one in typed_sentences("One. Two.")} == {(None, None)}


def test_a_blank_line_ends_a_sentence() -> None:
    assert [one.text for one in typed_sentences("first point\n\nsecond point")] == ["first point", "second point"]


def test_spoken_times_are_those_of_the_first_and_last_word() -> None:
    words = said("It was real. We rolled back.")
    first, second = spoken_sentences(words)
    assert (first.start_s, first.end_s) == (words[0].start_s, words[2].end_s)
    assert (second.start_s, second.end_s) == (words[3].start_s, words[5].end_s)


def test_a_long_silence_ends_a_sentence_without_a_full_stop() -> None:
    words = said("so the pager went off at night then I looked", {7: 1.5})
    assert [one.text for one in spoken_sentences(words)] == ["so the pager went off at night", "then I looked"]


def test_a_run_on_is_cut_at_a_joint() -> None:
    text = " ".join(["word"] * 25) + ", and " + " ".join(["more"] * 25)
    parts = spoken_sentences(said(text))
    assert [part.text.split()[0] for part in parts] == ["word", "and"]


def test_lines_are_kept_one_to_one() -> None:
    assert [one.text for one in line_sentences("one. two.\n\nthree")] == ["one. two.", "", "three"]


@given(st.lists(st.sampled_from(["and", "word", "stop.", "well,", "so", "99.9", "e.g.", "..."]), max_size=200))
def test_every_word_once_in_order_and_none_too_long(tokens: list[str]) -> None:
    parts = spoken_sentences(said(" ".join(tokens)))
    assert " ".join(part.text for part in parts).split() == tokens
    assert all(len(part.text.split()) <= LONGEST_WORDS for part in parts)
