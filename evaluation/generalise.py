"""How well the recipe does on glaciers that it has not seen, measured in four ways with one command.

    python -m evaluation.generalise --data tiles/ --transfer other/ --weak weak/ --unlabelled chips.npz --out out/model

Next door: contiguous folds of ``--data``. Shifted: the same folds with the scored tiles changed as other scenes
are. Elsewhere: trained on ``--data`` alone, scored on ``--transfer``. Leave one site out: trained on everything
labelled but one mountain. No threshold, weight or stopping point is chosen on tiles that it is scored with. A
run that was stopped goes on from its checkpoints and its finished stages. Writes ``generalisation.json`` and
``.csv``, ``strata.csv``, the maps of two tiles and the figures.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from baseline.training import GbmConfig
from cnn.device import choose_device
from cnn.tile_training import TrainingConfig, settings_of
from errors import TrainingError, exit_code
from evaluation.figures import draw_agreement, draw_reliability, save_classes
from evaluation.parts import Parts, Recipe, fold_name, judge, judge_with_copies, train_parts
from evaluation.results import print_table, rounded, write_results
from evaluation.shifts import shifts
from evaluation.strata import error_strata
from evaluation.systems import UNFITTED, Scored, Settings, by_system, fit_settings, fused, masks_of, summary
from fusion.fitting import OutOfFold
from scores.confusion import calibration_error, reliability
from scores.folds import contiguous_folds
from tiles.chips import read_chips
from tiles.folder import LabelledTile, read_labelled
from tiles.raster import atomic_output

SITES = {"Swiss Alps": ("80_01", "80_02", "80_03"), "Athabasca": ("80_04", "80_05")}
HOME = "the tiles of --data"


@dataclass(frozen=True)
class Folds:
    """The folds' parts, what they said of their held-out tiles and copies, and each fold's settings from the others."""

    tiles: list[LabelledTile]
    blocks: list[list[str]]
    parts: list[Parts]
    judged: dict[str, list[OutOfFold]]
    settings: list[Settings]

    def fold_of(self, tile_id: str) -> int:
        """Number of the fold that holds a tile out."""
        return next(number for number, block in enumerate(self.blocks) if tile_id in block)


def judge_folds(recipe: Recipe, tiles: list[LabelledTile], folds: int) -> Folds:
    """Train each fold and judge its held-out tiles."""
    blocks = contiguous_folds([tile.tile_id for tile, _ in tiles], folds)
    parts = [train_parts(fold_name(number), recipe, tiles, held_out=block) for number, block in enumerate(blocks)]
    judged = {
        labelled[0].tile_id: judge_with_copies(one, labelled, recipe)
        for one, block in zip(parts, blocks)
        for labelled in tiles
        if labelled[0].tile_id in block
    }
    settings = [fit_settings([one for one in tiles if one[0].tile_id not in block], judged) for block in blocks]
    return Folds(tiles, blocks, parts, judged, settings)


def next_door(folds: Folds) -> tuple[dict[str, Any], dict[str, Scored]]:
    """Scores of the four systems out-of-fold with calibration, and the hybrid's masks by tile id."""
    scored = [
        masks_of(tile, folds.judged[tile.tile_id][0], folds.settings[folds.fold_of(tile.tile_id)])
        for tile, _ in folds.tiles
    ]
    scores = {system: summary(masks, folds.blocks) for system, masks in by_system(scored).items()}
    first = {tile_id: ones[0] for tile_id, ones in folds.judged.items()}
    probabilities = {
        "GBM": {tile_id: one.gbm for tile_id, one in first.items()},
        "U-Net": {tile_id: one.unet for tile_id, one in first.items()},
        "hybrid": {tile_id: fused(one, folds.settings[folds.fold_of(tile_id)]) for tile_id, one in first.items()},
    }
    truth = np.concatenate([one.truth[one.valid] for one in first.values()])
    for system, ones in probabilities.items():
        said = np.concatenate([ones[tile_id][one.valid] for tile_id, one in first.items()])
        scores[system]["calibration_error"] = calibration_error(truth, said)
        scores[system]["reliability"] = [values.tolist() for values in reliability(truth, said)]
    return scores, {one["hybrid"].tile_id: one["hybrid"] for one in scored}


def shifted(folds: Folds, recipe: Recipe, unlabelled: Path | None) -> dict[str, Any]:
    """MCC of each system under each shift; everything else stays what it was next door."""
    results = {}
    for name, shift in shifts(read_chips(unlabelled) if unlabelled else []).items():
        scored = []
        for tile, truth in folds.tiles:
            fold = folds.fold_of(tile.tile_id)
            changed = shift(tile, truth)
            scored.append(masks_of(changed[0], judge(folds.parts[fold], changed, recipe), folds.settings[fold]))
        results[name] = {system: summary(masks)["all_pixels"]["mcc"] for system, masks in by_system(scored).items()}
        print(f"{name:32s}" + "".join(f"{system} {value:.3f}  " for system, value in results[name].items()), flush=True)
    return results


def score_sites(
    parts: Parts, settings: Settings, tiles: Sequence[LabelledTile], recipe: Recipe
) -> tuple[dict[str, Any], list[Scored]]:
    """All systems on tiles of other places, and the hybrid's masks."""
    scored = [masks_of(labelled[0], judge(parts, labelled, recipe), settings) for labelled in tiles]
    systems = by_system(scored)
    return {system: summary(masks) for system, masks in systems.items()}, systems["hybrid"]


