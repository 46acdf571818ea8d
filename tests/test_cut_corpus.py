"""Answers in parts: cut where a recogniser would cut, with the labels of the units that they were cut from."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from cut_corpus import cut_answer, fault_of, lines_of, parts_of, read_labels

from voice_coach.coverage.corpus import Answer, Unit, read_corpus

DATA = Path(__file__).resolve().parent.parent / "models" / "lifecycle" / "data"
HEADER = "@ w01-01 | question: main | root_cause_first: no | vague: no"
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


def test_a_readers_labels_go_to_the_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cut_corpus.random.Random", lambda seed: Always())
    sheet = tmp_path / "read.txt"
    sheet.write_text("w01-01 1: det+ / det+ act / -\n", encoding="utf-8")
    lines, faults = lines_of(HEADER, UNITS, read_labels([sheet]))
    assert faults == []
    assert [line.partition(" | ")[0] for line in lines[1:4]] == ["det+", "det+ act", "-"]
    assert {line.partition(" | ")[0] for line in lines[4:-1]} == {"-"}
    assert lines[-1] == "mit | We rolled it back."
    assert lines_of(HEADER, UNITS, {})[1] == ["w01-01 1: not read"]


def plain(answer: Answer) -> list[str]:
    return re.findall(r"[a-z0-9']+", " ".join(unit.text for unit in answer.units).lower())


def told(units: tuple[Unit, ...]) -> set[str]:
    return {label for unit in units for label in unit.labels}


def test_answers_in_parts_are_those_that_were_written() -> None:
    written = {answer.id: answer for answer in read_corpus(sorted((DATA / "train").glob("*.txt")))}
    cut = read_corpus(sorted((DATA / "cut").glob("*.txt")))
    assert len(cut) >= 500
    assert len({answer.id for answer in cut}) == len(cut)
    for answer in cut:
        whole = written[answer.id]
        assert plain(answer) == plain(whole)
        assert len(answer.units) > len(whole.units)
        assert told(answer.units) == told(whole.units)
