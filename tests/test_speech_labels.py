"""Labels carried from written units to recognised sentences, by time."""

from __future__ import annotations

import importlib.util
from argparse import Namespace
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "speak_corpus.py"
UNITS = [["det+ act", "I opened the dashboard."], ["-", "Yeah."], ["mit act", "We rolled it back."]]
PLACES = [[0, 32_000], [40_000, 48_000], [56_000, 88_000]]
"""0 to 2 s, 2.5 to 3 s, 3.5 to 5.5 s at 16 kHz."""


@pytest.fixture(scope="module")
def speak_corpus() -> ModuleType:
    spec = importlib.util.spec_from_file_location("speak_corpus", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("start_s", "end_s", "labels"),
    [
        (0.0, 2.0, ["det+", "act"]),  # one for one
        (0.0, 0.8, ["det+", "act"]),  # a part of a unit that fills the sentence
        (2.4, 3.1, []),  # a unit without labels
        (1.6, 5.5, ["mit", "act"]),  # the tail of one unit is not that unit
        (0.0, 5.5, ["det+", "act", "mit"]),  # run together: the union
        (6.0, 7.0, []),  # nothing was said there
    ],
)
def test_a_sentence_gets_the_labels_of_the_units_it_tells(
    speak_corpus: ModuleType, start_s: float, end_s: float, labels: list[str]
) -> None:
    assert speak_corpus.labels_of(start_s, end_s, UNITS, PLACES) == labels


def test_the_same_share_of_the_answers_every_time(speak_corpus: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "w.txt"
    header = "@ w-{} | question: main | root_cause_first: no | vague: no\n- | Hello.\n\n"
    file.write_text("".join(header.format(k) for k in range(200)), encoding="utf-8")
    drawn = speak_corpus.chosen([file], "", 0.2)
    assert drawn == speak_corpus.chosen([file], "", 0.2)
    assert 20 <= len(drawn) <= 60
    assert [speak_corpus.answer_id(header) for header, _ in speak_corpus.chosen([file], "w-3,w-7", 0.2)] == [
        "w-3",
        "w-7",
    ]


HEARD = ["So I opened.", "The dashboard, yes.", "Yeah, we rolled it back."]


def test_units_are_found_again_in_what_was_heard_by_their_words(speak_corpus: ModuleType) -> None:
    assert speak_corpus.told_units(HEARD, [words for _, words in UNITS]) == [{0}, {0}, {1, 2}]


def test_settling_takes_labels_from_parts_only_and_loses_none(speak_corpus: ModuleType, tmp_path: Path) -> None:
    header = "@ w-1 | question: main | root_cause_first: no | vague: no"
    written, heard = tmp_path / "written", tmp_path / "heard.txt"
    written.mkdir()
    unit = "It was a quiet Monday in March, and the pager went off for checkout, so I opened the dashboards."
    (written / "w.txt").write_text(f"{header}\nsit det+ act | {unit}\nmit act | I rolled it back.\n", encoding="utf-8")
    parts = ["It was a quiet Monday in March.", "And the pager went off for checkout.", "So I opened the dashboards."]
    lines = [f"sit det+ act | {part}" for part in parts]
    heard.write_text("\n".join([header, *lines, "mit act | I rolled it back."]) + "\n", encoding="utf-8")
    speak_corpus.settle(Namespace(written=written, heard=[heard]))
    [(_, settled)] = speak_corpus.read_units(heard)
    marks = [set(codes.split()) for codes, _ in settled]
    assert [words for _, words in settled] == [*parts, "I rolled it back."]
    assert marks[0] | marks[1] | marks[2] == {"sit", "det+", "act"}
    assert "sit" in marks[0]
    assert "sit" not in marks[2]
    assert "act" in marks[2]
    assert marks[3] == {"mit", "act"}
