"""The demo: map a synthetic sample with the shipped model, score it, draw it.

python -m evaluation.demo --out out/demo              # a synthetic sample
python -m evaluation.demo --data tiles/ --out out/demo
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from command import add_shared, new_parser, write_json
from errors import exit_code
from evaluation.results import rounded
from scores.confusion import confusion
from tiles.folder import band_folders, find_tiles, read_label, read_tile
from tiles.raster import read_raster

if TYPE_CHECKING:
    import torch

    from evaluation.overview import TileView
    from evaluation.systems import Scored
    from fusion.hybrid import HybridModel

NDSI_THRESHOLD = 0.4  # the field's classic, Hall et al. 1995
DRAWN_TILES = 3
TIE = 0.0005  # of MCC: what the table does not show


def score_sample(
    model: HybridModel, data: Path, masks: Path, device: torch.device, kinds: Mapping[str, str]
) -> tuple[dict[str, list[Scored]], list[TileView]]:
    """The four systems' masks of each tile against its label; the hybrid's are those written by solution.py.

    ``kinds``: what each tile shows, by its id, as far as that is known.
    """
    from evaluation.overview import TileView
    from evaluation.systems import SYSTEMS, Scored, ndsi_of
    from fusion.hybrid import predict_tile

    scored: dict[str, list[Scored]] = {system: [] for system in SYSTEMS}
    views: list[TileView] = []
    for files in find_tiles(band_folders(data)):
        tile, truth = read_tile(files), read_label(data, files.tile_id)
        prediction = predict_tile(model, tile, device)
        written = read_raster(masks / tile.source)[0] > 0
        choices = {
            "NDSI": ndsi_of(tile) > NDSI_THRESHOLD,
            "GBM": prediction.gbm > model.gbm_threshold,
            "U-Net": prediction.unet > model.unet_threshold,
            "hybrid": written,
        }
        for system, mask in choices.items():
            scored[system].append(Scored(tile.tile_id, mask & tile.valid, truth, tile.valid))
        if len(views) < DRAWN_TILES:
            title = f"tile {tile.tile_id}" + (f": {kinds[tile.tile_id]}" if tile.tile_id in kinds else "")
            views.append(TileView(title, tile, prediction.probability, written, truth, confusion(truth, written).mcc))
    return scored, views


def score_rows(scored: Mapping[str, Sequence[Scored]]) -> dict[str, dict[str, dict[str, float]]]:
    """MCC, IoU, F1, precision and recall of each system: ``{system: {tile id or "pooled": scores}}``."""
    from evaluation.systems import summary

    summaries = {system: summary(masks) for system, masks in scored.items()}
    return {system: {**one["tiles"], "pooled": one["all_pixels"]} for system, one in summaries.items()}


def print_scores(rows: Mapping[str, Mapping[str, Mapping[str, float]]], kinds: Mapping[str, str]) -> None:
    """The table of ``score_rows``, systems side by side."""
    from evaluation.systems import SYSTEMS

    names = ("mcc", "iou", "f1", "precision", "recall")
    print(f"\n{'tile':24s}{'system':10s}" + "".join(f"{name:>11s}" for name in names))
    for place in rows["hybrid"]:
        title = f"{place} {kinds.get(place, '')}"
        for system in SYSTEMS:
            print(f"{title:24s}{system:10s}" + "".join(f"{rows[system][place][name]:11.3f}" for name in names))
    print("Scores count all pixels; a nodata pixel is no glacier.")


def losses(rows: Mapping[str, Mapping[str, Mapping[str, float]]], kinds: Mapping[str, str]) -> list[str]:
    """A sentence for each tile whose kind is known, and for all pooled, where another system has a higher MCC."""
    from evaluation.systems import SYSTEMS

    sentences = []
    for place, own in rows["hybrid"].items():
        best = max((system for system in SYSTEMS if system != "hybrid"), key=lambda one: rows[one][place]["mcc"])
        if (place in kinds or place == "pooled") and rows[best][place]["mcc"] > own["mcc"] + TIE:
            where = f"the {kinds[place]} tile" if place in kinds else "all tiles together"
            sentences.append(
                f"On {where} the hybrid (MCC {own['mcc']:.3f}) loses to {best} ({rows[best][place]['mcc']:.3f})."
            )
    return sentences


def run(options: argparse.Namespace) -> None:
    """Write or take the sample, map it, score it, draw it."""
    import torch

    from cnn.device import choose_device
    from evaluation.overview import draw_overview
    from fusion.model_file import load_model
    from simulation.kinds import SEASONS
    from simulation.synthetic import write_sample
    from solution import HERE, MODEL_NAME, maskgeration

    if options.jobs:
        torch.set_num_threads(options.jobs)
    data, kinds = options.data, {}
    if data is None:
        data = options.out / "sample"
        ids = write_sample(data, seed=options.seed, tiles=len(SEASONS), kinds=tuple(SEASONS))
        kinds = dict(zip(ids, SEASONS))
        print(f"Wrote {len(ids)} synthetic tiles ({', '.join(kinds.values())}) to {data}.")
    device = choose_device(options.device)
    masks = options.out / "masks"
    maskgeration(band_folders(data), masks)  # written exactly as the submission does
    scored, views = score_sample(load_model(HERE / MODEL_NAME, device), data, masks, device, kinds)
    rows = score_rows(scored)
    print_scores(rows, kinds)
    print("", *losses(rows, kinds), sep="\n")
    if kinds:
        print("These scenes are made up: how well real glaciers are mapped stands in README.md.")
    write_json(options.out / "scores.json", rounded({"kinds": kinds, "scores": rows}))
    draw_overview(views, options.out / "overview.png")
    print(f"Masks: {masks}   scores: {options.out / 'scores.json'}   figure: {options.out / 'overview.png'}")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Map a sample with the shipped model, score it and draw it.",
        "python -m evaluation.demo --data tiles/ --out out/demo",
    )
    add_shared(parser, "data", help="folder with Band1..Band5 and label (default: a synthetic sample)")
    add_shared(parser, "out", default=Path("out/demo"))
    add_shared(parser, "seed", help="of the synthetic sample")
    add_shared(parser, "device", "jobs")
    return parser.parse_args(argv)


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
