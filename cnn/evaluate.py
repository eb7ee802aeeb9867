"""Score a trained network on labelled images.

    python -m cnn.evaluate --model out/unetpp/model.pt --data DIR --out out/scores

Writes ``scores.json`` with every score, pooled over pixels and for each region, ``scores.csv``, ``scores.png``,
``examples.png`` and ``report.html``, a page with all of this and the training curves.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn.options import add_data_arguments, add_run_arguments, add_subset_argument, device_of, images_of
from command import new_parser, write_json
from errors import TrainingError, exit_code
from patches.image import Image
from tiles.raster import atomic_output

if TYPE_CHECKING:
    from cnn.network_model import NetworkModel


def report(model: NetworkModel, images: Sequence[Image], subset: str, out: Path, trained: Path) -> dict[str, Any]:
    """Score the images, write everything into ``out``, print a short table; ``trained``: the folder of the model."""
    from cnn.network_report import SCORES, draw_examples, draw_scores, page
    from cnn.scoring import scores_of

    scores: dict[str, Any] = {
        "architecture": model.card.architecture,
        "bands": list(model.card.bands),
        "subset": subset,
    }
    scores = {**scores, **scores_of(model, images)}
    write_json(out / "scores.json", scores)
    write_scores(out / "scores.csv", scores)
    draw_scores(scores, model.card.classes, out / "scores.png")
    draw_examples(model, images, out / "examples.png")
    with atomic_output(out / "report.html") as temporary:
        temporary.write_text(page(scores, model.card, out, trained), encoding="utf-8")
    print(f"{model.card.architecture}, {subset} subset, {len(images)} image(s)")
    print("  ".join(f"{name} {scores['pooled'][name]:.3f}" for name in SCORES), flush=True)
    return scores


def write_scores(path: Path, scores: Mapping[str, Any]) -> None:
    """A line for all regions together and for each, of all classes and of each, whole or not at all."""
    from cnn.network_report import SCORES

    with atomic_output(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["region", "class", *SCORES])
        for region, one in {"all": scores["pooled"], **scores["regions"]}.items():
            for name, values in {"all": one, **one["classes"]}.items():
                table.writerow([region, name, *(f"{values[column]:.4f}" for column in SCORES)])


def run(options: argparse.Namespace) -> None:
    """Score what the command line asks for."""
    from cnn.network_model import check_bands, load_model
    from cnn.scoring import chosen_subset

    model = load_model(options.model, device_of(options))
    images = images_of(options, model.card.labels, ",".join(model.card.bands))
    check_bands(model, images[0], options.model)
    chosen, subset = chosen_subset(images, model, options.subset)
    if not chosen:
        raise TrainingError(f"{options.data}: holds no image of the {subset} subset; choose another --subset.")
    report(model, chosen, subset, options.out, options.model.parent)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Score a trained network on labelled images.",
        "python -m cnn.evaluate --model out/network/model.pt --data elsewhere/ --out out/scores",
    )
    parser.add_argument("--model", type=Path, required=True, help="model.pt that cnn.train wrote")
    add_data_arguments(parser)
    told = "which images are scored (default: the test subset of those it was trained on, all others)"
    add_subset_argument(parser, "auto", told)
    add_run_arguments(parser, "out/scores")
    return parser.parse_args(argv)


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
