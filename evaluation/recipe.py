"""The recipe: what both members of the hybrid are trained on, how, and what they say of unseen tiles."""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from tqdm import tqdm

from baseline.gbm import GbmModel, checksum, load_gbm
from baseline.settings import GbmConfig
from baseline.training import TrainingRows, fit_gbm, sample_all_rows
from cnn.device import choose_device
from cnn.settings import TrainingConfig
from cnn.tile_probability import UNetModel
from cnn.tile_training import mean_network, train_unet
from command import hidden, with_options, write_json
from errors import SettingError
from evaluation.shifts import chips_to_train_on
from fusion.fitting import OutOfFold
from fusion.hybrid import member_scores
from simulation.draw import simulated
from tiles.chips import read_chips
from tiles.drawn import drawn_chips
from tiles.folder import LabelledTile, read_labelled
from tiles.tile import Tile

VIEWS = 2  # turned views that the network averages over: as good as four flips, better than one by 0.009 next door
LATER_RATE = 0.5  # of the learning rate, in every round after a network's first
ROUND_SEEDS = 100  # apart: each round draws copies and crops of its own
JUDGED_SEASONS, JUDGED_SENSORS = 2, 1  # copies of each held-out tile that the fusion is fitted on as well


@dataclass(frozen=True)
class Recipe:
    """How both members are trained, where their checkpoints are kept and what runs them."""

    gbm: GbmConfig
    unet: TrainingConfig
    out: Path
    device: torch.device
    sampled: TrainingRows = field(default_factory=lambda: TrainingRows({}, {}, {}))  # kept: slower than the trees

    def rows_of(self, tiles: Sequence[LabelledTile], extra: Sequence[LabelledTile]) -> TrainingRows:
        """Rows of the tiles, of the extra tiles and of the copies of both, sampled at first need."""
        kept = self.sampled
        new = [labelled for labelled in tiles if labelled.tile.tile_id not in kept.tiles]
        new_extra = [labelled for labelled in extra if labelled.tile.tile_id not in kept.extra]
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
class Scenes:
    """All labelled scenes: ``home``, many tiles of one scene; complete labels of other mountains; weak labels.

    ``chips``: unlabelled ones, in whose colours tiles are scored and, in those of others of them, trained on.
    ``drawn``: those of the others that somebody has drawn glaciers on.
    """

    home: list[LabelledTile]
    transfer: list[LabelledTile] = field(default_factory=list)
    snow: list[LabelledTile] = field(default_factory=list)
    weak: list[LabelledTile] = field(default_factory=list)
    chips: list[Tile] = field(default_factory=list)
    drawn: list[LabelledTile] = field(default_factory=list)

    @property
    def extra(self) -> list[LabelledTile]:
        """Everything but home and what is drawn."""
        return [*self.transfer, *self.snow, *self.weak]


@dataclass(frozen=True)
class Round:
    """A round of a network's training: its length in multiples of the recipe's steps, and what else it sees.

    ``coloured``: copies of each tile in other colours; ``drawn``: share of the samples that are chips drawn on;
    ``weight``: how much it counts in the mean of the network's rounds.
    """

    length: int = 1
    coloured: int = 0
    drawn: float = 0.0
    weight: float = 1.0

    def config(self, unet: TrainingConfig, number: int) -> TrainingConfig:
        """Its settings as the round of this number, from 0, made from those of the recipe's."""
        rate = unet.learning_rate * (LATER_RATE if number else 1.0)
        seed, steps = unet.seed + ROUND_SEEDS * number, unet.steps * self.length
        own = replace(unet, seed=seed, steps=steps, learning_rate=rate)
        return replace(own, coloured=self.coloured, drawn_share=self.drawn, weight=self.weight)


@dataclass(frozen=True)
class Network:
    """How a network is trained: its rounds, and its encoder where that is not the recipe's.

    A round starts from the mean of what those before have ended with, and the network is the mean of all.
    """

    rounds: tuple[Round, ...] = (Round(),)
    encoder: str = ""

    def configs(self, unet: TrainingConfig) -> list[TrainingConfig]:
        """The settings of its rounds, made from those of the recipe's."""
        own = replace(unet, encoder=self.encoder or unet.encoder)
        return [one.config(own, number) for number, one in enumerate(self.rounds)]


@dataclass(frozen=True)
class TrainingSet:
    """What networks and their trees are trained on: home tiles, other tiles, and the ids that are held out of both.

    Each of ``networks`` has a seed of its own; they share the views between them. ``chips``: unlabelled ones, in whose
    colours copies are; ``drawn``: those that are drawn on, for the networks alone.
    """

    tiles: list[LabelledTile]
    extra: list[LabelledTile] = field(default_factory=list)
    held_out: Collection[str] = ()
    networks: tuple[Network, ...] = (Network(),)
    chips: list[Tile] = field(default_factory=list)
    drawn: list[LabelledTile] = field(default_factory=list)

    def configs(self, unet: TrainingConfig) -> list[list[TrainingConfig]]:
        """The settings of each network's rounds, made from those of the recipe's."""
        return [one.configs(replace(unet, seed=unet.seed + number)) for number, one in enumerate(self.networks)]


