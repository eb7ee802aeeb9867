"""Styles for QGIS: one within ``outlines.gpkg``, which opens with it, and ``probability.qml`` beside the raster."""

from __future__ import annotations

import shutil
from datetime import datetime, timezone
from pathlib import Path
from string import Template

import numpy as np
import pandas as pd
import pyogrio
from matplotlib import colormaps
from matplotlib.colors import to_hex, to_rgba

from figures import BLUE, PROBABILITY
from scenes.vectors import driver_output
from tiles.raster import atomic_output

HERE = Path(__file__).parent / "qgis"
STOPS = np.linspace(0, 1, 11)  # of the probability, between which QGIS interpolates the colours
STYLES_LAYER = "layer_styles"  # the table in which QGIS looks for the styles of a GeoPackage


def filled(name: str, **words: str) -> str:
    """The text of a style, with its blanks filled in."""
    return Template((HERE / name).read_text(encoding="utf-8")).substitute(words)


def outlines_style() -> str:
    """The style of outlines (QML): a line and a fill that lets imagery through."""
    red, green, blue = (round(255 * part) for part in to_rgba(BLUE)[:3])
    return filled("outlines.qml", fill=f"{red},{green},{blue},50", line=f"{red},{green},{blue},255")


def probability_style() -> str:
    """The style of the probability (QML), in the colours of the figures."""
    ramp = colormaps[PROBABILITY]
    items = [f'<item value="{stop:g}" label="{stop:g}" color="{to_hex(ramp(stop))}" alpha="255"/>' for stop in STOPS]
    return filled("probability.qml", items="\n".join(f"     {item}" for item in items))


def write_styles(out: Path) -> None:
    """Put the styles of what was mapped into ``out`` into and beside its files, each whole or not at all."""
    with atomic_output(out / "probability.qml") as temporary:
        temporary.write_text(probability_style(), encoding="utf-8")
    add_style(out / "outlines.gpkg", outlines_style())


def add_style(path: Path, style: str) -> None:
    """Make a style (QML) the default of the first layer of a GeoPackage, as QGIS itself keeps styles in one."""
    (layer, _), *_ = pyogrio.list_layers(path)
    row = {
        "f_table_catalog": "",
        "f_table_schema": "",
        "f_table_name": layer,
        "f_geometry_column": "geom",
        "styleName": layer,
        "styleQML": style,
        "styleSLD": "",
        "useAsDefault": True,
        "description": "glacier-hybrid",
        "owner": "",
        "ui": "",
        "update_time": datetime.now(timezone.utc).replace(tzinfo=None),
    }
    with driver_output(path, ".gpkg") as temporary:
        shutil.copyfile(path, temporary)
        pyogrio.write_dataframe(pd.DataFrame([row]), temporary, layer=STYLES_LAYER, driver="GPKG")
