"""Cut the regions out of mosaics, block by block.

    python -m lakes regions mosaic.tif --regions regions.gpkg --out out/regions

Files are laid out as ``lakes.imagery`` says. A mosaic may have any size and coordinate system: blocks outside the
polygon are never read, black ones never written (the file is sparse), and memory does not grow with the mosaic.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from rasterio.errors import RasterioError
from rasterio.features import geometry_mask
from rasterio.transform import Affine
from rasterio.windows import Window
from tqdm import tqdm

from command import add_shared, check_names, hidden, new_parser
from errors import GridError, exit_code
from lakes.imagery import region_path, rgb_bands
from lakes.polygons import check_regions, read_regions
from scenes.source import open_raster, unreadable
from tiles.raster import atomic_output

BLOCK, TILE = 1024, 256  # pixels a side: read at once, and of the file's tiles
# Megabytes: a row of blocks across a mosaic of 87 040 pixels, so that strips or tiles that lie across two blocks are
# decoded once
CACHE = 512


@dataclass(frozen=True)
class Cut:
    """What was cut: pixels of the box, and of these the ones that are not black."""

    image: str
    region_num: int
    height: int
    width: int
    seen: int


def in_pixels(shape: shapely.Geometry, transform: Affine) -> shapely.Geometry:
    """A polygon in columns and rows of a raster, whichever way its grid is turned."""
    inverse = ~transform
    return shapely.transform(shape, lambda xy: np.stack(inverse * tuple(xy.T), axis=1))


def box_of(shape: shapely.Geometry, height: int, width: int) -> Window | None:
    """The pixels that a polygon (in pixels) touches, or None where it lies outside."""
    left, top, right, bottom = shape.bounds
    left, top = max(int(np.floor(left)), 0), max(int(np.floor(top)), 0)
    right, bottom = min(int(np.ceil(right)), width), min(int(np.ceil(bottom)), height)
    return Window(left, top, right - left, bottom - top) if right > left and bottom > top else None


def blocks_of(box: Window, shape: shapely.Geometry) -> Iterator[Window]:
    """The blocks of a box that the polygon touches, row by row, in pixels of the mosaic."""
    shapely.prepare(shape)
    for top in range(box.row_off, box.row_off + box.height, BLOCK):
        for left in range(box.col_off, box.col_off + box.width, BLOCK):
            rows, columns = min(BLOCK, box.row_off + box.height - top), min(BLOCK, box.col_off + box.width - left)
            if shapely.intersects(shape, shapely.box(left, top, left + columns, top + rows)):
                yield Window(left, top, columns, rows)


def inside(block: Window, shape: shapely.Geometry) -> np.ndarray | None:
    """Which pixels of a block have their centre in the polygon, bool (H, W); None where all of it lies inside."""
    frame = shapely.box(block.col_off, block.row_off, block.col_off + block.width, block.row_off + block.height)
    if shapely.contains_properly(shape, frame):
        return None
    here = Affine.translation(block.col_off, block.row_off)
    piece = shapely.intersection(shape, frame.buffer(1))
    return np.asarray(geometry_mask([piece], (block.height, block.width), here, invert=True))


def profile_of(source: Any, box: Window, compress: str, jobs: int) -> dict[str, Any]:
    """What a region's file is written with."""
    return {
        "driver": "GTiff", "count": 3, "dtype": "uint8", "nodata": 0, "photometric": "RGB", "crs": source.crs,
        "transform": source.transform * Affine.translation(box.col_off, box.row_off),
        "height": box.height, "width": box.width, "tiled": True, "blockxsize": TILE, "blockysize": TILE,
        "compress": compress, "predictor": 2, "sparse_ok": True, "bigtiff": "IF_SAFER", "num_threads": jobs,
    }  # fmt: skip


