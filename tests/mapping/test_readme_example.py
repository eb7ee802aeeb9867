"""The README's five lines about whole scenes do what they say."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from pathlib import Path

import geopandas as gpd
import shapely
import tifffile

from tests import products
from tests.examples import write_folder

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {"mapping": "mapping.__main__", "evaluation.compare": "evaluation.compare"}


def example_lines() -> list[list[str]]:
    """The commands of the section, as words without their comments."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Whole scenes\n")[1].split("\n## ")[0]
    return [shlex.split(line, comments=True) for line in re.findall(r"^    (python -m .*)$", section, re.MULTILINE)]


def test_the_readmes_example(tmp_path: Path, monkeypatch):
    tile, _ = products.blocky_tile()
    products.as_tar(products.landsat(tmp_path, tile))
    products.sentinel(tmp_path, tile).rename(tmp_path / "S2A_MSIL2A_20200721T103031_N0500_R108_T32TMS.SAFE")
    products.five_bands(tmp_path / "scene.tif", tile)
    for path in write_folder(tmp_path / "tiles", ("01_01",), tile.shape).glob("*/*.tif"):
        products.write_band(path, tifffile.imread(path), "float32")
    west, north = products.TRANSFORM * (40, 20)
    squares = [shapely.box(west, north - 1800, west + 1800, north)]
    gpd.GeoDataFrame(geometry=squares, crs=products.CRS).to_file(tmp_path / "inventory.gpkg")
    lines = example_lines()
    assert len(lines) == 5
    monkeypatch.chdir(tmp_path)
    for _, _, module, *words in lines:
        monkeypatch.setattr(sys, "argv", [module, *words])
        assert importlib.import_module(COMMANDS[module]).main() == 0, words
    assert (tmp_path / "maps" / "report.html").exists()
    assert (tmp_path / "comparison" / "metrics.csv").exists()
