"""The report in a real browser: what is clicked, typed, printed, and what must not happen."""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from tests.browser import chromium, serious_findings, until
from tests.conftest import FIXTURES, Run
from voice_coach.audio.compact import compact
from voice_coach.interviewer.feedback import FILLER_SOUNDS_GOOD
from voice_coach.records import Assessment, Coverage
from voice_coach.report import html
from voice_coach.report.compare import compare
from voice_coach.report.writing import write_private
from voice_coach.session import Coach

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Program = Callable[..., Run]
ROUNDED_S = 0.01
"""Times on the page are written to the hundredth of a second."""
report_page = partial(html.report_page, good_fillers=FILLER_SOUNDS_GOOD)
QUESTION = "How do you handle incident response?"
EVIL = ("<script>owned=1</script>", "</script><img src=x onerror=owned=1>", "{{7*7}}", "'\"><svg onload=owned=1>")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def heroic(assessed: Callable[[str], Assessment]) -> Assessment:
    return assessed("heroic")


@pytest.fixture(scope="module")
def page_file(heroic: Assessment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a fixture, with its sound."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    audio = compact(FIXTURES / "heroic.flac")
    path.write_text(report_page(heroic, title=QUESTION, about=("heroic.flac", "mid"), audio=audio), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser: Browser, page_file: Path) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(page_file.as_uri())
    until(page, "document.getElementById('audio').readyState > 0")
    yield page
    page.close()


def audio_time(page: Page) -> float:
    """Where the audio was put; it may have played on for a moment."""
    page.evaluate("audio.pause()")
    return float(page.evaluate("audio.currentTime"))


def shown(browser: Browser, tmp_path: Path, source: str) -> Page:
    path = tmp_path / "page.html"
    path.write_text(source, encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    return page


@pytest.mark.parametrize("number", [0, 40, 200])
def test_a_click_on_a_word_is_heard_from_there(opened: Page, heroic: Assessment, number: int) -> None:
    opened.locator(".transcript .w[data-t]").nth(number).click()
    until(opened, "!audio.paused && audio.currentTime > 0")
    start_s = heroic.transcript.words[number].start_s
    assert start_s - ROUNDED_S <= audio_time(opened) <= start_s + 2.0


def test_the_audio_is_as_long_as_the_recording(opened: Page, heroic: Assessment) -> None:
    assert heroic.recording is not None
    assert abs(opened.evaluate("audio.duration") - heroic.recording.duration_s) < 0.1


def test_the_keyboard_alone_goes_from_word_to_word(opened: Page, heroic: Assessment) -> None:
    words = heroic.transcript.words
    opened.locator(".transcript .w[tabindex='0']").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        opened.keyboard.press(key)
    assert opened.evaluate("document.activeElement.textContent") == words[11].text
    opened.keyboard.press("Enter")
    until(opened, "!audio.paused")
    assert words[11].start_s - ROUNDED_S <= audio_time(opened) <= words[11].start_s + 2.0
    opened.keyboard.press("End")
    assert opened.evaluate("document.activeElement.textContent") == words[-1].text
    assert opened.locator(".transcript .w[tabindex='0']").count() == 1


def test_the_current_word_follows_the_audio(opened: Page, heroic: Assessment) -> None:
    word = heroic.transcript.words[100]
    opened.evaluate(f"audio.currentTime = {word.start_s + 0.01}")
    until(opened, "document.querySelector('.w.current')")
    assert opened.locator(".w.current").inner_text() == word.text


def test_a_click_on_the_timeline_moves_the_audio(opened: Page) -> None:
    opened.locator(".lane").first.click()
    until(opened, "!audio.paused")
    half_s = opened.evaluate("audio.duration") / 2
    assert abs(audio_time(opened) - half_s) < 2.5


def test_a_quote_is_heard_where_it_was_said(opened: Page, heroic: Assessment) -> None:
    assert heroic.coverage is not None
    evidence = heroic.coverage.stages["mitigation"].evidence[0]
    opened.locator(".stage.s-mitigation button.at").first.click()
    until(opened, "!audio.paused")
    assert evidence.start_s is not None
    assert evidence.start_s - 0.1 <= audio_time(opened) <= evidence.start_s + 2.0


def test_nothing_is_asked_of_any_network(browser: Browser, page_file: Path) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    page.locator(".transcript .w[data-t]").nth(5).click()
    until(page, "!audio.paused")
    page.close()
    assert page_file.as_uri() in asked
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert [url for url in asked if url.startswith("file:")] == [page_file.as_uri()]


def with_words(assessment: Assessment, *texts: str) -> Assessment:
    """The same answer with other first words, in the transcript and in its first sentence alike."""
    coverage = assessment.coverage
    assert isinstance(coverage, Coverage)
    old = assessment.transcript.words
    words = tuple(replace(word, text=text) for word, text in zip(old, texts, strict=False)) + old[len(texts) :]
    count = len(coverage.sentences[0].text.split())
    first = replace(coverage.sentences[0], text=" ".join(word.text for word in words[:count]))
    return replace(
        assessment,
        transcript=replace(assessment.transcript, words=words),
        coverage=replace(coverage, sentences=(first, *coverage.sentences[1:])),
        notes=texts,
    )


def test_what_is_said_stays_text(browser: Browser, heroic: Assessment, tmp_path: Path) -> None:
    evil = with_words(heroic, *(text.replace(" ", "\u00a0") for text in EVIL))
    page = shown(
        browser, tmp_path, report_page(evil, title=EVIL[3], about=EVIL, audio=compact(FIXTURES / "silence.flac"))
    )
    assert page.evaluate("typeof owned") == "undefined"
    assert page.locator("img, main svg[onload]").count() == 0
    assert page.locator("script").count() == 1
    said = page.locator(".transcript").inner_text()
    for text in EVIL:
        assert text in said.replace("\u00a0", " ")
    assert page.locator("h1").inner_text() == EVIL[3]
    page.close()


def test_a_script_that_got_in_would_not_run(opened: Page) -> None:
    opened.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'owned = 1'}))")
    assert opened.evaluate("typeof owned") == "undefined"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    browser: Browser, heroic: Assessment, scheme: Literal["light", "dark"], tmp_path: Path
) -> None:
    changes = compare(with_words(heroic, "Earlier"), heroic)
    audio = compact(FIXTURES / "heroic.flac")
    page = shown(browser, tmp_path, report_page(heroic, title=QUESTION, audio=audio, changes=changes))
    page.emulate_media(color_scheme=scheme)
    findings = serious_findings(page)
    page.close()
    assert findings == []


