#!/usr/bin/env python3
"""Make the pictures of the report and of the progress page that the README shows.

    scripts/make_screenshots.py [--out DIR]

The report is that of audio_fixtures/strong_answer.flac. The takes of the progress page are not anybody's: they are
drawn with a fixed seed, so that the page has something to show. Needs Chromium on the machine
(Debian and Ubuntu: apt install chromium), and writes report.png, report-dark.png, progress.png, progress-dark.png.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from voice_coach.audio.compact import compact
from voice_coach.coverage.labels import STAGES
from voice_coach.delivery.timing import held_against_target
from voice_coach.interviewer.feedback import FILLER_SOUNDS_GOOD
from voice_coach.progress.summary import progress
from voice_coach.records import Level, TakeSummary
from voice_coach.report.html import report_page
from voice_coach.report.progress_html import progress_page
from voice_coach.report.wording import GOOD_PACE_WPM
from voice_coach.session import Coach

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
FIXTURE = ROOT / "audio_fixtures" / "strong_answer.flac"
SEED = 4
TAKES = 24
FIRST_DAY = datetime(2026, 1, 5, 18, tzinfo=timezone.utc)
WIDTH, REPORT_HEIGHT, PROGRESS_HEIGHT = 1080, 1500, 1270


def drawn_takes() -> list[TakeSummary]:
    """Takes of somebody who gets better, with the ups and downs of real ones."""
    chance = random.Random(SEED)
    takes = []
    for number in range(TAKES):
        far = number / TAKES
        duration_s = min(max(230 - 80 * far + chance.gauss(0, 22), 50), 300)
        target = held_against_target(duration_s)
        fillers = max(0.4, 8 - 6.5 * far + chance.gauss(0, 1.2))
        takes.append(
            TakeSummary(
                id=f"{number + 1}",
                taken_at=FIRST_DAY + timedelta(days=number),
                question_id="incident_response",
                purpose="main",
                duration_s=duration_s,
                target_min_s=target.min_s,
                target_max_s=target.max_s,
                verdict=target.verdict,
                speech_rate_wpm=chance.gauss(162, 11),
                fillers_per_minute=fillers,
                fillers_range=(0.8 * fillers, 1.3 * fillers),
                stages={stage: _level(chance, far) for stage in STAGES},
            )
        )
    return takes


def _level(chance: random.Random, far: float) -> Level:
    levels: tuple[Level, ...] = ("missing", "mentioned", "strong")
    return chance.choices(levels, (max(0.02, 0.45 - 0.6 * far), 0.35, 0.3 + 0.9 * far))[0]


def shoot(browser: Browser, html: str, out: Path, name: str, height: int) -> None:
    """The top of a page, light and dark."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(html, encoding="utf-8")
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": WIDTH, "height": height})
            page.emulate_media(color_scheme=scheme)
            page.goto(file.as_uri())
            page.wait_for_timeout(500)
            path = out / (f"{name}.png" if scheme == "light" else f"{name}-dark.png")
            page.screenshot(path=path)
            page.close()
            print(f"{path}  {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="where the pictures go (default: docs)")
    out: Path = parser.parse_args().out
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("make_screenshots: no chromium here; install one (Debian, Ubuntu: apt install chromium)")
    from playwright.sync_api import sync_playwright

    out.mkdir(parents=True, exist_ok=True)
    coach = Coach(level="senior", device="cpu")
    report = report_page(
        coach.analyze(FIXTURE),
        title=coach.pack.question,
        about=(FIXTURE.name, coach.level),
        audio=compact(FIXTURE),
        good_fillers=FILLER_SOUNDS_GOOD,
    )
    last_day = (FIRST_DAY + timedelta(days=TAKES - 1)).date()
    many = progress(drawn_takes(), today=last_day, good_pace_wpm=GOOD_PACE_WPM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        shoot(browser, report, out, "report", REPORT_HEIGHT)
        shoot(browser, progress_page(many, good_fillers=FILLER_SOUNDS_GOOD), out, "progress", PROGRESS_HEIGHT)
        browser.close()


if __name__ == "__main__":
    main()
