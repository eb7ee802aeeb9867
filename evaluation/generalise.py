"""How well the recipe does on glaciers that it has not seen, measured in several ways with one command.

    python -m evaluation.generalise --data tiles/ --transfer other/ --snow winter/ --weak weak/ --unlabelled chips.npz

Next door: contiguous folds of ``--data``. Shifted: the same folds with the scored tiles changed as other scenes
are. Elsewhere and snow: trained on ``--data`` alone, scored on ``--transfer`` and ``--snow``. Leave one site out:
trained on everything labelled but one mountain, or half of the snow sites. No threshold, weight or stopping point is
chosen on tiles that it is scored with. A run that was stopped goes on from its checkpoints and its finished stages;
``--train NAME`` trains one network and its trees and stops, so that processes or machines can share the work.
Writes ``generalisation.json`` and ``.csv``, ``strata.csv``, the maps of two tiles and the figures.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cnn.tile_training import settings_of
from command import new_parser
from errors import TrainingError, exit_code
from evaluation.crossval import SITES, Site, judge_scenes, training_sets
from evaluation.figures import draw_agreement, draw_reliability, save_classes
from evaluation.measures import away, groups, leave_one_site_out, next_door, shifted
from evaluation.recipe import Recipe, Scenes, add_recipe_arguments, recipe_of, scenes_of, shown, train_parts
from evaluation.results import print_groups, print_table, rounded, write_results
from evaluation.shifts import shifts
from evaluation.strata import error_strata
from tiles.chips import read_chips
from tiles.raster import atomic_output

FOLDERS = ("data", "transfer", "snow", "weak", "unlabelled")


def stage(path: Path, key: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What ``compute`` gives, kept under its key in a file so that a run which was stopped need not do it again."""
    if path.exists():
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["key"] == key:
            results: dict[str, Any] = stored["results"]
            return results
    results = rounded(compute())
    with atomic_output(path) as temporary:
        temporary.write_text(json.dumps({"key": key, "results": results}) + "\n", encoding="utf-8")
    return results


def measure(options: argparse.Namespace, recipe: Recipe, scenes: Scenes, sites: Mapping[str, Site]) -> None:
    """Every measure, from the checkpoints that are there and those that are not yet."""
    sets = training_sets(scenes, options.folds, sites)
    judged = judge_scenes(recipe, scenes, sets)
    settings = judged.settings_of_folds()
    scores, home_masks = next_door(judged, settings)
    print_table(f"Next door: {len(judged.blocks)} contiguous folds of {len(scenes.home)} tiles", scores)
    elsewhere, away_masks = away(judged, "elsewhere", scenes.transfer)
    print_table("Elsewhere: trained on the tiles of --data alone, scored on --transfer", elsewhere)
    results: dict[str, Any] = {
        "command": "python -m evaluation.generalise " + shown(options, FOLDERS) + sites_shown(options),
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
    key = settings_of(recipe.unet, scenes.home, scenes.extra) + json.dumps([asdict(recipe.gbm), *map(asdict, settings)])
    changes = shifts(read_chips(options.unlabelled) if options.unlabelled else [])
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


def run(options: argparse.Namespace) -> None:
    """Train what is asked for, or measure everything."""
    sites = dict(map(site, options.site)) if options.site else {name: SITES[name] for name in options.leave_out}
    recipe, scenes = recipe_of(options), scenes_of(options)
    sets = training_sets(scenes, options.folds, sites)
    for name in options.train or ():
        if name not in sets:
            raise TrainingError(f"--train {name}: there is no such training; choose among {', '.join(sets)}.")
        train_parts(name, recipe, sets[name])
    if not options.train:
        measure(options, recipe, scenes, sites)


def sites_shown(options: argparse.Namespace) -> str:
    """The sites of the command line, where they are not all of SITES."""
    if options.site:
        return "".join(f" --site '{one}'" for one in options.site)
    return "" if options.leave_out == list(SITES) else f" --leave-out {shlex.join(options.leave_out)}"


def site(text: str) -> tuple[str, Site]:
    """``NAME=ID,ID`` of the command line."""
    name, _, tile_ids = text.partition("=")
    if not name or not tile_ids:
        raise TrainingError(f"--site {text}: is not NAME=ID,ID; write for example --site 'Swiss Alps=80_01,80_02'.")
    ids = tuple(tile_ids.split(","))
    return name, Site(ids, ids)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Measure how the recipe does on glaciers that it has not seen.",
        "python -m evaluation.generalise --data tiles/ --transfer other/ --snow winter/ --weak weak/",
    )
    add_recipe_arguments(parser)
    parser.add_argument("--unlabelled", type=Path, help="chips (.npz) whose histograms the tiles are matched to")
    parser.add_argument("--site", action="append", help="NAME=ID,ID: tiles of other mountains, left out together")
    parser.add_argument("--leave-out", nargs="*", choices=list(SITES), default=list(SITES), help="sites (default: all)")
    parser.add_argument("--train", action="append", metavar="NAME", help="only train this one (repeatable)")
    options = parser.parse_args(argv)
    if not options.transfer:
        parser.error("--transfer is needed: labelled tiles of other mountains to score on")
    return options


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
