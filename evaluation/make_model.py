"""Train and write ``model.pth`` with one command.

    python -m evaluation.make_model --data tiles/ --transfer other/ --snow winter/ --weak weak/ --unlabelled chips.npz

The model is trained on all the labelled tiles and on simulated copies of them, with ``--drawn drawn`` on chips that are
drawn on as well. Its fusion and thresholds come from predictions of members that have seen all but what they are fitted
on: contiguous folds of ``--data`` with their copies, and the sites of ``evaluation.sites``. ``evaluation.generalise``
with the same ``--out`` shares their checkpoints.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from command import new_parser
from errors import exit_code
from evaluation.options import FOLDERS, add_recipe_arguments, shown
from evaluation.sites import SITES


def run(options: argparse.Namespace) -> None:
    """Everything from tiles to model.pth."""
    from evaluation.crossval import WHOLE, judge_as_shipped, training_sets
    from evaluation.measures import next_door
    from evaluation.recipe import recipe_of, scenes_of, train_members
    from evaluation.results import print_table
    from evaluation.shipped import hybrid_of, provenance_of
    from fusion.model_file import save_model

    recipe, scenes = recipe_of(options), scenes_of(options)
    sets = training_sets(scenes, options.folds, SITES)
    judged = judge_as_shipped(recipe, scenes, sets, SITES)
    scores, _ = next_door(judged, judged.settings_of_folds())
    print_table(f"Out-of-fold, {len(judged.blocks)} contiguous folds of {len(scenes.home)} tiles", scores)
    members = train_members(WHOLE, recipe, sets[WHOLE])
    command = "python -m evaluation.make_model " + shown(options, FOLDERS)
    provenance = provenance_of(recipe, sets[WHOLE], scores, command)
    save_model(hybrid_of(judged, members, provenance), options.out / "model.pth")
    print(f"Wrote {options.out / 'model.pth'}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Train and write model.pth.",
        "python -m evaluation.make_model --data tiles/ --transfer other/ --snow winter/ --unlabelled chips.npz",
    )
    add_recipe_arguments(parser)
    return parser.parse_args(argv)


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
