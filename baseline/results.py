"""What a cross-validated baseline leaves: its scores, its model as text, and the cells that its report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from baseline.gbm import GbmModel, checksum
from baseline.importance import FoldSample
from baseline.settings import GbmConfig
from baseline.training import FoldResult, Rows, joined
from command import write_json
from scores.confusion import Confusion, confusion
from tiles.folder import LabelledTile
from tiles.raster import atomic_output


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


def held_out(folds: Sequence[FoldResult], rows: Mapping[str, Rows], config: GbmConfig) -> list[FoldSample]:
    """Each fold's model with the sampled cells of its own held-out tiles."""
    samples = []
    for fold in folds:
        own = joined([rows[tile_id] for tile_id in fold.tile_ids], config)
        samples.append(FoldSample(fold.model, own.values, own.truth, fold.threshold))
    return samples
