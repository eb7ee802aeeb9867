"""One page of the lakes: a map of every region and date, and a table that sorts.

    python -m lakes report lakes.gpkg --regions out/regions --probability out/sam/lakes --sinks sinks.gpkg \\
        --out out/report.html

Of each lake it tells the area on the ground and in EPSG:3857, the mean NDWI for ice, the depth of its sink, the rule
that kept it (of a file written with ``combine --audit``), and with ``--truth`` whether it is right.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.features import geometry_mask
from rasterio.warp import transform_bounds
from rasterio.windows import Window
from tqdm import tqdm

from command import add_shared, hidden, new_parser
from errors import exit_code
from lakes.imagery import RegionFile, find_regions, rgb_bands
from lakes.overlap import touching
from lakes.polygons import COLUMNS, CRS, check_images, date_of, read_lakes, read_polygons
from lakes.regions import box_of, in_pixels
from lakes.score import RIGHT, counts_of, judged, told
from scenes.vectors import areas_km2

SIDE = 700  # pixels of the longer side of a region's picture, at most
SHOWN = ("lake", "date", "region_num", "area_m2", "area_3857_m2", "mean_ndwi", "sink_depth_m", "rule", "verdict")


def mean_ndwi(region: RegionFile, shapes: gpd.GeoSeries) -> np.ndarray:
    """Mean NDWI for ice of each lake in a region, float64 (N,), NaN where it has no pixel there."""
    from lakes.colours import ndwi_ice

    found = np.full(len(shapes), np.nan)
    with rasterio.open(region.path) as source:
        bands = rgb_bands(source, region.path)
        for place, shape in enumerate(shapes.to_crs(source.crs)):
            drawn = in_pixels(shape, source.transform)
            box = box_of(drawn, source.height, source.width)
            if box is None:
                continue
            pixels = source.read(bands, window=box)
            inside = geometry_mask([drawn], pixels.shape[1:], placed(box), invert=True) & pixels.any(axis=0)
            if inside.any():
                found[place] = float(ndwi_ice(pixels)[inside].mean(dtype=np.float64))
    return found


def placed(box: Window) -> rasterio.Affine:
    """The transform from a window's pixels to its raster's."""
    return rasterio.Affine.translation(box.col_off, box.row_off)


def sink_depths(lakes: gpd.GeoDataFrame, sinks: Path | None) -> np.ndarray:
    """The greatest depth of the sinks that each lake touches, in metres, float64 (N,), NaN for none.

    Raises VectorError where the file was not written by ``python -m lakes sinks``.
    """
    found = np.full(len(lakes), np.nan)
    if sinks:
        table = read_polygons(sinks, ("max_depth_m",)).table
        first, second = touching(lakes.geometry.to_numpy(), table.geometry.to_numpy())
        np.fmax.at(found, first, table["max_depth_m"].to_numpy()[second])
    return found


def described(lakes: gpd.GeoDataFrame, regions: Sequence[RegionFile], sinks: Path | None) -> gpd.GeoDataFrame:
    """The lakes with all that the table tells of them, the largest first."""
    lakes = lakes.assign(mean_ndwi=np.nan)
    for region in tqdm(regions, desc="report", unit="region", disable=hidden()):
        own = (lakes["image"] == region.image) & (lakes["region_num"] == region.region_num)
        if own.any():
            lakes.loc[own, "mean_ndwi"] = mean_ndwi(region, lakes.geometry[own])
    area = areas_km2(lakes.geometry) * 1e6 if len(lakes) else np.zeros(0)
    lakes = lakes.assign(
        date=[date_of(image) for image in lakes["image"]],
        area_m2=area,
        area_3857_m2=lakes.area,
        sink_depth_m=sink_depths(lakes, sinks),
    )
    lakes = lakes.sort_values("area_3857_m2", ascending=False, kind="stable", ignore_index=True)
    return lakes.assign(lake=np.arange(1, len(lakes) + 1))


def pictures_of(
    regions: Sequence[RegionFile], probability: Path | None
) -> list[tuple[str, np.ndarray, tuple[float, float, float, float]]]:
    """Layer, picture uint8 (h, w, 4) and bounds in EPSG:3857 of every region, and of its probability if there is."""
    from matplotlib import colormaps

    from figures import PROBABILITY
    from lakes.figure import probability_of, thumbnail

    found = []
    for region in regions:
        picture, bounds = thumbnail(region.path, SIDE)
        with rasterio.open(region.path) as source:
            bounds = transform_bounds(source.crs, CRS, *bounds)
        seen = np.where(picture.any(axis=-1, keepdims=True), 255, 0).astype(np.uint8)
        date = date_of(region.image)
        found.append((f"imagery {date}", np.concatenate([picture, seen], axis=-1), bounds))
        path = (
            probability / Path(region.image).stem / f"region_{region.region_num}_probability.tif"
            if probability
            else None
        )
        if path and path.is_file():
            said = probability_of(path, picture.shape)
            colours = colormaps[PROBABILITY](np.nan_to_num(said), bytes=True)
            colours[..., 3] = np.where(np.isfinite(said), 255, 0)
            found.append((f"probability {date}", colours, bounds))
    return found


def report_data(
    lakes: gpd.GeoDataFrame, regions: Sequence[RegionFile], probability: Path | None, scores: dict[str, float] | None
) -> dict[str, Any]:
    """All that the page shows; its map has a unit of a picture's pixel, y upwards from the south-west corner."""
    from mapping.report import LARGEST, cell, placed_picture

    drawn = pictures_of(regions, probability)
    bounds = np.array([one for _, _, one in drawn])
    west, south, unit = bounds[:, 0].min(), bounds[:, 1].min(), max((bounds[:, 2] - bounds[:, 0]).max() / SIDE, 1e-9)
    first = min(date_of(region.image) for region in regions)

    def corners(one: Sequence[float]) -> list[list[float]]:
        return [[(one[1] - south) / unit, (one[0] - west) / unit], [(one[3] - south) / unit, (one[2] - west) / unit]]

    def ring(shape: shapely.Polygon) -> list[list[float]]:
        xy = shapely.get_coordinates(shapely.simplify(shapely.get_exterior_ring(shape), unit / 4))
        return np.round(np.stack([(xy[:, 1] - south) / unit, (xy[:, 0] - west) / unit], axis=1), 2).tolist()

    shown, columns = lakes.head(LARGEST), [name for name in SHOWN if name in lakes.columns]
    return {
        "height": (bounds[:, 3].max() - south) / unit,
        "width": (bounds[:, 2].max() - west) / unit,
        "thing": "Lake",
        "file": "the GeoPackage",
        "pictures": [placed_picture(layer, one, corners(b), layer == f"imagery {first}") for layer, one, b in drawn],
        "outlines": [
            {"id": int(number), "layer": f"lakes {date}", "shown": date == first, "rings": [ring(shape)]}
            for number, date, shape in zip(shown["lake"], shown["date"], shown.geometry)
        ],
        "columns": columns,
        "rows": [[cell(value) for value in row] for row in shown[columns].itertuples(index=False)],
        "count": len(lakes),
        "scores": scores,
        "importance": [],
    }


