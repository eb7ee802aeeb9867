"""What each band contributes to a trained network.

    python -m cnn.bands --model out/network/model.pt --data DIR --top 3 --out out/bands --retrain

By input gradients, by permutation, and against random bands; on training or validation patches only, so that the
test subset stays untouched. With ``--retrain`` the same network is trained again on the best bands and on as many
random ones, and both are scored on the test subset beside the full one. Several ``--model`` (of other seeds) also give
the rank correlation between them. Writes ``bands.csv``, ``bands.json`` and ``bands.png``.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn.options import add_data_arguments, add_run_arguments, device_of, images_of
from command import new_parser, write_json
from errors import SettingError, TrainingError, exit_code
from patches.image import Image, pick_bands
from patches.split import SUBSETS
from tiles.raster import atomic_output

if TYPE_CHECKING:
    from cnn.contribution import Sample
    from cnn.network_model import Card, NetworkModel

DRAWS = 5  # of random bands
COLUMNS = ("band", "share_percent", "low_percent", "high_percent", "permutation_mcc_drop")


def contributions(model: NetworkModel, samples: Sequence[Sample], top: int, seed: int) -> dict[str, Any]:
    """Share of each band in % with its 95 % interval, its drop of MCC, and the drops of the best and of random ones."""
    from cnn.contribution import gradient_contributions, interval, permutation_drops, rank_correlation

    random = np.random.default_rng(seed)
    names = model.card.bands
    each = gradient_contributions(model, samples)
    mean, low, high = interval(each, random)
    drops = permutation_drops(model, samples, [[band] for band in range(len(names))], random)
    best = [int(band) for band in np.argsort(-mean, kind="stable")[:top]]
    draws = [random.choice(len(names), top, replace=False).tolist() for _ in range(DRAWS)]
    together = permutation_drops(model, samples, [best, *draws], random)
    rows = [dict(zip(COLUMNS, row)) for row in zip(names, *(x.tolist() for x in (mean, low, high, np.array(drops))))]
    return {
        "bands": rows,
        "best": [names[band] for band in best],
        "drop_of_best": together[0],
        "drop_of_random": together[1:],
        "gradient_against_permutation": rank_correlation(mean, np.array(drops)),
    }


def retrained(
    model: NetworkModel, images: Sequence[Image], best: Sequence[str], out: Path, seed: int
) -> dict[str, Any]:
    """MCC of the full network and of those trained on the best and on random bands, on the same test subset."""
    from cnn.network_training import plan_of, train_network
    from cnn.scoring import chosen_subset

    card, random = model.card, np.random.default_rng(seed)
    chosen = {"best": list(best), "random": [str(name) for name in random.permutation(card.bands)[: len(best)]]}
    results: dict[str, Any] = {"all": scored(model, images, card.bands)}
    for name, bands in chosen.items():
        picked = pick_bands(images, bands)
        subsets = {subset: chosen_subset(picked, model, subset)[0] for subset in SUBSETS}
        told = {"command": f"cnn.bands --retrain, {name} bands"}
        again = train_network(subsets, plan_of(card), out / name, model.device, told)
        results[name] = scored(again, picked, bands)
    return results


def scored(model: NetworkModel, images: Sequence[Image], bands: Sequence[str]) -> dict[str, Any]:
    """Bands and scores on the test subset."""
    from cnn.scoring import chosen_subset, scores_of

    test, _ = chosen_subset(images, model, "test")
    if not test:
        raise TrainingError(
            "--retrain: the model was trained without a test subset to score on; train it with --test 0.2."
        )
    found = scores_of(model, test)["pooled"]
    return {"bands": list(bands), **{name: found[name] for name in ("mcc", "iou", "f1")}}


def write_contributions(found: dict[str, Any], card: Card, out: Path) -> None:
    """bands.csv, bands.json and bands.png."""
    from matplotlib.figure import Figure

    from figures import BLUE, ORANGE, write_figure

    write_json(out / "bands.json", found)
    rows = sorted(found["models"][0]["bands"], key=lambda row: -row["share_percent"])
    with atomic_output(out / "bands.csv") as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows([row["band"], *(f"{row[name]:.4f}" for name in COLUMNS[1:])] for row in rows)
    figure = Figure(figsize=(9, 1.5 + 0.28 * len(rows)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    names, shares = [row["band"] for row in rows], np.array([row["share_percent"] for row in rows])
    sides = np.abs(np.array([[row["low_percent"], row["high_percent"]] for row in rows]).T - shares)
    left.barh(names, shares, xerr=sides, color=BLUE)
    left.invert_yaxis()
    left.set_xlabel("share of the input gradients, % (95 % interval over patches)")
    right.barh(names, [row["permutation_mcc_drop"] for row in rows], color=ORANGE)
    right.set_xlabel("drop of MCC when permuted")
    figure.suptitle(card.architecture)
    write_figure(figure, out / "bands.png")


def run(options: argparse.Namespace) -> None:
    """Measure what the command line asks for."""
    from cnn.contribution import rank_correlation, samples_of
    from cnn.network_model import load_model
    from cnn.scoring import chosen_subset

    device = device_of(options)
    models = [load_model(path, device) for path in options.model]
    card = models[0].card
    if any(model.card.bands != card.bands for model in models):
        raise SettingError("--model: the models see different bands; give models of one set of bands.")
    top = max(1, min(6, len(card.bands) // 2)) if options.top is None else options.top
    if not 1 <= top <= len(card.bands):
        raise SettingError(f"--top {top}: is not between 1 and the {len(card.bands)} bands of the model.")
    if options.patches < 1:
        raise SettingError(f"--patches {options.patches}: is below 1; give how many to look at.")
    images = images_of(options, card.labels, ",".join(card.bands))
    chosen, subset = chosen_subset(images, models[0], options.subset)
    if not chosen:
        raise TrainingError(f"{options.data}: holds no image of the {subset} subset; use --subset training.")
    samples = samples_of(models[0], chosen, options.patches)
    found: dict[str, Any] = {"subset": subset, "patches": len(samples), **facts_of(card, top, options)}
    found["models"] = [contributions(model, samples, top, options.seed) for model in models]
    shares = [np.array([row["share_percent"] for row in one["bands"]]) for one in found["models"]]
    found["between_models"] = [rank_correlation(shares[0], other) for other in shares[1:]]
    if options.retrain:
        best = found["models"][0]["best"]
        found["retrained"] = retrained(models[0], images, best, options.out, options.seed)
    write_contributions(found, card, options.out)
    print_contributions(found)


def facts_of(card: Card, top: int, options: argparse.Namespace) -> dict[str, str]:
    """The network, how long it was trained, and the command without this machine's paths."""
    from cnn.network_training import plan_of

    plan = plan_of(card)
    trained = f"{plan.minutes:g} minutes" if plan.minutes else f"{plan.steps or 'as many as its recipe asks for'} steps"
    command = f"python -m cnn.bands --top {top} --patches {options.patches} --seed {options.seed}"
    return {"architecture": card.architecture, "trained": trained, "command": command}


