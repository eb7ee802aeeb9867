"""Cross-validation: every labelled scene judged by members that have not seen it, and settings fitted on the others."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace

from evaluation.recipe import (
    Members,
    Network,
    Recipe,
    Round,
    Scenes,
    TrainingSet,
    among,
    judge,
    judge_with_copies,
    train_members,
)
from evaluation.results import code_digest
from evaluation.shifts import chips_to_train_on
from evaluation.sites import HOME, Site
from evaluation.systems import Settings, fit_settings
from fusion.fitting import OutOfFold
from scores.folds import contiguous_folds
from tiles.folder import LabelledTile

ALONE, WHOLE = "alone", "whole"
# With tiles of other mountains a network of twice the steps is better. model.pth holds two of them with a view each, as
# fast as one with two views, and better, and the first has a larger encoder; what is measured has two rounds of one
# network, in which all copies are, a seventh of the time.
COLOURED = 3
DRAWN = 0.1  # of a later round's samples: more costs the round what it learns of snow
LATER = Round(2, COLOURED, DRAWN)
HEAVY = 4  # weight of the last rounds, which the mean of all would else hold little of
LAST = Round(2, COLOURED, 2 * DRAWN, HEAVY)
SHIPPED = (
    Network((Round(2, COLOURED), LATER, LATER, LAST, LAST), "lite2"),
    Network(
        (Round(2), Round(2), Round(2, COLOURED), Round(2, COLOURED), LATER, LATER, replace(LAST, drawn=DRAWN), LAST)
    ),
)
MEASURED = (Network((Round(2, COLOURED), Round(2, COLOURED))),)


@dataclass(frozen=True)
class Judged:
    """What members that had not seen them said of all scenes.

    ``members`` and ``home``: of each fold of the home tiles, ``blocks`` of ids, and what they said of their held-out
    tiles, each followed by its simulated copies. ``away``: what others said of the transfer and the snow sites, by
    group and id.
    """

    tiles: list[LabelledTile]
    blocks: list[list[str]]
    members: list[Members]
    home: Mapping[str, list[OutOfFold]]
    away: Mapping[str, Mapping[str, OutOfFold]]

    def fold_of(self, tile_id: str) -> int:
        """Number of the fold that holds a tile out."""
        return next(number for number, block in enumerate(self.blocks) if tile_id in block)

    def settings(self, unseen: Collection[str] = ()) -> Settings:
        """Thresholds and fusion fitted on all scenes but those of these ids; every group of scenes counts alike."""
        kept = {tile_id: ones for tile_id, ones in self.home.items() if tile_id not in unseen}
        away = [[one for tile_id, one in group.items() if tile_id not in unseen] for group in self.away.values()]
        tiles = [labelled for labelled in self.tiles if labelled.tile.tile_id in kept]
        return fit_settings(tiles, kept, [group for group in away if group])

    def settings_of_folds(self) -> list[Settings]:
        """The settings of each fold, fitted without its held-out tiles."""
        return [self.settings(block) for block in self.blocks]


def fold_name(number: int) -> str:
    """Checkpoint of a fold of the home tiles, trained on the others and on all other mountains."""
    return f"fold{number}"


def site_name(site: str) -> str:
    """Checkpoint of what is trained without a site."""
    return "without_" + ("home" if site == HOME else site.lower().replace(" ", "_"))


def training_sets(scenes: Scenes, folds: int, sites: Mapping[str, Site]) -> dict[str, TrainingSet]:
    """Every training that the measures and the model need, by the name of its checkpoint."""
    chips = chips_to_train_on(scenes.chips, scenes.home)
    whole = TrainingSet(scenes.home, scenes.extra, (), SHIPPED, chips, scenes.drawn)
    sets = {WHOLE: whole, ALONE: TrainingSet(scenes.home)}
    for number, block in enumerate(contiguous_folds([tile.tile_id for tile, _ in scenes.home], folds)):
        sets[fold_name(number)] = TrainingSet(scenes.home, scenes.extra, block, MEASURED, chips)
    for name, site in sites.items():
        if name == HOME:
            sets[site_name(name)] = TrainingSet([*scenes.transfer, *scenes.snow], scenes.weak)
        else:
            sets[site_name(name)] = TrainingSet(scenes.home, scenes.extra, site.held_out, MEASURED, chips)
    return sets


def key_of(recipe: Recipe, scenes: Scenes, sets: Mapping[str, TrainingSet]) -> str:
    """What kept results of ``judge_scenes`` are recognised by: the code, the ids of scenes and chips, the settings."""
    networks = {
        name: [[asdict(config) for config in rounds] for rounds in sets[name].configs(recipe.unet)]
        for name in (*names_of_folds(sets), ALONE)
    }
    ids = [[tile.tile_id for tile, _ in [*scenes.home, *scenes.extra]], [chip.tile_id for chip in scenes.chips]]
    return json.dumps([code_digest(), ids, asdict(recipe.gbm), networks])


def names_of_folds(sets: Mapping[str, TrainingSet]) -> list[str]:
    """The folds among the trainings in their order."""
    return [name for number in range(len(sets)) if (name := fold_name(number)) in sets]


def judge_scenes(recipe: Recipe, scenes: Scenes, sets: Mapping[str, TrainingSet]) -> Judged:
    """Train each fold, and once on the home tiles alone, and judge what each has not seen."""
    everywhere = [tile.tile_id for tile, _ in (*scenes.transfer, *scenes.snow)]
    return judge_all(recipe, scenes, sets, {ALONE: everywhere})


def judge_as_shipped(
    recipe: Recipe, scenes: Scenes, sets: Mapping[str, TrainingSet], sites: Mapping[str, Site]
) -> Judged:
    """The same by members that have all seen other mountains, as those that ship: folds, and all but a site on it.

    They are surer of what they say than those that have not, so that the threshold that is best for them is another.
    """
    return judge_all(recipe, scenes, sets, {site_name(name): site.scored for name, site in sites.items()})


def judge_all(
    recipe: Recipe, scenes: Scenes, sets: Mapping[str, TrainingSet], judges: Mapping[str, Collection[str]]
) -> Judged:
    """Each fold on what it holds out, and each of ``judges`` on the transfer and the snow sites of its ids."""
    members, home = judge_folds(recipe, scenes, sets)
    blocks = [list(sets[name].held_out) for name in names_of_folds(sets)]
    return Judged(scenes.home, blocks, members, home, judge_away(recipe, scenes, sets, judges))


def judge_away(
    recipe: Recipe, scenes: Scenes, sets: Mapping[str, TrainingSet], judges: Mapping[str, Collection[str]]
) -> dict[str, dict[str, OutOfFold]]:
    """What each of the trainings says of the transfer and the snow sites of its ids, by group and id."""
    away: dict[str, dict[str, OutOfFold]] = {"elsewhere": {}, "snow": {}}
    for name, ids in judges.items():
        judged = {"elsewhere": among(scenes.transfer, ids), "snow": among(scenes.snow, ids)}
        if any(judged.values()):
            members = train_members(name, recipe, sets[name])
            for group, tiles in judged.items():
                away[group] |= {labelled.tile.tile_id: judge(members, labelled, recipe) for labelled in tiles}
    return away


def judge_folds(
    recipe: Recipe, scenes: Scenes, sets: Mapping[str, TrainingSet]
) -> tuple[list[Members], dict[str, list[OutOfFold]]]:
    """Train each fold; returns its members, and by id what they say of the tiles that it holds out and their copies."""
    names = names_of_folds(sets)
    members = [train_members(name, recipe, sets[name]) for name in names]
    home = {
        labelled.tile.tile_id: judge_with_copies(one, labelled, recipe)
        for one, name in zip(members, names)
        for labelled in among(scenes.home, sets[name].held_out)
    }
    return members, home
