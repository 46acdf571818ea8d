#!/usr/bin/env python3
"""Make the pictures that the README shows: the rehearsal's screen, the report, the progress page.

    scripts/make_screenshots.py [--out DIR] [--only rehearsal|report|progress]

All of them are made of the fixtures, by the program itself. The rehearsal hears audio_fixtures/strong_answer.flac
in the microphone's place and at its own pace, so it takes as long as the answer: two minutes. The takes of the progress
page are the fixtures' answers, imported as if one had been given a day, weakest first. Needs Chromium on the machine
(Debian and Ubuntu: apt install chromium). Writes answering.png, assessed.png, report.png, report-dark.png,
progress.png and progress-dark.png.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from textual.widgets import Digits

from voice_coach.audio.compact import compact
from voice_coach.audio.recorded import RecordedSource
from voice_coach.interviewer.feedback import FILLER_SOUNDS_GOOD
from voice_coach.progress.summary import progress
from voice_coach.rehearsal.interview import Interview
from voice_coach.rehearsal.setting import MuteVoice, Setting
from voice_coach.report.html import report_page
from voice_coach.report.progress_html import progress_page
from voice_coach.report.wording import GOOD_PACE_WPM, clock
from voice_coach.screen.full import RehearsalApp
from voice_coach.session import Coach

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "audio_fixtures"
FIXTURE = FIXTURES / "strong_answer.flac"
DAYS = (
    "too_short off_topic too_long filler_heavy root_cause_first heroic purely_technical no_follow_through "
    "strong_early strong_answer"
).split()
"""What is answered on each day of the progress page."""
FIRST_DAY = datetime(2026, 1, 5, 18, tzinfo=timezone.utc)
WIDTH, REPORT_HEIGHT, PROGRESS_HEIGHT = 1080, 1500, 1270
SCREEN = (92, 28)
"""Columns and rows of the terminal that is drawn."""
SCREEN_WIDTH = 980
ANSWERED_S = 97
"""When the answer is pictured: the green card is up."""
FONT = "DejaVu Sans Mono, Menlo, Consolas, monospace"


def rehearse(coach: Coach, takes: Path) -> tuple[str, str]:
    """Run a rehearsal on the full screen; pictures of it as SVG, while somebody answers and with the assessment."""
    setting = Setting(
        coach=coach,
        takes=takes,
        questions=(coach.main_question,),
        level=coach.level,
        source=lambda: RecordedSource(FIXTURE),
        voice=MuteVoice(),
        patient=False,
    )
    app = RehearsalApp(lambda surface: Interview(setting, surface).run())

    async def until(condition: Callable[[], bool], limit_s: float) -> None:
        for _ in range(round(limit_s / 0.1)):
            if condition():
                return
            await asyncio.sleep(0.1)
        raise TimeoutError(f"make_screenshots: the rehearsal came no further in {limit_s:g} s")

    async def drive() -> tuple[str, str]:
        async with app.run_test(size=SCREEN) as pilot:
            await until(lambda: app.query_one(Digits).value == clock(ANSWERED_S), 180)
            answering = app.export_screenshot(title="voice-coach")
            await until(lambda: "Enter" in str(app.query_one("#choice").render()), 120)
            await asyncio.sleep(0.5)
            assessed = app.export_screenshot(title="voice-coach")
            await pilot.press("q")
            return answering, assessed

    return asyncio.run(drive())


def screen_page(svg: str) -> str:
    """A terminal's picture as a page that needs no network: Textual names a font on a server."""
    svg = re.sub(r"@font-face\s*\{[^}]*\}", "", svg)
    svg = re.sub(r"font-family:\s*Fira Code[^;]*;", f"font-family: {FONT};", svg)
    return f"<!doctype html><style>body {{ margin: 0 }} svg {{ display: block; width: {SCREEN_WIDTH}px }}</style>{svg}"


def imported(home: Path) -> str:
    """The progress page of somebody who gave the fixtures' answers, a day each."""
    from voice_coach.cli import run
    from voice_coach.history.store import Store, history_folder

    recordings = []
    for number, name in enumerate(DAYS):
        recording = home / f"{name}.flac"
        shutil.copyfile(FIXTURES / recording.name, recording)
        # a recording was made when its file was written
        day = (FIRST_DAY + timedelta(days=number)).timestamp()
        os.utime(recording, (day, day))
        recordings.append(str(recording))
    if run(["import", *recordings]) != 0:
        sys.exit("make_screenshots: the fixtures could not be imported")
    with Store.open(history_folder()) as store:
        takes = store.summaries()
    last_day = (FIRST_DAY + timedelta(days=len(DAYS) - 1)).date()
    many = progress(takes, today=last_day, good_pace_wpm=GOOD_PACE_WPM)
    return progress_page(many, good_fillers=FILLER_SOUNDS_GOOD)


def shoot(browser: Browser, html: str, path: Path, *, width: int, height: int | None, dark: bool = False) -> None:
    """The top of a page, or all of it where no height is given."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(html, encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": height or 100})
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.goto(file.as_uri())
        page.wait_for_timeout(500)
        page.screenshot(path=path, full_page=height is None)
        page.close()
    print(f"{path}  {path.stat().st_size / 1000:.0f} kB")


def shoot_both(browser: Browser, html: str, out: Path, name: str, height: int) -> None:
    """The top of a page, light and dark."""
    shoot(browser, html, out / f"{name}.png", width=WIDTH, height=height)
    shoot(browser, html, out / f"{name}-dark.png", width=WIDTH, height=height, dark=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="where the pictures go (default: docs)")
    parser.add_argument("--only", choices=("rehearsal", "report", "progress"), help="make only these")
    arguments = parser.parse_args()
    out: Path = arguments.out.resolve()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("make_screenshots: no chromium here; install one (Debian, Ubuntu: apt install chromium)")
    from playwright.sync_api import sync_playwright

    out.mkdir(parents=True, exist_ok=True)
    wanted = {arguments.only} if arguments.only else {"rehearsal", "report", "progress"}
    coach = Coach(level="senior", device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        # nothing of the user's own settings or takes gets into a picture
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
            os.environ[name] = folder
        # the screen shows where the take lies
        os.chdir(folder)
        screens = rehearse(coach, Path("takes")) if "rehearsal" in wanted else None
        os.chdir(ROOT)
        many = imported(Path(folder)) if "progress" in wanted else None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        if screens is not None:
            for svg, name in zip(screens, ("answering", "assessed"), strict=True):
                shoot(browser, screen_page(svg), out / f"{name}.png", width=SCREEN_WIDTH, height=None)
        if "report" in wanted:
            report = report_page(
                coach.analyze(FIXTURE),
                title=coach.pack.question,
                about=(FIXTURE.name, coach.level),
                audio=compact(FIXTURE),
                good_fillers=FILLER_SOUNDS_GOOD,
            )
            shoot_both(browser, report, out, "report", REPORT_HEIGHT)
        if many is not None:
            shoot_both(browser, many, out, "progress", PROGRESS_HEIGHT)
        browser.close()


if __name__ == "__main__":
    main()
