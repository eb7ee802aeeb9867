"""One GeoPackage of lakes from the polygons of two networks, sinks, colours and ice.

    python -m lakes combine --sam sam.gpkg --deeplab deeplab.gpkg --sinks sinks.gpkg --colours colours.gpkg \\
        --ice ice.gpkg --regions regions.gpkg --out out/lakes.gpkg

The rules are those of ``lakes.rules``. Colour polygons of an image say something of the lakes of that image alone;
sinks and ice have no date. The ice of a region is the largest piece of --ice in it where --regions is given.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from tqdm import tqdm

from command import add_fields, add_shared, from_zero, hidden, new_parser, with_options
from errors import GridError, SettingError, exit_code
from lakes.overlap import any_touching
from lakes.polygons import (
    check_regions,
    lakes_table,
    read_lakes,
    read_polygons,
    read_regions,
    tell_repairs,
    write_lakes,
)
from lakes.rules import NONE, Evidence, Rules, combine
from lakes.score import chosen

HELPS = {
    "smallest": "area of a lake in that of its colour polygon or sink, at least",
    "largest": "the same, at most",
    "ice_share": "of a lake's area that lies on the ice, at least",
}


def combined(
    sam: gpd.GeoDataFrame,
    deeplab: gpd.GeoDataFrame,
    colours: gpd.GeoDataFrame,
    sinks: np.ndarray,
    ice: dict[int, np.ndarray] | None,
    rules: Rules,
) -> gpd.GeoDataFrame:
    """The lakes of all images and regions, with the column ``rule``; ``ice`` of each region, or None."""
    keys = sorted({*zip(sam.image, sam.region_num), *zip(deeplab.image, deeplab.region_num)})
    tables = []
    for image, number in tqdm(keys, desc="combine", unit="region", disable=hidden()):
        ours = [chosen(table, image, number).geometry.to_numpy() for table in (sam, deeplab, colours)]
        evidence = Evidence(sinks, ours[2], None if ice is None else ice.get(number, NONE))
        shapes, names = combine(ours[0], ours[1], evidence, rules)
        tables.append(lakes_table(image, number, list(shapes)).assign(rule=names))
    return gpd.GeoDataFrame(pd.concat(tables, ignore_index=True)) if tables else lakes_table("", 0, []).assign(rule="")


def ice_of(path: Path, regions: gpd.GeoDataFrame | None, numbers: Sequence[int]) -> dict[int, np.ndarray]:
    """The ice of each region, polygons (N,): all of the file's, or its largest piece in the region's polygon.

    Raises GridError where the two do not overlap.
    """
    table = readable(path)
    ice = shapely.union_all(table.geometry.to_numpy())
    if regions is None:
        return dict.fromkeys(numbers, np.asarray(shapely.get_parts(ice), dtype=object))
    found = {}
    for number, region in zip(regions["region_num"], regions.geometry):
        parts = shapely.get_parts(shapely.intersection(ice, region))
        parts = parts[shapely.area(parts) > 0]
        found[int(number)] = parts[np.argsort(-shapely.area(parts))[:1]]
    if not any(len(parts) for parts in found.values()):
        raise GridError(f"{path}: has no ice in any region; give polygons of the same place.")
    return found


def readable(path: Path) -> gpd.GeoDataFrame:
    """Polygons without columns, as sinks and ice are."""
    found = read_polygons(path, ())
    tell_repairs(path, found)
    return found.table


def sinks_of(path: Path, near: Sequence[gpd.GeoDataFrame]) -> np.ndarray:
    """The sinks, polygons (N,); raises GridError where none is anywhere near the networks' polygons."""
    sinks = readable(path).geometry.to_numpy()
    boxes = np.array([shapely.box(*table.total_bounds) for table in near if len(table)], dtype=object)
    if len(boxes) and len(sinks) and not any_touching(boxes, sinks).any():
        raise GridError(f"{path}: does not overlap with the lakes; make it from a DEM of the same place.")
    return sinks


def evidence_of(
    options: argparse.Namespace, sam: gpd.GeoDataFrame, deeplab: gpd.GeoDataFrame, colours: gpd.GeoDataFrame
) -> tuple[np.ndarray, dict[int, np.ndarray] | None]:
    """Sinks and ice, checked against what is combined; raises GridError or SettingError."""
    regions = read_regions(options.regions) if options.regions else None
    if regions is not None:
        for path, table in ((options.sam, sam), (options.deeplab, deeplab), (options.colours, colours)):
            check_regions(table["region_num"].unique(), regions["region_num"], str(path))
    sinks = sinks_of(options.sinks, (sam, deeplab)) if options.sinks else NONE
    numbers = sorted({*sam["region_num"], *deeplab["region_num"]})
    return sinks, ice_of(options.ice, regions, numbers) if options.ice else None


def run(options: argparse.Namespace) -> None:
    """Read everything, combine, write."""
    empty = lakes_table("", 0, [])
    sam, deeplab, colours = (
        read_lakes(path) if path else empty for path in (options.sam, options.deeplab, options.colours)
    )
    sinks, ice = evidence_of(options, sam, deeplab, colours)
    without = sorted({*sam["image"], *deeplab["image"]} - {*colours["image"]}) if options.colours else []
    if without:
        print(f"note: {options.colours}: has nothing of {', '.join(without)}; dates are never mixed.", file=sys.stderr)
    lakes = combined(sam, deeplab, colours, sinks, ice, with_options(Rules(), options))
    write_lakes(lakes, options.out, ["rule"] if options.audit else [])
    told = ", ".join(f"{count} by {rule}" for rule, count in lakes["rule"].value_counts().sort_index().items())
    print(f"{len(lakes)} lakes{': ' if told else ''}{told}. Wrote {options.out}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Lakes from the polygons of SAM and DeepLabV3+, kept or dropped by sinks, colours and ice.",
        "python -m lakes combine --sam sam.gpkg --deeplab deeplab.gpkg --sinks sinks.gpkg "
        "--colours colours.gpkg --out out/lakes.gpkg",
        "python -m lakes combine",
    )
    parser.add_argument("--sam", type=Path, help="polygons of SAM, or of the network that is trusted first")
    parser.add_argument("--deeplab", type=Path, help="polygons of DeepLabV3+, or of a second network")
    parser.add_argument("--sinks", type=Path, help="of python -m lakes sinks")
    parser.add_argument("--colours", type=Path, help="of python -m lakes colours")
    parser.add_argument("--ice", type=Path, help="outlines of the ice (default: rule (v) is left out)")
    parser.add_argument("--regions", type=Path, help="polygons with region_num")
    add_fields(parser, Rules(), HELPS)
    parser.add_argument("--audit", action="store_true", help="add the column rule: which rule kept each lake")
    add_shared(parser, "out", default=Path("out/lakes.gpkg"), help="GeoPackage (default: %(default)s)")
    options = parser.parse_args(argv)
    from_zero(options, *HELPS)
    if not (options.sam or options.deeplab):
        raise SettingError("no polygons to combine; give --sam, --deeplab or both.")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
