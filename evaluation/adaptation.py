"""How much a few marks correct a model on scenes that it has not seen.

    python -m evaluation.adaptation --data tiles/ --transfer other/ --snow winter/ --weak weak/ --out out/model

A user is simulated who marks squares of 7x7 pixels: put at random on true glacier and true ground by turns, or where
``adapt.suggest`` asks, with the truth's majority as the answer; a share of the answers is wrong. ``--transfer`` and
``--snow`` are mapped by what is trained on ``--data`` alone, ``--data`` by what is trained on all else, and by its
folds. MCC on valid pixels, before and after ``adapt.fit``. Takes the checkpoints of ``evaluation.generalise`` in
``--out``, and writes ``adaptation.json``, ``adaptation.csv`` and ``adaptation.png`` there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from adapt.evidence import Seen, evidence_in, look, predict_seen
from adapt.fit import fit
from adapt.marks import Mark, pixels_of
from adapt.suggest import SIDE, square_at, suggest
from command import hidden, new_parser, write_json
from errors import TrainingError, exit_code
from evaluation.adaptation_tables import ADAPTATION, HOME_UNSEEN, NEXT_DOOR, RANDOM, SUGGESTED, summary_of
from evaluation.crossval import ALONE, HOME, SITES, fold_name, judge_scenes, site_name, training_sets
from evaluation.figures import draw_adaptation
from evaluation.generalise import FOLDERS, stage
from evaluation.recipe import VIEWS, Recipe, Scenes, add_recipe_arguments, recipe_of, scenes_of, shown, train_parts
from evaluation.results import rounded, write_csv
from evaluation.systems import UNFITTED
from fusion.fuse import Fusion
from fusion.hybrid import HybridModel
from scenes.grid import Grid
from scores.confusion import confusion
from tiles.folder import LabelledTile

COUNTS = (1, 2, 5, 10, 20, 40)
WRONG = 0.1
FEWEST_WITH_WRONG = 10  # marks: of fewer, not one in ten is wrong
HALF = SIDE // 2
Group = list[tuple[HybridModel, LabelledTile]]


@dataclass(frozen=True)
class Site:
    """A tile that a model has looked at: where its pixels lie, and its truth, bool (H, W)."""

    name: str
    model: HybridModel
    seen: Seen
    grid: Grid
    truth: np.ndarray

    def mcc(self, model: HybridModel) -> float:
        """MCC of a model's mask over valid pixels."""
        mask = predict_seen(model, self.seen).mask
        return confusion(self.truth[self.seen.valid], mask[self.seen.valid]).mcc


def site_of(model: HybridModel, labelled: LabelledTile, device: torch.device, jobs: int) -> Site:
    """Look at a tile; its pixels lie on a plane of their own."""
    tile, truth = labelled
    height, width = tile.shape
    grid = Grid("", (30.0, 0.0, 0.0, 0.0, -30.0, 0.0), height, width)
    return Site(tile.tile_id, model, look(model, tile, device, jobs), grid, truth)


def random_marks(site: Site, count: int, seed: int) -> list[Mark]:
    """Squares around random pixels of true glacier and true ground by turns; whole ones wherever there are any."""
    random = np.random.default_rng(seed)
    inside = np.zeros(site.truth.shape, bool)
    inside[HALF:-HALF, HALF:-HALF] = True
    marks = []
    for number in range(count):
        glacier = number % 2 == 0
        wanted = site.seen.valid & (site.truth == glacier)
        places = np.argwhere(wanted & inside if (wanted & inside).any() else wanted)
        if len(places):
            row, column = places[random.integers(len(places))]
            marks.append(Mark(square_at(site.grid, row, column), glacier, str(number)))
    return marks


def suggested_marks(site: Site, count: int) -> list[Mark]:
    """What ``adapt.suggest`` asks for, answered by the truth's majority."""
    places = suggest(site.model, [(site.seen, site.grid)], count)
    marks = [Mark(place.geometry, True, str(number)) for number, place in enumerate(places)]
    covered = [pixels_of(mark, site.grid) for mark in marks]
    return [
        Mark(mark.geometry, bool(site.truth[row, column].mean() > 0.5), mark.mark_id)
        for mark, (row, column) in zip(marks, covered)
    ]


def with_wrong(marks: Sequence[Mark], share: float, seed: int) -> list[Mark]:
    """The marks with a share of them, drawn at random, of the other kind."""
    wrong = set(np.random.default_rng(seed).permutation(len(marks))[: round(share * len(marks))].tolist())
    return [Mark(mark.geometry, mark.glacier != (number in wrong), mark.mark_id) for number, mark in enumerate(marks)]


def after(site: Site, marks: Sequence[Mark]) -> float:
    """MCC of the model that is fitted to the marks."""
    return site.mcc(fit(site.model, evidence_in(site.model, site.seen, site.grid, marks)).model)


