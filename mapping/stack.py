"""Scenes without a product around them: a multi-band GeoTIFF, and the challenge's tiles as one mosaic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from rasterio.crs import CRS

from errors import GridError, ProductError
from mapping.scene import Band, Grid, Scene, grid_of, nodata_of, opened, read_samples
from tiles.coding import EIGHT_BIT, recognise_reflectance, recognise_temperature
from tiles.folder import BAND_FOLDERS, band_folders, find_tiles
from tiles.tile import OPTICAL_BANDS, THERMAL_BAND
from tiles.validity import measured_temperature, plausible_pixels, valid_pixels

SAMPLE_SIDE = 1000  # pixels a side from which the coding is recognised


def parse_bands(text: str) -> dict[str, int]:
    """``blue=1,green=2,...`` to band numbers by name; raises ProductError for what does not name bands."""
    found: dict[str, int] = {}
    for word in text.split(","):
        name, _, number = (part.strip() for part in word.partition("="))
        if name not in (*OPTICAL_BANDS, THERMAL_BAND) or not number.isdigit() or int(number) < 1 or name in found:
            raise ProductError(
                f"--bands {text}: {word!r} is not understood; write blue=1,green=2,red=3,swir1=4,thermal=5."
            )
        found[name] = int(number)
    missing = [name for name in OPTICAL_BANDS if name not in found]
    if missing:
        raise ProductError(f"--bands {text}: lacks {', '.join(missing)}; write blue=1,green=2,red=3,swir1=4,thermal=5.")
    return found


def open_stack(path: Path, numbers: Mapping[str, int]) -> Scene:
    """The scene of a multi-band GeoTIFF."""
    grid = grid_of(str(path))
    with opened(str(path)) as source:
        count = source.count
    for name, number in numbers.items():
        if number > count:
            raise ProductError(f"{path}: has {count} bands, but --bands takes {name} from band {number}; correct it.")
    bands = {name: Band(str(path), number, nodata=nodata_of(str(path), number)) for name, number in numbers.items()}
    return coded(path.stem, bands, grid, str(path))


def open_mosaic(folder: Path) -> Scene:
    """The challenge's tiles, which must lie on one grid, as one scene."""
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
    return coded(folder.name, bands, grid, str(folder))


def enclosing(grids: Sequence[Grid], folder: Path) -> Grid:
    """The smallest grid that holds all of them; raises GridError where they do not fit together."""
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
    moved = first.affine * first.affine.translation(left, top)
    return Grid(first.crs, tuple(moved)[:6], height, width)


def offset_in(outer: Grid, inner: Grid) -> tuple[float, float]:
    """Row and column in ``outer`` of the first pixel of ``inner``."""
    column, row = ~outer.affine * (inner.affine.c, inner.affine.f)
    return row, column


def virtual_mosaic(grid: Grid, tiles: Sequence[tuple[str, Grid]]) -> str:
    """GDAL's virtual format as a text that opens like a file; nothing is copied."""
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


def coded(name: str, bands: Mapping[str, Band], grid: Grid, where: str) -> Scene:
    """The scene with its numbers recognised, as those of a tile are."""
    step = max(1, math.ceil(max(grid.height, grid.width) / SAMPLE_SIDE))
    shape = (math.ceil(grid.height / step), math.ceil(grid.width / step))
    numbers = read_samples(bands, shape)
    tags = {band: one.nodata for band, one in bands.items()}
    optical = [numbers[band] for band in OPTICAL_BANDS]
    coding = recognise_reflectance(optical, numbers["swir1"], plausible_pixels(numbers, tags), where)
    if coding is None:
        return Scene(name, {band: bands[band] for band in OPTICAL_BANDS}, grid, "none (no valid pixel)")
    scaled = {band: replace(bands[band], scale=coding.scale, offset=coding.offset) for band in OPTICAL_BANDS}
    stated = coding.name
    if THERMAL_BAND in bands:
        kelvin = numbers[THERMAL_BAND]
        measured = measured_temperature(kelvin, valid_pixels(numbers, coding, tags), tags[THERMAL_BAND])
        if measured.any() and not (coding is EIGHT_BIT and kelvin[measured].max() <= 255):
            thermal = recognise_temperature(kelvin, measured, where)
            scaled[THERMAL_BAND] = replace(bands[THERMAL_BAND], scale=thermal.scale, offset=thermal.offset)
            stated = f"{coding.name}; temperature in {thermal.name}"
    return Scene(name, scaled, grid, stated, optical=coding)