def test_axe_is_awake(browser: Browser, tmp_path: Path) -> None:
    page = shown(browser, tmp_path, "<html><body><img src='data:,'><p style='color:#ddd'>pale</p></body></html>")
    assert len(serious_findings(page)) >= 2
    page.close()


@pytest.mark.parametrize("name", ["heroic", "filler_heavy"])
def test_it_prints_on_two_pages(
    browser: Browser, assessed: Callable[[str], Assessment], name: str, tmp_path: Path
) -> None:
    page = shown(
        browser, tmp_path, report_page(assessed(name), title=QUESTION, audio=compact(FIXTURES / f"{name}.flac"))
    )
    printed: bytes = page.pdf(prefer_css_page_size=True)
    page.close()
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) == 2


def test_a_phone_needs_no_sideways_scrolling(browser: Browser, page_file: Path) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 700})
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


def test_stages_differ_without_colour(opened: Page) -> None:
    patterns = opened.evaluate(
        "[...document.querySelectorAll('.label .swatch')].map(one => {"
        "const look = getComputedStyle(one);"
        "return look.backgroundImage.replace(/(rgb|color|oklab)a?\\([^)]*\\)/g, '')})"
    )
    assert len(patterns) == 5
    assert len(set(patterns)) == 5
    named = opened.locator(".timeline .label").all_inner_texts()
    for stage in ("detection", "severity", "mitigation", "communication", "prevention"):
        assert any(stage in name for name in named)


def test_without_its_sound_the_page_is_for_reading(browser: Browser, heroic: Assessment, tmp_path: Path) -> None:
    page = shown(browser, tmp_path, report_page(heroic, title=QUESTION))
    assert page.locator("audio").count() == 0
    assert page.locator("button").count() == 0
    assert page.locator(".transcript .w").count() >= len(heroic.transcript.words)
    page.close()


def test_a_silent_recording_has_a_page_that_says_so(coach: Coach) -> None:
    source = report_page(coach.analyze(FIXTURES / "silence.flac"), title=QUESTION)
    assert "No speech was heard" in source


def test_the_page_is_there_soon_after_the_assessment(heroic: Assessment, tmp_path: Path) -> None:
    """For three and a half minutes of sound; the bound is wide because machines that test are busy."""
    started = time.perf_counter()
    page = report_page(heroic, title=QUESTION, audio=compact(FIXTURES / "too_long.flac"))
    write_private(tmp_path / "report.html", page)
    spent_s = time.perf_counter() - started
    print(f"sound of 211 s encoded, page written in {spent_s:.2f} s, {len(page) / 1e6:.1f} MB")
    assert spent_s < 5.0


def test_three_minutes_and_a_half_stay_far_under_6_mb() -> None:
    audio = compact(FIXTURES / "too_long.flac")
    assert audio.duration_s > 180
    assert len(audio.data) * 4 / 3 < 3e6
    assert audio.mime == "audio/mpeg"
    assert max(audio.outline) == 1.0


def test_the_command_writes_a_private_file(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    done = program("report", FIXTURES / "too_short.flac", "--out", path)
    assert done.code == 0, done.err
    assert done.out.strip() == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(path.parent.iterdir()) == [path]


def test_a_take_against_itself_changed_nothing(program: Program) -> None:
    done = program("compare", FIXTURES / "too_short.flac", FIXTURES / "too_short.flac")
    assert done.code == 0, done.err
    assert "nothing cut and nothing new: every sentence is told again" in " ".join(done.out.split())
    assert "▲" not in done.out
    assert "▼" not in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "nowhere.flac"], "nowhere.flac"),
        (["report", FIXTURES / "silence.flac"], "No speech heard"),
        (["report", FIXTURES / "silence.flac", "--out", FIXTURES / "silence.flac"], "would overwrite the recording"),
        (["compare", FIXTURES / "silence.flac", "nowhere.flac"], "No speech heard"),
    ],
)
def test_what_cannot_be_shown_is_one_line(program: Program, arguments: list[Any], said: str, tmp_path: Path) -> None:
    done = program(*arguments)
    assert done.code == 2
    assert len(done.error_lines) == 1
    assert said in done.err
