"""Train the LightGBM baseline and report which features carry it.

    python baseline/train_gbm.py                                  # on a synthetic sample
    python baseline/train_gbm.py --data tiles/ --out out/baseline

Writes gbm.txt (LightGBM's text) with gbm.json (channels, threshold, checksum), metrics.json, the out-of-fold
scores as GeoTIFFs, and the feature-importance report: importance.csv, importance_by_family.csv,
importance.png and report.html.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if __package__ in (None, ""):  # run as a script: the rooms lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from baseline.settings import GbmConfig
from command import add_fields, add_shared, new_parser, with_options, write_json
from errors import SettingError, exit_code

if TYPE_CHECKING:
    from tiles.folder import LabelledTile

SAMPLE_TILES = 4


def load_tiles(folder: Path | None, seed: int) -> list[LabelledTile]:
    """The labelled tiles of a folder, or of a synthetic sample where none is given."""
    from simulation.synthetic import write_sample
    from tiles.folder import read_labelled

    if folder is not None:
        return read_labelled(folder)
    print(f"No --data given: training on {SAMPLE_TILES} synthetic tiles, which says nothing about real glaciers.")
    with tempfile.TemporaryDirectory() as place:
        write_sample(Path(place), seed=seed, tiles=SAMPLE_TILES, shape=(256, 256))
        return read_labelled(Path(place))


def run(options: argparse.Namespace) -> None:
    """Cross-validate, train on everything, report."""
    from baseline.importance import channel_importance, family_importance
    from baseline.report import write_report
    from baseline.results import held_out, metrics_of, write_model
    from baseline.training import cross_validate_gbm, fit_gbm
    from scores.threshold import pooled_threshold
    from tiles.raster import write_raster

    config = replace(with_options(GbmConfig(), options), jobs=options.jobs or os.cpu_count() or 1)
    tiles = load_tiles(options.data, options.seed)
    folds, scores, rows = cross_validate_gbm(tiles, config, options.folds)
    metrics = metrics_of(tiles, folds, scores, config)
    valids = {tile.tile_id: tile.valid for tile, _ in tiles}
    threshold = pooled_threshold(scores, {tile.tile_id: truth for tile, truth in tiles}, valids)
    write_model(options.out, fit_gbm(rows.without(), config), threshold)
    for tile, _ in tiles:
        write_raster(options.out / "out_of_fold" / tile.source, scores[tile.tile_id], tile.georeference)
    write_json(options.out / "metrics.json", metrics)
    samples = held_out(folds, rows.tiles, config)
    channels = channel_importance(samples, options.seed)
    write_report(options.out, channels, family_importance(samples, options.seed), metrics)
    for fold in metrics["folds"]:
        print(f"fold {fold['fold']}: MCC {fold['mcc']:.3f} at threshold {fold['threshold']:.3f}")
    print("out-of-fold: " + ", ".join(f"{name} {value:.3f}" for name, value in metrics["pooled"].items()))
    print("most important: " + ", ".join(one.name for one in channels[:5]))
    print(f"Wrote the model, metrics.json and report.html to {options.out}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Train the LightGBM baseline and report its features.",
        "python baseline/train_gbm.py --data tiles/ --out out/baseline",
    )
    add_shared(parser, "data", help="folder with Band1..Band5 and label (default: a synthetic sample)")
    add_shared(parser, "out", default=Path("out/baseline"))
    parser.add_argument("--folds", type=int, default=4, help="number of contiguous spatial folds")
    add_fields(parser, GbmConfig(), {"trees": "boosting rounds"})
    add_shared(parser, "seed", "jobs")
    options = parser.parse_args(argv)
    if options.trees < 1:
        raise SettingError(f"--trees {options.trees}: is below 1; give the number of boosting rounds, for example 150.")
    return options


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
