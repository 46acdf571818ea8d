"""The screens: the full one driven by keys in 80×24, the plain one through a pipe, and the pieces they share."""

from __future__ import annotations

import asyncio
import io
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Digits, Static

from tests.conftest import FIXTURES
from tests.test_interview import setting
from voice_coach.audio.recorded import RecordedSource
from voice_coach.audio.takes import list_takes
from voice_coach.records import Assessment
from voice_coach.rehearsal.interview import Interview
from voice_coach.rehearsal.surface import Progress
from voice_coach.screen.full import RehearsalApp
from voice_coach.screen.plain import PlainSurface
from voice_coach.screen.view import assessment_text, meter, timer, transcript, wrapped
from voice_coach.session import Coach

LIMIT_S = 60.0


def told_of(app: RehearsalApp) -> str:
    """All that is in the scroll."""
    return "\n".join(str(one.render()) for one in app.query("#told Static").results(Static))


def text_of(app: RehearsalApp, name: str) -> str:
    return str(app.query_one(f"#{name}", Static).render())


async def until(condition: Callable[[], bool], what: str) -> None:
    for _ in range(round(LIMIT_S / 0.05)):
        if condition():
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"not within {LIMIT_S:.0f} s: {what}")


def test_a_rehearsal_by_keys_on_a_small_screen(coach: Coach, tmp_path: Path) -> None:
    made = setting(coach, tmp_path, lambda: RecordedSource(FIXTURES / "too_short.flac"))
    app = RehearsalApp(lambda surface: Interview(made, surface).run())

    async def drive() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            try:
                await until(lambda: app.screen.has_class("answering"), "the go sign")
                assert "How do you handle incident response?" in text_of(app, "question")
                assert not app.query_one("#told").display
                await until(lambda: app.query_one(Digits).value >= "0:03", "three seconds on the timer")
                assert "▮" in text_of(app, "level")
                assert "Recording" in text_of(app, "state")
                await pilot.press("p")
                await until(lambda: "Paused" in text_of(app, "state"), "the pause")
                await pilot.press("p")
                await until(lambda: "Recording" in text_of(app, "state"), "going on")
                await pilot.press("space")
                await until(lambda: "finish" in text_of(app, "choice"), "the choice")
                assert not app.screen.has_class("answering")
                told = told_of(app)
                assert "You spoke for" in told
                assert "detection" in told
                scroll, assessment = app.query_one("#told"), app.query_one(".to_read")
                # it is read from its beginning, whatever was told before and after it
                await until(
                    lambda: scroll.scroll_y == assessment.virtual_region.y > 0, "the assessment's first line on top"
                )
                # everything fits the width: nothing is cut off at the right
                assert assessment.size.width <= 80
                await pilot.press("q")
                await until(lambda: app.closing != (), "the summary")
            finally:
                # a test that fails must not wait for the interview, which waits for a key
                for _ in range(9):
                    app.keys.put("quit")

    asyncio.run(drive())
    assert app.failure is None
    assert app.closing[0].startswith("1. How do you handle incident response?")
    assert len(list_takes(tmp_path)) == 1


def test_what_an_interview_raises_comes_out_after_the_screen_is_gone() -> None:
    def fail(surface: object) -> None:
        raise ValueError("broken")

    app = RehearsalApp(fail)

    async def drive() -> None:
        async with app.run_test():
            await until(lambda: app.failure is not None, "the failure")

    asyncio.run(drive())
    assert isinstance(app.failure, ValueError)


def test_plain_keys_come_one_by_one_and_unknown_ones_are_nothing() -> None:
    reading, writing = os.pipe()
    try:
        surface = PlainSurface(io.StringIO(), reading)
        assert surface.key(0.0) is None
        os.write(writing, b" xQ\x03")
        assert [surface.key(1.0) for _ in range(4)] == ["go", None, "quit", "quit"]
        # an arrow and two function keys are none of their letters; an escape alone is a key, and so is what follows it
        for sequence in (b"\x1b[A", b"\x1bOQ", b"\x1b[15~"):
            os.write(writing, sequence)
            assert [surface.key(0.1) for _ in range(2)] == [None, None]
        os.write(writing, b"\x1b[A\x1bOP\x1b[[B\x1b[15~q")
        assert [surface.key(0.1) for _ in range(6)] == [None, None, None, None, "quit", None]
        os.write(writing, b"\x1br")
        assert [surface.key(0.1) for _ in range(3)] == ["hush", "over", None]
        os.close(writing)
        # the pipe is over: no key any more, and no end of the rehearsal either
        assert surface.key(0.0) is None
        assert surface.key(0.0) is None
    finally:
        os.close(reading)


