"""The challenge's tiles as one scene; nothing is copied."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from rasterio.crs import CRS

from errors import GridError, ProductError
from scenes.grid import Grid, grid_of, offset_in
from scenes.recognised import recognised_scene
from scenes.scene import Band, Scene
from scenes.source import nodata_of
from tiles.folder import BAND_FOLDERS, band_folders, find_tiles


def open_mosaic(folder: Path, unit: str | None = None) -> Scene:
    """Open the challenge's tiles as one scene; raises GridError unless they lie on one grid.

    ``unit`` of the thermal band, one of ``tiles.coding.TEMPERATURES``, where it is told.
    """
    tiles = find_tiles(band_folders(folder))
    for one in tiles:
        if one.problem:
            raise ProductError(one.problem)
    grids = {one.tile_id: grid_of(str(one.paths["blue"])) for one in tiles}
    grid = enclosing(list(grids.values()), folder)
    bands = {
        band: Band(
            virtual_mosaic(grid, [(str(one.paths[band]), grids[one.tile_id]) for one in tiles]),
            nodata=tuple(sorted({value for one in tiles for value in nodata_of(str(one.paths[band]))})),
        )
        for band in BAND_FOLDERS.values()
        if all(band in one.paths for one in tiles)
    }
    return recognised_scene(folder.name, bands, grid, str(folder), unit)


def enclosing(grids: Sequence[Grid], folder: Path) -> Grid:
    """Return the smallest grid that holds all of them; raises GridError where they do not fit together."""
    first = grids[0]
    offsets = [offset_in(first, grid) for grid in grids]
    for grid, (row, column) in zip(grids, offsets):
        same = CRS.from_wkt(grid.crs) == CRS.from_wkt(first.crs) and np.allclose(
            grid.transform[:2], first.transform[:2]
        )
        if not same or abs(row - round(row)) > 0.01 or abs(column - round(column)) > 0.01:
            raise GridError(f"{folder}: its tiles do not lie on one grid; map each folder of one grid on its own.")
    top, left = min(round(row) for row, _ in offsets), min(round(column) for _, column in offsets)
    height = max(round(row) + grid.height for grid, (row, _) in zip(grids, offsets)) - top
    width = max(round(column) + grid.width for grid, (_, column) in zip(grids, offsets)) - left
    return first.part(top, left, height, width)


def virtual_mosaic(grid: Grid, tiles: Sequence[tuple[str, Grid]]) -> str:
    """Write the tiles in GDAL's virtual format, as a text that opens like a file; nothing is copied."""
    sources = []
    for path, inner in tiles:
        row, column = (round(value) for value in offset_in(grid, inner))
        size = f'xSize="{inner.width}" ySize="{inner.height}"'
        sources.append(
            f"<SimpleSource><SourceFilename>{escape(str(Path(path).resolve()))}</SourceFilename><SourceBand>1</SourceBand>"
            f'<SrcRect xOff="0" yOff="0" {size}/><DstRect xOff="{column}" yOff="{row}" {size}/></SimpleSource>'
        )
    transform = ",".join(repr(value) for value in grid.affine.to_gdal())
    return (
        f'<VRTDataset rasterXSize="{grid.width}" rasterYSize="{grid.height}"><SRS>{escape(grid.crs)}</SRS>'
        f"<GeoTransform>{transform}</GeoTransform>"
        f'<VRTRasterBand dataType="Float32" band="1">{"".join(sources)}</VRTRasterBand></VRTDataset>'
    )
