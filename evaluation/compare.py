"""Score a map against the truth: rasters or outlines, one pair or folders of them.

    python -m evaluation.compare out/maps/mask.tif inventory.gpkg --out out/compare
    python -m evaluation.compare masks/ labels/ --out out/compare       # tiles of one name or id

    python -m evaluation.compare mapped.gpkg inventory.gpkg --pixel 10   # two outline files

The truth is brought onto the prediction's grid (nearest pixels); two files of outlines, onto one of ``--pixel`` metres
around the prediction. Writes metrics.json, metrics.csv, and of every pair
the map of right and wrong pixels (GeoTIFF: 0 neither, 1 right, 2 false alarm, 3 miss, 255 unknown; PNG) and crops of
the worst places.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from rasterio.transform import array_bounds
from scipy.ndimage import uniform_filter

from command import add_shared, new_parser, progress, write_json
from errors import GridError, LayoutError, SettingError, exit_code
from scenes.grid import Grid
from scenes.truth import MARGIN, OUTLINE_PIXEL, grid_for, on_grid, write_classes
from scenes.vectors import is_vector, read_outlines
from scores.agreement import FALSE_ALARM, MISSED, agreement, all_scores, boundary_f1, buffer_scores
from scores.confusion import Confusion, confusion
from tiles.folder import SUFFIXES, tile_id_of
from tiles.raster import atomic_output

COUNTED = "the pixels that prediction and truth both know"
BUFFERS = (10.0, 20.0, 30.0)  # metres on both sides of the true outline
CROP, CROPS = 128, 4  # pixels a side of the worst places, and how many are shown
FINEST = 10.0  # metres: outlines are compared on pixels at least this fine, so that the buffers hold some


@dataclass(frozen=True)
class Pair:
    """One region on one grid: truth, mask and known pixels, all bool (H, W)."""

    name: str
    grid: Grid
    truth: np.ndarray
    mask: np.ndarray
    known: np.ndarray


def pairs_of(prediction: Path, truth: Path) -> list[tuple[str, Path, Path]]:
    """Name, prediction and truth of every region; folders are matched by file name, then by tile id."""
    for path in (prediction, truth):
        if not path.exists():
            raise LayoutError(f"{path}: no such file or folder; give a raster, outlines, or a folder of rasters.")
    if not prediction.is_dir():
        if truth.is_dir():
            raise LayoutError(f"{truth}: is a folder but {prediction} is a file; give two files or two folders.")
        return [(prediction.stem, prediction, truth)]
    if not truth.is_dir():
        return [(path.stem, path, truth) for path in rasters_in(prediction)]
    by_name = {path.name: path for path in rasters_in(truth)}
    by_id = {tile_id_of(path): path for path in rasters_in(truth)}
    found = [
        (path.stem, path, by_name.get(path.name) or by_id.get(tile_id_of(path))) for path in rasters_in(prediction)
    ]
    matched = [(name, path, other) for name, path, other in found if other is not None]
    if not matched:
        raise LayoutError(
            f"{truth}: holds no raster of a name or tile id of {prediction}; give folders of the same tiles."
        )
    left = [name for name, _, other in found if other is None]
    if left:
        print(
            f"note: {len(left)} of {len(found)} rasters have no truth and do not count: {', '.join(left[:5])}",
            file=sys.stderr,
        )
    return matched


def rasters_in(folder: Path) -> list[Path]:
    """The TIFF files of a folder, sorted."""
    return [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES and path.name[0] != "."]


def read_pair(name: str, prediction: Path, truth: Path, pixel: float = OUTLINE_PIXEL) -> Pair:
    """Both on the prediction's grid; ``pixel``: metres, as of ``scenes.truth.grid_for``."""
    grid = grid_for(prediction, truth, pixel)
    if is_vector(prediction) and is_vector(truth):
        tell_beyond(prediction, truth, grid)
    glacier, known = on_grid(truth, grid)
    mask, mapped = on_grid(prediction, grid)
    if not (known & mapped).any():
        raise GridError(f"{truth}: shares no known pixel with {prediction}; give truth of the same place.")
    return Pair(name, grid, glacier, mask, known & mapped)


def tell_beyond(prediction: Path, truth: Path, grid: Grid) -> None:
    """Say how much of the truth does not count, because it lies off the prediction's outlines."""
    found = read_outlines(truth, grid.crs)
    frame = shapely.box(*array_bounds(grid.height, grid.width, grid.affine))
    share = 1 - found.intersection(frame).area.sum() / max(found.area.sum(), 1e-9)
    if share > 0.001:
        told = f"{share:.1%} of the ice of {truth.stem} lies more than {MARGIN:.0f} m beyond {prediction.stem}"
        print(f"note: {told}, and is not counted.", file=sys.stderr)


