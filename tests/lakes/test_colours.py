"""The colour rule pixel by pixel, its tidying, NDWI for ice, and the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lakes.colours
from lakes.__main__ import main
from lakes.colours import Colours, blue_water, coloured, ndwi_ice, tidied
from lakes.polygons import read_lakes
from lakes.regions import cut_region
from tests.lakes.drawn import PIXEL, square, write_mosaic

ICE, WATER, SLUSH = (220, 225, 235), (40, 90, 160), (125, 150, 175)
PLAIN = Colours(sigmas=(), openings=())


@pytest.mark.parametrize(
    ("rgb", "water"),
    [
        ((30, 0, 90), True),
        ((30, 0, 89), False),
        ((31, 0, 104), False),
        ((60, 0, 105), True),
        ((90, 0, 120), True),
        ((120, 200, 150), True),
        ((121, 200, 255), False),
        ((1, 1, 1), False),
        ((0, 0, 0), False),
        (ICE, False),
    ],
)
def test_every_threshold(rgb: tuple[int, int, int], water: bool):
    assert blue_water(np.array(rgb, np.uint8).reshape(3, 1, 1), Colours()).item() == water


def test_white_is_no_water_whatever_the_blues():
    bright = np.array((200, 200, 255), np.uint8).reshape(3, 1, 1)
    loose = Colours(blues=((255, 0),))
    assert not blue_water(bright, loose).item()
    assert blue_water(bright, Colours(blues=((255, 0),), white=201)).item()


def test_tidying_fills_and_opens():
    mask = np.zeros((60, 60), bool)
    mask[10:30, 10:30], mask[15:18, 15:18] = True, False
    mask[40:43, 5:55] = True  # a stream
    found = tidied(mask, Colours(sigmas=()))
    assert found[10:30, 10:30].all()
    assert found.sum() == 400
    smoothed = tidied(mask, Colours(sigmas=(3.0,), openings=()))
    assert smoothed[20, 20]
    assert not smoothed[10, 10], "corners are cut"
    assert not smoothed[41].any(), "narrow things go"


def test_ndwi_ice():
    rgb = np.array([(50, 0, 150), (0, 9, 0), (200, 9, 200)], np.uint8).T.reshape(3, 1, 3)
    assert ndwi_ice(rgb).ravel().tolist() == [0.5, 0, 0]


def painted(*lakes: tuple, colour: tuple[int, int, int] = WATER) -> np.ndarray:
    rgb = np.empty((3, 120, 130), np.uint8)
    rgb[:] = np.array(ICE, np.uint8)[:, None, None]
    for lake in lakes:
        for band, value in zip(rgb, colour):
            band[lake] = value
    return rgb


@pytest.fixture
def regions(tmp_path: Path) -> Path:
    """Two dates of one region, a lake in each at another place."""
    for name, lake in (("a_2019-06-03.tif", np.s_[20:50, 10:60]), ("b_2019-07-31.tif", np.s_[80:110, 90:120])):
        write_mosaic(tmp_path / name, painted(lake))
        cut_region(tmp_path / name, 4, square(0, 0, 130, 120), tmp_path / "regions")
    return tmp_path / "regions"


def test_dates_never_mix(regions: Path, tmp_path: Path):
    words = ["--sigmas", "--out", str(tmp_path / "c.gpkg")]
    assert main(["colours", str(regions), *words]) == 0
    table = read_lakes(tmp_path / "c.gpkg")
    assert table[["image", "region_num"]].values.tolist() == [["a_2019-06-03.tif", 4], ["b_2019-07-31.tif", 4]]
    assert table.geometry[0].equals(square(10, 20, 50, 30))
    assert table.geometry[1].equals(square(90, 80, 30, 30))


def test_ndwi_instead(regions: Path, tmp_path: Path):
    words = ["--ndwi", "0.25", "--smallest", str(1000 * PIXEL**2), "--out", str(tmp_path / "c.gpkg")]
    assert main(["colours", str(regions), *words]) == 0
    assert read_lakes(tmp_path / "c.gpkg").geometry[0].equals(square(10, 20, 50, 30))
    assert len(read_lakes(tmp_path / "c.gpkg")) == 1


def test_blocks_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lake = (np.hypot(*(np.mgrid[:120, :130] - 60)) < 35).nonzero()
    region = write_region(tmp_path, painted(lake))
    expected = coloured(painted(lake), Colours(sigmas=(2.0, 3.0)))
    monkeypatch.setattr(lakes.colours, "BLOCK", 48)
    colours = Colours(sigmas=(2.0, 3.0))
    (found,) = lakes.colours.outlined(region, lambda rgb: coloured(rgb, colours), colours.halo).geometry
    assert found.area == pytest.approx(expected.sum() * PIXEL**2)


def write_region(folder: Path, rgb: np.ndarray) -> lakes.imagery.RegionFile:
    write_mosaic(folder / "a.tif", rgb)
    cut_region(folder / "a.tif", 1, square(0, 0, rgb.shape[2], rgb.shape[1]), folder)
    return lakes.imagery.find_regions(folder)[0]


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--ndwi", "3"], "lies outside -1 to 1"), (["--sigmas", "-1"], "above 0"), (["--level", "nan"], "below 0")],
    ids=["ndwi", "sigma", "level"],
)
def test_bad_settings_are_one_sentence(words: list[str], told: str, regions: Path, capsys):
    assert main(["colours", str(regions), *words]) == 2
    assert told in capsys.readouterr().err


def test_a_folder_without_regions(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["colours", str(tmp_path)]) == 2
    assert "cut them with python -m lakes regions" in capsys.readouterr().err
