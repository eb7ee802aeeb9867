"""Map lakes in regions with a trained network.

    python -m lakes predict out/regions --model out/sam/model.pt --out out/sam/lakes

Writes ``<image>/region_<n>_probability.tif`` for each region, float32 with the region's georeference and NaN where it
is black, and ``lakes.gpkg`` with the lakes of all of them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from rasterio.windows import Window
from tqdm import tqdm

from cnn.options import device_of
from command import add_fields, add_shared, hidden, new_parser, with_options
from errors import SettingError, exit_code
from lakes.imagery import RegionFile, find_regions
from lakes.labelled import open_region, place_of
from lakes.outlines import Shapes, outlines_of
from lakes.polygons import CRS, check_regions, lakes_table, write_lakes
from patches.image import Image
from scenes.source import open_raster
from tiles.raster import atomic_output

if TYPE_CHECKING:
    from cnn.network_model import NetworkModel

LAKES = "lakes.gpkg"
HELPS = {
    "smallest": "pixels of a lake, at least (default: %(default)s)",
    "narrowest": "short over long side of a lake, at least (default: %(default)s)",
}


def write_probability(model: NetworkModel, image: Image, region: RegionFile, path: Path) -> None:
    """The probability of a lake, written strip by strip."""
    from cnn.blend import blended_rows

    with atomic_output(path) as temporary, rasterio.open(temporary, "w", **profile_of(region)) as target:
        target.descriptions = model.card.classes[1:]
        progress = tqdm(total=image.height, desc=image.name, unit="row", disable=hidden())
        for row, shares in blended_rows(model, image):
            rows = shares.shape[1]
            valid = image.patch(row, 0, rows, image.width).valid
            target.write(np.where(valid, shares, np.float32(np.nan)), window=Window(0, row, image.width, rows))
            progress.update(rows)
        progress.close()


def profile_of(region: RegionFile) -> dict[str, Any]:
    """What a region's probability is written with."""
    with open_raster(str(region.path)) as source:
        grid = {"crs": source.crs, "transform": source.transform, "height": source.height, "width": source.width}
    kind = {"driver": "GTiff", "count": 1, "dtype": "float32", "nodata": float("nan"), "bigtiff": "IF_SAFER"}
    return {**grid, **kind, "compress": "deflate", "tiled": True, "blockxsize": 256, "blockysize": 256}


def strips(path: Path, threshold: float, rows: int = 1024) -> Iterator[tuple[int, np.ndarray]]:
    """First row and where the probability is above the threshold, bool (rows, W), of one strip after the other."""
    with open_raster(str(path)) as source:
        for row in range(0, source.height, rows):
            window = Window(0, row, source.width, min(rows, source.height - row))
            yield row, source.read(1, window=window) > threshold  # NaN is not


def lakes_of(region: RegionFile, path: Path, threshold: float, asked: Shapes) -> gpd.GeoDataFrame:
    """The lakes of one region as polygons in EPSG:3857."""
    with open_raster(str(path)) as source:
        crs, transform = source.crs, source.transform
    found = outlines_of(strips(path, threshold), transform, asked)
    return lakes_table(region.image, region.region_num, list(gpd.GeoSeries(found, crs=crs.to_wkt()).to_crs(CRS)))


def run(options: argparse.Namespace) -> None:
    """Map every region and write all lakes into one file."""
    from cnn.network_model import check_bands, load_model
    from lakes.sam import build

    if not 0 < options.threshold < 1:
        raise SettingError(f"--threshold {options.threshold}: is no probability between 0 and 1; give for example 0.5.")
    regions = find_regions(options.regions)
    check_regions(options.region, {region.region_num for region in regions}, "--region")
    model = load_model(options.model, device_of(options), build)
    asked, tables = with_options(Shapes(), options), []
    for region in regions:
        if options.region and region.region_num not in options.region:
            continue
        image = open_region(region)
        check_bands(model, image, options.model)
        path = options.out / f"{place_of(region)}_probability.tif"
        write_probability(model, image, region, path)
        tables.append(lakes_of(region, path, options.threshold, asked))
        print(f"{image.name}: {len(tables[-1])} lakes", flush=True)
    table = gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), crs=CRS)
    write_lakes(table, options.out / LAKES)
    print(f"Wrote {len(table)} lakes to {options.out / LAKES}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Map lakes in regions with a trained network: probability and polygons.",
        "python -m lakes predict out/regions --model out/sam/model.pt --out out/sam/lakes",
        "python -m lakes predict",
    )
    parser.add_argument("regions", type=Path, help="folder that python -m lakes regions wrote")
    parser.add_argument("--model", type=Path, required=True, help="model.pt that python -m lakes train wrote")
    parser.add_argument("--region", type=int, nargs="*", default=[], help="numbers of the regions (default: all)")
    parser.add_argument("--threshold", type=float, default=0.5, help="probability above which there is a lake")
    add_fields(parser, Shapes(), HELPS)
    add_shared(parser, "out", default=Path("out/lakes"))
    add_shared(parser, "seed", "device", "jobs")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
