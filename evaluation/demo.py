"""The demo: map a synthetic sample with the shipped model, score it, draw it.

python -m evaluation.demo --out out/demo              # a synthetic sample
python -m evaluation.demo --data tiles/ --out out/demo
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from cnn.device import choose_device
from errors import exit_code
from evaluation.overview import TileView, draw_overview
from evaluation.results import rounded
from evaluation.systems import SYSTEMS, Scored, ndsi_of, summary
from fusion.hybrid import HybridModel, predict_tile
from fusion.model_file import load_model
from scores.confusion import confusion
from solution import HERE, MODEL_NAME, maskgeration
from tiles.folder import band_folders, find_tiles, read_label, read_tile
from tiles.raster import atomic_output, read_raster
from tiles.synthetic import write_sample

NDSI_THRESHOLD = 0.4  # the field's classic, Hall et al. 1995
SAMPLE_TILES = 3
DRAWN_TILES = 3


def score_sample(
    model: HybridModel, data: Path, masks: Path, device: torch.device
) -> tuple[dict[str, list[Scored]], list[TileView]]:
    """The four systems' masks of each tile against its label; the hybrid's are those written by solution.py."""
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
            views.append(TileView(tile, prediction.probability, written, truth, confusion(truth, written).mcc))
    return scored, views


def print_scores(scored: dict[str, list[Scored]]) -> dict[str, object]:
    """MCC, IoU, F1, precision and recall per tile and pooled, systems side by side; returned as well."""
    results: dict[str, object] = {}
    for system, masks in scored.items():
        one = summary(masks)
        results[system] = {"pooled": one["all_pixels"], "tiles": one["tiles"]}
    names = ("mcc", "iou", "f1", "precision", "recall")
    tiles = [one.tile_id for one in scored["hybrid"]]
    print(f"\n{'tile':10s}{'system':10s}" + "".join(f"{name:>11s}" for name in names))
    for tile_id in [*tiles, "pooled"]:
        for system in SYSTEMS:
            of_system = results[system]
            assert isinstance(of_system, dict)
            row = of_system["pooled"] if tile_id == "pooled" else of_system["tiles"][tile_id]
            print(f"{tile_id:10s}{system:10s}" + "".join(f"{row[name]:11.3f}" for name in names))
    return results


def run(options: argparse.Namespace) -> None:
    """Write or take the sample, map it, score it, draw it."""
    if options.jobs:
        torch.set_num_threads(options.jobs)
    data = options.data
    if data is None:
        data = options.out / "sample"
        write_sample(data, seed=options.seed, tiles=SAMPLE_TILES)
        print(f"Wrote {SAMPLE_TILES} synthetic tiles to {data}.")
    device = choose_device(options.device)
    masks = options.out / "masks"
    maskgeration(band_folders(data), masks)  # written exactly as the submission does
    scored, views = score_sample(load_model(HERE / MODEL_NAME, device), data, masks, device)
    results = print_scores(scored)
    with atomic_output(options.out / "scores.json") as temporary:
        temporary.write_text(json.dumps(rounded(results), indent=1) + "\n", encoding="utf-8")
    draw_overview(views, options.out / "overview.png")
    print(f"\nMasks: {masks}   scores: {options.out / 'scores.json'}   figure: {options.out / 'overview.png'}")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description="Map a sample with the shipped model, score it and draw it.",
        epilog="example: python -m evaluation.demo --data tiles/ --out out/demo",
    )
    parser.add_argument("--data", type=Path, help="folder with Band1..Band5 and label (default: a synthetic sample)")
    parser.add_argument("--out", type=Path, default=Path("out/demo"))
    parser.add_argument("--seed", type=int, default=0, help="of the synthetic sample")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--jobs", type=int, default=0, help="processor threads (default: all)")
    return parser.parse_args(argv)


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
