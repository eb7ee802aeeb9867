"""Fit the baseline and score it out-of-fold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import lightgbm
import numpy as np
from joblib import Parallel, delayed
from tqdm import tqdm

from baseline.gbm import GbmModel, gbm_score
from baseline.settings import GbmConfig
from command import hidden
from errors import TrainingError
from features.channels import parse_channel
from features.levels import relative_rows, tile_levels
from features.stack import build_stack
from scores.folds import contiguous_folds
from scores.threshold import threshold_on_others
from simulation.draw import simulated
from simulation.extent import larger_extent
from tiles.coarse import cell_mean, coarse_tile
from tiles.folder import LabelledTile


@dataclass(frozen=True)
class Rows:
    """Sampled cells: ``values`` float32 (N, C), ``truth`` bool (N,)."""

    values: np.ndarray
    truth: np.ndarray


@dataclass(frozen=True)
class TrainingRows:
    """By tile id: rows of each tile, of its copies and larger scenes, and of each extra tile with its copies."""

    tiles: dict[str, Rows]
    copies: dict[str, Rows]
    extra: dict[str, Rows]

    def without(self, held_out: Collection[str] = ()) -> list[Rows]:
        """All rows but those of the tiles of these ids and of their copies."""
        parts = [*self.tiles.items(), *self.copies.items(), *self.extra.items()]
        return [rows for tile_id, rows in parts if tile_id not in held_out]


@dataclass(frozen=True)
class FoldResult:
    """One fold: its model, its held-out tiles, and the threshold chosen on the other folds."""

    model: GbmModel
    tile_ids: tuple[str, ...]
    threshold: float


def sample_rows(
    labelled: LabelledTile, config: GbmConfig, scene: Mapping[str, np.ndarray] | None = None, draw: int = 0
) -> Rows:
    """Random valid cells of one tile; a cell is glacier where most of its 2x2 pixels are.

    ``scene``: quantiles as for ``features.stack.build_stack``; another ``draw`` takes other cells.
    """
    tile, truth = labelled
    cells = build_stack(coarse_tile(tile), config.channels, scene)
    random = np.random.default_rng([config.seed, *tile.tile_id.encode(), *([draw] if draw else [])])
    places = np.flatnonzero(cells.valid)
    chosen = np.sort(random.choice(places, min(config.rows_per_tile, len(places)), replace=False))
    values = cells.array.reshape(len(config.channels), -1)[:, chosen].T
    return Rows(np.ascontiguousarray(values), (cell_mean(truth) >= 0.5).ravel()[chosen])


def sample_simulated(labelled: LabelledTile, config: GbmConfig) -> list[Rows]:
    """Rows of each simulated copy of one tile."""
    fewer = replace(config, rows_per_tile=config.rows_per_copy)
    return [sample_rows(copy, fewer) for copy in simulated(labelled, config.simulation, config.seed)]


def sample_extra(labelled: LabelledTile, config: GbmConfig) -> Rows:
    """Rows of an extra tile and of its simulated copies, together."""
    return joined([sample_rows(labelled, config), *sample_simulated(labelled, config)], config)


def sample_copies(labelled: LabelledTile, config: GbmConfig) -> Rows:
    """Rows of the simulated copies of one tile and of the tile in larger scenes, together."""
    parts = sample_simulated(labelled, config)
    for number in range(1, config.extents.copies + 1):
        random = np.random.default_rng([config.seed, 2, number, *labelled.tile.tile_id.encode()])
        scene = larger_extent(labelled, config.extents, random)
        parts.append(sample_rows(labelled, config, tile_levels(scene, relative_rows(config.channels)), number))
    return joined(parts, config)


def joined(parts: Sequence[Rows], config: GbmConfig) -> Rows:
    """The rows of all parts, of which there may be none."""
    none = Rows(np.empty((0, len(config.channels)), np.float32), np.empty(0, bool))
    parts = [none, *parts]
    return Rows(np.concatenate([part.values for part in parts]), np.concatenate([part.truth for part in parts]))


def sample_all_rows(
    tiles: Sequence[LabelledTile], config: GbmConfig, extra: Sequence[LabelledTile] = ()
) -> TrainingRows:
    """Rows of every tile, on several threads: the filters release Python's lock."""
    work: list[tuple[Callable[..., Rows], LabelledTile]] = [(sample_rows, labelled) for labelled in tiles]
    work += [(sample_copies, labelled) for labelled in tiles]
    work += [(sample_extra, labelled) for labelled in extra]
    done = Parallel(n_jobs=config.jobs or -1, prefer="threads", return_as="generator")(
        delayed(sample)(labelled, config) for sample, labelled in work
    )
    rows = list(tqdm(done, total=len(work), desc="features", unit="tile", disable=hidden()))
    return TrainingRows(
        {tile.tile_id: part for (tile, _), part in zip(tiles, rows)},
        {tile.tile_id: part for (tile, _), part in zip(tiles, rows[len(tiles) :])},
        {tile.tile_id: part for (tile, _), part in zip(extra, rows[2 * len(tiles) :])},
    )


