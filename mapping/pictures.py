"""A scene's layers as small pictures: imagery in false colour, probability, mask, and the overview of all three."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from matplotlib import colormaps
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.image import imsave
from rasterio.enums import Resampling

from figures import BLUE, PROBABILITY, false_colour, write_figure
from scenes.scene import Scene

SIDE = 1400  # pixels of the longer side, at most


@dataclass(frozen=True)
class Layers:
    """RGBA pictures uint8 (h, w, 4) of one size, transparent under nodata; a pixel is ``step`` pixels of the scene."""

    imagery: np.ndarray
    probability: np.ndarray
    mask: np.ndarray
    step: int


def draw_layers(scene: Scene, out: Path) -> Layers:
    """Draw the layers of a scene that was mapped into ``out``."""
    step = max(1, math.ceil(max(scene.grid.height, scene.grid.width) / SIDE))
    tile = scene.sample(step)
    with rasterio.open(out / "probability.tif") as source:
        said = source.read(1, out_shape=tile.shape, resampling=Resampling.nearest)
    with rasterio.open(out / "mask.tif") as source:
        mask = source.read(1, out_shape=tile.shape, resampling=Resampling.nearest)
    known = np.isfinite(said)
    probability = (colormaps[PROBABILITY](np.where(known, said, 0)) * 255).astype(np.uint8)
    probability[..., 3] = np.where(known, 255, 0)
    glacier = np.zeros((*tile.shape, 4), np.uint8)
    glacier[mask == 1] = np.round(np.multiply(to_rgba(BLUE), 255))
    return Layers(false_colour(tile), probability, glacier, step)


def png(picture: np.ndarray) -> bytes:
    """Encode a picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    imsave(buffer, picture, format="png", pil_kwargs={"compress_level": 3})  # twice as fast, hardly larger
    return buffer.getvalue()


def write_overview(layers: Layers, title: str, path: Path) -> None:
    """Write ``overview.png``, which shows the three layers side by side."""
    figure = Figure(figsize=(15, 5.6), layout="constrained")
    for axes, (name, picture) in zip(
        figure.subplots(1, 3),
        (("SWIR1, red, green", layers.imagery), ("probability", layers.probability), ("glacier", layers.mask)),
    ):
        axes.imshow(layers.imagery if name == "glacier" else picture)
        if name == "glacier":
            axes.imshow(picture, alpha=0.6)
        axes.set_title(name)
        axes.set_axis_off()
    figure.suptitle(title)
    write_figure(figure, path, dpi=80)