def copy_region(source: Any, target: Any, bands: Sequence[int], box: Window, shape: shapely.Geometry) -> int:
    """Copy a polygon's blocks; returns how many pixels are not black."""
    seen = 0
    blocks = list(blocks_of(box, shape))
    for block in tqdm(blocks, desc=Path(source.name).stem[-30:], unit="block", disable=hidden(), leave=False):
        pixels = source.read(list(bands), window=block)
        mask = inside(block, shape) if pixels.any() else None
        if mask is not None:
            pixels *= mask
        if not pixels.any():
            continue
        seen += int(pixels.any(axis=0).sum())
        where = Window(block.col_off - box.col_off, block.row_off - box.row_off, block.width, block.height)
        target.write(pixels, window=where)
    return seen


def cut_region(
    path: Path, region_num: int, shape: shapely.Geometry, out: Path, compress: str = "deflate", jobs: int = 1
) -> Cut | None:
    """Write one region of a mosaic; None where it lies outside. ``shape``: polygon in the mosaic's coordinates.

    Raises ProductError, GridError, RasterError or OutputError.
    """
    with open_raster(str(path), jobs) as source:
        bands, shape = rgb_bands(source, path), in_pixels(shape, source.transform)
        box = box_of(shape, source.height, source.width)
        if box is None:
            return None
        with atomic_output(region_path(out, path.name, region_num)) as temporary:
            try:
                with rasterio.open(temporary, "w", **profile_of(source, box, compress, jobs)) as target:
                    target.update_tags(IMAGE=path.name, REGION_NUM=region_num)
                    seen = copy_region(source, target, bands, box, shape)
            except RasterioError as problem:
                raise unreadable(str(path), problem) from None
    return Cut(path.name, region_num, int(box.height), int(box.width), seen)


def cut_mosaic(path: Path, regions: Path, numbers: Sequence[int], out: Path, compress: str, jobs: int) -> list[Cut]:
    """All regions of one mosaic that lie on it; ``numbers``: these alone, none: all."""
    with open_raster(str(path)) as source:
        rgb_bands(source, path)
        table = read_regions(regions, source.crs.to_wkt())
    check_regions(numbers, table["region_num"], "--region")
    wanted = [one for one in zip(table["region_num"], table.geometry) if one[0] in numbers or not numbers]
    cuts = [cut_region(path, int(number), shape, out, compress, jobs) for number, shape in wanted]
    found = [cut for cut in cuts if cut is not None]
    if not found:
        raise GridError(f"{regions}: has no region on {path.name}; give regions and a mosaic of the same place.")
    for (number, _), cut in zip(wanted, cuts):
        if cut is None or not cut.seen:
            print(f"note: region {number} {'is black in' if cut else 'lies outside'} {path.name}.", file=sys.stderr)
    return found


def run(options: argparse.Namespace) -> None:
    """Cut every mosaic and print a line for each region."""
    check_names([path.stem for path in options.mosaic], "mosaics")
    print(f"{'image':52s}{'region':>7s}{'rows':>8s}{'columns':>9s}{'not black':>11s}")
    with rasterio.Env(GDAL_CACHEMAX=CACHE):
        for path in options.mosaic:
            for cut in cut_mosaic(
                path,
                options.regions,
                options.region,
                options.out,
                options.compress,
                options.jobs or os.cpu_count() or 1,
            ):
                share = cut.seen / (cut.height * cut.width)
                print(f"{cut.image[-50:]:52s}{cut.region_num:7d}{cut.height:8d}{cut.width:9d}{share:11.1%}")
    print(f"Wrote <image>/region_<n>.tif to {options.out}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Cut the regions out of RGB mosaics (uint8); outside its polygon a region is black.",
        "python -m lakes regions mosaic.tif --regions regions.gpkg --out out/regions",
        "python -m lakes regions",
    )
    parser.add_argument("mosaic", type=Path, nargs="+", help="RGB raster of 8 bits, of any size and coordinate system")
    parser.add_argument("--regions", type=Path, required=True, help="polygons with the column region_num")
    parser.add_argument("--region", type=int, nargs="*", default=[], help="numbers of the regions (default: all)")
    parser.add_argument(
        "--compress",
        choices=("deflate", "lzw"),
        default="deflate",
        help="how the GeoTIFFs are compressed (default: %(default)s)",
    )
    add_shared(parser, "jobs")
    add_shared(parser, "out", default=Path("out/regions"))
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
