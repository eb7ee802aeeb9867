"""Map an image or raster of any size with a trained network.

    python -m cnn.predict --model out/network/model.pt --image_path scene.tif --out out/map

Writes ``NAME_probability.tif`` (a band for each class but ground), ``NAME_mask.tif`` (class numbers) and, where the
raster has a coordinate system, ``NAME_outlines.gpkg`` and ``.shp``. Georeference is kept.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.errors import NotGeoreferencedWarning
from rasterio.features import shapes
from rasterio.windows import Window
from tqdm import tqdm

from cnn.options import add_run_arguments, device_of
from command import check_names, hidden, new_parser
from errors import exit_code
from patches.hkh import open_slice
from patches.image import Image, pick_bands
from patches.rasters import open_raster, opened
from scenes.vectors import areas_km2, write_vectors
from tiles.raster import atomic_output

if TYPE_CHECKING:
    from cnn.network_model import NetworkModel

NO_CLASS = 255  # of pixels without data


def open_unlabelled(path: Path, bands: Sequence[str]) -> Image:
    """The image that a file holds, with these bands; raises RasterError, ShapeError or SettingError."""
    if path.suffix.lower() == ".npy":
        image = open_slice(path, path.parent, with_mask=False)
    else:
        image = open_raster(path, path.name, None, "binary")
    return pick_bands([image], bands)[0]


def map_image(model: NetworkModel, image: Image, path: Path, out: Path) -> dict[str, Path]:
    """Write probability, mask and outlines of one image, strip by strip; gives their paths by kind."""
    from cnn.blend import blended_rows, class_map

    written = {kind: out / f"{path.stem}_{kind}.tif" for kind in ("probability", "mask")}
    profile = profile_of(path, image)
    classes = model.card.classes
    with ExitStack() as files:
        one, other = (files.enter_context(atomic_output(written[kind])) for kind in ("probability", "mask"))
        raster = written_raster(one, profile, len(classes) - 1, "float32", float("nan"))
        probability = files.enter_context(raster)
        mask = files.enter_context(written_raster(other, profile, 1, "uint8", NO_CLASS))
        probability.descriptions = classes[1:]
        progress = tqdm(total=image.height, desc=path.name, unit="row", disable=hidden())
        for row, shares in blended_rows(model, image):
            rows = shares.shape[1]
            valid = image.patch(row, 0, rows, image.width).valid
            window = Window(0, row, image.width, rows)
            probability.write(np.where(valid, shares, np.float32(np.nan)), window=window)
            mask.write(np.where(valid, class_map(shares), np.uint8(NO_CLASS)), 1, window=window)
            progress.update(rows)
        progress.close()
    if "crs" in profile:
        written["outlines"] = write_outlines(written["mask"], classes, out / f"{path.stem}_outlines")
    return written


def profile_of(path: Path, image: Image) -> dict[str, Any]:
    """Size, coordinate system and grid of what is written."""
    profile: dict[str, Any] = {"height": image.height, "width": image.width}
    if path.suffix.lower() != ".npy":
        with opened(path) as source:
            if source.crs is not None:
                profile.update(crs=source.crs, transform=source.transform)
    return profile


def written_raster(path: Path, profile: dict[str, Any], count: int, kind: str, nodata: float) -> Any:
    """A GeoTIFF, opened to be written."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(
            path, "w", driver="GTiff", count=count, dtype=kind, nodata=nodata, compress="deflate", **profile
        )


def write_outlines(mask: Path, classes: Sequence[str], stem: Path) -> Path:
    """The connected areas of each class but ground as polygons, with their class and area, as GPKG and Shapefile."""
    with rasterio.open(mask) as source:
        numbers, crs = source.read(1), source.crs
        inside = (numbers > 0) & (numbers != NO_CLASS)
        found = list(shapes(numbers, inside, 4, source.transform))
    outlines = [shapely.geometry.shape(shape) for shape, _ in found]
    table = gpd.GeoDataFrame({"class": [classes[int(value)] for _, value in found]}, geometry=outlines, crs=crs)
    table["area_km2"] = areas_km2(table.geometry)
    write_vectors(table, stem, {})
    return stem.with_name(f"{stem.name}.gpkg")


def run(options: argparse.Namespace) -> None:
    """Map what the command line asks for."""
    from cnn.network_model import check_bands, load_model

    model = load_model(options.model, device_of(options))
    check_names([path.stem for path in options.image_path], "images")
    bands = [word.strip() for word in options.bands.split(",")] if options.bands else list(model.card.bands)
    for path in options.image_path:
        image = open_unlabelled(path, bands)
        if options.bands and len(image.bands) == len(model.card.bands):
            image = replace(image, bands=model.card.bands)  # the user says which is which
        check_bands(model, image, options.model)
        for kind, where in map_image(model, image, path, options.out).items():
            print(f"{kind}: {where}")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Map an image or raster of any size with a trained network.",
        "python -m cnn.predict --model out/network/model.pt --image_path scene.tif --out out/map",
    )
    parser.add_argument(
        "--image_path", "--data", type=Path, nargs="+", required=True, help="images, rasters or .npy slices"
    )
    parser.add_argument(
        "--model", type=Path, default=Path("out/network/model.pt"), help="model.pt that cnn.train wrote"
    )
    parser.add_argument("--bands", default="", help="the model's bands in this file, where their names differ: 1,2,3")
    add_run_arguments(parser, "out/map")
    return parser.parse_args(argv)


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
