"""The report in a real browser: no errors, layers switch, the table sorts, a click goes to the glacier."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from fusion.layout import Layout
from fusion.model_file import save_model
from scenes.products import open_scene
from tests import products
from tests.examples import example_model
from tests.mapping.mapped import map_scene

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    tile, _ = products.blocky_tile()
    place = products.landsat(folder, tile)
    save_model(example_model(), folder / "model.pth")
    scene = open_scene(place)
    map_scene(scene, Layout(*tile.shape, 128), folder / "model.pth", folder / "out")
    return folder / "out" / "report.html"


def test_it_is_one_page_that_asks_for_nothing(report: Path):
    text = report.read_text(encoding="utf-8")
    assert "<script src" not in text
    assert '<link rel="stylesheet"' not in text
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    assert len(data["rows"]) == data["count"] == 2
    assert data["rows"][0][1] > data["rows"][1][1]
    assert [one["layer"] for one in data["pictures"]] == ["imagery", "probability", "mask"]
    assert data["ground"] == {"metres": 30, "transform": list(products.TRANSFORM)[:6], "crs": products.CRS}
    assert "2020-08-26" in text
    assert "nodata is left out" in data["counted"]


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")
def test_it_works_in_chromium(report: Path):
    playwright = pytest.importorskip("playwright.sync_api")
    problems: list[str] = []
    with playwright.sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1200, "height": 1400}, offline=True)
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(report.as_uri())
        page.wait_for_selector("#objects tbody tr")
        pictures = page.locator(".leaflet-image-layer")
        assert pictures.count() == 1
        boxes = page.locator(".leaflet-control-layers-selector")
        assert boxes.count() == 4
        boxes.nth(1).check()
        assert pictures.count() == 2, "the probability came"
        boxes.nth(0).uncheck()
        assert pictures.count() == 1, "the imagery went"
        assert page.locator("path.leaflet-interactive").count() == 2
        boxes.nth(2).check()
        assert pictures.count() == 2, "the mask came"
        boxes.nth(3).uncheck()
        assert page.locator("path.leaflet-interactive").count() == 0
        boxes.nth(3).check()
        assert page.evaluate("[1234567, 0.123456, 123456.7].map(show)") == ["1234567", "0.12346", "123457"]
        bar = page.locator(".leaflet-control-scale-line")
        metres = float(bar.text_content().split()[0]) * (1000 if bar.text_content().endswith("km") else 1)
        pixels = metres / 30 * page.evaluate("2 ** map.getZoom()")
        assert abs(bar.bounding_box()["width"] - pixels) < 5, "the bar is as long as it says"
        page.locator("#map").hover(position={"x": 300, "y": 280})
        place = page.locator("#place").text_content()
        east, north = (float(word) for word in re.findall(r"\d{4,}", place)[:2])
        assert 600_000 < east < 600_000 + 170 * 30 + 2000
        assert 3_750_000 - 150 * 30 - 2000 < north < 3_750_000
        assert "EPSG:32643" in place
        first = "#objects tbody tr:first-child td:first-child"
        page.get_by_role("button", name="area_km2").click()
        assert page.text_content(first) == "1"
        page.get_by_role("button", name="area_km2").click()
        assert page.text_content(first) == "2", "the smaller one comes first"
        zoom = page.evaluate("map.getZoom()")
        page.locator("#objects tbody tr").first.click()
        page.wait_for_function(f"map.getZoom() !== {zoom}")
        page.screenshot(path=report.with_name("screenshot.png"))
        browser.close()
    assert not problems
    assert report.with_name("screenshot.png").stat().st_size > 20_000