def test_plain_where_nobody_can_choose_any_more_a_choice_ends_it() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    try:
        surface = PlainSurface(io.StringIO(), reading)
        surface.go()
        assert [surface.key(0.0), surface.key(0.0)] == [None, None]
        surface.choose("Enter  finish")
        assert surface.key(60.0) == "quit"
    finally:
        os.close(reading)


def test_plain_says_when_it_records_again() -> None:
    out = io.StringIO()
    surface = PlainSurface(out, None)
    surface.progress(Progress(20.0, "white", None, notice="What now?", spoken_to=True))
    surface.progress(Progress(20.0, "white", -30.0, notice="What now?"))
    surface.progress(Progress(20.1, "white", -30.0))
    assert out.getvalue().splitlines() == ["● Recording again. Speak now.", "  0:20"]


def test_a_hint_goes_with_its_cause_and_a_warning_stays() -> None:
    app = RehearsalApp(lambda surface: time.sleep(5.0))
    seen: list[str] = []

    async def drive() -> None:
        async with app.run_test():
            app.put("notice", "! the microphone gives nothing but zeros")
            for progress in (
                Progress(1.0, "white", -30.0),
                Progress(2.0, "white", -30.0, notice="Done? Go on speaking if not."),
                Progress(3.0, "white", -30.0),
                Progress(3.0, "white", None, notice="What now?", spoken_to=True),
            ):
                app.show(progress)
                seen.append(text_of(app, "notice"))
            seen.append(text_of(app, "state"))

    asyncio.run(drive())
    assert seen == [
        "! the microphone gives nothing but zeros",
        "Done? Go on speaking if not.",
        "",
        "What now?",
        "The interviewer speaks; nothing is recorded meanwhile.",
    ]


def test_plain_time_lines_come_at_cards_and_every_fifteen_seconds() -> None:
    out = io.StringIO()
    surface = PlainSurface(out, None)
    surface.go()
    for tenths in range(1000):
        seconds = tenths / 10
        surface.progress(Progress(seconds, "green" if seconds >= 90.0 else "white", -30.0))
    assert out.getvalue().splitlines()[1:] == [
        "  0:15",
        "  0:30",
        "  0:45",
        "  1:00",
        "  1:15",
        "  1:30  GREEN: long enough, finish when the story is told",
    ]


@pytest.mark.parametrize(("level_dbfs", "full"), [(None, 0), (-90.0, 0), (-60.0, 0), (-30.0, 12), (0.0, 24), (3.0, 24)])
def test_meter(level_dbfs: float | None, full: int) -> None:
    assert meter(level_dbfs).count("▮") == full
    assert len(meter(level_dbfs)) == 24


def test_a_line_is_broken_between_words_and_no_command_is() -> None:
    assert (
        wrapped("   2:08; 5 of 5 stages: detection, prevention", 30)
        == "   2:08; 5 of 5 stages:\n   detection, prevention"
    )
    command = "   not judged. Kept as ab12; judge it later with: voice-coach reanalyze ab12"
    assert wrapped(command, 30) == command


def test_the_timer_reads_without_colour() -> None:
    assert timer(Progress(181.2, "red", None)) == "3:01  RED: time is up"
    assert timer(Progress(5.0, "white", None, paused=True)) == "0:05  PAUSED"


def test_the_transcript_marks_stages_and_fillers_in_words(assessed: Callable[[str], Assessment]) -> None:
    shown = transcript(assessed("filler_heavy")).plain
    assert "(um)" in shown
    assert "[" in shown
    assert "{" in shown


def test_without_colour_there_is_no_escape(assessed: Callable[[str], Assessment]) -> None:
    plain = assessment_text(assessed("too_short"), 80, colour=False)
    assert "\x1b" not in plain
    assert max(map(len, plain.splitlines())) <= 80
    assert "\x1b" in assessment_text(assessed("too_short"), 80)
