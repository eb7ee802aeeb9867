"""One row of the networks side by side: trained on the same tiles in the same time, and scored elsewhere."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from baseline.settings import GbmConfig
from cnn.blend import blended_rows
from cnn.network_model import NetworkModel
from cnn.network_training import Plan, train_network
from cnn.recipes import recipe_for
from cnn.scoring import confusions, pooled
from cnn.settings import TrainingConfig
from cnn.tile_training import tile_trainer
from cnn.trainer import load_checkpoint, timed_steps
from evaluation.networks_table import HYBRID
from evaluation.recipe import Members, Recipe, TrainingSet, judge, train_members
from evaluation.systems import UNFITTED, masks_of, summary
from fusion.hybrid import member_scores
from patches.challenge import open_tiles
from patches.image import Image
from patches.split import Split
from scores.folds import contiguous_folds
from tiles.folder import read_labelled

FOLDS, TRAINED_FOLDS = 4, 2
NEXT_DOOR = "next door"


@dataclass(frozen=True)
class Places:
    """The tiles: subsets to train on, and the places to score on, by name, with the folder that each lies in."""

    subsets: dict[str, list[Image]]
    scored: dict[str, list[Image]]
    folders: dict[str, Path]


def places_of(options: argparse.Namespace) -> Places:
    """The tiles that the command line names."""
    images = {image.name: image for image in open_tiles(options.data, "binary")}
    folds = contiguous_folds(list(images), FOLDS)
    inside = [images[name] for fold in folds[:TRAINED_FOLDS] for name in fold]
    outside = [images[name] for fold in folds[TRAINED_FOLDS:] for name in fold]
    scored = {NEXT_DOOR: outside, **{folder.name: open_tiles(folder, "binary") for folder in options.elsewhere}}
    folders = {NEXT_DOOR: options.data, **{folder.name: folder for folder in options.elsewhere}}
    return Places({"training": inside[:-1], "validation": inside[-1:], "test": []}, scored, folders)


def network_row(name: str, places: Places, options: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """Train one architecture by one recipe (``NAME`` or ``NAME, theirs``) and score it."""
    architecture, _, asked = name.partition(", ")
    recipe = recipe_for(architecture, asked or "ours")
    recipe = recipe if asked else replace(recipe, patch=options.patch, views=1)  # as time to map is compared, too
    plan = Plan(architecture, recipe, minutes=options.minutes, seed=options.seed, split=Split(side=recipe.patch))
    out = options.out / folder_name(name)
    model = train_network(places.subsets, plan, out, device, {"command": "evaluation.compare_networks"})
    return {
        "parameters": parameters_of(model.network),
        "steps": load_checkpoint(out / "run.ckpt")["step"],
        "seconds_a_tile": fastest(lambda: list(blended_rows(model, places.scored[NEXT_DOOR][0]))),
        "places": {place: network_scores(model, images) for place, images in places.scored.items()},
    }


def network_scores(model: NetworkModel, images: Sequence[Image]) -> dict[str, Any]:
    """MCC and IoU pooled over all pixels, as the challenge counts them, and the MCC of each tile."""
    counts = confusions(model, images, everywhere=True)
    total = pooled(counts)
    return {
        "mcc": total.mcc,
        "iou": total.of_class(1).iou,
        "tiles": {name: one.mcc for name, one in counts.items()},
    }


def hybrid_row(places: Places, options: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """The hybrid, trained on the same tiles with the same time for its U-Net; no threshold or weight is fitted."""
    tiles = read_labelled(options.data)
    trained = {image.name for subset in places.subsets.values() for image in subset}
    held_out = [tile.tile_id for tile, _ in tiles if tile.tile_id not in trained]
    config = TrainingConfig(seed=options.seed)
    kept = [labelled for labelled in tiles if labelled[0].tile_id in trained]
    checkpoint = options.out / HYBRID / "hybrid.ckpt"
    if checkpoint.exists():
        steps = json.loads(load_checkpoint(checkpoint)["settings"])["config"]["steps"]
    else:
        steps = timed_steps(lambda count: tile_trainer(kept, [], replace(config, steps=count), device), options.minutes)
    gbm = GbmConfig(seed=options.seed, jobs=options.jobs)
    recipe = Recipe(gbm, replace(config, steps=steps), checkpoint.parent, device)
    members = train_members("hybrid", recipe, TrainingSet(tiles, held_out=held_out))
    first = next(tile for tile, _ in tiles if tile.tile_id in held_out)
    jobs = options.jobs or torch.get_num_threads()
    return {
        "parameters": sum(parameters_of(network) for network in members.unet.networks),
        "steps": steps,
        "seconds_a_tile": fastest(lambda: member_scores(members.gbm, members.unet, first, device, 2, jobs)),
        "places": {place: hybrid_scores(members, recipe, places, place) for place in places.scored},
    }


def hybrid_scores(members: Members, recipe: Recipe, places: Places, place: str) -> dict[str, Any]:
    """As ``network_scores``, of the mean of both members at 0.5."""
    names = {image.name for image in places.scored[place]}
    labelled = [one for one in read_labelled(places.folders[place]) if one[0].tile_id in names]
    found = summary([masks_of(one[0], judge(members, one, recipe), UNFITTED)["hybrid"] for one in labelled])
    return {
        "mcc": found["all_pixels"]["mcc"],
        "iou": found["all_pixels"]["iou"],
        "tiles": {tile_id: one["mcc"] for tile_id, one in found["tiles"].items()},
    }


def folder_name(name: str) -> str:
    """A row's name as that of a folder."""
    return name.replace(", ", "_").replace(":", "_")


def parameters_of(network: torch.nn.Module) -> int:
    """How many there are."""
    return sum(one.numel() for one in network.parameters())


def fastest(work: Any, runs: int = 2) -> float:
    """Seconds of the faster of two runs."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
