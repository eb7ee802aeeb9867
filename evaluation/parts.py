"""Both parts of the hybrid, trained and judged on tiles that they have not seen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from tqdm import tqdm

from baseline.gbm import GbmModel
from baseline.training import GbmConfig, TrainingRows, fit_gbm, sample_all_rows
from cnn.tile_probability import UNetModel
from cnn.tile_training import TrainingConfig
from cnn.train_unet import train_unet
from fusion.fitting import OutOfFold
from fusion.hybrid import part_scores
from simulation.draw import simulated
from tiles.folder import LabelledTile

VIEWS = 2  # turned views that the network averages over: as good as four flips, better than one by 0.009 next door
JUDGED_SEASONS, JUDGED_SENSORS = 2, 1  # copies of each held-out tile that the fusion is fitted on as well


@dataclass(frozen=True)
class Recipe:
    """How both parts are trained, where their checkpoints are kept and what runs them."""

    gbm: GbmConfig
    unet: TrainingConfig
    out: Path
    device: torch.device
    sampled: TrainingRows = field(default_factory=lambda: TrainingRows({}, {}, {}))  # kept: slower than the trees

    def rows_of(self, tiles: Sequence[LabelledTile], extra: Sequence[LabelledTile]) -> TrainingRows:
        """Rows of the tiles, of their copies and of the extra tiles, sampled at first need."""
        kept = self.sampled
        new = [labelled for labelled in tiles if labelled[0].tile_id not in kept.tiles]
        new_extra = [labelled for labelled in extra if labelled[0].tile_id not in kept.extra]
        rows = sample_all_rows(new, self.gbm, new_extra)
        kept.tiles.update(rows.tiles)
        kept.copies.update(rows.copies)
        kept.extra.update(rows.extra)
        ids, extra_ids = ([tile.tile_id for tile, _ in ones] for ones in (tiles, extra))
        return TrainingRows(
            {tile_id: kept.tiles[tile_id] for tile_id in ids},
            {tile_id: kept.copies[tile_id] for tile_id in ids},
            {tile_id: kept.extra[tile_id] for tile_id in extra_ids},
        )


@dataclass(frozen=True)
class Parts:
    """A GBM and a U-Net trained on the same tiles."""

    gbm: GbmModel
    unet: UNetModel


def train_parts(
    name: str,
    recipe: Recipe,
    tiles: Sequence[LabelledTile],
    extra: Sequence[LabelledTile] = (),
    held_out: Collection[str] = (),
) -> Parts:
    """Train on all tiles but those whose ids are held out; the U-Net goes on from its checkpoint ``name``.ckpt."""
    kept = [labelled for labelled in tiles if labelled[0].tile_id not in held_out]
    seen = [labelled for labelled in extra if labelled[0].tile_id not in held_out]
    watched = [labelled for labelled in tiles if labelled[0].tile_id in held_out]
    unet = train_unet(kept, watched, recipe.unet, recipe.out / f"{name}.ckpt", recipe.device, seen)
    return Parts(fit_gbm(recipe.rows_of(tiles, extra).without(held_out), recipe.gbm), unet)


def judge(parts: Parts, labelled: LabelledTile, recipe: Recipe) -> OutOfFold:
    """What both parts say of a tile, as the shipped model computes it."""
    tile, truth = labelled
    jobs = recipe.gbm.jobs or torch.get_num_threads()
    unet, gbm = part_scores(parts.gbm, parts.unet, tile, recipe.device, VIEWS, jobs)
    return OutOfFold(unet, gbm, truth, tile.valid)


def judge_with_copies(parts: Parts, labelled: LabelledTile, recipe: Recipe) -> list[OutOfFold]:
    """What both parts say of a tile, first, and of a few of its simulated copies."""
    few = recipe.unet.simulation
    few = replace(
        few,
        seasons=replace(few.seasons, copies=min(JUDGED_SEASONS, few.seasons.copies)),
        sensors=replace(few.sensors, copies=min(JUDGED_SENSORS, few.sensors.copies)),
    )
    drawn = simulated(labelled, few, recipe.unet.seed)
    return [judge(parts, one, recipe) for one in tqdm([labelled, *drawn], desc=labelled[0].tile_id, disable=None)]


def fold_name(number: int) -> str:
    """Checkpoint of a fold."""
    return f"fold{number}"
