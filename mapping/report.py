"""``report.html``: one page that works offline, with a map, the table of glaciers, scores and feature importance.

The map is drawn by Leaflet (https://leafletjs.com), which lies in ``mapping/leaflet`` under its own licence.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections import defaultdict
from pathlib import Path
from string import Template
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from rasterio.crs import CRS

from baseline.trees import read_trees
from fusion.hybrid import HybridModel
from mapping.outlines import COLUMNS
from mapping.pictures import Layers, png
from scenes.scene import Scene
from tiles.raster import atomic_output

HERE = Path(__file__).parent
LARGEST = 2000  # outlines that are drawn and listed
CHANNELS = 12  # that are shown
COUNTED = "Valid pixels count that the truth knows as well; nodata is left out."


def importance(model: HybridModel) -> list[tuple[str, float]]:
    """Count the share of the trees' splits that each channel decides, the largest first."""
    counts: dict[str, int] = defaultdict(int)
    for tree in read_trees(model.gbm.text, len(model.gbm.channel_names), "the GBM"):
        for feature in tree.feature:
            counts[model.gbm.channel_names[int(feature)]] += 1
    total = max(sum(counts.values()), 1)
    return sorted(((name, count / total) for name, count in counts.items()), key=lambda one: -one[1])[:CHANNELS]


def rings(shape: shapely.Geometry, scene: Scene, layers: Layers) -> list[list[list[float]]]:
    """Place a polygon's rings as [y, x] in the pictures' pixels, y upwards, thinned to half a pixel."""
    tolerance = layers.step * scene.grid.pixel_side / 2
    thinned = shapely.simplify(shapely.get_rings(shape), tolerance)  # ring by ring: all at once is ten times as slow
    points, ring = shapely.get_coordinates(thinned, return_index=True)
    x, y = ~scene.grid.affine * tuple(points.T)
    placed = np.round(np.stack([layers.imagery.shape[0] - y / layers.step, x / layers.step], axis=1), 2)
    return [part.tolist() for part in np.split(placed, np.flatnonzero(np.diff(ring)) + 1)]


def cell(value: Any) -> Any:
    """Turn a cell into what JSON takes."""
    if isinstance(value, (np.floating, float)):
        return round(float(value), 6) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def placed_picture(layer: str, picture: np.ndarray, bounds: list[list[float]], shown: bool = False) -> dict[str, Any]:
    """Describe a picture (h, w, 3 or 4) to the page: its layer, and its lower left and upper right corner as [y, x]."""
    return {"layer": layer, "png": base64.b64encode(png(picture)).decode(), "bounds": bounds, "shown": shown}


def report_data(
    scene: Scene, outlines: gpd.GeoDataFrame, layers: Layers, model: HybridModel, scores: dict[str, Any] | None
) -> dict[str, Any]:
    """Gather all that the page shows."""
    shown = outlines.head(LARGEST)
    height, width = layers.imagery.shape[:2]
    columns = [name for name in COLUMNS if name in shown.columns]
    return {
        "height": height,
        "width": width,
        "ground": ground(scene, layers),
        "thing": "Outline",
        "file": "outlines.gpkg",
        "pictures": [
            placed_picture("imagery", layers.imagery, [[0, 0], [height, width]], shown=True),
            placed_picture("probability", layers.probability, [[0, 0], [height, width]]),
            placed_picture("mask", layers.mask, [[0, 0], [height, width]]),
        ],
        "outlines": [
            {"id": int(number), "layer": "outlines", "shown": True, "rings": rings(shape, scene, layers)}
            for number, shape in zip(shown["glacier_id"], shown.geometry)
        ],
        "columns": columns,
        "rows": [[cell(value) for value in row] for row in shown[columns].itertuples(index=False)],
        "count": len(outlines),
        "scores": {name: cell(value) for name, value in scores.items()} if scores else None,
        "counted": COUNTED,
        "importance": importance(model),
    }


def ground(scene: Scene, layers: Layers) -> dict[str, Any]:
    """Describe to the page where its map lies: the metres of a picture's pixel, the transform of its column and row."""
    transform = scene.grid.affine * scene.grid.affine.scale(layers.step)
    name = CRS.from_wkt(scene.grid.crs)
    return {
        "metres": layers.step * scene.grid.pixel_side,
        "transform": tuple(transform)[:6],
        "crs": f"EPSG:{name.to_epsg()}" if name.to_epsg() else "the scene's coordinates",
    }


def write_report(path: Path, title: str, data: dict[str, Any], summary: str, things: str = "Glaciers") -> None:
    """Write the page, whole or not at all; ``things``: what its map and table show."""
    script = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")  # no tag can end the script
    style = (HERE / "leaflet" / "leaflet.css").read_text(encoding="utf-8")
    page = Template((HERE / "report.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(title),
        things=html.escape(things),
        summary=html.escape(summary),
        leaflet_css=re.sub(r"url\([^)]*\)", "none", style),  # pictures of buttons that the page does not use
        leaflet_js=(HERE / "leaflet" / "leaflet.js").read_text(encoding="utf-8"),
        data=script,
    )
    with atomic_output(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
