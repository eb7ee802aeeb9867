"""How much a few marks correct a model on scenes that it has not seen.

    python -m evaluation.adaptation --data tiles/ --transfer other/ --snow winter/ --weak weak/ --out out/model

A user is simulated who marks squares of 7x7 pixels: put at random on true glacier and true ground by turns, or where
``adapt.suggest`` asks, with the truth's majority as the answer; a share of the answers is wrong. ``--transfer`` and
``--snow`` are mapped by what is trained on ``--data`` alone, ``--data`` by what is trained on all else, and by its
folds. MCC on valid pixels, before and after ``adapt.fit``, whose channels' relevances are learnt without the group that
is marked. Takes the checkpoints of ``evaluation.generalise`` and the ``relevance.json`` of ``evaluation.relevance`` in
``--out``, and writes ``adaptation.json``, ``adaptation.csv`` and ``adaptation.png`` there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adapt.relevance import RELEVANCE, Relevance
from command import hidden, new_parser, write_json
from errors import TrainingError, exit_code
from evaluation.adaptation_tables import ADAPTATION, HOME_UNSEEN, NEXT_DOOR, summary_of
from evaluation.options import FOLDERS, add_recipe_arguments, shown, with_sites_to_mark
from evaluation.results import rounded, write_csv

COUNTS = (1, 2, 5, 10, 20, 40)


def run(options: argparse.Namespace) -> None:
    """Study every site, and write results, table and figure."""
    import torch  # with all that needs it here, so that --help need not wait
    from tqdm import tqdm

    from evaluation.adaptation_models import groups_of
    from evaluation.recipe import recipe_of, scenes_of
    from evaluation.simulated_user import site_of, study

    start, learnt = time.time(), relevances(options.out / RELEVANCE)
    recipe, scenes = recipe_of(options), scenes_of(options)
    groups = groups_of(recipe, scenes, options.folds, options.group)
    jobs = options.jobs or torch.get_num_threads()
    results: dict[str, Any] = {}
    everything = [(name, *one) for name, group in groups.items() for one in group]
    for name, model, labelled in tqdm(everything, desc="sites", disable=hidden()):
        if not options.site or labelled.tile.tile_id in options.site:
            site = site_of(model, labelled, recipe.device, jobs, learnt[HOME_UNSEEN if name == NEXT_DOOR else name])
            results.setdefault(name, {})[site.name] = study(site, options.counts, options.draws)
    if not results:
        raise TrainingError("--group and --site: no tile is in both; leave one of them out.")
    write(options, results, time.time() - start)


def relevances(path: Path) -> Mapping[str, Relevance]:
    """The relevances for every group of scenes, learnt without it; raises TrainingError where there are none."""
    if not path.is_file():
        raise TrainingError(f"{path}: is not there; make it with python -m evaluation.relevance and the same folders.")
    learnt: Mapping[str, Relevance] = json.loads(path.read_text(encoding="utf-8"))["without"]
    return learnt


def write(options: argparse.Namespace, sites: Mapping[str, Any], seconds: float) -> None:
    """``adaptation.json`` with everything, its summary as CSV and on screen, and the figure."""
    from evaluation.figures import draw_adaptation

    summary = summary_of(sites)
    command = f"python -m evaluation.adaptation {shown(options, FOLDERS)} --draws {options.draws}"
    results = {"command": command, "draws": options.draws, "seconds": seconds, "summary": summary, "sites": sites}
    write_json(options.out / ADAPTATION, rounded(results))
    lines = [list(line.values()) for line in rounded(summary)]
    write_csv(options.out / "adaptation.csv", list(summary[0]), lines)
    draw_adaptation(summary, options.out / "adaptation.png")
    for line in summary:
        print(
            f"{line['group']:30s}{line['way']:10s}{line['wrong']:5.0%}{line['marks']:4d} marks: MCC {line['mcc']:.3f} "
            f"({line['change']:+.3f}), worst site {line['worst_site']} {line['worst_change']:+.3f}"
        )
    print(f"Wrote {options.out / ADAPTATION}, its table and its figure.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Measure how much a few marks correct a model on scenes that it has not seen.",
        "python -m evaluation.adaptation --data tiles/ --transfer other/ --snow winter/ --weak weak/ --out out/model",
        "python -m evaluation.adaptation",
    )
    add_recipe_arguments(parser)
    parser.add_argument("--draws", type=int, default=5, help="times that marks are drawn (default: %(default)s)")
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS), help="numbers of marks in all")
    parser.add_argument("--group", action="append", default=[], help="only this group of tiles (repeatable)")
    parser.add_argument("--site", action="append", default=[], help="only the tile of this id (repeatable)")
    return with_sites_to_mark(parser, argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