def leave_one_site_out(
    folds: Folds,
    transfer: list[LabelledTile],
    weak: list[LabelledTile],
    sites: Mapping[str, Sequence[str]],
    recipe: Recipe,
) -> dict[str, Any]:
    """Trained on everything labelled but one site, scored on it."""
    everywhere = fit_settings(folds.tiles, folds.judged)
    results = {}
    for site, tile_ids in sites.items():
        held_out = [labelled for labelled in transfer if labelled[0].tile_id in tile_ids]
        if not held_out:
            continue
        name = "without_" + site.lower().replace(" ", "_")
        parts = train_parts(name, recipe, folds.tiles, [*transfer, *weak], held_out=tile_ids)
        results[site], _ = score_sites(parts, everywhere, held_out, recipe)
        print_table(f"Trained without {site}, scored on it", results[site])
    parts = train_parts("without_home", recipe, transfer, weak)
    results[HOME], _ = score_sites(parts, UNFITTED, folds.tiles, recipe)
    print_table(f"Trained without {HOME}, scored on them", results[HOME])
    return results


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


def recipe_of(options: argparse.Namespace) -> Recipe:
    """The recipe that the command line asks for."""
    if options.jobs:
        torch.set_num_threads(options.jobs)
    unet = TrainingConfig(
        steps=options.steps, batch=options.batch, crop=options.crop, seed=options.seed, imagenet=not options.scratch
    )
    return Recipe(GbmConfig(seed=options.seed, jobs=options.jobs), unet, options.out, choose_device(options.device))


def run(options: argparse.Namespace) -> None:
    """All four measures."""
    recipe = recipe_of(options)
    tiles, transfer = read_labelled(options.data), read_labelled(options.transfer)
    weak = read_labelled(options.weak) if options.weak else []
    folds = judge_folds(recipe, tiles, options.folds)
    scores, home_masks = next_door(folds)
    print_table(f"Next door: {len(folds.blocks)} contiguous folds of {len(tiles)} tiles", scores)
    alone = train_parts("alone", recipe, tiles)
    elsewhere, away_masks = score_sites(alone, fit_settings(tiles, folds.judged), transfer, recipe)
    print_table("Elsewhere: trained on the tiles of --data alone, scored on --transfer", elsewhere)
    by_id = {tile.tile_id: tile for tile, _ in [*tiles, *transfer]}
    results: dict[str, Any] = {
        "command": "python -m evaluation.generalise " + options.shown,
        "folds": folds.blocks,
        "next_door": scores,
        "elsewhere": elsewhere,
        "strata": {
            place: error_strata([by_id[one.tile_id] for one in masks], masks)
            for place, masks in (("next_door", list(home_masks.values())), ("elsewhere", away_masks))
        },
    }
    stages = options.out / "stages"
    key = settings_of(recipe.unet, tiles, [*transfer, *weak]) + json.dumps(asdict(recipe.gbm))
    results["shifted"] = stage(stages / "shifted.json", key, lambda: shifted(folds, recipe, options.unlabelled))
    results["leave_one_site_out"] = stage(
        stages / "sites.json", key, lambda: leave_one_site_out(folds, transfer, weak, options.site or SITES, recipe)
    )
    write_results(options.out, results)
    drawn = [home_masks[sorted(home_masks)[len(home_masks) // 2]], away_masks[0]]
    for one in drawn:
        save_classes(options.out / "maps" / f"{one.tile_id}.png", one)
    draw_agreement([options.out / "maps" / f"{one.tile_id}.png" for one in drawn], options.out / "maps.png")
    draw_reliability(scores, options.out / "reliability.png")
    print(f"Wrote {options.out / 'generalisation.json'}, its tables and its figures.")


def site(text: str) -> tuple[str, tuple[str, ...]]:
    """``NAME=ID,ID`` of the command line."""
    name, _, tile_ids = text.partition("=")
    if not name or not tile_ids:
        raise TrainingError(f"--site {text}: is not NAME=ID,ID; write for example --site 'Swiss Alps=80_01,80_02'.")
    return name, tuple(tile_ids.split(","))


def add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """What this command and ``evaluation.make_model`` share, so that they share checkpoints too."""
    defaults = TrainingConfig()
    parser.add_argument("--data", type=Path, required=True, help="folder with Band1..Band5 and label")
    parser.add_argument("--out", type=Path, default=Path("out/model"), help="checkpoints and results")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=defaults.steps)
    parser.add_argument("--batch", type=int, default=defaults.batch)
    parser.add_argument("--crop", type=int, default=defaults.crop, help="side of the training crops, a multiple of 32")
    parser.add_argument("--scratch", action="store_true", help="start from random weights instead of ImageNet's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--jobs", type=int, default=0, help="processor threads (default: all)")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; ``shown`` names no path of this machine."""
    parser = argparse.ArgumentParser(
        description="Measure how the recipe does on glaciers that it has not seen.",
        epilog="example: python -m evaluation.generalise --data tiles/ --transfer other/ --weak weak/ --out out/model",
    )
    add_recipe_arguments(parser)
    parser.add_argument("--transfer", type=Path, required=True, help="labelled tiles of other mountains")
    parser.add_argument("--weak", type=Path, help="weakly labelled tiles: trained on where a site is left out")
    parser.add_argument("--unlabelled", type=Path, help="chips (.npz) whose histograms the tiles are matched to")
    parser.add_argument("--site", action="append", help="NAME=ID,ID: tiles of --transfer that are left out together")
    options = parser.parse_args(argv)
    folders = ["data", "transfer", "weak", "unlabelled"]
    shown = [f"--{name} {getattr(options, name).name}" for name in folders if getattr(options, name)]
    options.shown = " ".join([*shown, f"--steps {options.steps} --seed {options.seed}"])
    return options


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""

    def work() -> None:
        options = arguments()
        options.site = dict(map(site, options.site)) if options.site else None
        run(options)

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
