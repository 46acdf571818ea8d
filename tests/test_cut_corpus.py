"""Answers in parts: cut where a recogniser would cut, with the labels of the units that they were cut from."""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import pytest
from corpus_units import answer_id, read_units
from cut_corpus import cut_answer, fault_of, gather, in_parts, parts_of, read_labels

from voice_coach.coverage.corpus import read_corpus

DATA = Path(__file__).resolve().parent.parent / "models" / "lifecycle" / "data"
HEADER = "@ w01-15 | question: main | root_cause_first: no | vague: no"
UNITS = [
    ("det+ act", "The pager went off at four, and I looked at the graphs, and they were red."),
    ("-", "So it goes, as they say, in our trade."),
    ("mit", "We rolled it back."),
]


class Always(random.Random):
    """Draws so low a number that every place with a chance is cut."""

    def random(self) -> float:
        return 0.0


def test_a_cut_part_is_a_sentence() -> None:
    assert parts_of("We put it back, then, after some time, it held.", Always()) == [
        "We put it back.",
        "Then, after some time.",
        "It held.",
    ]
    assert parts_of("We put it back.", Always()) == ["We put it back."]


def test_an_answer_is_cut_alike_every_time() -> None:
    assert list(cut_answer(HEADER, UNITS)) == list(cut_answer(HEADER, UNITS))


@pytest.mark.parametrize(
    ("read", "fault"),
    [
        (["det+", "act"], ""),
        (["det+ act", "det"], ""),
        (["det+ act", "-"], ""),
        (None, "not read"),
        (["det+ act"], "1 labelled of 2 parts"),
        (["det act", "-"], "'act det' where the unit has 'det+ act'"),
        (["det+", "-"], "'det+' where the unit has 'det+ act'"),
        (["det+ act", "mit"], "'act det+ mit' where the unit has 'det+ act'"),
    ],
)
def test_parts_carry_the_units_labels_between_them(read: list[str] | None, fault: str) -> None:
    assert fault_of("det+ act", read, ["a", "b"]) == fault


def test_a_readers_labels_go_to_the_parts(tmp_path: Path) -> None:
    parts = [parts for _, _, parts in cut_answer(HEADER, UNITS)]
    assert [len(one) for one in parts] == [2, 1, 1]  # as it is drawn for this id
    sheet = tmp_path / "read.txt"
    sheet.write_text("w01-15 1: det+ / det+ act\n", encoding="utf-8")
    text, faults = in_parts(HEADER, UNITS, read_labels([sheet]))
    assert faults == []
    assert text.splitlines() == [
        HEADER,
        "det+ | The pager went off at four.",
        "det+ act | And I looked at the graphs, and they were red.",
        "- | So it goes, as they say, in our trade.",
        "mit | We rolled it back.",
    ]
    assert in_parts(HEADER, UNITS, {})[1] == ["w01-15 1: not read"]


def test_gathering_one_answer_leaves_a_writers_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written, read, to = tmp_path / "w01_15.txt", tmp_path / "read.txt", tmp_path / "cut"
    written.write_text("\n".join([HEADER, *(f"{labels} | {text}" for labels, text in UNITS)]), encoding="utf-8")
    other = f"{HEADER.replace('w01-15', 'w01-16')}\n- | So it goes.\n"
    to.mkdir()
    (to / "w01.txt").write_text(other, encoding="utf-8")
    read.write_text("w01-15 1: det+ / act\n", encoding="utf-8")
    args = argparse.Namespace(files=[written], read=[read], to=to)
    assert gather(args) == 0
    first, second = read_corpus([to / "w01.txt"])
    assert (first.id, len(first.units), second.id) == ("w01-15", 4, "w01-16")
    read.write_text("w01-15 1: det+ / det\nw09-01 3: mit / -\n", encoding="utf-8")
    assert gather(args) == 1
    told = capsys.readouterr().out
    assert "w01-15 1: 'det+' where the unit has 'det+ act'" in told
    assert "w09-01 3: no labelled unit of these files that was cut" in told
    assert len(read_corpus([to / "w01.txt"])) == 2
    read.write_text("w01-15 1: det+ / act\nw01-15 3: mit / -\n", encoding="utf-8")
    assert gather(args) == 1
    assert "w01-15 3: no labelled unit" in capsys.readouterr().out


def test_an_answer_of_which_nothing_labelled_was_cut_needs_no_reader(tmp_path: Path) -> None:
    written, to = tmp_path / "w01_15.txt", tmp_path / "cut"
    units = [("-", UNITS[0][1]), *UNITS[1:]]
    written.write_text("\n".join([HEADER, *(f"{labels} | {text}" for labels, text in units)]), encoding="utf-8")
    assert gather(argparse.Namespace(files=[written], read=[], to=to)) == 0
    (answer,) = read_corpus([to / "w01.txt"])
    assert [sorted(unit.labels) for unit in answer.units] == [[], [], [], ["mitigation"]]


def test_answers_in_parts_are_those_that_were_written() -> None:
    """As cut today, and with the labels of the units, `+` included."""
    written = {
        answer_id(header): (header, units)
        for path in sorted((DATA / "train").glob("*.txt"))
        for header, units in read_units(path)
    }
    cut = [answer for path in sorted((DATA / "cut").glob("*.txt")) for answer in read_units(path)]
    # those that no reader need see are all there
    parts_by_answer = {id: list(cut_answer(*answer)) for id, answer in written.items()}
    assert {answer_id(header) for header, _ in cut} >= {
        id
        for id, units in parts_by_answer.items()
        if any(len(parts) > 1 for _, _, parts in units)
        and all(labels == "-" for _, labels, parts in units if len(parts) > 1)
    }
    assert len({header for header, _ in cut}) == len(cut)
    for header, parts in cut:
        whole_header, units = written[answer_id(header)]
        assert header == whole_header
        marks = iter(parts)
        for _, labels, texts in cut_answer(whole_header, units):
            mine = [next(marks) for _ in texts]
            assert [text for _, text in mine] == texts
            assert fault_of(labels, [mark for mark, _ in mine], texts) == ""
        assert next(marks, None) is None