def print_contributions(found: dict[str, Any]) -> None:
    """A short table on screen."""
    first = found["models"][0]
    for row in sorted(first["bands"], key=lambda row: -row["share_percent"]):
        share = f"{row['share_percent']:5.1f} % ({row['low_percent']:.1f} to {row['high_percent']:.1f})"
        print(f"{row['band']:16s} {share}   MCC {-row['permutation_mcc_drop']:+.3f} when permuted")
    print(f"the best, {', '.join(first['best'])}: MCC {-first['drop_of_best']:+.3f} when permuted", end="; ")
    print(f"as many at random: {-np.mean(first['drop_of_random']):+.3f}")
    if found["between_models"]:
        print("rank correlation with the first model:", ", ".join(f"{one:.2f}" for one in found["between_models"]))
    for name, one in found.get("retrained", {}).items():
        print(f"trained on {name:6s} ({', '.join(one['bands'])}): MCC {one['mcc']:.3f} on the test subset")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "What each band contributes to a trained network.",
        "python -m cnn.bands --model out/network/model.pt --data rasters/ --top 6 --retrain",
    )
    parser.add_argument(
        "--model", type=Path, nargs="+", required=True, help="model.pt of one network, or of several seeds"
    )
    add_data_arguments(parser)
    parser.add_argument("--subset", choices=("validation", "training"), default="validation", help="patches to look at")
    parser.add_argument("--top", type=int, help="how many bands are the best ones (default: half, 6 at most)")
    parser.add_argument("--patches", type=int, default=64, help="patches that are looked at, at most")
    parser.add_argument("--retrain", action="store_true", help="train again on the best and on random bands")
    add_run_arguments(parser, "out/bands")
    return parser.parse_args(argv)


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
