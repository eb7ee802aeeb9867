"""What has changed between two extents of glaciers: masks or outlines, one of which may be an inventory.

    python -m mapping.change 1985/outlines.gpkg 2020/outlines.gpkg --out change
    python -m mapping.change SGI2016.gpkg 2023/mask.tif --out change
    python -m mapping.change old.shp new.tif --dates 1985-08 2020-08-26 --uncertainty 15

Outlines that overlap are one glacier; what has split or merged is named. Only ground that both show is compared: of a
mask, what is not nodata; of outlines, which do not say what was seen, the box around them. Writes change.csv (a row a
glacier), change.gpkg (layers glaciers, retreat, advance), change.png, change.json and change.html.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from command import add_shared, from_zero, new_parser
from errors import SettingError, exit_code
from mapping.steps import Postprocess

if TYPE_CHECKING:
    from mapping.extent import Extent
    from mapping.matching import Change

SHOWN = 10  # glaciers on screen
PIXEL = 30.0  # metres, of Landsat


def run(options: argparse.Namespace) -> None:
    """Compare, write all files, and print the largest glaciers and the total."""
    from mapping.change_files import called, sentence, write_change
    from mapping.extent import common_plane, read_extent
    from mapping.matching import changes, summed

    dates = options.dates or (None, None)
    off = options.uncertainty
    extents = [
        read_extent(path, date, off, options.minimum_area) for path, date in zip((options.old, options.new), dates)
    ]
    check_order(*extents)
    plane = common_plane(extents)
    old, new = (extent.to_crs(plane) for extent in extents)
    change = changes(old, new)
    notes = notes_on(change, old, new)
    title = f"{options.old.name} to {options.new.name}"
    write_change(change, old.outlines.geometry, extents[1].outlines.crs.to_wkt(), title, notes, options.out)
    print(f"{'glacier':34s}{'what':>10s}{'then km2':>10s}{'now km2':>10s}{'change':>9s}{'+-':>8s}{'% a year':>9s}")
    for _, row in change.glaciers.head(SHOWN).iterrows():
        numbers = f"{row['area_old_km2']:10.3f}{row['area_new_km2']:10.3f}{row['change_km2']:+9.3f}"
        numbers += f"{row['change_uncertainty_km2']:8.3f}"
        numbers += f"{row['percent_per_year']:+9.2f}" if math.isfinite(row["percent_per_year"]) else ""
        print(f"{called(row)[:33]:34s}{row['what']:>10s}{numbers}")
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    print(f"All: {sentence(summed(change.glaciers))}")
    print(f"Wrote change.csv, change.gpkg, change.png and change.html to {options.out}.")


def check_order(old: Extent, new: Extent) -> None:
    """Raise SettingError where both extents are dated and the old one is not the older."""
    from mapping.matching import mean_year

    first, second = (mean_year(extent.outlines) for extent in (old, new))
    if first >= second:
        raise SettingError(
            f"{new.path}: is of the year {second:.1f} on average, no later than {old.path} of {first:.1f}; "
            "swap them or correct --dates."
        )


def notes_on(change: Change, old: Extent, new: Extent) -> list[str]:
    """What the reader of the results should know."""
    from mapping.matching import mean_year

    notes = [
        f"{extent.path}: names no date, so there are no changes a year; add --dates OLD NEW."
        for extent in (old, new)
        if math.isnan(mean_year(extent.outlines))
    ]
    if change.left_out:
        notes.append(f"{change.left_out} outlines lie where the other time was not seen, and are left out.")
    gone = int((change.glaciers["what"] == "gone").sum())
    if gone:
        notes.append(f"{gone} glaciers have no outline now: they are gone, or were not mapped.")
    cut = int((change.glaciers["seen_share"] < 0.99).sum())
    if cut:
        notes.append(f"{cut} glaciers are seen in part (column seen_share); only that part is compared.")
    grouped = int(change.glaciers["what"].isin(["merged", "regrouped"]).sum())
    if grouped:
        notes.append(
            f"{grouped} glaciers are several outlines then and connected ice now; map with --inventory to divide it."
        )
    return notes


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Compare glaciers of two times.",
        "python -m mapping.change SGI2016.gpkg maps/mask.tif --out change",
        "python -m mapping.change",
    )
    parser.add_argument("old", type=Path, help="mask (above 0 is glacier) or outlines, in any coordinate system")
    parser.add_argument("new", type=Path, help="the same of a later time")
    parser.add_argument(
        "--dates", nargs=2, metavar=("OLD", "NEW"), help="2020, 2020-08 or 2020-08-26, where the files name none"
    )
    parser.add_argument(
        "--uncertainty",
        type=float,
        default=PIXEL,
        help="metres by which outlines that name no pixel size may be off (default: %(default)s, a Landsat pixel)",
    )
    parser.add_argument(
        "--minimum-area",
        type=float,
        default=Postprocess().minimum_area,
        help="km2 of the pieces of a mask that are kept (default: %(default)s)",
    )
    add_shared(parser, "out", default=Path("out/change"))
    options = parser.parse_args(argv)
    from_zero(options, "uncertainty", "minimum_area")
    return options


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