@dataclass(frozen=True)
class Members:
    """A GBM and a U-Net trained on the same tiles."""

    gbm: GbmModel
    unet: UNetModel


def without(tiles: Sequence[LabelledTile], held_out: Collection[str]) -> list[LabelledTile]:
    """The tiles whose ids are not held out."""
    return [labelled for labelled in tiles if labelled.tile.tile_id not in held_out]


def among(tiles: Sequence[LabelledTile], tile_ids: Collection[str]) -> list[LabelledTile]:
    """The tiles of these ids."""
    return [labelled for labelled in tiles if labelled.tile.tile_id in tile_ids]


def train_network(name: str, recipe: Recipe, training: TrainingSet) -> UNetModel:
    """Train the U-Net, which goes on from its checkpoint ``name``.ckpt; reports on held-out home tiles.

    A second network is ``name``.1.ckpt, and so on; its second round is ``name``.1.round2.ckpt.
    """
    tiles, extra = (without(ones, training.held_out) for ones in (training.tiles, training.extra))
    watched = among(training.tiles, training.held_out)

    def train(stem: str, rounds: Sequence[TrainingConfig]) -> UNetModel:
        later = [f"{stem}.round{number}.ckpt" for number in range(2, len(rounds) + 1)]
        checkpoints = [recipe.out / name for name in (f"{stem}.ckpt", *later)]
        chips, drawn = training.chips, training.drawn
        models = [
            train_unet(tiles, watched, config, path, recipe.device, extra, checkpoints[:number], chips, drawn)
            for number, (config, path) in enumerate(zip(rounds, checkpoints))
        ]
        return mean_network(models, [config.weight for config in rounds])

    configs = training.configs(recipe.unet)
    models = [train(f"{name}{f'.{number}' if number else ''}", rounds) for number, rounds in enumerate(configs)]
    return replace(models[0], networks=tuple(model.networks[0] for model in models))


def train_trees(name: str, recipe: Recipe, training: TrainingSet) -> GbmModel:
    """Fit the GBM, or take it from ``name``.gbm.json if that was fitted on the same tiles with the same settings."""
    path = recipe.out / f"{name}.gbm.json"
    ids = [[tile.tile_id for tile, _ in without(ones, training.held_out)] for ones in (training.tiles, training.extra)]
    key = json.dumps([asdict(recipe.gbm), ids])
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["key"] == key:
            return load_gbm(kept["text"].encode("ascii"), kept["sha256"], recipe.gbm.channels, str(path))
    model = fit_gbm(recipe.rows_of(training.tiles, training.extra).without(training.held_out), recipe.gbm)
    content = {"key": key, "sha256": checksum(model.text.encode("ascii")), "text": model.text}
    write_json(path, content, indent=None)
    return model


def train_members(name: str, recipe: Recipe, training: TrainingSet) -> Members:
    """Train both members; the network's checkpoint is ``name``.ckpt, the trees are ``name``.gbm.json."""
    return Members(train_trees(name, recipe, training), train_network(name, recipe, training))


def judge(members: Members, labelled: LabelledTile, recipe: Recipe) -> OutOfFold:
    """What both members say of a tile, as the shipped model computes it."""
    tile, truth = labelled
    jobs = recipe.gbm.jobs or torch.get_num_threads()
    unet, gbm = member_scores(members.gbm, members.unet, tile, recipe.device, VIEWS, jobs)
    return OutOfFold(unet, gbm, truth, tile.valid)


def judge_with_copies(members: Members, labelled: LabelledTile, recipe: Recipe) -> list[OutOfFold]:
    """What both members say of a tile, first, and of a few of its simulated copies."""
    few = recipe.unet.simulation
    few = replace(
        few,
        seasons=replace(few.seasons, copies=min(JUDGED_SEASONS, few.seasons.copies)),
        sensors=replace(few.sensors, copies=min(JUDGED_SENSORS, few.sensors.copies)),
    )
    drawn = simulated(labelled, few, recipe.unet.seed)
    return [
        judge(members, one, recipe) for one in tqdm([labelled, *drawn], desc=labelled.tile.tile_id, disable=hidden())
    ]


def recipe_of(options: argparse.Namespace) -> Recipe:
    """The recipe that the command line asks for."""
    if options.jobs:
        torch.set_num_threads(options.jobs)
    unet = with_options(TrainingConfig(imagenet=not options.scratch), options)
    return Recipe(GbmConfig(seed=options.seed, jobs=options.jobs), unet, options.out, choose_device(options.device))


def scenes_of(options: argparse.Namespace) -> Scenes:
    """The labelled scenes that the command line names; raises SettingError for pictures without their chips."""
    if options.drawn and not options.unlabelled:
        raise SettingError(f"--drawn {options.drawn}: is drawn on chips; give these with --unlabelled.")
    folders = (options.transfer, options.snow, options.weak)
    chips = read_chips(options.unlabelled) if options.unlabelled else []
    transfer, snow, weak = (read_labelled(folder) if folder else [] for folder in folders)
    home = read_labelled(options.data)
    drawn = drawn_chips(chips_to_train_on(chips, home), options.drawn) if options.drawn else []
    return Scenes(home, transfer, snow, weak, chips, drawn)
