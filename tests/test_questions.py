"""Question packs: the shipped one is whole, and a wrong key is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from voice_coach.coverage.labels import STAGES
from voice_coach.errors import QuestionPackError
from voice_coach.interviewer.questions import LEVELS, PROBED, read_pack

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
        (("target_max_s = 90", "target_max_s = inf"), "target_max_s"),
        (('question = "Q?"', 'question = ""'), "question"),
        (('question = "Q?"', 'qestion = "Q?"'), "qestion"),
        (('text = "Why?"', 'text = "Why?"\nlevels = ["boss"]'), "levels"),
        (('text = "Why?"', 'text = "Why?"\nprobs = "severity"'), "probs"),
        (('text = "Why?"', "text = 3"), "text"),
        (('text = "Why?"', 'text = "Why?"\nprobes = "weather"'), "probes"),
        (('text = "Why?"', 'text = "Why?"\ntarget_max_s = 50'), "target_min_s"),
        (("target_max_s = 90", "target_max_s = 90\nshort_max_s = 10"), "short_min_s"),
        (("target_max_s = 90", "target_max_s = 90\ndeep_min_s = true"), "deep_min_s"),
        (('text = "Why?"', 'text = "Why?"\n[[interruption]]\nid = "b"'), "text"),
        (('text = "Why?"', 'text = "Why?"\n[[interruption]]\nid = "a"\ntext = "Now?"'), "twice"),
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


def test_the_shipped_pack_is_large_enough_not_to_repeat_itself() -> None:
    pack = read_pack()
    assert len(pack.follow_ups) - len(GUIDE) >= 25
    for stage in STAGES:
        assert len([one for one in pack.follow_ups if one.follow_up.probes == stage]) >= 4
    assert len(pack.interruptions) >= 8
    assert PROBED == STAGES


def test_follow_ups_and_versions_carry_their_own_targets(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(GOOD + "target_min_s = 20\ntarget_max_s = 40\n")
    pack = read_pack(path)
    asked = pack.follow_ups[0].asked_as
    assert (asked.target_min_s, asked.target_max_s, asked.purpose) == (20.0, 40.0, "follow_up")
    spans = [(one.target_min_s, one.target_max_s) for one in map(pack.main_question, ("main", "90", "deep"))]
    assert spans == [(60.0, 90.0), (75.0, 100.0), (180.0, 240.0)]
    with pytest.raises(ValueError, match="no version '60'"):
        pack.main_question("60")
