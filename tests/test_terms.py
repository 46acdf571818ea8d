"""Domain terms, by a table of what Whisper writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from voice_coach.errors import QuestionPackError
from voice_coach.records import HeardTerm, Word
from voice_coach.speech.terms import Suspect, correct_terms, heard_terms, read_terms, suspected


def said(text: str, confidence: float = 0.9) -> list[Word]:
    return [Word(token, 0.5 * k, 0.5 * k + 0.4, confidence) for k, token in enumerate(text.split())]


def written(text: str, confidence: float = 0.9, own: tuple[str, ...] = ()) -> str:
    return " ".join(word.text for word in correct_terms(said(text, confidence), read_terms(own=own)))


@pytest.mark.parametrize(
    ("heard", "right"),
    [
        ("We run cooper netties, mostly.", "We run Kubernetes, mostly."),
        ("Pager duty woke me.", "PagerDuty woke me."),
        ("It was a sev one.", "It was a SEV-1."),
        ("It was a 7 one incident", "It was a SEV-1 incident"),
        ("The p 99 rose.", "The p99 rose."),
        ("many 5 xx errors", "many 5xx errors"),
        ("our S.L.O. burned", "our SLO. burned"),
        ("I was on call.", "I was on-call."),
        ("the post mortem's owner", "the postmortem's owner"),
        ("a crash loop back off", "a CrashLoopBackOff"),
        ("We declared a seven one, then.", "We declared a SEV-1, then."),
        ("The pods were room killed.", "The pods were OOMKilled."),
        ("a blameless post, Mortem later", "a blameless postmortem later"),
        ("I did a roll back first.", "I did a rollback first."),
        ("The at CD cluster lost quorum.", "The etcd cluster lost quorum."),
        ("an I A M policy", "an IAM policy"),
        ("our S L O and the sla", "our SLO and the SLA"),
        ("We had trouble with a WS for a week.", "We had trouble with AWS for a week."),
        ("The SL I fell.", "The SLI fell."),
        ("behind H.A. proxy", "behind HAProxy"),
        ("our S. L. O. burned", "our SLO. burned"),
        ("It was only a fall over.", "It was only a failover."),
        ("the envoys of Pager duty", "the envoys of PagerDuty"),
        ('I said, "We lost redis." Then', 'I said, "We lost Redis." Then'),
        ('"Is it cooper netties?" and (pager duty)', '"Is it Kubernetes?" and (PagerDuty)'),
        ("“Kafka” and Redis— then", "“Kafka” and Redis— then"),
    ],
)
def test_sound_alikes_become_terms(heard: str, right: str) -> None:
    assert written(heard) == right


@pytest.mark.parametrize(
    "text",
    [
        "I like the helm of the ship.",
        "We had seven incidents, one of them bad.",
        "The duty manager turned the page.",
        "I saw the cloud. Watch the sky.",
        "Prom dresses and graphs on a farm.",
        "It is a slow road over a hill.",
        "I am the one who wrote it.",
        "There were seven one of them dead.",
        "We decided to save one of the nodes.",
        "We restarted all seven one by one.",
        "It was a seven one of us had seen before.",
        "We had room killed by the furniture.",
        "We roll back the release.",
        "Let me fail over there.",
        "Do not fall over there.",
        "It was at 3 a.m. and I am tired.",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert [w.lower() for w in written(text).split()] == [w.lower() for w in text.split()]


@pytest.mark.parametrize(
    "text", ["the vault was closed", "we cut the slack", "a sentry at the door", "Slack and Vault"]
)
def test_a_word_that_is_a_name_too_keeps_its_spelling(text: str) -> None:
    assert written(text) == text


def test_only_unsure_words_are_taken_for_what_they_resemble() -> None:
    assert written("Promethius's kubernities failed", confidence=0.3).split()[1] == "Kubernetes"
    assert written("the kubernities failed", confidence=0.9) == "the kubernities failed"


@pytest.mark.parametrize(
    ("heard", "term"),
    [("we opened Hebana to look", "Kibana"), ("from Day to Dog.", "Datadog"), ("the HPS scaled it", "HPA")],
)
def test_what_resembles_a_term_is_suspected(heard: str, term: str) -> None:
    assert term in {one.term for one in suspected(said(heard, 0.6), read_terms())}


@pytest.mark.parametrize(
    ("heard", "confidence", "term"),
    [
        ("we opened Hebana to look", 0.95, "Kibana"),  # read without doubt
        ("we opened Kibana to look", 0.6, "Kibana"),  # a term already
        ("it was the data. Dog days", 0.6, "Datadog"),  # a sentence ends inside
        ("we had to roll back the release", 0.5, "rollback"),  # sounds the same as a rollback
        ("so 10 and 17 of them", 0.5, "SEV-1"),  # no consonants to resemble any
        ("because so many", 0.5, "ECS"),  # an acronym is written in capitals
        ("so um then", 0.5, "SLO"),
        ("it stopped at step three", 0.5, "SEV-3"),  # only the number is alike
    ],
)
def test_what_is_certain_or_known_is_not(heard: str, confidence: float, term: str) -> None:
    assert term not in {one.term for one in suspected(said(heard, confidence), read_terms())}


def test_what_sounds_like_a_term_is_written_as_it() -> None:
    words = said("an alert from Day to Dog. Then")
    words[3] = replace(words[3], sounds_like=HeardTerm("Datadog", 3, "daytodog"))
    corrected = correct_terms(words, read_terms())
    assert " ".join(word.text for word in corrected) == "an alert from Datadog. Then"
    assert (corrected[3].start_s, corrected[3].end_s, corrected[3].sounds_like) == (1.5, 2.9, None)
    # what is spelled like a term takes its own words
    again = said("a data data dog")
    again[1] = replace(again[1], sounds_like=HeardTerm("Datadog", 2, "datadata"))
    assert " ".join(word.text for word in correct_terms(again, read_terms())) == "a data Datadog"
    # a word between was dropped since, over silence: what was weighed is no longer there
    assert "Datadog" not in " ".join(word.text for word in correct_terms([*words[:4], *words[5:]], read_terms()))


def weighed(words: list[Word], *suspects: tuple[float, Suspect]) -> list[Word]:
    """The words as Whisper hands them over once these were held against the sound."""
    marks = heard_terms(words, suspects, read_terms())
    return [replace(word, sounds_like=marks.get(k)) for k, word in enumerate(words)]


@pytest.mark.parametrize(
    ("heard", "at", "count", "term"),
    [
        ("It was a dated dog show", 3, 2, "Datadog"),
        ("that engine X marks", 1, 2, "NGINX"),
        ("The score was 7-2 and", 3, 1, "SEV-2"),
        ("Red is the colour", 0, 2, "Redis"),
    ],
)
def test_where_ordinary_words_sound_like_a_term_the_sound_decides(heard: str, at: int, count: int, term: str) -> None:
    glossary = read_terms()
    suspects = [one for one in suspected(said(heard, 0.99), glossary) if (one.first, one.count) == (at, count)]
    assert [one.term for one in suspects] == [term]
    for ratio, expected in ((-8.0, True), (-10.0, False)):
        corrected = correct_terms(weighed(said(heard), (ratio, suspects[0])), glossary)
        assert (term in [word.text for word in corrected]) == expected
        assert all(word.sounds_like is None for word in corrected)


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        ("Envoy and his TO failed", "Envoy and Istio failed"),
        ("His TO, too", "Istio, too"),
        ("he gave it to his to do list", "he gave it to his to do list"),
        ("His T.O. was signed", "His T.O. was signed"),
    ],
)
def test_capitals_of_a_sound_alike_must_be_written(heard: str, expected: str) -> None:
    assert written(heard) == expected


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        ("we use open to lemotry and go", "we use OpenTelemetry and go"),
        ("we use open to lemotry you see", "we use OpenTelemetry you see"),
        ("it was cloud flare so I left", "it was Cloudflare so I left"),
        ("it was cloud flare I left", "it was Cloudflare I left"),
        ("it was cloud flare rain", "it was Cloudflare rain"),
        ("see a kubernities pod", "see a Kubernetes pod"),
        ("Prometheus how are you", "Prometheus how are you"),
    ],
)
def test_a_term_that_only_resembles_what_is_written_takes_no_word_beside_it(heard: str, expected: str) -> None:
    assert written(heard, confidence=0.5) == expected


@pytest.mark.parametrize(
    ("heard", "at", "term"),
    [("had a cloud formation of birds", 2, "CloudFormation"), ("to launch darkly lit ads", 1, "LaunchDarkly")],
)
def test_what_the_sound_refuses_does_not_come_back_as_alike(heard: str, at: int, term: str) -> None:
    words, glossary = said(heard, 0.5), read_terms()
    [suspect] = [one for one in suspected(words, glossary) if (one.first, one.count, one.likeness) == (at, 2, 1.0)]
    assert suspect.term == term
    corrected = correct_terms(weighed(words, (-20.0, suspect)), glossary)
    assert " ".join(word.text for word in corrected) == heard


def test_of_two_runs_at_a_word_the_believed_one_is_written() -> None:
    refused, believed = Suspect(3, 2, "SEV-1", 1.0, 0.9), Suspect(3, 3, "Kibana", 0.9, 0.5)
    words = weighed(said("it was a 7 one down"), (-12.0, refused), (-1.0, believed))
    assert " ".join(word.text for word in correct_terms(words, read_terms())) == "it was a Kibana"


def test_terms_that_are_written_right_are_not_weighed() -> None:
    assert suspected(said("the Redis runbook and New Relic", 0.99), read_terms()) == []
    assert not {"Istio"} & {
        one.term for one in suspected(said("it is to fail", 0.6), read_terms()) if one.likeness == 1.0
    }


def test_a_users_own_term_is_put_right() -> None:
    assert written("we lost zookeeper lee again", own=("Zookeeperly",), confidence=0.4) == "we lost Zookeeperly again"
    assert written("we lost zookeeperly again", own=("Zookeeperly",)) == "we lost Zookeeperly again"
    assert written("we lost thanos quarry again", own=("Thanosquery",), confidence=0.4) == "we lost Thanosquery again"
    assert written("we lost thanosquery again", own=("Thanosquery",)) == "we lost Thanosquery again"


def test_a_term_spans_its_words_with_the_lowest_confidence() -> None:
    words = [Word("cooper", 1.0, 1.4, 0.9), Word("netties,", 1.4, 1.9, 0.3)]
    assert correct_terms(words, read_terms()) == (Word("Kubernetes,", 1.0, 1.9, 0.3),)


def test_there_are_enough_terms() -> None:
    assert len(read_terms().names) >= 60


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("terms = 1", r"\[terms\]"),
        ("[terms]\nKafka = 1", "Kafka must be a list"),
        ('[terms]\nKafka = [" "]', "Kafka must be a list"),
        ("[terms", "not a readable TOML"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "terms.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(QuestionPackError, match=message):
        read_terms(path)
