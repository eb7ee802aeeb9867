"""The page in a real browser: mark, see the mask change, undo, reload, edit an outline, finish."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest

from tests.adapt.serving import open_server, running, write_place

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
MARKS = [("g", 60, 140), ("g", 90, 110), ("r", 60, 50), ("r", 130, 115)]  # key, column and row
PICTURES = """() => [...document.querySelectorAll("img.leaflet-tile[src*='tiles/outline/']")].map(one => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 256;
    canvas.getContext("2d").drawImage(one, 0, 0);
    return canvas.toDataURL();
})"""
PLACE = "([column, row]) => { const spot = map.latLngToContainerPoint([-row, column]); return [spot.x, spot.y]; }"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A session's server on a free port, as the command starts it."""
    with running(open_server(write_place(tmp_path), tmp_path / "out")) as found:
        yield found


def wait_until(page: Any, told: Callable[[], bool]) -> bool:
    """Whether something is so within five seconds; the page's own rules forbid to ask it from within."""
    for _ in range(50):
        if told():
            return True
        page.wait_for_timeout(100)
    return False


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")
def test_the_page_works_in_chromium(address: str, tmp_path: Path):
    playwright = pytest.importorskip("playwright.sync_api")
    problems: list[str] = []
    with playwright.sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(address)
        up_to_date = page.get_by_text("The whole scene is up to date.")
        up_to_date.wait_for()
        before = page.evaluate(PICTURES)
        for number, (key, column, row) in enumerate(MARKS, 1):
            page.keyboard.press(key)
            page.mouse.click(*page.evaluate(PLACE, [column, row]))
            page.wait_for_selector(f"[data-items='{number}']")
        page.get_by_text("2 glacier, 2 ground").wait_for()
        up_to_date.wait_for()
        changed = wait_until(page, lambda: page.evaluate(PICTURES) != before)
        assert changed, "the mask changed"
        page.keyboard.press("u")
        page.wait_for_selector("[data-items='3']")
        page.get_by_text("2 glacier, 1 ground").wait_for()
        assert len(gpd.read_file(tmp_path / "out" / "marks.gpkg")) == 3
        page.reload()
        page.wait_for_selector("[data-items='3']")
        other = browser.new_page()
        other.goto(address)
        other.wait_for_selector("[data-items='3']")
        page.get_by_role("button", name="Erase").click()
        page.mouse.click(*page.evaluate(PLACE, [60, 50]))
        other.wait_for_selector("[data-items='2']")
        other.close()
        page.get_by_role("checkbox", name="Probability").check()
        page.get_by_role("radio", name="Temperature").check()
        page.wait_for_selector("img.leaflet-tile[src*='thermal']")
        page.get_by_role("radio", name="False colour").check()
        page.get_by_role("checkbox", name="Probability").uncheck()
        page.get_by_role("button", name="Finish").click()
        page.get_by_role("link", name="report.html").wait_for(timeout=60_000)
        page.screenshot(path=tmp_path / "screenshot.png")
        browser.close()
    assert not problems
    assert (tmp_path / "screenshot.png").stat().st_size > 20_000
    assert {"mask.tif", "adapted.pth", "outlines.gpkg"} <= {path.name for path in (tmp_path / "out").iterdir()}
