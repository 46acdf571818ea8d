"""The Whisper adapter: guards by hand-worked cases, and the shipped model on real audio."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import soundfile
from faster_whisper import WhisperModel

from voice_coach.audio.windows import WindowCutter
from voice_coach.records import SAMPLE_RATE_HZ, Span, Window, Word
from voice_coach.session import Coach
from voice_coach.speech.terms import Suspect, chosen_terms, correct_terms, read_terms
from voice_coach.speech.whisper import not_after, without_loops


def words(text: str) -> tuple[Word, ...]:
    return tuple(Word(token, float(k), k + 0.5, 0.9) for k, token in enumerate(text.split()))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        ("we rolled back", "we rolled back"),
        ("very very very slow", "very very very slow"),
        ("no no no no no no no no stop", "no stop"),
        # as a person said it, in a recording
        ("more words words words words words and", "more words words words words words and"),
        ("we rolled we rolled we rolled we rolled back", "we rolled back"),
        ("thank you. thank you. thank you. thank you. thank you. Bye", "thank you. Bye"),
        ("so a b c a b c a b c a b c a b c end", "so a b c end"),
        ("a a a b b b", "a a a b b b"),
    ],
)
def test_loops_are_cut_to_one_round(text: str, kept: str) -> None:
    assert " ".join(word.text for word in without_loops(words(text))) == kept


def test_words_that_alignment_stretched_past_what_was_read_come_back() -> None:
    """ "also" stretched over a pause stood behind the fifteen words that were read next, so that all began at once."""
    read = [Word("I'm", 39.0, 39.2, 0.9), Word("also", 44.8, 46.0, 0.4)]
    assert [(word.start_s, word.end_s) for word in not_after(read, 39.6)] == [(39.0, 39.2), (39.6, 39.6)]


def test_punctuation_alone_is_no_failure(coach: Coach, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hum Whisper may write full stops and nothing else; with a stand-in for its alignment."""
    part = {"word": " ...", "tokens": [1106], "start": 0.5, "end": 1.5, "probability": 0.4}
    monkeypatch.setattr(WhisperModel, "find_alignment", lambda *given: [[part]])
    assert {word.text for word in heard_words(coach, "strong_answer", 0.0, 8.0)} == {"..."}


def window(samples: np.ndarray, voiced: tuple[Span, ...]) -> Window:
    return Window(samples.astype(np.float32), (Span(0.0, len(samples) / SAMPLE_RATE_HZ),), voiced)


def test_no_voice_no_words(coach: Coach) -> None:
    silence = np.zeros(5 * SAMPLE_RATE_HZ)
    found = coach.whisper.transcribe(window(silence, ()))
    assert (found.words, found.verbatim) == ((), ())


@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.9])
def test_very_short_windows_do_no_harm(coach: Coach, seconds: float) -> None:
    """Aligning under a second of audio has ended the process in some versions of CTranslate2."""
    noise = np.random.default_rng(0).normal(0, 0.05, round(seconds * SAMPLE_RATE_HZ))
    found = coach.whisper.transcribe(window(noise, (Span(0.0, 0.3),)))
    assert all(0.0 <= word.start_s <= word.end_s <= seconds + 1.0 for word in (*found.words, *found.verbatim))


def heard_words(coach: Coach, fixture: str, begin_s: float, end_s: float) -> list[Word]:
    """The plain words of a part of a fixture."""
    begin, count = round(begin_s * SAMPLE_RATE_HZ), round((end_s - begin_s) * SAMPLE_RATE_HZ)
    samples, _ = soundfile.read(f"audio_fixtures/{fixture}.flac", frames=count, start=begin, dtype="float32")
    cutter = WindowCutter()
    return [word for one in (*cutter.push(samples), *cutter.finish()) for word in coach.whisper.transcribe(one).words]


def terms_by_sound(words: list[Word]) -> list[str | None]:
    return [word.sounds_like.term for word in words if word.sounds_like]


@pytest.mark.parametrize(
    ("fixture", "begin_s", "end_s", "term"),
    [("strong_answer", 152.0, 162.0, "postmortem"), ("filler_heavy", 20.0, 30.0, "Datadog")],
)
def test_a_misheard_term_is_told_by_the_sound(
    coach: Coach, fixture: str, begin_s: float, end_s: float, term: str
) -> None:
    """What is written there ("post-war", "Day to Dog") differs by processor; no list of sound-alikes knows it."""
    heard = heard_words(coach, fixture, begin_s, end_s)
    unheard = correct_terms([replace(word, sounds_like=None) for word in heard], read_terms())
    if any(term in word.text for word in unheard):
        pytest.skip(f"written so that it needs no sound here: {' '.join(word.text for word in heard)!r}")
    assert terms_by_sound(heard) == [term]
    assert any(term in word.text for word in correct_terms(heard, read_terms()))


def test_of_terms_that_share_words_the_likeliest_is_believed_unless_torn() -> None:
    kafka, redis, slo, sla = (
        Suspect(at, 2, term, 0.9, 0.5) for at, term in ((0, "Kafka"), (1, "Redis"), (5, "SLO"), (5, "SLA"))
    )
    assert chosen_terms([(-3.0, kafka), (-5.0, redis), (-2.0, slo), (-2.5, sla)]) == [kafka]
    assert chosen_terms([(-3.0, redis), (-2.0, slo), (-5.0, sla)]) == [slo, redis]
    assert chosen_terms([]) == []


def test_no_term_is_heard_in_ordinary_speech(coach: Coach) -> None:
    heard = heard_words(coach, "off_topic", 0.0, 40.0)
    assert terms_by_sound(heard) == []


def test_words_without_voice_near_them_are_dropped(coach: Coach) -> None:
    """Whisper writes words over noise; the voice detector heard only a blip at the start."""
    noise = np.random.default_rng(0).normal(0, 0.02, 20 * SAMPLE_RATE_HZ)
    found = coach.whisper.transcribe(window(noise, (Span(0.0, 0.25),)))
    assert all(word.start_s < 0.25 + 0.35 for word in found.words)
