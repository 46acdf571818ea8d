"""Names and numbers are taken out of exports, and ordinary words are not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone

import pytest

from voice_coach.history import rows
from voice_coach.history.kept import Judgement, KeptTake
from voice_coach.records import Assessment, Correction, Entry, TakeFacts
from voice_coach.report.exports import PastTake, exported
from voice_coach.report.json_view import assessment_as_dict
from voice_coach.report.scrub import Scrubber

NAMES = [
    # people: by name, by the words around, with a surname, in small letters
    ("I paged Priya Sharma from payments. Priya rolled back.", "Priya Sharma"),
    ("then i asked priya to look at the dashboard", "priya"),
    ("My name is Ingrid Olsen and I run the on-call rota.", "Ingrid Olsen"),
    ("My manager, Oyelaran, took the bridge.", "Oyelaran"),
    ("I pinged Zsofika in the channel, and Zsofika had it.", "Zsofika"),
    ("I asked Mark to own the updates.", "Mark"),
    ("Roman Petrov owned the fix.", "Roman Petrov"),
    ("We drained post-2 and pre01.", "post-2"),
    ("Call me at 2012-2099 then.", "2012-2099"),
    ("I paged Łukasz and then we talked.", "Łukasz"),
    ("Then josé said we should roll back.", "josé"),
    ("André agreed with the plan.", "André"),
    ("We escalated to Dr. Haverkamp at noon.", "Haverkamp"),
    ("Rajesh's change was the trigger.", "Rajesh"),
    # companies
    ("I work at Globex, and checkout was down.", "Globex"),
    ("At Initech we page by service.", "Initech"),
    ("Our customer Hooli Cloudworks called first.", "Hooli Cloudworks"),
    ("It was run by Vandelay Ltd for us.", "Vandelay"),
    ("I worked for HSBC then.", "HSBC"),
    ("I worked at Google, and Google's SREs are strict.", "Google"),
    # hosts
    ("The host db-prod-03 was full.", "db-prod-03"),
    ("We drained web01 first.", "web01"),
    ("It talked to checkout.prod.internal over TLS.", "checkout.prod.internal"),
    ("See status.globex.io for that day.", "status.globex.io"),
    # addresses
    ("It was at 10.0.3.17:8080 all along.", "10.0.3.17"),
    ("It was at 10 dot 0 dot 3 dot 17.", "10 dot 0 dot 3 dot 17"),
    ("The v6 one was 2001:db8::17 there.", "2001:db8::17"),
    ("Mail ada.l@example.com about it.", "ada.l@example.com"),
    ("Mail ada at example dot com about it.", "ada at example dot com"),
    ("The runbook is https://wiki.example.com/x?page=3.", "https://wiki.example.com/x?page=3"),
    # account-like numbers
    ("Customer account 4411982 was charged twice.", "4411982"),
    ("Order number 5512 was stuck.", "5512"),
    ("It was ticket INC-48213.", "INC-48213"),
    ("Card 4111 1111 1111 1111 was refused.", "4111 1111 1111 1111"),
    ("Call +1 (415) 555-0132 next time.", "415"),
    ("The key was AKIAIOSFODNN7EXAMPLE in the log.", "AKIAIOSFODNN7EXAMPLE"),
    ("Request 3f2504e0-4f89-41d3-9a0c-0305e82c3301 failed.", "3f2504e0"),
    ("It read five four three two one zero nine aloud.", "four three two"),
]

INNOCENT = [
    "We use Kubernetes on AWS in us-east-1, with Datadog and PagerDuty, and I declared a SEV-1.",
    "The p99 was 4 seconds, 5xx were at 12%, and 1,200,000 requests failed between 18:15 and 19:02:30.",
    "On 2026-03-01 at 18:15 we rolled back to version 2.14.3 of the API.",
    "I will mark the incident as resolved, and may page the DBA.",
    "The certificate used sha256, the queue was Kafka, the cache was Redis on port 6379.",
    "Then I told the support lead and the VP, and the Incident Commander agreed.",
    "We had a CVE-2021-44228 drill, RFC-793 resets and HTTP-500s, tier-2 and level-3 support.",
    "On Monday in October the SLO burned 40% of its budget in 15 minutes, about 30 percent of checkouts.",
    "The feedback was harsh but fair, roger that, in roman numerals.",
    "Non-200 responses in mid-2023 and sub-100 latency: at P99 we saw it, at SEV2 we page.",
    "During COVID-19 we used AES-256 and ISO-27001, from 2019-2021.",
    "About 1000000 events were replayed from S3 with Node.js and log4j on EC2.",
]


@pytest.mark.parametrize(("text", "name"), NAMES, ids=[name for _, name in NAMES])
def test_names_and_numbers_go(text: str, name: str) -> None:
    scrubber = Scrubber()
    scrubber.learn(text)
    clean = scrubber.scrub(text)
    assert name not in clean
    for part in name.split():
        assert part not in clean.split() or part.lower() in {"at", "dot"}
    assert "[" in clean
    assert sum(scrubber.replaced.values()) >= 1


@pytest.mark.parametrize("text", INNOCENT)
def test_ordinary_words_stay(text: str) -> None:
    scrubber = Scrubber()
    scrubber.learn(text)
    assert scrubber.scrub(text) == text
    assert not scrubber.replaced
    assert not scrubber.unsure


def test_one_name_has_one_stand_in_all_along() -> None:
    scrubber = Scrubber()
    text = "I paged Priya Sharma and Tomasz. Priya fixed web01; Tomasz looked at web02. Sharma wrote the review."
    scrubber.learn(text)
    assert scrubber.scrub(text) == (
        "I paged [person 1] and [person 2]. [person 1] fixed [host 1]; [person 2] looked at [host 2]. "
        "[person 1] wrote the review."
    )
    # another take, later
    assert scrubber.scrub("Priya again, on web02 and web03.") == "[person 1] again, on [host 2] and [host 3]."
    assert scrubber.replaced == {"person": 6, "host": 4}


def test_the_users_own_name_and_products_are_known() -> None:
    scrubber = Scrubber(people=["Blessing Okwuosa"], products=["Zookeeperly"])
    assert scrubber.scrub("Blessing restarted Zookeeperly.") == "[person 1] restarted [company 1]."


def test_what_can_not_be_judged_is_left_and_named() -> None:
    scrubber = Scrubber()
    text = "In Tuebingen the Frobnicator failed, so we moved to Frobnicator two. Grace took over. Support knew."
    scrubber.learn(text)
    assert scrubber.scrub(text) == text
    assert scrubber.unsure == {"Tuebingen": 1, "Frobnicator": 2, "Grace": 1}


def test_words_keep_their_times() -> None:
    said = "I paged Priya Sharma, at 10.0.3.17. Priya's team".split()
    words = [{"text": text, "start_s": float(n), "end_s": n + 0.5, "confidence": 0.9} for n, text in enumerate(said)]
    scrubber = Scrubber()
    scrubber.learn(" ".join(said))
    assert [(word["text"], word["start_s"], word["end_s"]) for word in scrubber.scrub_words(words)] == [
        ("I", 0.0, 0.5),
        ("paged", 1.0, 1.5),
        ("[person 1],", 2.0, 3.5),
        ("at", 4.0, 4.5),
        ("[address 1].", 5.0, 5.5),
        ("[person 1]'s", 6.0, 6.5),
        ("team", 7.0, 7.5),
    ]


# ------------------------------------------------------------------ exports


def entry_of(assessment: Assessment, **given: object) -> Entry:
    """What the store would list of it."""
    import sqlite3

    from voice_coach.history import schema

    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection)
    facts = TakeFacts("take-20260301T120000Z", datetime(2026, 3, 1, 12, tzinfo=timezone.utc), "incident-response")
    facts = TakeFacts(**{**{name: getattr(facts, name) for name in facts.__slots__}, **given})  # type: ignore[arg-type]
    judged = Judgement(facts.taken_at, assessment_as_dict(assessment))
    rows.put(connection, KeptTake("k7m2p", facts, "kept", None, own=False, judgements=(judged,)))
    (entry,) = rows.select(connection)
    connection.close()
    return entry


@pytest.fixture
def told(assessed: Callable[[str], Assessment]) -> PastTake:
    """A real assessment, with names put where they may stand."""
    text = json.dumps(assessment_as_dict(assessed("too_short")))
    text = text.replace("two browsers", "Priya Sharma").replace("both load balancers", "db-prod-03 at 10.0.3.17")
    entry = entry_of(assessed("too_short"), question="How does Globex <b>|respond</b>?", device="Priya's AirPods")
    return PastTake(entry, json.loads(text), (Correction("add", "um", "filled_pause", 1.0, 1.4),))


@pytest.mark.parametrize("form", ["json", "csv", "markdown", "html"])
def test_no_name_is_left_anywhere_in_a_scrubbed_export(told: PastTake, form: str) -> None:
    plain = "".join(exported([told], form))  # type: ignore[arg-type]
    scrubber = Scrubber()
    scrubber.learn("I work at Globex.")
    clean = "".join(exported([told], form, scrubber))  # type: ignore[arg-type]
    names = ["Globex", "Priya", "Sharma", "db-prod-03", "10.0.3.17", "audio_fixtures"]
    if form in ("json", "markdown", "html"):
        assert {"Priya", "Sharma"} <= {name for name in names if name in plain.replace("\\", "")}
    assert [name for name in names if name in clean.replace("\\", "")] == []
    assert "k7m2p" in clean


def test_json_is_a_list_that_holds_all(told: PastTake) -> None:
    (take,) = json.loads("".join(exported([told], "json")))
    assert take["id"] == "k7m2p"
    assert take["taken_at"] == "2026-03-01T12:00:00+00:00"
    assert take["assessment"] == told.assessment
    assert take["corrected"] == [{"action": "add", "text": "um", "kind": "filled_pause", "start_s": 1.0}]
    assert json.loads("".join(exported([], "json"))) == []


def test_csv_has_a_line_a_take_and_no_formulas(told: PastTake) -> None:
    import csv
    import dataclasses
    import io

    silent = dataclasses.replace(told.entry, id="zzzzz", stages={}, star={}, fillers_range=None, question="=1+1")
    lines = list(csv.DictReader(io.StringIO("".join(exported([told, PastTake(silent, None)], "csv")))))
    assert [line["id"] for line in lines] == ["k7m2p", "zzzzz"]
    assert lines[0]["stage_severity"] == told.entry.stages["severity"]
    assert float(lines[0]["duration_s"]) == told.entry.duration_s
    assert (lines[1]["stage_severity"], lines[1]["fillers_per_minute_least"]) == ("", "")
    assert lines[1]["question"] == "'=1+1"
    assert "".join(exported([], "csv")) == "id,taken_at\n"


def test_markup_in_what_was_said_stays_text(told: PastTake) -> None:
    page = "".join(exported([told], "html"))
    assert "How does Globex &lt;b&gt;|respond&lt;/b&gt;?" in page
    text = "".join(exported([told], "markdown"))
    assert "How does Globex \\<b\\>\\|respond\\</b\\>?" in text
    # the empty page stands, too
    assert "0 takes" in "".join(exported([], "html"))
