"""Which of the trees' channels tell what a mark says of other pixels, learnt over many scenes.

    python -m evaluation.relevance --data tiles/ --transfer other/ --snow winter/ --weak weak/ --out out/model

The process of ``adapt.fit`` takes pixels for alike by the distance of their channels. How much each channel counts
there is learnt as kernels of few-shot learning are (Patacchiola et al. 2020, arXiv:1910.05199): on labelled tiles that
a model has not seen, marks are drawn at random, the model is fitted to them, and the relevances follow the gradient of
the MCC of all other pixels. Writes ``relevance.json``: ``relevance``, from all groups of scenes, of which ``adapt/``
holds a copy, and ``without``: learnt without each group, for ``evaluation.adaptation`` to measure that group with.
Takes the checkpoints of ``evaluation.generalise`` in ``--out``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from adapt.relevance import RELEVANCE
from command import hidden, new_parser, write_json
from errors import exit_code
from evaluation.adaptation_tables import HOME_UNSEEN
from evaluation.options import FOLDERS, add_recipe_arguments, shown, with_sites_to_mark
from evaluation.results import rounded


def run(options: argparse.Namespace) -> None:
    """Learn from all groups and without each of them, and write the result."""
    import torch  # with all that needs it here, so that --help need not wait
    from tqdm import tqdm

    from evaluation.adaptation_models import unseen_groups
    from evaluation.lessons import learn, lesson_of
    from evaluation.recipe import recipe_of, scenes_of
    from evaluation.simulated_user import site_of

    start, recipe, scenes = time.time(), recipe_of(options), scenes_of(options)
    jobs = options.jobs or torch.get_num_threads()
    groups = unseen_groups(recipe, scenes, options.folds)
    everything = [(name, *one) for name, group in groups.items() for one in group]
    found = [
        (name, lesson_of(site_of(model, labelled, recipe.device, jobs)))
        for name, model, labelled in tqdm(everything, desc="sites", disable=hidden())
    ]
    lessons = {name: [one for group, one in found if group == name and one] for name in groups}
    channels = everything[0][1].gbm.channel_names

    def learnt(left_out: str) -> dict[str, float]:
        """Relevance by channel, from all groups but one."""
        kept = [group for name, group in lessons.items() if group and name != left_out]
        return dict(zip(channels, learn(kept, options.lessons, options.seed).tolist()))

    everywhere = learnt("")
    results = {
        "command": f"python -m evaluation.relevance {shown(options, FOLDERS)} --lessons {options.lessons}",
        "relevance": everywhere,
        "without": {name: learnt(name) for name in ("elsewhere", "snow", HOME_UNSEEN)},
        "seconds": time.time() - start,
    }
    write_json(options.out / RELEVANCE, rounded(results))
    for name, value in sorted(everywhere.items(), key=lambda one: -one[1]):
        print(f"{name:24s}{value:6.2f}")
    print(f"Wrote {options.out / RELEVANCE}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Learn over many scenes how much each of the trees' channels counts when marks correct a model.",
        "python -m evaluation.relevance --data tiles/ --transfer other/ --snow winter/ --weak weak/ --out out/model",
        "python -m evaluation.relevance",
    )
    add_recipe_arguments(parser)
    parser.add_argument("--lessons", type=int, default=300, help="steps of the optimiser (default: %(default)s)")
    return with_sites_to_mark(parser, argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
