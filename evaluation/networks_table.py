"""The table of the networks side by side, from the results file, with what their authors say of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluation.markdown import table

HYBRID = "hybrid"
# Figures of others, as they state them; none was measured here
PUBLIC = {
    "attention_deeplab": "MCC > 0.85 expected, not measured: as published the network cannot be built",
    "deeplabv3plus": "none for glaciers: it maps lakes",
    "glavitu": "none known",
    "glavitu_global": "IoU > 0.85 on unseen images of all regions, with NIR, SWIR2, DEM and SAR",
    "mlandsnet": "none known",
    "unetpp": "MCC 0.762 on the challenge's hidden tiles: one 32 wide on patches of 128, self-reported",
    "resnet50_unet": "Dice 0.449, a smoke run of two batches",
    "classic_unet": "ResNet18 encoder: MCC 0.656 on the challenge's hidden tiles",
    "compact_unet": "ours: the hybrid's network on five bands",
    HYBRID: "ours",
}


def networks_block(results: Mapping[str, Any]) -> str:
    """MCC at every place, parameters, seconds a tile, and the public figure with its context."""
    rows = results["rows"]
    places = list(next(iter(rows.values()))["places"])
    scored = [f"MCC, {place.replace('_', ' ')}" for place in places]
    head = ["network", *scored, "parameters", "steps", "seconds a tile", "its authors' own figure"]
    lines = []
    for name, row in rows.items():
        values = [f"{row['places'][place]['mcc']:.3f}" for place in places]
        size = f"{row['parameters'] / 1e6:.1f} M"
        public = PUBLIC.get(name.partition(", ")[0], "")
        lines.append([name, *values, size, str(row["steps"]), f"{row['seconds_a_tile']:.2f}", public])
    told = (
        f"Trained on {len(results['trained_on'])} tiles of two folds for {results['minutes']:g} minutes each on "
        f"{results['threads']} processor threads, scored on the other two folds and on other mountains: all pixels, "
        "nothing fitted. The last column says what others state of theirs, on other data."
    )
    table = "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines])
    return f"{told}\n\n{table}\n\nMade by `{results['command']}`."


def bands_block(results: Mapping[str, Any]) -> str:
    """What each band contributes, and scores of the same network trained on the best and on random ones."""
    first = results["models"][0]
    rows = [
        [
            row["band"],
            f"{row['share_percent']:.1f} % ({row['low_percent']:.1f} to {row['high_percent']:.1f})",
            f"{row['permutation_mcc_drop']:.3f}",
        ]
        for row in sorted(first["bands"], key=lambda row: -row["share_percent"])
    ]
    seen = f"{results['patches']} {results['subset']} patches"
    told = f"{results['architecture']}, {seen}; every training {results['trained']}:"
    again = [
        [", ".join(one["bands"]), *(f"{one[name]:.3f}" for name in ("mcc", "iou", "f1"))]
        for one in results["retrained"].values()
    ]
    shares = table(["band", "share of the input gradients", "drop of MCC when permuted"], rows)
    trained = table(["trained on", "MCC, test subset", "IoU", "F1"], again)
    return "\n\n".join([told, shares, trained, f"Made by `{results['command']}`."])
