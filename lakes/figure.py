"""One figure of a region: image, probability, and lakes right, wrong and missed."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from rasterio.enums import Resampling

from figures import BLUE, PROBABILITY, PURPLE, VERMILION, write_figure
from lakes.imagery import region_file, rgb_bands
from lakes.score import FALSE, MISSED, RIGHT

SIDE = 1400  # pixels of the longer side, at most
COLOURS = {RIGHT: BLUE, FALSE: VERMILION, MISSED: PURPLE}


def thumbnail(path: Path, side: int = SIDE) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """A region's picture, uint8 (h, w, 3), and its west, south, east and north in its own coordinates."""
    with rasterio.open(path) as source:
        step = max(1, -(-max(source.shape) // side))
        shape = (3, -(-source.height // step), -(-source.width // step))
        picture = source.read(rgb_bands(source, path), out_shape=shape, resampling=Resampling.average)
        return np.moveaxis(picture, 0, -1), tuple(source.bounds)


def probability_of(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """A probability raster at a picture's size, float32 (h, w)."""
    with rasterio.open(path) as source:
        return np.asarray(source.read(1, out_shape=shape[:2], resampling=Resampling.average))


def draw(region: Path, probability: Path, judged: gpd.GeoDataFrame, out: Path) -> None:
    """Write the figure of one region as a PNG; ``judged``: as ``lakes.score.judged`` gives it, of any regions."""
    own, (picture, (west, south, east, north)) = region_file(region), thumbnail(region)
    with rasterio.open(region) as source:
        table = judged[(judged.image == own.image) & (judged.region_num == own.region_num)].to_crs(source.crs)
    extent = (west, east, south, north)
    ratio = picture.shape[0] / picture.shape[1]
    figure = Figure(figsize=(11, 33 * ratio / 3 + 10 * ratio + 1.5), layout="constrained")
    rows = figure.subplots(3, 1)
    rows[0].imshow(picture, extent=extent)
    rows[0].set_title(f"{own.image}, region {own.region_num}", loc="left", fontsize=10)
    shown = rows[1].imshow(probability_of(probability, picture.shape), extent=extent, vmin=0, vmax=1, cmap=PROBABILITY)
    rows[1].set_title("probability of a lake, first network", loc="left", fontsize=10)
    figure.colorbar(shown, ax=rows[1], shrink=0.8)
    rows[2].imshow(picture, extent=extent, alpha=0.45)
    for verdict, colour in COLOURS.items():
        chosen = table[table.verdict == verdict]
        if len(chosen):
            chosen.plot(ax=rows[2], facecolor=colour, edgecolor=colour, alpha=0.8, aspect=None)
    rows[2].set(xlim=(west, east), ylim=(south, north))
    counts = {verdict: int((table.verdict == verdict).sum()) for verdict in COLOURS}
    handles = [Patch(color=colour, label=f"{verdict} ({counts[verdict]})") for verdict, colour in COLOURS.items()]
    rows[2].legend(handles=handles, loc="lower right", fontsize=9)
    rows[2].set_title("the combination against the truth", loc="left", fontsize=10)
    for axes in rows:
        axes.set(xticks=[], yticks=[])
    write_figure(figure, out, dpi=85)
