"""The measures of generalisation: next door, elsewhere, snow, one site left out, shifted, and their mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evaluation.crossval import Judged, site_name
from evaluation.recipe import Members, Recipe, Scenes, TrainingSet, among, judge, train_members
from evaluation.results import print_table
from evaluation.shifts import Shift
from evaluation.sites import HOME, Site
from evaluation.systems import UNFITTED, Scored, Settings, by_system, fused, masks_of, summary
from fusion.fitting import OutOfFold
from scores.confusion import calibration_error, reliability
from tiles.folder import LabelledTile


def next_door(judged: Judged, settings: Sequence[Settings]) -> tuple[dict[str, Any], dict[str, Scored]]:
    """Scores of the four systems out-of-fold with calibration, and the hybrid's masks by tile id."""
    of_tile = {tile.tile_id: settings[judged.fold_of(tile.tile_id)] for tile, _ in judged.tiles}
    scored = [masks_of(tile, judged.home[tile.tile_id][0], of_tile[tile.tile_id]) for tile, _ in judged.tiles]
    scores = {system: summary(masks, judged.blocks) for system, masks in by_system(scored).items()}
    first = {tile_id: ones[0] for tile_id, ones in judged.home.items()}
    probabilities = {
        "GBM": {tile_id: one.gbm for tile_id, one in first.items()},
        "U-Net": {tile_id: one.unet for tile_id, one in first.items()},
        "hybrid": {tile_id: fused(one, of_tile[tile_id]) for tile_id, one in first.items()},
    }
    truth = np.concatenate([one.truth[one.valid] for one in first.values()])
    for system, ones in probabilities.items():
        said = np.concatenate([ones[tile_id][one.valid] for tile_id, one in first.items()])
        scores[system]["calibration_error"] = calibration_error(truth, said)
        scores[system]["reliability"] = [values.tolist() for values in reliability(truth, said)]
    return scores, {one["hybrid"].tile_id: one["hybrid"] for one in scored}


def away(judged: Judged, group: str, tiles: Sequence[LabelledTile]) -> tuple[dict[str, Any], list[Scored]]:
    """Scores on a group of other mountains, by members trained on the home tiles alone, and the hybrid's masks.

    The settings are fitted on all other groups.
    """
    settings = judged.settings([tile.tile_id for tile, _ in tiles])
    return scores_of(tiles, [judged.away[group][tile.tile_id] for tile, _ in tiles], settings)


def scores_of(
    tiles: Sequence[LabelledTile], judged: Sequence[OutOfFold], settings: Settings
) -> tuple[dict[str, Any], list[Scored]]:
    """All systems on some tiles, and the hybrid's masks."""
    systems = by_system([masks_of(tile, one, settings) for (tile, _), one in zip(tiles, judged)])
    return {system: summary(masks) for system, masks in systems.items()}, systems["hybrid"]


def shifted(
    judged: Judged, settings: Sequence[Settings], recipe: Recipe, shifts: Mapping[str, Shift]
) -> dict[str, Any]:
    """MCC of each system under each shift; everything else stays what it was next door."""
    results = {}
    for name, shift in shifts.items():
        scored = []
        for tile, truth in judged.tiles:
            fold = judged.fold_of(tile.tile_id)
            changed = shift(tile, truth)
            scored.append(masks_of(changed[0], judge(judged.members[fold], changed, recipe), settings[fold]))
        results[name] = {system: summary(masks)["all_pixels"]["mcc"] for system, masks in by_system(scored).items()}
        print(f"{name:32s}" + "".join(f"{system} {value:.3f}  " for system, value in results[name].items()), flush=True)
    return results


def leave_one_site_out(
    judged: Judged, scenes: Scenes, sites: Mapping[str, Site], sets: Mapping[str, TrainingSet], recipe: Recipe
) -> dict[str, Any]:
    """Trained on everything labelled but one site, scored on it.

    Without the home tiles nothing is fitted: there is no other place with as many.
    """
    results = {}
    for name, site in sites.items():
        scored = scenes.home if name == HOME else among([*scenes.transfer, *scenes.snow], site.scored)
        settings = UNFITTED if name == HOME else judged.settings(site.held_out)
        if scored:
            members = train_members(site_name(name), recipe, sets[site_name(name)])
            results[name] = judged_by(members, scored, settings, recipe)
            print_table(f"Trained without {name}, scored on it", results[name])
    return results


def judged_by(members: Members, tiles: Sequence[LabelledTile], settings: Settings, recipe: Recipe) -> dict[str, Any]:
    """All systems on tiles that the members have not seen."""
    return scores_of(tiles, [judge(members, labelled, recipe) for labelled in tiles], settings)[0]


def groups(results: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """MCC of each system in every group that a recipe is judged by, as far as it was measured, and the mean over them.

    Over all pixels; over the valid ones under snow, where nodata flatters small chips.
    """
    measured: dict[str, tuple[Mapping[str, Any], str]] = {"next door": (results["next_door"], "all_pixels")}
    for name, key, pixels in (("elsewhere", "elsewhere", "all_pixels"), ("snow", "snow", "valid_pixels")):
        if key in results:
            measured[name] = (results[key], pixels)
    for site, pixels in (("half of the snow", "valid_pixels"), ("Swiss Alps", "all_pixels")):
        if site in results["leave_one_site_out"]:
            measured[f"{site} left out"] = (results["leave_one_site_out"][site], pixels)
    found = {
        group: {system: scores[pixels]["mcc"] for system, scores in systems.items()}
        for group, (systems, pixels) in measured.items()
    }
    if results["shifted"]:
        found["worst shift"] = {
            system: min(shift[system] for shift in results["shifted"].values()) for system in results["next_door"]
        }
    means = {system: float(np.mean([one[system] for one in found.values()])) for system in results["next_door"]}
    return {**found, "mean": means}
