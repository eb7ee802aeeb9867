"""A rectangle of a scene: what lies within polygons, with a margin around it, or what another grid covers."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import shapely
from rasterio.features import rasterize

from errors import GridError
from scenes.grid import Grid, aligned, frame_of, place_in
from scenes.scene import Scene
from scenes.vectors import read_outlines
from tiles.tile import Tile

SAMPLE_ROWS = 512  # that are read at a time


@dataclass(frozen=True)
class Area(Scene):
    """A rectangle of the scene ``whole``, which begins at the pixel ``corner`` (row, column).

    ``outline``: the polygons as WKT in the scene's coordinate system; pixels outside are read, but not to be mapped.
    """

    whole: Scene | None = None
    corner: tuple[int, int] = (0, 0)
    outline: str = ""

    def read(self, row: int, column: int, rows: int, columns: int) -> Tile:
        """Read a rectangle, in pixels of this area; beyond it lies the rest of the scene."""
        assert self.whole is not None
        return self.whole.read(row + self.corner[0], column + self.corner[1], rows, columns)

    def sample(self, step: int) -> Tile:
        """Read every ``step``-th pixel of every ``step``-th row, with memory for a strip of rows."""
        most = -(-SAMPLE_ROWS // step) * step
        strips = [
            self.read(top, 0, min(most, self.grid.height - top), self.grid.width)
            for top in range(0, self.grid.height, most)
        ]
        names = [name for name in strips[0].bands if all(name in strip.bands for strip in strips)]
        bands = {name: np.concatenate([strip.bands[name][::step, ::step] for strip in strips]) for name in names}
        return replace(strips[0], bands=bands, valid=np.concatenate([strip.valid[::step, ::step] for strip in strips]))

    def inside(self, row: int, column: int, rows: int, columns: int) -> np.ndarray:
        """Tell which pixels of a rectangle have their centre within the polygons, bool (rows, columns)."""
        moved = self.grid.part(row, column, rows, columns).affine
        shapes = [(shapely.from_wkt(self.outline), 1)]
        return np.asarray(rasterize(shapes, out_shape=(rows, columns), transform=moved, dtype="uint8")) == 1


def area_of(scene: Scene, path: Path, margin: int) -> Area:
    """Cut out of a scene what a polygon file covers, in any coordinate system, and ``margin`` pixels around it.

    Raises GridError where the polygons miss the scene, RasterError where the file cannot be read.
    """
    grid = scene.grid
    found = read_outlines(path, grid.crs)
    corners = np.array([grid.affine * corner for corner in ((0, 0), (grid.width, grid.height))])
    shape = shapely.intersection(shapely.union_all(found.to_numpy()), shapely.box(*corners.min(0), *corners.max(0)))
    if not shapely.area(shape):
        raise GridError(f"{path}: holds no polygon that overlaps with {scene.name}; give polygons of the same place.")
    west, south, east, north = shapely.bounds(shape)
    pixels = np.array([~grid.affine * corner for corner in ((west, north), (east, south))])
    left, top = np.maximum(np.floor(pixels.min(0)).astype(int) - margin, 0).tolist()
    right, bottom = np.minimum(np.ceil(pixels.max(0)).astype(int) + margin, (grid.width, grid.height)).tolist()
    return rectangle(scene, grid.part(top, left, bottom - top, right - left), (top, left), shape)


def part_of(scene: Scene, grid: Grid) -> Scene | None:
    """Cut out of a scene what a grid covers, all of it where that is its own; None where its pixels are others."""
    top, left = place_in(scene.grid, grid)
    beyond = min(top, left) < 0 or top + grid.height > scene.grid.height or left + grid.width > scene.grid.width
    if beyond or not aligned(scene.grid, grid):
        return None
    if (grid.height, grid.width) == (scene.grid.height, scene.grid.width):
        return scene
    part = scene.grid.part(top, left, grid.height, grid.width)
    return rectangle(scene, part, (top, left), frame_of(part))


def rectangle(scene: Scene, part: Grid, corner: tuple[int, int], shape: shapely.Geometry) -> Area:
    """The area of a scene on a part of its grid, of which ``shape`` is to be mapped."""
    own = {field.name: getattr(scene, field.name) for field in fields(Scene)}
    return Area(**{**own, "grid": part}, whole=scene, corner=corner, outline=shapely.to_wkt(shape, 6))
