"""The page of lakes: what its table tells, and that it works in a browser."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

from lakes.__main__ import main
from lakes.polygons import write_lakes
from lakes.regions import cut_region
from scenes.vectors import areas_km2
from tests.lakes.drawn import lakes, square, write_mosaic

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
ONE, OTHER = "a_2019-06-03.tif", "b_2019-07-31.tif"
LARGE, SMALL = square(10, 10, 20), square(40, 30, 10)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two dates of one region, with a lake of NDWI 0.5 and one of 0 in the first and one in the second."""
    rgb = np.full((3, 60, 80), 200, np.uint8)
    rgb[0, 10:30, 10:30], rgb[2, 10:30, 10:30] = 50, 150
    for image in (ONE, OTHER):
        write_mosaic(tmp_path / image, rgb)
        cut_region(tmp_path / image, 1, square(0, 0, 80, 60), tmp_path / "regions")
    table = gpd.pd.concat([lakes(SMALL, LARGE, image=ONE), lakes(SMALL, image=OTHER)], ignore_index=True)
    write_lakes(table.assign(rule=["ii", "i", "iv"]), tmp_path / "lakes.gpkg", ["rule"])
    write_lakes(lakes(LARGE, image=ONE), tmp_path / "truth.gpkg")
    sinks = gpd.GeoDataFrame({"max_depth_m": [2.0, 7.5]}, geometry=[LARGE, LARGE.buffer(50)], crs=table.crs)
    sinks.to_file(tmp_path / "sinks.gpkg")
    return tmp_path


def written(place: Path, *words: str) -> dict:
    command = ["report", str(place / "lakes.gpkg"), "--regions", str(place / "regions"), *words]
    assert main([*command, "--out", str(place / "report.html")]) == 0
    text = (place / "report.html").read_text(encoding="utf-8")
    assert "<title>Lakes of lakes</title>" in text
    return json.loads(text.split('id="data">')[1].split("</script>")[0])


def test_the_table_tells_area_ndwi_sink_rule_and_verdict(place: Path):
    data = written(place, "--sinks", str(place / "sinks.gpkg"), "--truth", str(place / "truth.gpkg"))
    rows = [dict(zip(data["columns"], row)) for row in data["rows"]]
    first = rows[0]
    assert first["area_3857_m2"] == pytest.approx(400e4)
    assert first["area_m2"] == pytest.approx(areas_km2(lakes(LARGE).geometry)[0] * 1e6)
    assert (first["mean_ndwi"], first["sink_depth_m"], first["rule"], first["verdict"]) == (0.5, 7.5, "i", "right")
    assert [row["sink_depth_m"] for row in rows[1:]] == [None, None]
    assert {row["verdict"] for row in rows[1:]} == {"false"}
    assert [row["date"] for row in rows] == ["2019-06-03", "2019-06-03", "2019-07-31"]
    assert data["scores"] == {"right": 1, "false": 2, "missed": 0, "f1": 0.5}


def test_without_evidence_the_table_is_shorter(place: Path):
    data = written(place)
    assert "verdict" not in data["columns"]
    assert data["scores"] is None
    assert data["importance"] == []


def test_lakes_lie_in_their_pictures(place: Path):
    data = written(place)
    (bottom, left), (top, right) = data["pictures"][0]["bounds"]
    assert [one["layer"] for one in data["pictures"]] == ["imagery 2019-06-03", "imagery 2019-07-31"]
    assert [one["shown"] for one in data["pictures"]] == [True, False]
    ring = np.array(data["outlines"][0]["rings"][0])
    share = (ring - (bottom, left)) / (top - bottom, right - left)
    np.testing.assert_allclose(share.min(axis=0), (30 / 60, 10 / 80), atol=0.01)
    np.testing.assert_allclose(share.max(axis=0), (50 / 60, 30 / 80), atol=0.01)


def test_a_date_without_mosaic(place: Path, capsys: pytest.CaptureFixture[str]):
    shutil.rmtree(place / "regions" / "b_2019-07-31")
    assert main(["report", str(place / "lakes.gpkg"), "--regions", str(place / "regions")]) == 2
    assert f"names the image {OTHER}, of which there is no mosaic" in capsys.readouterr().err


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")
def test_it_works_in_chromium(place: Path):
    playwright = pytest.importorskip("playwright.sync_api")
    written(place)
    problems: list[str] = []
    with playwright.sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1200, "height": 1400}, offline=True)
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto((place / "report.html").as_uri())
        page.wait_for_selector("#objects tbody tr")
        assert page.locator(".leaflet-image-layer").count() == 1
        assert page.locator(".leaflet-interactive").count() == 2, "the lakes of the first date"
        page.locator("#objects tbody tr").last.click()
        page.wait_for_selector(".leaflet-popup-content")
        assert page.locator(".leaflet-interactive").count() == 3, "the other date's came with the click"
        assert not page.locator("#trees").is_visible()
        browser.close()
    assert not problems