def study(site: Site, counts: Sequence[int], draws: int) -> dict[str, Any]:
    """MCC of one site: ``start``, and by way, share of wrong marks and their number a list with one entry a draw."""
    most = max(counts)
    drawn = {
        RANDOM: [random_marks(site, most, seed) for seed in range(draws)],
        SUGGESTED: [suggested_marks(site, most)] * draws,
    }
    result: dict[str, Any] = {"start": site.mcc(site.model), "unchanged": after(site, [])}
    for way, share, count in plan(counts):
        # what is suggested differs from draw to draw by the wrong marks alone
        kept = drawn[way][:1] if way == SUGGESTED and not share else drawn[way]
        found = [after(site, with_wrong(marks[:count], share, seed)) for seed, marks in enumerate(kept)]
        result.setdefault(way, {}).setdefault(f"{share:g}", {})[str(count)] = found
    return result


def plan(counts: Sequence[int]) -> Iterator[tuple[str, float, int]]:
    """Way of drawing, share of wrong marks and number of marks of everything that is measured."""
    for way in (RANDOM, SUGGESTED):
        yield from ((way, 0.0, count) for count in counts)
        yield from ((way, WRONG, count) for count in counts if count >= FEWEST_WITH_WRONG)


def groups_of(recipe: Recipe, scenes: Scenes, folds: int, chosen: Sequence[str]) -> dict[str, Group]:
    """The tiles of every chosen group, each with a model that has not seen it; a network that is not there is named."""
    sets = training_sets(scenes, folds, SITES)
    fusions = fitted_fusions(recipe, scenes, folds)
    groups: dict[str, Group] = {}
    for name, tiles in (("elsewhere", scenes.transfer), ("snow", scenes.snow)):
        model = model_of(recipe, ALONE, sets, fusions[name])
        groups[name] = [(model, labelled) for labelled in tiles]
    if (recipe.out / f"{site_name(HOME)}.ckpt").is_file():
        model = model_of(recipe, site_name(HOME), sets, UNFITTED.fusion)
        groups[HOME_UNSEEN] = [(model, labelled) for labelled in scenes.home]
    else:
        print(f"note: {recipe.out / site_name(HOME)}.ckpt is not there; its group is left out.", file=sys.stderr)
    groups[NEXT_DOOR] = []
    for number in range(folds):
        model = model_of(recipe, fold_name(number), sets, fusions[fold_name(number)])
        held_out = sets[fold_name(number)].held_out
        groups[NEXT_DOOR] += [(model, one) for one in scenes.home if one.tile.tile_id in held_out]
    return {name: group for name, group in groups.items() if not chosen or name in chosen}


def model_of(recipe: Recipe, name: str, sets: Mapping[str, Any], fusion: Fusion) -> HybridModel:
    """The hybrid of a checkpoint, which is trained where it is not there."""
    parts = train_parts(name, recipe, sets[name])
    return HybridModel(parts.gbm, parts.unet, fusion, 0.5, 0.5, VIEWS)


def fitted_fusions(recipe: Recipe, scenes: Scenes, folds: int) -> dict[str, Fusion]:
    """The fusion of every group and fold, fitted on all scenes but its own; kept, for it takes minutes."""
    names = {
        "elsewhere": [tile.tile_id for tile, _ in scenes.transfer],
        "snow": [tile.tile_id for tile, _ in scenes.snow],
    }

    def compute() -> dict[str, Any]:
        judged = judge_scenes(recipe, scenes, training_sets(scenes, folds, {}))
        unseen = {**names, **{fold_name(number): block for number, block in enumerate(judged.blocks)}}
        return {name: asdict(judged.settings(ids).fusion) for name, ids in unseen.items()}

    key = json.dumps([asdict(recipe.gbm), recipe.unet.steps, recipe.unet.seed, folds, names])
    kept = stage(recipe.out / "stages" / "fusions.json", key, compute)
    return {name: Fusion(**{**one, "weights": tuple(one["weights"])}) for name, one in kept.items()}


def run(options: argparse.Namespace) -> None:
    """Study every site, and write results, table and figure."""
    start, recipe, scenes = time.time(), recipe_of(options), scenes_of(options)
    groups = groups_of(recipe, scenes, options.folds, options.group)
    jobs = options.jobs or torch.get_num_threads()
    results: dict[str, Any] = {}
    everything = [(name, *one) for name, group in groups.items() for one in group]
    for name, model, labelled in tqdm(everything, desc="sites", disable=hidden()):
        if not options.site or labelled.tile.tile_id in options.site:
            site = site_of(model, labelled, recipe.device, jobs)
            results.setdefault(name, {})[site.name] = study(site, options.counts, options.draws)
    if not results:
        raise TrainingError("--group and --site: no tile is in both; leave one of them out.")
    write(options, results, time.time() - start)


def write(options: argparse.Namespace, sites: Mapping[str, Any], seconds: float) -> None:
    """``adaptation.json`` with everything, its summary as CSV and on screen, and the figure."""
    summary = summary_of(sites)
    command = f"python -m evaluation.adaptation {shown(options, FOLDERS[:4])} --draws {options.draws}"
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
    options = parser.parse_args(argv)
    if not options.transfer or not options.snow:
        parser.error("--transfer and --snow are needed: labelled tiles of other mountains to mark")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
