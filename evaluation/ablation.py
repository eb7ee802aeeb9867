"""What each choice of the recipe is worth: one variant of it, trained and scored next door and elsewhere.

    python -m evaluation.ablation --data tiles/ --transfer other/ --variant "no simulated copies" --out out/ablation

Every variant is trained on all folds of ``--data`` but the first and scored on that fold and on ``--transfer``, at
fixed thresholds, so that nothing is fitted. Adds its line to ``ablation.json``, another one for every ``--seed``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from baseline.training import TrainingRows
from cnn.augment import Augmentation
from cnn.tile_training import CHANNELS, TrainingConfig
from errors import exit_code
from evaluation.generalise import add_recipe_arguments, recipe_of
from evaluation.parts import Recipe, judge, train_parts
from evaluation.results import rounded
from evaluation.systems import UNFITTED, by_system, masks_of, summary
from scores.folds import contiguous_folds
from tiles.folder import LabelledTile, read_labelled
from tiles.raster import atomic_output

RESULTS_NAME = "ablation.json"
RANKS = ("thermal.rank", "green.rank", "swir1.rank", "ndsi.rank")
Change = Callable[[TrainingConfig], TrainingConfig]


STRONG = Augmentation(gain=0.30, band_gain=0.06, haze=0.02, drop_thermal=0.4, context_gain=0.20)


def with_copies(config: TrainingConfig, seasons: int, sensors: int) -> TrainingConfig:
    """Another number of simulated copies of each tile; none at all if both are 0."""
    simulation = replace(
        config.simulation,
        seasons=replace(config.simulation.seasons, copies=seasons),
        sensors=replace(config.simulation.sensors, copies=sensors),
    )
    return replace(config, simulation=simulation, simulated_share=config.simulated_share if seasons + sensors else 0.0)


VARIANTS: dict[str, Change] = {
    "the recipe": lambda config: config,
    "no simulated copies": lambda config: with_copies(config, 0, 0),
    "no other seasons": lambda config: with_copies(config, 0, 2),
    "no other sensors": lambda config: with_copies(config, 3, 0),
    "ranks within the scene as channels": lambda config: replace(config, channels=CHANNELS + RANKS),
    "strong augmentation": lambda config: replace(config, augmentation=STRONG),
    "crops of 448 pixels": lambda config: replace(config, crop=448, batch=4),
    "random start": lambda config: replace(config, imagenet=False),
}


def score_variant(
    recipe: Recipe, name: str, tiles: list[LabelledTile], transfer: list[LabelledTile], folds: int
) -> Any:
    """MCC of each system next door and elsewhere, per tile as well."""
    block = contiguous_folds([tile.tile_id for tile, _ in tiles], folds)[0]
    parts = train_parts(name.replace(",", "").replace(" ", "_"), recipe, tiles, held_out=block)
    held_out = [labelled for labelled in tiles if labelled[0].tile_id in block]
    results = {}
    for place, scored in (("next_door", held_out), ("elsewhere", transfer)):
        masks = [masks_of(labelled[0], judge(parts, labelled, recipe), UNFITTED) for labelled in scored]
        results[place] = {
            system: {
                "mcc": summary(ones)["all_pixels"]["mcc"],
                "tiles": {tile_id: one["mcc"] for tile_id, one in summary(ones)["tiles"].items()},
            }
            for system, ones in by_system(masks).items()
        }
    return results


def run(options: argparse.Namespace) -> None:
    """Score what the command line asks for."""
    recipe = recipe_of(options)
    tiles, transfer = read_labelled(options.data), read_labelled(options.transfer)
    for name in options.variant or VARIANTS:
        unet = VARIANTS[name](recipe.unet)
        changed = replace(
            recipe, unet=unet, gbm=replace(recipe.gbm, simulation=unet.simulation), sampled=TrainingRows({}, {}, {})
        )
        label = name if not options.seed else f"{name}, seed {options.seed}"
        results = score_variant(changed, label, tiles, transfer, options.folds)
        path = options.out / RESULTS_NAME
        lines = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        with atomic_output(path) as temporary:
            command = f"python -m evaluation.ablation --variant '{name}' --seed {options.seed}"
            lines[label] = rounded({"command": command, **results})
            temporary.write_text(json.dumps(lines, indent=1) + "\n", encoding="utf-8")
        for system in ("GBM", "U-Net", "hybrid"):
            near, far = (results[place][system]["mcc"] for place in ("next_door", "elsewhere"))
            print(f"{label}: {system} {near:.3f} next door, {far:.3f} elsewhere", flush=True)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description="Train and score variants of the recipe.",
        epilog="example: python -m evaluation.ablation --data tiles/ --transfer other/ --variant 'no other seasons'",
    )
    add_recipe_arguments(parser)
    parser.set_defaults(out=Path("out/ablation"))
    parser.add_argument("--transfer", type=Path, required=True, help="labelled tiles of other mountains")
    parser.add_argument("--variant", action="append", choices=list(VARIANTS), help="repeatable (default: all)")
    return parser.parse_args(argv)


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
