"""Splits by place: what is scored lies elsewhere than what was learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from errors import SettingError, TrainingError
from patches.image import Image

KINDS = ("auto", "blocks", "regions", "random")
SUBSETS = ("training", "validation", "test")


@dataclass(frozen=True)
class Split:
    """How images are split. ``validation`` and ``test`` are shares of the pixels.

    ``blocks``: the images in the order of their names, cut in contiguous blocks; an image is cut in two where a block
    ends in it. ``regions``: whole regions. ``random``: patches at random, which do not overlap. ``auto``: regions where
    at least three are named, else blocks. Folders that say train, validation or test go before all of this.
    """

    kind: str = "auto"
    validation: float = 0.15
    test: float = 0.2
    side: int = 128  # of a patch; no piece is narrower unless its image is
    overlap: float = 0.5  # of the training patches
    seed: int = 0


def split_images(images: Sequence[Image], split: Split) -> dict[str, list[Image]]:
    """Training, validation and test images, none of which share a pixel; a subset with the share 0 is empty.

    Raises SettingError for shares that leave nothing, or a random split of overlapping patches; TrainingError where
    there is too little to split.
    """
    if not (split.validation >= 0 and split.test >= 0 and split.validation + split.test < 1):
        raise SettingError(
            f"--validation {split.validation} and --test {split.test}: leave nothing to train on; give shares below 1."
        )
    given = {name: [image for image in images if image.subset == name] for name in SUBSETS}
    rest = given["training"] + [image for image in images if not image.subset]
    asked = replace(
        split,
        validation=0.0 if given["validation"] else split.validation,
        test=0.0 if given["test"] else split.test,
    )
    found: list[list[Image]] = [rest, [], []]
    if asked.validation or asked.test:
        found = SPLITTERS[resolved(rest, split.kind)](rest, asked)
    subsets = {"training": found[0], "validation": found[1] + given["validation"], "test": found[2] + given["test"]}
    check_subsets(subsets, asked, len(images))
    return subsets


def check_subsets(subsets: dict[str, list[Image]], asked: Split, images: int) -> None:
    """Refuse a split that leaves a subset empty which was asked for."""
    for name in SUBSETS:
        if not subsets[name] and (name == "training" or getattr(asked, name)):
            raise TrainingError(
                f"{images} image(s): are too few to set some apart for {name}; give more or a smaller patch."
            )


def resolved(images: Sequence[Image], kind: str) -> str:
    """The kind of split that ``auto`` means."""
    named = {image.place for image in images}
    if kind != "auto":
        return kind
    return "regions" if "" not in named and len(named) >= len(SUBSETS) else "blocks"


def by_blocks(images: Sequence[Image], split: Split) -> list[list[Image]]:
    """The images in order, cut where a block ends."""
    ordered = sorted(images, key=lambda image: image.name)
    sizes = np.array([image.height * image.width for image in ordered], float)
    before = np.concatenate([[0], np.cumsum(sizes)])
    borders = [before[-1] * share for share in (1 - split.validation - split.test, 1 - split.test)]
    subsets: list[list[Image]] = [[], [], []]
    for image, start, size in zip(ordered, before, sizes):
        for number, piece in pieces(image, [(border - start) / size for border in borders], split.side):
            subsets[number].append(piece)
    return subsets


def pieces(image: Image, borders: Sequence[float], side: int) -> list[tuple[int, Image]]:
    """An image's pieces with the number of the subset each belongs to; ``borders``: where subsets end, as shares of it.

    Cut along its longer axis, nowhere so that a piece is narrower than a patch.
    """
    tall = image.height >= image.width
    length = image.height if tall else image.width
    edges = [0]
    for border in borders:
        place = round(min(max(border, 0), 1) * length)
        edges.append(fitting(place, edges[-1], length, min(side, length)))
    edges.append(length)
    found = []
    for number, (first, last) in enumerate(zip(edges, edges[1:])):
        if last > first:
            box = (first, 0, last - first, image.width) if tall else (0, first, image.height, last - first)
            found.append((number, image.cut(*box)))
    return found


def fitting(place: int, last: int, length: int, least: int) -> int:
    """The border nearest to ``place`` whose pieces, from ``last`` and to the end, are empty or of ``least`` pixels."""
    candidates = (place, last, last + least, length - least, length)
    allowed = [one for one in candidates if one in (last, length) or last + least <= one <= length - least]
    return min(allowed, key=lambda one: abs(one - place))


def by_regions(images: Sequence[Image], split: Split) -> list[list[Image]]:
    """Whole regions in the order of their names, each to the subset that its middle pixel falls in."""
    places = sorted({image.place for image in images})
    sizes = [float(sum(image.height * image.width for image in images if image.place == place)) for place in places]
    middle = (np.cumsum(sizes) - np.array(sizes) / 2) / sum(sizes)
    number = np.digitize(middle, (1 - split.validation - split.test, 1 - split.test))
    wanted = [0, *(n for n, share in ((1, split.validation), (2, split.test)) if share)]
    if len(places) < len(wanted):
        raise TrainingError(f"{len(places)} region(s): are too few for {len(wanted)} subsets; split by blocks instead.")
    for subset in reversed(wanted[1:]):  # a small share still gets one region, the last one that is not taken
        if subset not in number:
            number[max((n for n in range(len(places)) if number[n] < subset), default=0)] = subset
    return [[image for image in images if number[places.index(image.place)] == subset] for subset in range(3)]


def by_chance(images: Sequence[Image], split: Split) -> list[list[Image]]:
    """Patches at random; refused where patches of one image overlap."""
    if split.overlap > 0 and any(max(image.height, image.width) > split.side for image in images):
        raise SettingError(
            "--split random: patches of one image overlap, so the same pixels would be learnt from and scored; "
            "split by blocks or regions, or set --overlap 0."
        )
    cut = [
        image.cut(row, column, min(split.side, image.height - row), min(split.side, image.width - column))
        for image in images
        for row in range(0, image.height, split.side)
        for column in range(0, image.width, split.side)
    ]
    order = np.random.default_rng(split.seed).permutation(len(cut))
    edges = [round(len(cut) * share) for share in (0, 1 - split.validation - split.test, 1 - split.test, 1)]
    return [[cut[place] for place in sorted(order[first:last])] for first, last in zip(edges, edges[1:])]


SPLITTERS = {"blocks": by_blocks, "regions": by_regions, "random": by_chance}
