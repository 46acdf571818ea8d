"""The corpus: in form, split by writer, and large enough."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from voice_coach.coverage.corpus import Answer, read_corpus
from voice_coach.coverage.labels import LABELS
from voice_coach.errors import UsageError

DATA = Path(__file__).resolve().parent.parent / "models" / "lifecycle" / "data"
HEADER = "@ a-01 | question: main | root_cause_first: no | vague: no\n"


@pytest.fixture(scope="module")
def train() -> tuple[Answer, ...]:
    return read_corpus(sorted((DATA / "train").glob("*.txt")))


@pytest.fixture(scope="module")
def held_out() -> tuple[Answer, ...]:
    return read_corpus(sorted((DATA / "test").glob("*.txt")))


def test_size(train: tuple[Answer, ...], held_out: tuple[Answer, ...]) -> None:
    # answers are added, and none is lost by mistake
    assert len(train) >= 3_952
    assert sum(len(answer.units) for answer in train) >= 49_000
    assert len(held_out) >= 144


def test_splits_share_no_writer_and_no_sentence(train: tuple[Answer, ...], held_out: tuple[Answer, ...]) -> None:
    assert not {answer.writer for answer in train} & {answer.writer for answer in held_out}
    seen = {unit.text.lower() for answer in train for unit in answer.units if len(unit.text.split()) > 4}
    again = [unit.text for answer in held_out for unit in answer.units if unit.text.lower() in seen]
    assert again == []


def test_every_answer_has_an_id_of_its_own(train: tuple[Answer, ...], held_out: tuple[Answer, ...]) -> None:
    ids = Counter(answer.id for answer in (*train, *held_out))
    assert [name for name, count in ids.items() if count > 1] == []


def test_enough_units_carry_nothing_and_every_label_occurs(train: tuple[Answer, ...]) -> None:
    units = [unit for answer in train for unit in answer.units]
    assert sum(not unit.labels for unit in units) / len(units) >= 0.2
    counts = Counter(label for unit in units for label in unit.labels)
    assert all(counts[label] >= 50 for label in LABELS)


def test_reading_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(HEADER + "det+ act | I looked | at it\n- | well\n")
    (answer,) = read_corpus([path])
    assert answer.writer == "a"
    assert answer.units[0].text == "I looked | at it"
    assert answer.units[0].labels == {"detection", "action"}
    assert answer.units[0].specific == {"detection"}
    assert answer.units[1].labels == frozenset()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("det | words\n", ":1"),
        (HEADER + "dat | words\n", ":2"),
        (HEADER + "det words\n", ":2"),
        (HEADER + "sit+ | words\n", ":2"),
        (HEADER + "det++ | words\n", ":2"),
        (HEADER + " | words\n", ":2"),
        ("@ a-01 main\n", ":1"),
    ],
)
def test_wrong_lines_are_named(tmp_path: Path, text: str, where: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(text)
    with pytest.raises(UsageError, match=f"a.txt{where}"):
        read_corpus([path])