def fit_gbm(rows: Sequence[Rows], config: GbmConfig) -> GbmModel:
    """Train on sampled rows of several tiles; the same rows, seed and threads give the same trees.

    Raises TrainingError when the rows hold one class only.
    """
    values, truth = (
        np.concatenate([part.values for part in rows]),
        np.concatenate([part.truth for part in rows]),
    )
    if truth.all() or not truth.any():
        raise TrainingError("the training tiles: hold only one class; give tiles with and without glacier pixels.")
    thermal = [row for row, name in enumerate(config.channels) if parse_channel(name).needs_thermal]
    without = np.random.default_rng(config.seed).random(len(values)) < config.missing_thermal
    values[np.ix_(np.flatnonzero(without), np.asarray(thermal, int))] = np.nan
    settings = {
        "objective": "binary",
        "num_leaves": config.leaves,
        "learning_rate": config.learning_rate,
        "min_data_in_leaf": config.smallest_leaf,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "max_bin": 127,
        "deterministic": True,
        "force_row_wise": True,
        "seed": config.seed,
        "num_threads": config.jobs,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(
        values, truth.astype(np.float32), feature_name=[name.replace(".", "_") for name in config.channels]
    )
    return GbmModel(lightgbm.train(settings, data, config.trees).model_to_string(), config.channels)


def cross_validate_gbm(
    tiles: Sequence[LabelledTile], config: GbmConfig, folds: int = 4, extra: Sequence[LabelledTile] = ()
) -> tuple[list[FoldResult], dict[str, np.ndarray], TrainingRows]:
    """Out-of-fold scores over contiguous spatial folds.

    ``extra`` tiles are trained on in every fold and scored in none. Returns the folds, the out-of-fold score of
    each tile (float32 (H, W)) and the sampled rows.
    """
    blocks = contiguous_folds([tile.tile_id for tile, _ in tiles], folds)
    rows = sample_all_rows(tiles, config, extra)
    by_id = {tile.tile_id: (tile, truth) for tile, truth in tiles}
    models, scores = [], {}
    for block in tqdm(blocks, desc="folds", disable=hidden()):
        models.append(fit_gbm(rows.without(block), config))
        for tile_id in block:
            tile = by_id[tile_id][0]
            scores[tile_id] = gbm_score(models[-1], tile, config.jobs)
    truths = {tile_id: truth for tile_id, (_, truth) in by_id.items()}
    valids = {tile_id: tile.valid for tile_id, (tile, _) in by_id.items()}
    results = [
        FoldResult(model, tuple(block), threshold_on_others(block, scores, truths, valids))
        for model, block in zip(models, blocks)
    ]
    return results, scores, rows
