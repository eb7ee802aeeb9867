"""Every measure of generalisation on one set of scenes, as files and on screen."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from evaluation.crossval import judge_scenes, key_of, training_sets
from evaluation.figures import draw_agreement, draw_reliability, save_classes
from evaluation.measures import away, groups, leave_one_site_out, next_door, shifted
from evaluation.recipe import Recipe, Scenes
from evaluation.results import print_groups, print_table, stage, write_results
from evaluation.shifts import shifts
from evaluation.sites import Site
from evaluation.strata import error_strata


def measure(
    command: str, options: argparse.Namespace, recipe: Recipe, scenes: Scenes, sites: Mapping[str, Site]
) -> None:
    """Every measure, from the checkpoints that are there and those that are not yet; ``command`` is kept with them."""
    sets = training_sets(scenes, options.folds, sites)
    judged = judge_scenes(recipe, scenes, sets)
    settings = judged.settings_of_folds()
    scores, home_masks = next_door(judged, settings)
    folds = f"{len(judged.blocks)} contiguous folds of {len(scenes.home)} tiles"
    print_table(f"Next door: {folds}, trained with all other tiles", scores)
    elsewhere, away_masks = away(judged, "elsewhere", scenes.transfer)
    print_table("Elsewhere: trained on the tiles of --data alone, scored on --transfer", elsewhere)
    results: dict[str, Any] = {
        "command": command,
        "folds": judged.blocks,
        "next_door": scores,
        "elsewhere": elsewhere,
    }
    if scenes.snow:
        results["snow"] = away(judged, "snow", scenes.snow)[0]
        print_table("Snow: trained on the tiles of --data alone, scored on --snow", results["snow"])
    by_id = {tile.tile_id: tile for tile, _ in [*scenes.home, *scenes.transfer]}
    results["strata"] = {
        place: error_strata([by_id[one.tile_id] for one in masks], masks)
        for place, masks in (("next_door", list(home_masks.values())), ("elsewhere", away_masks))
    }
    stages = options.out / "stages"
    key = key_of(recipe, scenes, sets) + json.dumps([asdict(one) for one in settings])
    changes = shifts(scenes.chips)
    results["shifted"] = stage(stages / "shifted.json", key, lambda: shifted(judged, settings, recipe, changes))
    key += json.dumps({name: asdict(site) for name, site in sites.items()})
    results["leave_one_site_out"] = stage(
        stages / "sites.json", key, lambda: leave_one_site_out(judged, scenes, sites, sets, recipe)
    )
    results["groups"] = groups(results)
    print_groups(results["groups"])
    write_results(options.out, results)
    drawn = [home_masks[sorted(home_masks)[len(home_masks) // 2]], away_masks[0]]
    for one in drawn:
        save_classes(options.out / "maps" / f"{one.tile_id}.png", one)
    draw_agreement([options.out / "maps" / f"{one.tile_id}.png" for one in drawn], options.out / "maps.png")
    draw_reliability(scores, options.out / "reliability.png")
    print(f"Wrote {options.out / 'generalisation.json'}, its tables and its figures.")
