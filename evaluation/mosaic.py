"""The tiles as one mosaic through the mapping of whole scenes, against the same tiles one by one, out-of-fold.

    python -m evaluation.mosaic --data tiles/ --out out/model

Each fold's model maps the whole mosaic and is scored on the tiles that it had held out. Shares the checkpoints of
``evaluation.generalise`` with the same ``--out``. Writes ``mosaic.json``.
"""

from __future__ import annotations

import argparse
import sys

from command import new_parser, write_json
from errors import exit_code
from evaluation.options import FOLDERS, add_recipe_arguments, shown

OVERLAPS = (0.5, 0.25)


def run(options: argparse.Namespace) -> None:
    """Score the mosaic at each overlap, and the tiles one by one."""
    from evaluation.crossval import judge_scenes, training_sets
    from evaluation.measures import next_door
    from evaluation.mosaic_scores import mosaic_mcc
    from evaluation.recipe import recipe_of, scenes_of
    from scenes.grid import grid_of, place_in
    from scenes.mosaic import open_mosaic
    from tiles.folder import band_folders, find_tiles

    scene = open_mosaic(options.data)
    grids = {one.tile_id: grid_of(str(one.paths["blue"])) for one in find_tiles(band_folders(options.data))}
    places = {tile_id: place_in(scene.grid, grid) for tile_id, grid in grids.items()}
    scenes = scenes_of(options)
    judged = judge_scenes(recipe_of(options), scenes, training_sets(scenes, options.folds, {}))
    settings = judged.settings_of_folds()
    scores, _ = next_door(judged, settings)
    results = {"tile by tile": scores["hybrid"]["all_pixels"]["mcc"]}
    for overlap in OVERLAPS:
        results[f"mosaic, overlap {overlap:g}"] = mosaic_mcc(judged, settings, scene, places, overlap, options.jobs)
    for name, mcc in results.items():
        print(f"{name:24s}{mcc:8.4f}")
    command = "python -m evaluation.mosaic " + shown(options, FOLDERS)
    write_json(options.out / "mosaic.json", {"command": command, "mcc": results})


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    parser = new_parser(
        "Score the tiles as one mosaic and one by one.", "python -m evaluation.mosaic --data tiles/ --out out/model"
    )
    add_recipe_arguments(parser)
    return exit_code(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
