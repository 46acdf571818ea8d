"""Question packs: the shipped one is whole, and a wrong key is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from voice_coach.coverage.labels import STAGES
from voice_coach.errors import QuestionPackError
from voice_coach.interviewer.questions import LEVELS, read_pack

GUIDE = (
    "How do you decide whether to roll back or keep investigating?",
    "How do you avoid miscommunication during an incident?",
    "What metrics do you monitor first?",
    "Tell me about an incident that a deployment did not cause.",
    "What does a good postmortem look like to you?",
)

GOOD = 'id = "x"\nquestion = "Q?"\ntarget_min_s = 60\ntarget_max_s = 90\n[[follow_up]]\nid = "a"\ntext = "Why?"\n'


def test_the_shipped_pack_has_the_guides_questions_and_some_for_each_stage_and_level() -> None:
    pack = read_pack()
    texts = [one.follow_up.text for one in pack.follow_ups]
    assert set(GUIDE) <= set(texts)
    for stage in STAGES:
        for level in LEVELS:
            assert [one for one in pack.follow_ups if one.follow_up.probes == stage and level in one.levels]
    assert {one.follow_up.probes for one in pack.follow_ups} <= {*STAGES, None}


def test_a_pack_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(GOOD)
    pack = read_pack(path)
    assert (pack.question, pack.target_min_s, pack.follow_ups[0].levels) == ("Q?", 60.0, LEVELS)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("target_min_s = 60", "target_min_s = 100"), "target_min_s"),
        (("target_max_s = 90", 'target_max_s = "long"'), "target_max_s"),
        (('question = "Q?"', 'question = ""'), "question"),
        (('question = "Q?"', 'qestion = "Q?"'), "qestion"),
        (('text = "Why?"', 'text = "Why?"\nlevels = ["boss"]'), "levels"),
        (('text = "Why?"', 'text = "Why?"\nprobs = "severity"'), "probs"),
        (('text = "Why?"', "text = 3"), "text"),
        (("[[follow_up]]", "[follow_up]"), "follow_up"),
        (('id = "x"', 'id = "x'), "TOML"),
    ],
)
def test_wrong_packs_name_the_key(tmp_path: Path, change: tuple[str, str], named: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(QuestionPackError, match=named):
        read_pack(path)


def test_ids_are_used_once(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(GOOD + '[[follow_up]]\nid = "a"\ntext = "Again?"\n')
    with pytest.raises(QuestionPackError, match="twice"):
        read_pack(path)