def scores_of(pair: Pair) -> dict[str, float]:
    """Everything of one region; near the outlines on pixels fine enough for the buffers."""
    times = max(1, math.ceil(pair.grid.pixel_side / FINEST)) if pair.mask.size < 4_000_000 else 1
    side = pair.grid.pixel_side / times
    truth, mask, known = (one.repeat(times, 0).repeat(times, 1) for one in (pair.truth, pair.mask, pair.known))
    truth, mask = truth & known, mask & known
    found = all_scores(confusion(pair.truth[pair.known], pair.mask[pair.known]))
    for buffer in BUFFERS:
        found.update(buffer_scores(truth, mask, known, side, buffer))
        found[f"boundary_f1_{buffer:g}m"] = boundary_f1(truth, mask, side, buffer)
    return found


def worst_places(classes: np.ndarray) -> list[tuple[int, int]]:
    """First row and column of the crops with the most wrong pixels, apart from each other."""
    side = min(CROP, *classes.shape)
    wrong = uniform_filter(((classes == FALSE_ALARM) | (classes == MISSED)).astype(np.float32), side, mode="constant")
    found: list[tuple[int, int]] = []
    for _ in range(CROPS):
        row, column = (int(value) for value in np.unravel_index(np.argmax(wrong), wrong.shape))
        if wrong[row, column] <= 0:
            break
        top, left = (min(max(at - side // 2, 0), size - side) for at, size in zip((row, column), classes.shape))
        found.append((top, left))
        wrong[max(row - side, 0) : row + side, max(column - side, 0) : column + side] = 0
    return found


def draw(pair: Pair, classes: np.ndarray, out: Path) -> None:
    """The map of right and wrong pixels, and the worst places enlarged."""
    from matplotlib.figure import Figure

    from figures import class_patches, class_picture, write_figure

    worst = [classes[row : row + CROP, column : column + CROP] for row, column in worst_places(classes)]
    for name, pictures in (("overlay", [classes]), ("worst", worst)):
        if not pictures:
            continue
        figure = Figure(figsize=(4.5 * len(pictures), 4.8) if name == "worst" else (8, 8), layout="constrained")
        for axes, picture in zip(figure.subplots(1, len(pictures), squeeze=False)[0], pictures):
            step = max(1, max(picture.shape) // 1500)
            axes.imshow(class_picture(picture[::step, ::step]), interpolation="nearest")
            axes.set_axis_off()
        figure.suptitle(pair.name)
        figure.legend(handles=class_patches(), loc="outside lower center", ncols=2, fontsize=8, frameon=False)
        write_figure(figure, out / f"{pair.name}_{name}.png")
    with atomic_output(out / f"{pair.name}_agreement.tif") as temporary:
        write_classes(temporary, classes, pair.grid)


def run(options: argparse.Namespace) -> None:
    """Score every region and all of them pooled."""
    regions: dict[str, dict[str, float]] = {}
    total = Confusion(0, 0, 0, 0)
    for name, prediction, truth in progress(pairs_of(options.prediction, options.truth), desc="compare", unit="region"):
        pair = read_pair(name, prediction, truth, options.pixel)
        regions[name] = scores_of(pair)
        total = total + confusion(pair.truth[pair.known], pair.mask[pair.known])
        draw(pair, agreement(pair.mask & pair.known, pair.truth & pair.known, pair.known), options.out)
    results: dict[str, Any] = {"counted": COUNTED, "pooled": all_scores(total), "regions": regions}
    write_json(options.out / "metrics.json", results)
    names = list(next(iter(regions.values())))
    with (
        atomic_output(options.out / "metrics.csv") as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        table = csv.writer(file)
        table.writerow(["region", *names])
        for name, found in [*regions.items(), ("pooled", results["pooled"])]:
            table.writerow([name, *(found.get(one, "") for one in names)])
    shown = ("mcc", "iou", "f1", "precision", "recall", "kappa", "overall_accuracy", "area_error")
    print(f"{'region':32s}" + "".join(f"{name:>{len(name) + 2}s}" for name in shown))
    for name, found in [*regions.items(), ("pooled", results["pooled"])]:
        print(f"{name[:30]:32s}" + "".join(f"{found[one]:{len(one) + 2}.3f}" for one in shown))
    if is_vector(options.prediction):
        told = "know no nodata, which counts as no glacier here; a mask leaves it out"
        print(f"note: {options.prediction}: outlines {told}", file=sys.stderr)
    print(f"Scores count {COUNTED}.")
    print(f"Wrote metrics.json, metrics.csv and the maps to {options.out}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Score a map against the truth.",
        "python -m evaluation.compare out/maps/mask.tif inventory.gpkg --out out/compare",
        "python -m evaluation.compare",
    )
    parser.add_argument("prediction", type=Path, help="mask (above 0 is glacier), outlines, or a folder of masks")
    parser.add_argument("truth", type=Path, help="the same of the truth")
    parser.add_argument(
        "--pixel", type=float, default=OUTLINE_PIXEL, help="metres, to compare two files of outlines on (default: 10)"
    )
    add_shared(parser, "out", default=Path("out/compare"))
    options = parser.parse_args(argv)
    if not 0 < options.pixel < math.inf:
        raise SettingError(f"--pixel {options.pixel}: is no side of a pixel; give metres, for example 10.")
    return options


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
