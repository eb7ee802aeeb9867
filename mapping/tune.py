"""Search the post-processing's parameters on masks with truth, scored on other tiles than they were chosen on.

    python -m mapping.tune MASKS --truth LABELS --out out/tune

MASKS and LABELS are folders of tiles, matched by tile id. The tiles are split into contiguous folds; for each, the
best parameters on the other folds are scored on it. A step is worth having where that adds 0.005.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from command import add_shared, new_parser, progress, write_json
from errors import LayoutError, exit_code
from mapping.steps import Postprocess
from scores.confusion import Confusion, confusion
from scores.folds import contiguous_folds
from tiles.folder import files_by_id
from tiles.raster import read_raster

GRID = {
    "minimum_area": (0.0, 0.01, 0.03, 0.1),
    "largest_hole": (0.0, 0.01, 0.05),
    "merge_distance": (0.0, 40.0),
    "opening": (0.0, 30.0),
    "closing": (0.0, 30.0),
}
WORTH = 0.005


@dataclass(frozen=True)
class Masked:
    """A tile's mask and truth, both bool (H, W)."""

    tile_id: str
    mask: np.ndarray
    truth: np.ndarray


def read_masked(masks: Path, truths: Path) -> list[Masked]:
    """Read every tile that has a mask and a truth; raises LayoutError where fewer than two have both."""
    found, labels = files_by_id(masks), files_by_id(truths)
    both = sorted(found.keys() & labels.keys())
    if len(both) < 2:
        raise LayoutError(
            f"{masks}: has {len(both)} tile(s) in common with {truths}; give the masks of labelled tiles."
        )
    return [
        Masked(tile_id, read_raster(found[tile_id])[0] > 0, read_raster(labels[tile_id])[0] > 0) for tile_id in both
    ]


def candidates() -> list[Postprocess]:
    """List every combination of the grid; the first has no step on."""
    every = itertools.product(*GRID.values())
    return [replace(Postprocess(), **dict(zip(GRID, one))) for one in every]  # type: ignore[arg-type]


def counts_of(tile: Masked, steps: Sequence[Postprocess], pixel: float) -> list[Confusion]:
    """Count one tile's right and wrong pixels after each candidate."""
    from mapping.postprocess import tidy_mask

    valid = np.ones(tile.mask.shape, bool)
    return [confusion(tile.truth, tidy_mask(tile.mask, valid, one, pixel)) for one in steps]


def tune(tiles: list[Masked], folds: int, measure: str, pixel: float, jobs: int) -> dict[str, object]:
    """Score out-of-fold with and without post-processing, and choose the parameters that are best on all tiles."""
    from joblib import Parallel, delayed

    steps = candidates()
    work = Parallel(n_jobs=jobs or -1, return_as="generator")(delayed(counts_of)(tile, steps, pixel) for tile in tiles)
    counts = dict(zip((tile.tile_id for tile in tiles), progress(work, len(tiles), "search", "tile", every=0)))

    def best(tile_ids: Sequence[str]) -> int:
        totals = [sum((counts[one][number] for one in tile_ids), Confusion(0, 0, 0, 0)) for number in range(len(steps))]
        return int(np.argmax([getattr(total, measure) for total in totals]))

    after = before = Confusion(0, 0, 0, 0)
    ids = list(counts)
    for block in contiguous_folds(ids, min(folds, len(ids))):
        chosen = best([one for one in ids if one not in block])
        after = sum((counts[one][chosen] for one in block), after)
        before = sum((counts[one][0] for one in block), before)
    gain = getattr(after, measure) - getattr(before, measure)
    return {
        "measure": measure,
        "without": getattr(before, measure),
        "with": getattr(after, measure),
        "gain": gain,
        "worth having": gain >= WORTH,
        "best on all tiles": asdict(steps[best(ids)]),
    }


def run(options: argparse.Namespace) -> None:
    """Search, print and write tune.json."""
    tiles = read_masked(options.masks, options.truth)
    found = tune(tiles, options.folds, options.measure, options.pixel, options.jobs)
    for name, value in found.items():
        print(f"{name:20s}{value}")
    write_json(options.out / "tune.json", found)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Search the post-processing's parameters.",
        "python -m mapping.tune masks/ --truth tiles/label --out out/tune",
        "python -m mapping.tune",
    )
    parser.add_argument("masks", type=Path, help="folder of masks; out-of-fold ones, or the search flatters itself")
    parser.add_argument("--truth", type=Path, required=True, help="folder of labels")
    parser.add_argument(
        "--measure",
        choices=("mcc", "iou"),
        default="mcc",
        help="what is made as large as possible (default: %(default)s)",
    )
    parser.add_argument("--pixel", type=float, default=30.0, help="side of a pixel, m")
    parser.add_argument("--folds", type=int, default=4, help="contiguous folds (default: %(default)s)")
    add_shared(parser, "out", default=Path("out/tune"))
    add_shared(parser, "jobs", help="processes (default: all cores)")
    return parser.parse_args(argv)


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
