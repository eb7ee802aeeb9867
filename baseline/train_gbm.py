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
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in (None, ""):  # run as a script: the rooms lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from baseline.gbm import GbmModel, checksum
from baseline.importance import FoldSample, channel_importance, family_importance
from baseline.report import write_report
from baseline.training import FoldResult, GbmConfig, Rows, cross_validate_gbm, fit_gbm
from command import add_fields, add_shared, new_parser, with_options, write_json
from errors import exit_code
from scores.confusion import Confusion, confusion
from scores.threshold import pooled_threshold
from simulation.synthetic import write_sample
from tiles.folder import LabelledTile, read_labelled
from tiles.raster import atomic_output, write_raster

SAMPLE_TILES = 4


def load_tiles(folder: Path | None, seed: int) -> list[LabelledTile]:
    """The labelled tiles of a folder, or of a synthetic sample where none is given."""
    if folder is not None:
        return read_labelled(folder)
    print(f"No --data given: training on {SAMPLE_TILES} synthetic tiles, which says nothing about real glaciers.")
    with tempfile.TemporaryDirectory() as place:
        write_sample(Path(place), seed=seed, tiles=SAMPLE_TILES, shape=(256, 256))
        return read_labelled(Path(place))


def metrics_of(
    tiles: Sequence[LabelledTile],
    folds: Sequence[FoldResult],
    scores: dict[str, np.ndarray],
    config: GbmConfig,
) -> dict[str, Any]:
    """Out-of-fold scores over all pixels: pooled, per fold and per tile, each at its fold's threshold."""
    truths = {tile.tile_id: truth for tile, truth in tiles}
    per_tile, per_fold, total = {}, [], Confusion(0, 0, 0, 0)
    for number, fold in enumerate(folds):
        counts = {tile_id: confusion(truths[tile_id], scores[tile_id] > fold.threshold) for tile_id in fold.tile_ids}
        of_fold = sum(counts.values(), Confusion(0, 0, 0, 0))
        total = total + of_fold
        per_tile.update({tile_id: one.scores() for tile_id, one in counts.items()})
        per_fold.append({"fold": number, "tiles": list(fold.tile_ids), "threshold": fold.threshold, **of_fold.scores()})
    settings = {
        "trees": config.trees,
        "leaves": config.leaves,
        "learning_rate": config.learning_rate,
        "seed": config.seed,
    }
    return {
        "pooled": total.scores(),
        "folds": per_fold,
        "tiles": per_tile,
        "settings": settings,
        "codings": sorted({tile.coding for tile, _ in tiles}),
    }


def write_model(folder: Path, model: GbmModel, threshold: float) -> None:
    """The model's text, and beside it what is needed to use it."""
    text = model.text.encode("ascii")
    with atomic_output(folder / "gbm.txt") as temporary:
        temporary.write_bytes(text)
    facts = {"channels": list(model.channel_names), "threshold": threshold, "sha256": checksum(text)}
    write_json(folder / "gbm.json", facts)


def held_out(folds: Sequence[FoldResult], rows: Mapping[str, Rows]) -> list[FoldSample]:
    """Each fold's model with the sampled cells of its own held-out tiles."""
    samples = []
    for fold in folds:
        parts = [rows[tile_id] for tile_id in fold.tile_ids]
        samples.append(
            FoldSample(
                fold.model,
                np.concatenate([part.values for part in parts]),
                np.concatenate([part.truth for part in parts]),
                fold.threshold,
            )
        )
    return samples


def run(options: argparse.Namespace) -> None:
    """Cross-validate, train on everything, report."""
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
    samples = held_out(folds, rows.tiles)
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
    return parser.parse_args(argv)


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
