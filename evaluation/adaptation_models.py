"""The models that marks correct: each with the tiles that it has not seen."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from evaluation.adaptation_tables import HOME_UNSEEN, NEXT_DOOR
from evaluation.crossval import ALONE, judge_scenes, key_of, names_of_folds, site_name, training_sets
from evaluation.recipe import VIEWS, Recipe, Scenes, train_members
from evaluation.results import stage
from evaluation.sites import HOME, SITES
from evaluation.systems import UNFITTED
from fusion.fuse import Fusion
from fusion.hybrid import HybridModel
from tiles.folder import LabelledTile

Group = list[tuple[HybridModel, LabelledTile]]


def groups_of(recipe: Recipe, scenes: Scenes, folds: int, chosen: Sequence[str]) -> dict[str, Group]:
    """The tiles of every chosen group, each with a model that has not seen it; a network that is not there is named."""
    sets = training_sets(scenes, folds, SITES)
    fusions = fitted_fusions(recipe, scenes, folds)
    groups: dict[str, Group] = {}
    for name, tiles in (("elsewhere", scenes.transfer), ("snow", scenes.snow)):
        model = model_of(recipe, ALONE, sets, fusions[name])
        groups[name] = [(model, labelled) for labelled in tiles]
    if (recipe.out / f"{site_name(HOME)}.ckpt").is_file():
        model = model_of(recipe, site_name(HOME), sets, UNFITTED.fusion)
        groups[HOME_UNSEEN] = [(model, labelled) for labelled in scenes.home]
    else:
        print(f"note: {recipe.out / site_name(HOME)}.ckpt is not there; its group is left out.", file=sys.stderr)
    groups[NEXT_DOOR] = []
    for name in names_of_folds(sets):
        model = model_of(recipe, name, sets, fusions[name])
        held_out = sets[name].held_out
        groups[NEXT_DOOR] += [(model, one) for one in scenes.home if one.tile.tile_id in held_out]
    return {name: group for name, group in groups.items() if not chosen or name in chosen}


def unseen_groups(recipe: Recipe, scenes: Scenes, folds: int) -> dict[str, Group]:
    """Every labelled tile with a model that has not seen it, and weights of both members that nothing has fitted."""
    sets = training_sets(scenes, folds, SITES)
    alone, away = (model_of(recipe, name, sets, UNFITTED.fusion) for name in (ALONE, site_name(HOME)))
    groups = {"elsewhere": scenes.transfer, "snow": scenes.snow, "weak": scenes.weak, HOME_UNSEEN: scenes.home}
    return {
        name: [(away if name == HOME_UNSEEN else alone, labelled) for labelled in tiles]
        for name, tiles in groups.items()
    }


def model_of(recipe: Recipe, name: str, sets: Mapping[str, Any], fusion: Fusion) -> HybridModel:
    """The hybrid of a checkpoint, which is trained where it is not there."""
    members = train_members(name, recipe, sets[name])
    return HybridModel(members.gbm, members.unet, fusion, 0.5, 0.5, VIEWS)


def fitted_fusions(recipe: Recipe, scenes: Scenes, folds: int) -> dict[str, Fusion]:
    """The fusion of every group and fold, fitted on all scenes but its own; kept, for it takes minutes."""
    sets = training_sets(scenes, folds, {})
    unseen = {
        "elsewhere": [tile.tile_id for tile, _ in scenes.transfer],
        "snow": [tile.tile_id for tile, _ in scenes.snow],
        **{name: list(sets[name].held_out) for name in names_of_folds(sets)},
    }

    def compute() -> dict[str, Any]:
        judged = judge_scenes(recipe, scenes, sets)
        return {name: asdict(judged.settings(ids).fusion) for name, ids in unseen.items()}

    key = key_of(recipe, scenes, sets) + json.dumps(unseen)
    kept = stage(recipe.out / "stages" / "fusions.json", key, compute)
    return {name: Fusion(**{**one, "weights": tuple(one["weights"])}) for name, one in kept.items()}
