"""An assessment comes back from its JSON as it was written."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import SPOKEN
from voice_coach.records import Assessment, HeardTerm, Recording, Transcript, Word
from voice_coach.report.json_reading import assessment_from_dict
from voice_coach.report.json_view import assessment_as_dict, assessment_as_json
from voice_coach.session import Coach

FIGURES = st.integers(0, 1200).map(lambda halves: halves / 2)
"""Numbers that every rounding in the JSON leaves as they are."""

PLAIN = {float: FIGURES, int: st.integers(0, 999), bool: st.booleans(), str: st.text(max_size=12)}


def values(kind: object) -> st.SearchStrategy[Any]:
    """Anything that a field of a record may hold, by its type: a field added later is tried as well."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is types.NoneType:
        return st.none()
    if kind in PLAIN:
        return PLAIN[kind]
    if kind is Transcript:
        # the verbatim reading is not in the JSON
        return st.builds(Transcript, values(tuple[Word, ...]), st.just(()))
    if kind is HeardTerm:
        return st.nothing()  # settled before a transcript is kept
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{field.name: values(hints[field.name]) for field in dataclasses.fields(kind)})
    if origin is typing.Literal:
        return st.sampled_from(inner)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([values(one) for one in inner])
    if origin is tuple:
        if inner[-1] is ...:
            return st.lists(values(inner[0]), max_size=2).map(tuple)
        return st.tuples(*map(values, inner))
    if origin is Mapping or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return st.dictionaries(st.text(max_size=5), values(inner[1]), max_size=2)
    raise TypeError(f"no values for {kind}")


SPOKEN_ONES = st.builds(
    Assessment,
    **{
        name: values(Recording if name == "recording" else hint)
        for name, hint in typing.get_type_hints(Assessment).items()
    },
)


@settings(max_examples=100, deadline=None)
@given(SPOKEN_ONES)
def test_nothing_is_lost_on_the_way(assessment: Assessment) -> None:
    assert assessment_from_dict(json.loads(assessment_as_json(assessment))) == assessment


@pytest.mark.parametrize("name", SPOKEN)
def test_real_ones_come_back_as_they_were_shown(assessed: Callable[[str], Assessment], name: str) -> None:
    table = json.loads(assessment_as_json(assessed(name)))
    assert assessment_as_dict(assessment_from_dict(table)) == table


def test_a_typed_answer_comes_back_whole(coach: Coach) -> None:
    assessment = coach.judge_text("I was on call. I rolled back the release. Errors were at baseline in four minutes.")
    back = assessment_from_dict(json.loads(assessment_as_json(assessment)))
    assert back.transcript == assessment.transcript
    assert assessment_as_dict(back) == assessment_as_dict(assessment)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda table: table.update(schema="something else"), "schema"),
        (lambda table: table.pop("delivery"), "delivery"),
        (lambda table: table["coverage"]["stages"]["detection"].update(level="splendid"), "splendid"),
        (lambda table: table["transcript"].update(words=[{"text": "hello"}]), "start_s"),
        (lambda table: table.update(audio=[]), "schema"),
    ],
)
def test_other_objects_are_refused(
    assessed: Callable[[str], Assessment], harm: Callable[[dict[str, Any]], object], said: str
) -> None:
    table = json.loads(assessment_as_json(assessed("too_short")))
    harm(table)
    with pytest.raises(ValueError, match=said):
        assessment_from_dict(table)


def test_what_was_written_before_a_key_was_added_can_be_read(assessed: Callable[[str], Assessment]) -> None:
    table = json.loads(assessment_as_json(assessed("too_short")))
    for key in ("clipped", "bad_samples", "damaged_packets", "voiced"):
        del table["audio"][key]
    recording = assessment_from_dict(table).recording
    assert recording is not None
    assert (recording.duration_s, recording.voiced) == (table["audio"]["duration_s"], ())
