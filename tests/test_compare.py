"""Two takes side by side: stages, figures, and which sentences were cut."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.takes_by_hand import answer, delivery, said
from voice_coach.history.store import Store
from voice_coach.records import Assessment, JudgedSentence, Pause, TakeFacts, Target
from voice_coach.report.changes_view import change_lines
from voice_coach.report.compare import compare, cut_by_stage
from voice_coach.report.json_view import assessment_as_dict, changes_as_dict

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RETELLINGS = Path(__file__).parent / "data" / "retellings.toml"


def told(block: str) -> list[tuple[JudgedSentence, str]]:
    rows = [line.split("|", 2) for line in block.strip().splitlines()]
    return [(said(text.strip(), *stages.split()), again.strip()) for stages, again, text in rows]


def retellings() -> list[dict[str, str]]:
    found: list[dict[str, str]] = tomllib.loads(RETELLINGS.read_text(encoding="utf-8"))["retelling"]
    return found


def wrong(rows: Sequence[tuple[JudgedSentence, str]], reported: Sequence[JudgedSentence]) -> list[str]:
    """The sentences that are called cut (or new) wrongly, or wrongly not."""
    return [f"{mark} {one.text}" for one, mark in rows if (one in reported) is not (mark == "-")]


@pytest.mark.parametrize("story", retellings(), ids=lambda story: story["name"].split(",")[0])
def test_retellings_are_aligned(story: dict[str, str]) -> None:
    before, after = told(story["before"]), told(story["after"])
    changes = compare(answer(*(one for one, _ in before)), answer(*(one for one, _ in after)))
    errors = wrong(before, changes.cut) + wrong(after, changes.added)
    print(f"{story['name']}: {len(before) + len(after) - len(errors)} of {len(before) + len(after)} sentences right")
    print(*errors, sep="\n")
    assert len(errors) <= 0.15 * (len(before) + len(after))


DETECT = said("Prometheus paged me because checkout errors were at nine percent.", "detection", specific=0.9)
DETECT_VAGUELY = said("Prometheus paged me.", "detection")
FIX = said("I rolled back the config push on every gateway server.", "mitigation", specific=0.9)
REVIEW = said("The postmortem gave us a canary for config pushes, due in May.", "prevention", specific=0.9)


@pytest.mark.parametrize(
    ("before", "after", "stage", "move", "shown"),
    [
        ((DETECT,), (DETECT, FIX), "mitigation", "gained", (FIX.text,)),
        ((DETECT, FIX), (DETECT,), "mitigation", "lost", (FIX.text,)),
        ((DETECT_VAGUELY,), (DETECT,), "detection", "firmer", (DETECT.text,)),
        ((DETECT,), (DETECT_VAGUELY,), "detection", "vaguer", (DETECT.text,)),
        ((DETECT,), (DETECT,), "detection", "same", ()),
        ((DETECT,), (DETECT,), "prevention", "same", ()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_stages_move(
    before: tuple[JudgedSentence, ...],
    after: tuple[JudgedSentence, ...],
    stage: str,
    move: str,
    shown: tuple[str, ...],
) -> None:
    change = compare(answer(*before), answer(*after)).stages[stage]
    assert change.move == move
    assert tuple(one.text for one in change.evidence) == shown


def test_a_doubtful_level_makes_the_move_doubtful() -> None:
    changes = compare(answer(DETECT, FIX), answer(DETECT, unsure=["mitigation"]))
    assert changes.stages["mitigation"].unsure
    assert not changes.stages["detection"].unsure


def test_what_was_cut_stands_under_its_stages() -> None:
    both = said("I told support and rolled back the broken release.", "communication", "mitigation")
    changes = compare(answer(DETECT, both, REVIEW), answer(DETECT, REVIEW))
    assert changes.cut == (both,)
    assert changes.kept == 2
    assert dict(cut_by_stage(changes)) == {"mitigation": (both,), "communication": (both,)}


@pytest.mark.parametrize(
    ("before", "after", "cut", "added"),
    [
        ((), (), 0, 0),
        ((DETECT,), (), 1, 0),
        ((), (DETECT,), 0, 1),
        ((said("Okay, um, so let me think."), DETECT), (DETECT,), 0, 0),
        ((said("", "detection"),), (DETECT,), 0, 1),
        # one sentence told as two, and two as one
        (
            (said("I rolled back the release and told the support desk about it."),),
            (said("I rolled back the release."), said("Then I told the support desk.")),
            0,
            0,
        ),
        (
            (said("I rolled back the release."), said("Then I told the support desk.")),
            (said("I rolled back the release and told the support desk about it."),),
            0,
            0,
        ),
        # one rare word in common is a subject, not a sentence told again
        ((said("Kafka was slow that day."),), (said("Kafka costs forty thousand euros a year."),), 1, 1),
    ],
)
def test_cut_and_added(
    before: tuple[JudgedSentence, ...], after: tuple[JudgedSentence, ...], cut: int, added: int
) -> None:
    changes = compare(answer(*before), answer(*after))
    assert (len(changes.cut), len(changes.added)) == (cut, added)


def test_the_order_of_the_cut_is_the_order_of_the_telling() -> None:
    assert compare(answer(DETECT, FIX, REVIEW), answer(FIX)).cut == (DETECT, REVIEW)


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ((1.0, 3.0), (4.0, 6.0), True),
        ((4.0, 6.0), (1.0, 3.0), True),
        ((1.0, 3.0), (3.0, 6.0), False),
        (None, (4.0, 6.0), None),
        ((4.0, 6.0), None, None),
    ],
)
def test_fillers_move_only_where_the_ranges_part(
    before: tuple[float, float] | None, after: tuple[float, float] | None, moved: bool | None
) -> None:
    first, second = (answer(DETECT, delivery=delivery(rate_range=one)) for one in (before, after))
    assert compare(first, second).fillers_moved is moved


def test_figures_are_differences_and_unknown_stays_unknown() -> None:
    long_pause = Pause(10.0, 12.5, "long", "inside")
    first = delivery(
        duration_s=200.0, wpm=170.0, filled=8, pauses=[long_pause], target=Target(90.0, 180.0, "long", 20.0)
    )
    second = delivery(duration_s=150.0, wpm=None, filled=3)
    changes = compare(answer(DETECT, delivery=first), answer(DETECT, delivery=second))
    assert changes.duration_s.difference == -50.0
    assert changes.filled_pauses.difference == -5
    assert changes.long_pauses.difference == -1
    assert changes.speech_rate_wpm.difference is None
    assert changes.verdicts == ("long", "in_range")
    typed = compare(answer(DETECT), answer(DETECT, delivery=second))
    assert typed.duration_s.before is None
    assert typed.verdicts == (None, "in_range")


def test_mistakes_come_and_go() -> None:
    first = answer(DETECT, mistakes=["heroic", "vague"])
    second = answer(DETECT, mistakes=["vague", "no_follow_through"])
    changes = compare(first, second)
    assert changes.mistakes_gone == ("heroic",)
    assert changes.mistakes_new == ("no_follow_through",)


def test_in_an_answer_to_something_else_nobody_looked_for_mistakes() -> None:
    told, else_told = answer(DETECT, mistakes=["heroic"]), answer(said("My first job was at a zoo."))
    assert compare(told, else_told).mistakes_gone == ()
    assert compare(else_told, told).mistakes_new == ()


def test_a_length_is_never_rounded_across_its_limit() -> None:
    long, short = (
        answer(DETECT, delivery=delivery(duration_s=seconds, target=Target(90.0, 180.0, verdict, 0.3)))
        for seconds, verdict in ((180.3, "long"), (89.7, "short"))
    )
    (line,) = (one.text for one in change_lines(compare(long, short)) if one.text.startswith("time"))
    assert line.startswith("time 3:01 → 1:29")


def test_the_changes_as_json() -> None:
    first = answer(DETECT, FIX, delivery=delivery(duration_s=200.0, wpm=None, filled=8), mistakes=["heroic"])
    second = answer(DETECT, REVIEW, delivery=delivery(duration_s=150.25, filled=3), unsure=["prevention"])
    table = json.loads(json.dumps(changes_as_dict(compare(first, second)), allow_nan=False))
    assert {stage: one["move"] for stage, one in table["stages"].items()} == {
        "detection": "same",
        "severity": "same",
        "mitigation": "lost",
        "communication": "same",
        "prevention": "gained",
    }
    assert table["stages"]["prevention"]["evidence"][0]["text"] == REVIEW.text
    assert [stage for stage, one in table["stages"].items() if one["unsure"]] == ["prevention"]
    assert table["mistakes"] == {"gone": ["heroic"], "new": []}
    assert table["duration_s"] == {"before": 200.0, "after": 150.25, "difference": -49.75}
    assert table["speech_rate_wpm"] == {"before": None, "after": 150.0, "difference": None}
    assert table["filled_pauses"] == {"before": 8, "after": 3, "difference": -5}
    assert table["verdict"] == {"before": "in_range", "after": "in_range"}
    assert table["kept"] == 1
    assert [(one["text"], one["assigned"]) for one in table["cut"]] == [(FIX.text, ["mitigation"])]
    assert [one["text"] for one in table["added"]] == [REVIEW.text]


def test_two_takes_of_the_history_as_json(program: Callable[..., Run], tmp_path: Path) -> None:
    told = (answer(DETECT, FIX, delivery=delivery()), answer(DETECT, delivery=delivery(duration_s=100.0)))
    with Store.open(tmp_path / "voice-coach" / "history") as store:
        first, second = (
            store.add(
                TakeFacts(f"take-{k}", datetime(2026, 3, 1 + k, tzinfo=timezone.utc)),
                audio=None,
                assessment=assessment_as_dict(one),
            )
            for k, one in enumerate(told)
        )
    run = program("compare", first, second, "--json", env={"XDG_DATA_HOME": str(tmp_path)})
    assert (run.code, run.err, len(run.out.splitlines())) == (0, "", 1)
    table = json.loads(run.out)
    assert (table["before"], table["after"]) == (first, second)
    assert table["duration_s"]["difference"] == -20.0
    assert [one["text"] for one in table["cut"]] == [FIX.text]


def test_a_silent_take_loses_everything() -> None:
    silent = Assessment(
        recording=None,
        models=answer().models,
        transcript=answer().transcript,
        delivery=None,
        coverage=None,
        feedback=None,
        timings=answer().timings,
    )
    lost = compare(answer(DETECT), silent)
    assert lost.stages["detection"].move == "lost"
    assert lost.cut == (DETECT,)
    assert compare(silent, silent).stages == {}
