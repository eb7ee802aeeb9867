"""The challenge's tiles as one scene; nothing is copied."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rasterio.crs import CRS

from errors import GridError, ProductError
from scenes.grid import Grid, aligned, grid_of, one_frame, place_in
from scenes.recognised import recognised_scene
from scenes.scene import Band, Scene
from scenes.source import nodata_of, open_raster, virtual_raster, virtual_source
from tiles.folder import BAND_FOLDERS, band_folders, find_tiles
from tiles.raster import MAX_PIXELS


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
    bands = {}
    for band in BAND_FOLDERS.values():
        if all(band in one.paths for one in tiles):
            places = [(str(one.paths[band]), grids[one.tile_id]) for one in tiles]
            known = [single_nodata(path, inner) for path, inner in places]
            nodata = tuple(sorted({value for values in known for value in values}))
            bands[band] = Band(virtual_mosaic(grid, places, known), nodata=nodata)
    return recognised_scene(folder.name, bands, grid, str(folder), unit)


def single_nodata(path: str, grid: Grid) -> tuple[float, ...]:
    """What a tile's file names as nodata; raises ProductError or GridError unless it is one band on the tile's grid."""
    with open_raster(path) as source:
        if source.count != 1:
            raise ProductError(f"{path}: holds {source.count} bands; give one file with one band each.")
        own = Grid(grid.crs, tuple(source.transform)[:6], *source.shape)
        same = source.shape == (grid.height, grid.width) and source.crs == CRS.from_wkt(grid.crs)
        if not same or not one_frame(grid, own):
            raise GridError(f"{path}: does not lie where the tile's blue band does; give bands of one grid.")
        return nodata_of(source)


def enclosing(grids: Sequence[Grid], folder: Path) -> Grid:
    """Return the smallest grid that holds all of them; raises GridError where they do not fit together."""
    first = grids[0]
    if not all(aligned(first, grid) for grid in grids):
        raise GridError(f"{folder}: its tiles do not lie on one grid; map each folder of one grid on its own.")
    places = [place_in(first, grid) for grid in grids]
    top, left = (min(sides) for sides in zip(*places))
    height = max(row + grid.height for grid, (row, _) in zip(grids, places)) - top
    width = max(column + grid.width for grid, (_, column) in zip(grids, places)) - left
    if height * width > MAX_PIXELS:
        raise GridError(f"{folder}: its tiles span {height} x {width} pixels, more than {MAX_PIXELS}; map it in parts.")
    return first.part(top, left, height, width)


def virtual_mosaic(grid: Grid, tiles: Sequence[tuple[str, Grid]], nodata: Sequence[tuple[float, ...]]) -> str:
    """Write the tiles in GDAL's virtual format, as a text that opens like a file; nothing is copied.

    Where tiles overlap, the last one counts that has data there. A tile that names no ``nodata`` has what others name,
    and 0 where none does.
    """
    filled = next((values[0] for values in nodata if values), 0.0)
    sources = [f"<NoDataValue>{filled!r}</NoDataValue>"]
    for (path, inner), values in zip(tiles, nodata):
        fill = values[0] if values else filled
        sources.append(virtual_source(path, "1", (inner.height, inner.width), place_in(grid, inner), fill))
    return virtual_raster((grid.height, grid.width), grid.crs, grid.affine, "Float32", "".join(sources))
