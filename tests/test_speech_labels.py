"""Labels carried from written units to recognised sentences, by time and by words, and put right by a reader."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from corpus_units import answer_id, written_labels
from settle_heard import gather, sentences_of, sheet, told_units
from speak_corpus import chosen, labels_of

from voice_coach.coverage.corpus import read_corpus
from voice_coach.coverage.labels import CODES, STAGES

HEADER = "@ w-1 | question: main | root_cause_first: no | vague: no"
UNITS = [("det+ act", "I opened the dashboard."), ("-", "Yeah."), ("mit act", "We rolled it back.")]
PLACES = [(0, 32_000), (40_000, 48_000), (56_000, 88_000)]
"""0 to 2 s, 2.5 to 3 s, 3.5 to 5.5 s at 16 kHz."""
HEARD = ["So I opened.", "The dashboard, yes.", "Yeah, we rolled it back."]


def test_codes_are_those_of_the_rubric() -> None:
    every = written_labels({f"{code}+" if label in STAGES else code for code, label in CODES.items()})
    assert every == "det+ sev+ mit+ com+ pre+ sit tas act res imp cow"
    assert written_labels(["act", "det", "det+"]) == "det+ act"
    assert written_labels([]) == "-"


@pytest.mark.parametrize(
    ("start_s", "end_s", "labels"),
    [
        (0.0, 2.0, "det+ act"),  # one for one
        (0.0, 0.8, "det+ act"),  # a part of a unit that fills the sentence
        (2.4, 3.1, "-"),  # a unit without labels
        (1.6, 5.5, "mit act"),  # the tail of one unit is not that unit
        (0.0, 5.5, "det+ mit act"),  # run together: the union
        (6.0, 7.0, "-"),  # nothing was said there
    ],
)
def test_a_sentence_gets_the_labels_of_the_units_it_tells(start_s: float, end_s: float, labels: str) -> None:
    assert labels_of(start_s, end_s, UNITS, PLACES) == labels


def test_the_same_share_of_the_answers_every_time(tmp_path: Path) -> None:
    file = tmp_path / "w.txt"
    header = "@ w-{} | question: main | root_cause_first: no | vague: no\n- | Hello.\n\n"
    file.write_text("".join(header.format(k) for k in range(200)), encoding="utf-8")
    drawn = chosen([file], "", 0.2)
    assert drawn == chosen([file], "", 0.2)
    assert 20 <= len(drawn) <= 60
    assert [answer_id(header) for header, _ in chosen([file], "w-3,w-7", 0.2)] == ["w-3", "w-7"]


def test_units_are_found_again_in_what_was_heard_by_their_words() -> None:
    assert told_units(HEARD, [words for _, words in UNITS]) == [{0}, {0}, {1, 2}]


def test_a_reader_decides_where_a_labelled_unit_was_cut() -> None:
    heard = sentences_of([("-", text) for text in HEARD], UNITS)
    assert [(one.labels, one.open) for one in heard] == [("det+ act", True), ("det+ act", True), ("mit act", False)]
    together = sentences_of([("-", "I opened the dashboard, we rolled it back.")], UNITS)
    assert [(one.labels, one.open) for one in together] == [("det+ mit act", True)]


@pytest.fixture
def folders(tmp_path: Path) -> argparse.Namespace:
    written, heard = tmp_path / "written", tmp_path / "heard.txt"
    written.mkdir()
    rows = "\n".join(f"{labels} | {text}" for labels, text in UNITS)
    (written / "w.txt").write_text(f"{HEADER}\n{rows}\n", encoding="utf-8")
    rows = "\n".join(f"- | {text}" for text in HEARD)
    heard.write_text(f"{HEADER}\n{rows}\n", encoding="utf-8")
    read, to = tmp_path / "w.read.txt", tmp_path / "settled"
    return argparse.Namespace(files=[heard], written=written, to=to, read=[read])


def test_the_sheet_shows_both_and_what_is_open(folders: argparse.Namespace) -> None:
    folders.to = folders.to / "w.txt"
    assert sheet(folders) == 0
    assert folders.to.read_text(encoding="utf-8").splitlines() == [
        HEADER,
        "as written:",
        *(f"{labels} | {text}" for labels, text in UNITS),
        "as heard:",
        "1* | det+ act | So I opened.",
        "2* | det+ act | The dashboard, yes.",
        "3 | mit act | Yeah, we rolled it back.",
    ]


def test_what_a_reader_decided_is_gathered(folders: argparse.Namespace) -> None:
    folders.read[0].write_text("w-1 1: act det\nw-1 2: det+\nw-1 3: mit\n", encoding="utf-8")
    assert gather(folders) == 0
    [answer] = read_corpus([folders.to / "w_1.txt"])
    assert [(set(unit.labels), set(unit.specific)) for unit in answer.units] == [
        ({"detection", "action"}, set()),
        ({"detection"}, {"detection"}),
        ({"mitigation"}, set()),
    ]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("w-1 1: det+ act", "w-1 2: not read"),
        ("w-1 1: det+ act\nw-1 2: -\nw-1 4: mit", "w-1 4: no such sentence"),
    ],
)
def test_what_a_reader_left_open_is_named(
    folders: argparse.Namespace, lines: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folders.read[0].write_text(lines, encoding="utf-8")
    assert gather(folders) == 1
    assert fault in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("line", ["w-1 1 det", "w-1 1: detection", "w-1 1: act+"])
def test_a_line_in_no_known_form_is_refused(folders: argparse.Namespace, line: str) -> None:
    folders.read[0].write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="is not 'answer number: labels'"):
        gather(folders)
    assert not folders.to.exists()


def test_an_answer_that_was_never_written_is_named(folders: argparse.Namespace) -> None:
    folders.files[0].write_text(HEADER.replace("w-1", "w-2") + "\n- | Hello.\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="w-2 is in no file"):
        sheet(folders)
