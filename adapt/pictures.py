"""The map of a session: imagery, probability and outlines as squares of 256 x 256 pixels at any zoom."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from matplotlib import colormaps
from matplotlib.colors import to_rgba
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window
from scipy.ndimage import binary_erosion
from tqdm import tqdm

from command import hidden
from errors import OutputError
from figures import GAMMA, GREY, OUTLINE, PERCENTILES, PROBABILITY
from mapping.rasters import cloud_optimised
from scenes.scene import Scene
from tiles.raster import one_line
from tiles.tile import BAND_NAMES, OPTICAL_BANDS, THERMAL_BAND, Tile

SQUARE = 256
COMPOSITES = {"false": ("swir1", "red", "green"), "true": ("red", "green", "blue")}
TEMPERATURE = "magma"
ZOOMS = (-8, 4)  # a pixel of the scene is 2**zoom pixels of the screen
STRIP = 512  # rows that are stretched at a time
LINE = 2  # pixels of an outline's width
OUTLINE_COLOURS = {"outline": OUTLINE, "before": GREY}


@dataclass(frozen=True)
class Place:
    """A square of the map: ``row`` and ``column`` of its first pixel in the scene, and ``zoom``."""

    row: int
    column: int
    zoom: int

    @property
    def step(self) -> int:
        """Pixels of the scene from one shown pixel to the next."""
        return 2 ** max(-self.zoom, 0)

    @property
    def repeat(self) -> int:
        """Pixels of the screen a pixel of the scene."""
        return 2 ** max(self.zoom, 0)

    @property
    def side(self) -> int:
        """Pixels of the scene a side."""
        return SQUARE * self.step // self.repeat


def place_of(zoom: int, x: int, y: int) -> Place:
    """The square that Leaflet calls by these numbers."""
    side = SQUARE * 2 ** max(-zoom, 0) // 2 ** max(zoom, 0)
    return Place(y * side, x * side, zoom)


@dataclass(frozen=True)
class Stretch:
    """The values of every band that are shown darkest and brightest: reflectance or kelvin."""

    limits: dict[str, tuple[float, float]]

    def shown(self, band: str, values: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """A band as 1..255, uint8, 0 under nodata; optical bands with opened shadows."""
        low, high = self.limits[band]
        share = np.clip((values - low) / max(high - low, 1e-6), 0, 1)
        share = share if band == THERMAL_BAND else share**GAMMA
        return np.where(valid, 1 + np.round(share * 254), 0).astype(np.uint8)


def stretch_of(tile: Tile) -> Stretch:
    """The stretch of a scene, from a sample of its pixels."""
    bands = [band for band in BAND_NAMES if band in tile.bands]
    if not tile.valid.any():
        return Stretch(dict.fromkeys(bands, (0.0, 1.0)))
    spans = {band: np.percentile(tile.bands[band][tile.valid], PERCENTILES) for band in bands}
    return Stretch({band: (float(low), float(high)) for band, (low, high) in spans.items()})


def write_imagery(scene: Scene, stretch: Stretch, path: Path) -> None:
    """Write the scene's stretched bands as a Cloud-Optimised GeoTIFF with overviews, whole or not at all.

    The scene's own files stay untouched, have no overviews perhaps, and may lie in an archive.
    """
    bands = list(stretch.limits)
    unfinished = path.with_name(f".{path.name}.unfinished.tif")
    profile = {"count": len(bands), "dtype": "uint8", "nodata": 0, "tiled": True, **scene.grid.profile}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with rasterio.open(unfinished, "w", driver="GTiff", BIGTIFF="IF_SAFER", **profile) as file:
            for top in tqdm(range(0, scene.grid.height, STRIP), desc="pictures", unit="strip", disable=hidden()):
                rows = min(STRIP, scene.grid.height - top)
                tile = scene.read(top, 0, rows, scene.grid.width)
                for number, band in enumerate(bands, 1):
                    values = tile.bands.get(band, np.zeros(tile.shape, np.float32))
                    window = Window(0, top, scene.grid.width, rows)
                    file.write(stretch.shown(band, values, tile.valid), number, window=window)
        cloud_optimised(unfinished, path, Resampling.average)
    except (RasterioError, OSError) as problem:
        raise OutputError(
            f"{path}: cannot be written ({one_line(problem)}); free space or choose another --out."
        ) from None
    finally:
        unfinished.unlink(missing_ok=True)


def imagery(path: Path, bands: list[str], layer: str, place: Place) -> np.ndarray | None:
    """A square of the imagery, uint8 (256, 256, 4); None beyond the scene."""
    wanted = COMPOSITES.get(layer, (THERMAL_BAND,))
    with rasterio.open(path) as source:
        rows, columns = min(place.side, source.height - place.row), min(place.side, source.width - place.column)
        if rows <= 0 or columns <= 0 or place.row < 0 or place.column < 0:
            return None
        shape = (len(wanted), math.ceil(rows / place.step), math.ceil(columns / place.step))
        numbers = [bands.index(band) + 1 for band in wanted]
        window = Window(place.column, place.row, columns, rows)
        found = source.read(numbers, window=window, out_shape=shape, resampling=Resampling.nearest)
    picture = np.zeros((SQUARE, SQUARE, 4), np.uint8)
    larger = found.repeat(place.repeat, axis=1).repeat(place.repeat, axis=2)
    here = picture[: larger.shape[1], : larger.shape[2]]
    here[..., :3] = (
        colormaps[TEMPERATURE](larger[0], bytes=True)[..., :3] if layer == "thermal" else larger.transpose(1, 2, 0)
    )
    here[..., 3] = np.where(larger[0] > 0, 255, 0)
    return picture


def layers_of(bands: list[str]) -> list[str]:
    """The layers of imagery that bands allow."""
    thermal = ["thermal"] if THERMAL_BAND in bands else []
    return [*(name for name in COMPOSITES if set(OPTICAL_BANDS) <= set(bands)), *thermal]


def values_at(array: np.ndarray, place: Place, around: int = 0) -> np.ndarray:
    """Values of a scene, float (H, W), on a square and ``around`` shown pixels beyond; NaN outside, float32."""
    out = around * place.step
    count = place.side // place.step + 2 * around
    found = np.full((count, count), np.nan, np.float32)
    rows, columns = (
        np.arange(first - out, first - out + count * place.step, place.step) for first in (place.row, place.column)
    )
    inside = [(one >= 0) & (one < size) for one, size in zip((rows, columns), array.shape)]
    found[np.ix_(*inside)] = array[np.ix_(rows[inside[0]], columns[inside[1]])]
    return found


def probability_picture(array: np.ndarray, place: Place) -> np.ndarray:
    """A square of the probability, uint8 (256, 256, 4), transparent where it is not known."""
    values = values_at(array, place)
    picture = colormaps[PROBABILITY](np.nan_to_num(values), bytes=True)
    picture[..., 3] = np.where(np.isfinite(values), 255, 0)
    return np.asarray(picture.repeat(place.repeat, axis=0).repeat(place.repeat, axis=1))


def outline_picture(mask: np.ndarray, place: Place, layer: str) -> np.ndarray:
    """The edge of a mask, bool, with LINE shown pixels around the square, as uint8 (256, 256, 4)."""
    fine = mask.repeat(place.repeat, axis=0).repeat(place.repeat, axis=1)
    edge = fine & ~binary_erosion(fine, np.ones((3, 3), bool), iterations=LINE, border_value=1)
    cut = LINE * place.repeat
    picture = np.zeros((SQUARE, SQUARE, 4), np.uint8)
    picture[edge[cut : cut + SQUARE, cut : cut + SQUARE]] = np.round(np.multiply(to_rgba(OUTLINE_COLOURS[layer]), 255))
    return picture
