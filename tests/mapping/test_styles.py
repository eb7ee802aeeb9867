"""Styles are where QGIS looks for them, well-formed, and in the way of nobody who reads the outlines."""

from __future__ import annotations

import sqlite3
import warnings
from pathlib import Path
from xml.etree import ElementTree

import geopandas as gpd
import shapely

from mapping.styles import write_styles
from scenes.vectors import read_outlines, write_geopackage


def test_outlines_open_with_their_style(tmp_path: Path):
    outlines = gpd.GeoDataFrame({"glacier_id": [1]}, geometry=[shapely.box(0, 0, 30, 30)], crs="EPSG:32643")
    write_geopackage(outlines, tmp_path / "outlines.gpkg")
    write_styles(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"outlines.gpkg", "probability.qml"}
    with sqlite3.connect(tmp_path / "outlines.gpkg") as base:
        query = "SELECT f_table_name, f_geometry_column, useAsDefault, styleQML FROM layer_styles"
        ((table, column, default, style),) = base.execute(query).fetchall()
        known = base.execute("SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (table,)).fetchall()
    assert (table, default) == ("outlines", 1)
    assert known == [(column,)]
    assert ElementTree.fromstring(style).find("renderer-v2/symbols/symbol").get("type") == "fill"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read_outlines(tmp_path / "outlines.gpkg", "EPSG:32643")) == 1


def test_probability_has_colours_from_0_to_1(tmp_path: Path):
    write_geopackage(gpd.GeoDataFrame({"glacier_id": []}, geometry=[], crs="EPSG:32643"), tmp_path / "outlines.gpkg")
    write_styles(tmp_path)
    items = ElementTree.parse(tmp_path / "probability.qml").findall(".//colorrampshader/item")
    values = [float(item.get("value")) for item in items]
    assert values == sorted(values)
    assert (values[0], values[-1]) == (0, 1)
    assert len({item.get("color") for item in items}) == len(items)
