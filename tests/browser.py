"""A real Chromium for the pages, as installed by scripts/setup test; nothing is ever downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; skips where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip(
            "chromium is not installed (scripts/setup test installs it on Debian; on Ubuntu: snap install chromium)"
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # as root, where the tests of a container run, Chromium starts without its sandbox only
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"]
        )
        yield browser
        browser.close()


def until(page: Page, condition: str, *, limit_s: float = 20.0) -> None:
    """Wait for a condition in JavaScript; the browser's own waiting needs eval, which the pages forbid."""
    for _ in range(int(limit_s / 0.05)):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true within {limit_s:g} s: {condition}")


def serious_findings(page: Page) -> list[str]:
    """What axe-core finds serious or critical on the page, a line each."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
