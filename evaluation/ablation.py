"""What each choice of the recipe is worth: one variant of it, trained and scored next door, elsewhere and under snow.

    python -m evaluation.ablation --data tiles/ --transfer other/ --snow winter/ --variant "no simulated copies"

Every variant is trained on all folds of ``--data`` but the first and scored on that fold, on ``--transfer`` and on
``--snow`` (valid pixels), at fixed thresholds, so that nothing is fitted. Adds its line to ``ablation.json``, another
one for every ``--seed``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn.settings import CHANNELS, Augmentation, TrainingConfig
from command import new_parser, write_json
from errors import exit_code
from evaluation.options import add_recipe_arguments
from evaluation.results import rounded
from scores.folds import contiguous_folds
from simulation.atmosphere import Atmosphere

if TYPE_CHECKING:
    from evaluation.recipe import Recipe, Scenes

RESULTS_NAME = "ablation.json"
RANKS = ("thermal.rank", "green.rank", "swir1.rank", "ndsi.rank")
Change = Callable[[TrainingConfig], TrainingConfig]


STRONG = Augmentation(gain=0.30, band_gain=0.06, haze=0.02, drop_thermal=0.4, context_gain=0.20)


def with_copies(config: TrainingConfig, seasons: int, sensors: int) -> TrainingConfig:
    """Another number of simulated copies of each tile; none at all if both are 0."""
    changed = with_seasons(with_sensors(config, copies=sensors), copies=seasons)
    return replace(changed, simulated_share=config.simulated_share if seasons + sensors else 0.0)


def with_seasons(config: TrainingConfig, **changes: Any) -> TrainingConfig:
    """Other settings of the simulated seasons."""
    simulation = config.simulation
    return replace(config, simulation=replace(simulation, seasons=replace(simulation.seasons, **changes)))


def with_sensors(config: TrainingConfig, **changes: Any) -> TrainingConfig:
    """Other settings of the simulated sensors."""
    simulation = config.simulation
    return replace(config, simulation=replace(simulation, sensors=replace(simulation.sensors, **changes)))


def clear_air(config: TrainingConfig) -> TrainingConfig:
    """Corrected reflectance alone, by sensors that do not saturate."""
    clear = Atmosphere(uncorrected=0.0, saturated=0.0)
    return with_seasons(with_sensors(config, atmosphere=clear), atmosphere=clear)


VARIANTS: dict[str, Change] = {
    "the recipe": lambda config: config,
    "360 steps": lambda config: replace(config, steps=360),
    "2 400 steps": lambda config: replace(config, steps=2400),
    "no simulated copies": lambda config: with_copies(config, 0, 0),
    "no other seasons": lambda config: with_copies(config, 0, 4),
    "no other sensors": lambda config: with_copies(config, 6, 0),
    "no debris": lambda config: with_seasons(config, debris_covered=0.0),
    "corrected and unsaturated copies alone": clear_air,
    "larger pixels alone, as sharp as they are": lambda config: with_sensors(config, pixel=(1.0, 2.0), refocused=0.0),
    "ranks within the scene as channels": lambda config: replace(config, channels=CHANNELS + RANKS),
    "strong augmentation": lambda config: replace(config, augmentation=STRONG),
    "crops of 320 pixels": lambda config: replace(config, crop=320),
    "random start": lambda config: replace(config, imagenet=False),
}


def score_variant(recipe: Recipe, name: str, scenes: Scenes, folds: int) -> Any:
    """MCC of each system in each place, per tile as well."""
    from evaluation.recipe import TrainingSet, among, judge, train_members
    from evaluation.systems import UNFITTED, by_system, masks_of, summary

    block = contiguous_folds([tile.tile_id for tile, _ in scenes.home], folds)[0]
    members = train_members(name.replace(",", "").replace(" ", "_"), recipe, TrainingSet(scenes.home, held_out=block))
    places = {
        "next_door": (among(scenes.home, block), "all_pixels"),
        "elsewhere": (scenes.transfer, "all_pixels"),
        "snow": (scenes.snow, "valid_pixels"),
    }
    results = {}
    for place, (scored, pixels) in places.items():
        masks = [masks_of(labelled.tile, judge(members, labelled, recipe), UNFITTED) for labelled in scored]
        results[place] = {
            system: {
                "mcc": summary(ones)[pixels]["mcc"],
                "tiles": {tile_id: one["mcc"] for tile_id, one in summary(ones)["tiles"].items()},
            }
            for system, ones in by_system(masks).items()
        }
    return results


def run(options: argparse.Namespace) -> None:
    """Score what the command line asks for."""
    from baseline.training import TrainingRows
    from evaluation.recipe import recipe_of, scenes_of

    recipe, scenes = recipe_of(options), scenes_of(options)
    for name in options.variant or VARIANTS:
        unet = VARIANTS[name](recipe.unet)
        changed = replace(
            recipe, unet=unet, gbm=replace(recipe.gbm, simulation=unet.simulation), sampled=TrainingRows({}, {}, {})
        )
        label = name if not options.seed else f"{name}, seed {options.seed}"
        results = score_variant(changed, label, scenes, options.folds)
        path = options.out / RESULTS_NAME
        lines = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        command = f"python -m evaluation.ablation --variant '{name}' --seed {options.seed}"
        lines[label] = rounded({"command": command, **results})
        write_json(path, lines)
        for system in ("GBM", "U-Net", "hybrid"):
            told = (f"{one[system]['mcc']:.3f} {place.replace('_', ' ')}" for place, one in results.items() if one)
            print(f"{label}: {system} {', '.join(told)}", flush=True)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Train and score variants of the recipe.",
        "python -m evaluation.ablation --data tiles/ --transfer other/ --variant 'no debris'",
    )
    add_recipe_arguments(parser)
    parser.set_defaults(out=Path("out/ablation"))
    parser.add_argument("--variant", action="append", choices=list(VARIANTS), help="repeatable (default: all)")
    return parser.parse_args(argv)


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
