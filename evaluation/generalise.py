"""How well the recipe does on glaciers that it has not seen, measured in several ways with one command.

    python -m evaluation.generalise --data tiles/ --transfer other/ --snow winter/ --weak weak/ --unlabelled chips.npz

Next door: contiguous folds of ``--data``, trained on everything else that is labelled.
Shifted: the same with the scored tiles changed as other scenes are. Elsewhere and snow: trained on ``--data``
alone, scored on ``--transfer`` and ``--snow``. Leave one site out: trained on everything labelled but one mountain, or
half of the snow sites. No threshold, weight or stopping point is chosen on tiles that it is scored with. A run that was
stopped goes on from its checkpoints and its finished stages; ``--train NAME`` trains one network and its trees and
stops, so that processes or machines can share the work.
Writes ``generalisation.json`` and ``.csv``, ``strata.csv``, the maps of two tiles and the figures.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence

from command import new_parser
from errors import TrainingError, exit_code
from evaluation.options import FOLDERS, add_recipe_arguments, shown
from evaluation.sites import SITES, Site


def run(options: argparse.Namespace) -> None:
    """Train what is asked for, or measure everything."""
    from evaluation.crossval import training_sets
    from evaluation.generalisation import measure
    from evaluation.recipe import recipe_of, scenes_of, train_members

    sites = dict(map(site, options.site)) if options.site else {name: SITES[name] for name in options.leave_out}
    recipe, scenes = recipe_of(options), scenes_of(options)
    if not options.train:
        command = "python -m evaluation.generalise " + shown(options, FOLDERS) + sites_shown(options)
        measure(command, options, recipe, scenes, sites)
        return
    sets = training_sets(scenes, options.folds, sites)
    for name in options.train:
        if name not in sets:
            raise TrainingError(f"--train {name}: there is no such training; choose among {', '.join(sets)}.")
        train_members(name, recipe, sets[name])


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
