"""Images of any size through windows that overlap by half, blended, so that memory is bounded and no seam is seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from cnn.network_model import NetworkModel
from patches.image import Image

TOGETHER_PIXELS = 2**20  # of the windows that go through the network at once


def weights_of(side: int, blend: str) -> np.ndarray:
    """How much each pixel of a window counts, float32 (side, side), above 0.

    ``hann``: sin^2 along both axes, which adds up to 1 at half a side's distance. ``gaussian``: exp(-r^2 / 2) on
    [-1, 1]^2, as GlaViTU has it (Maslov et al. 2023, doi:10.1109/IGARSS52108.2023.10281666).
    """
    middle = (np.arange(side) + 0.5) / side
    line = np.sin(np.pi * middle) ** 2 if blend == "hann" else np.exp(-((2 * middle - 1) ** 2) / 2)
    return np.outer(line, line).astype(np.float32)


def blended_rows(model: NetworkModel, image: Image) -> Iterator[tuple[int, np.ndarray]]:
    """First row and probabilities, float32 (K - 1, rows, W), of one strip of the image after the other.

    Windows also begin half a side before the image, which is mirrored there, so that every pixel lies in four.
    """
    side, stride = model.card.patch, model.card.patch // 2
    lefts = range(-stride, image.width, stride)
    weight = weights_of(side, model.card.blend)
    sums = np.zeros((len(model.card.classes) - 1, side, len(lefts) * stride + stride), np.float32)
    totals = np.zeros(sums.shape[1:], np.float32)
    for top in range(-stride, image.height, stride):
        for left, shares in row_of_windows(model, image, top, lefts):
            place = (slice(None), slice(left + stride, left + stride + side))
            sums[(slice(None), *place)] += shares * weight
            totals[place] += weight
        first, last = max(top, 0), min(top + stride, image.height)
        if last > first:
            rows = (slice(first - top, last - top), slice(stride, stride + image.width))
            yield first, sums[(slice(None), *rows)] / totals[rows]
        for array in (sums, totals):
            array[..., :stride, :] = array[..., stride : 2 * stride, :]
            array[..., stride:, :] = 0


def row_of_windows(model: NetworkModel, image: Image, top: int, lefts: range) -> Iterator[tuple[int, np.ndarray]]:
    """First column and probabilities (K - 1, side, side) of each window of a row; 0 where there is no valid pixel."""
    side = model.card.patch
    strip = image.patch(top, lefts[0], side, lefts[-1] - lefts[0] + side, mirrored=True)
    places = [slice(left - lefts[0], left - lefts[0] + side) for left in lefts]
    together = max(1, TOGETHER_PIXELS // side**2)
    for start in range(0, len(lefts), together):
        chosen = places[start : start + together]
        seen = [number for number, place in enumerate(chosen) if strip.valid[:, place].any()]
        shares = np.zeros((len(chosen), len(model.card.classes) - 1, side, side), np.float32)
        if seen:
            pieces = [(strip.array[..., chosen[number]], strip.valid[:, chosen[number]]) for number in seen]
            inputs = [model.card.normalisation.apply(*piece) for piece in pieces]
            shares[seen] = model.shares(torch.from_numpy(np.stack(inputs))).numpy()
        yield from zip(lefts[start : start + together], shares)


def class_map(shares: np.ndarray) -> np.ndarray:
    """Class numbers, uint8 (H, W), from the probabilities (K - 1, H, W) of all classes but ground."""
    ground = 1 - shares.sum(axis=0, keepdims=True)
    return np.concatenate([ground, shares]).argmax(axis=0).astype(np.uint8)
