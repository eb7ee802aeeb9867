"""Scores of a network on labelled images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from cnn.blend import blended_rows, class_map
from cnn.network_model import NetworkModel
from command import hidden
from patches.image import Image
from patches.split import Split, split_images
from scores.classes import ClassConfusion, class_confusion


def region_of(image: Image) -> str:
    """What an image is counted under: its region, where it is named, else itself."""
    return image.place or image.name


def confusions(model: NetworkModel, images: Iterable[Image], everywhere: bool = False) -> dict[str, ClassConfusion]:
    """Pixel counts by region over the valid pixels; ``everywhere``: the others count as well, as mapped to ground."""
    classes = len(model.card.classes)
    found: dict[str, ClassConfusion] = {}
    for image in images:
        counts = ClassConfusion(np.zeros((classes, classes), np.int64))
        for row, shares in blended_rows(model, image):
            patch = image.patch(row, 0, shares.shape[1], image.width)
            mapped = np.where(patch.valid, class_map(shares), 0)
            chosen = np.ones(patch.valid.shape, bool) if everywhere else patch.valid
            counts = counts + class_confusion(patch.truth[chosen], mapped[chosen], classes)
        name = region_of(image)
        found[name] = found[name] + counts if name in found else counts
    return found


def pooled(counts: Mapping[str, ClassConfusion]) -> ClassConfusion:
    """All regions together."""
    first, *others = counts.values()
    return sum(others, first)


def mcc_of(model: NetworkModel, images: Sequence[Image]) -> float:
    """MCC pooled over the valid pixels of all images."""
    return pooled(confusions(model, images)).mcc


def scores_of(model: NetworkModel, images: Sequence[Image]) -> dict[str, Any]:
    """Scores of all images together and of each region."""
    shown = tqdm(images, desc="scores", unit="image", disable=hidden())
    counts = confusions(model, shown)
    names = model.card.classes
    return {
        "pooled": pooled(counts).scores(names),
        "regions": {region: one.scores(names) for region, one in sorted(counts.items())},
    }


def chosen_subset(images: Sequence[Image], model: NetworkModel, subset: str) -> tuple[list[Image], str]:
    """The images of a subset of the split that the model was trained with, and the subset's name.

    ``auto``: the test subset where the model has trained on some of these images, else all of them.
    """
    seen = {area[0] for area in model.card.seen}
    if subset == "auto":
        subset = "test" if any(image.name in seen for image in images) else "all"
    if subset == "all":
        return list(images), subset
    return split_images(images, Split(**model.card.training["split"]))[subset], subset