def run(options: argparse.Namespace) -> None:
    """Describe the lakes and write the page."""
    from mapping.report import write_report

    regions, lakes, scores = find_regions(options.regions), read_lakes(options.lakes), None
    check_images(set(lakes["image"]), {region.image for region in regions}, str(options.lakes))
    if options.truth:
        table = judged(lakes[[*COLUMNS, "geometry"]], read_lakes(options.truth))
        scores = told(counts_of(table))
        right = set(table.loc[table.verdict == RIGHT, "geometry"].to_wkb())
        lakes = lakes.assign(verdict=np.where(lakes.geometry.to_wkb().isin(right), RIGHT, "false"))
    lakes = described(lakes, regions, options.sinks)
    dates = sorted({date_of(region.image) for region in regions})
    summary = (
        f"{len(lakes)} lakes on {len(dates)} dates ({', '.join(dates)}): {lakes['area_m2'].sum() / 1e6:.2f} km2 on the "
        f"ground, {lakes['area_3857_m2'].sum() / 1e6:.2f} km2 in EPSG:3857."
    )
    data = report_data(lakes, regions, options.probability, scores)
    write_report(options.out, options.lakes.stem, data, summary, "Lakes")
    print(f"{summary} Wrote {options.out}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "One page of the lakes, with a map and a table, that works offline.",
        "python -m lakes report lakes.gpkg --regions out/regions --sinks sinks.gpkg --out out/report.html",
        "python -m lakes report",
    )
    parser.add_argument("lakes", type=Path, help="polygons with the columns image and region_num")
    parser.add_argument("--regions", type=Path, required=True, help="folder that python -m lakes regions wrote")
    parser.add_argument("--probability", type=Path, help="folder that python -m lakes predict wrote")
    parser.add_argument("--sinks", type=Path, help="of python -m lakes sinks")
    parser.add_argument("--truth", type=Path, help="the true lakes")
    add_shared(parser, "out", default=Path("out/report.html"), help="the page (default: %(default)s)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
