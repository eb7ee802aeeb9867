"""Tiles and scenes of any size through windows that overlap, so that memory is bounded by the window."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from baseline.gbm import cells_of
from cnn.tile_probability import network_input, view_probability
from cnn.unet import NETWORK_STRIDE
from features.channels import parse_channel
from features.indices import compute_index
from features.levels import relative_rows, tile_levels
from features.relative import MEDIAN, scene_levels, scene_median, scene_rank
from features.stack import FeatureStack, build_stack
from fusion.alike import drawn_to_alike, pull_of
from fusion.fuse import fused_probability
from fusion.hybrid import HybridModel, Prediction, predict_tile, tree_scores
from fusion.layout import LARGE, Layout, Part
from fusion.pipeline import in_order
from fusion.scene_threshold import glacier_mask
from tiles.tile import Tile

WINDOW, OVERLAP = 640, 0.125  # of a tile beyond LARGE, at most: the processor's caches hold windows better
STRIP = 256  # rows that are fused at a time


def reach(model: HybridModel) -> int:
    """Pixels around a place that its channels depend on, even."""
    sides = [2 * parse_channel(name).reach for name in model.gbm.channel_names]  # the trees' pixels are twice as large
    sides += [parse_channel(name).reach for name in model.unet.channel_names]
    return (max(sides) + 4) // 2 * 2


def levels_for(model: HybridModel, sample: Tile) -> dict[str, np.ndarray]:
    """The quantiles of a scene that the model's channels are relative to, from a sample of its pixels."""
    return tile_levels(sample, relative_rows((*model.gbm.channel_names, *model.unet.channel_names)))


def map_part(
    model: HybridModel,
    read: Callable[[int, int, int, int], Tile],
    layout: Layout,
    part: Part,
    levels: Mapping[str, np.ndarray],
    device: torch.device,
) -> tuple[np.ndarray, ...]:
    """The part's share of the network's probability over its extent, then over its core all that ``tree_scores`` gives.

    ``read`` gives a rectangle (row, column, rows, columns) of the scene; ``levels`` are its quantiles. All arrays are
    float32. Where the extents of several parts overlap, their shares add up. The others are NaN under nodata. All are
    empty where the part holds only nodata.

    Channels relative to the scene take the whole scene for the trees, which trained on scenes of all sizes, and a
    window for the network, which trained on tiles.
    """
    row, column, rows, columns = layout.extent(part)
    margin = reach(model)
    tile = read(row - margin, column - margin, rows + 2 * margin, columns + 2 * margin)
    if not tile.valid[margin : margin + rows, margin : margin + columns].any():
        return (np.zeros((0, 0), np.float32),) * (2 + len(model.corrections))
    said, weight = network_mean(model, tile, levels, layout, part, margin, device)
    here = tile.valid[margin : margin + rows, margin : margin + columns]
    _, _, core_rows, core_columns = layout.core(part)
    core = tile.crop(0, 0, core_rows + 2 * margin, core_columns + 2 * margin)
    unsure = pull_of(said, here) > 0  # seldom; else the trees' channels of the core are enough
    cells = cells_of(model.gbm, tile if unsure else core, levels)
    if unsure:
        said = drawn_to_alike(said, cells.crop(margin // 2, margin // 2, -(-rows // 2), -(-columns // 2)), here)
    inner = (slice(margin, margin + core_rows), slice(margin, margin + core_columns))
    of_core = cells.crop(0, 0, *(-(-side // 2) for side in core.shape))
    scores = tree_scores(model, of_core, core.valid)
    return (said * weight, *(np.where(core.valid[inner], one[inner], np.float32(np.nan)) for one in scores))


def network_mean(
    model: HybridModel,
    tile: Tile,
    levels: Mapping[str, np.ndarray],
    layout: Layout,
    part: Part,
    margin: int,
    device: torch.device,
) -> tuple[np.ndarray, np.ndarray]:
    """The weighted mean of the windows' probabilities over the part's extent, 0 under nodata, and its weight."""
    _, _, rows, columns = layout.extent(part)
    names = model.unet.channel_names
    whole = build_stack(tile, names, levels)
    total, weights = np.zeros((2, rows, columns), np.float32)
    for top, left, weight, views in layout.windows(part):
        box = (slice(margin + top, margin + top + layout.window), slice(margin + left, margin + left + layout.window))
        place = (slice(top, top + layout.window), slice(left, left + layout.window))
        weights[place] += weight
        if not whole.valid[box].any():
            continue
        array = whole.array[(slice(None), *box)].copy()
        to_own_levels(array, names, tile.crop(box[0].start, box[1].start, layout.window, layout.window), levels)
        stack = FeatureStack(array, names, whole.valid[box])
        channels = network_input(stack, model.unet.mean, model.unet.std).to(device)
        seen = [view_probability(model.unet, channels, view) for view in views]
        total[place] += weight * np.mean(seen, axis=0, dtype=np.float32)
    total[~whole.valid[margin : margin + rows, margin : margin + columns]] = 0
    return total / weights, weights


def to_own_levels(array: np.ndarray, names: Sequence[str], window: Tile, levels: Mapping[str, np.ndarray]) -> None:
    """Take the relative channels of a window, array (C, H, W), from the window's quantiles instead of ``levels``."""
    for row, name in enumerate(names):
        channel = parse_channel(name)
        measured = all(band in window.bands for band in channel.bands)
        if not channel.relative or channel.row not in levels or not measured:
            continue
        values = compute_index(channel.row, window.bands)
        if channel.transform == "rank":
            ranks = scene_rank(values, scene_levels(values[window.valid]))
            array[row] = np.where(window.valid, ranks, np.float32(np.nan))
        else:  # differences from the median
            array[row] += levels[channel.row][MEDIAN] - scene_median(values[window.valid])


def fitting_window(side: int) -> int:
    """The side of windows that cover ``side`` pixels with little beyond, at most WINDOW."""
    count = math.ceil((side - WINDOW * OVERLAP) / (WINDOW * (1 - OVERLAP)))
    fitting = side / (count - (count - 1) * OVERLAP)
    step = 2 * NETWORK_STRIDE
    return min(WINDOW, math.ceil(fitting / step) * step)


def predict(
    model: HybridModel, tile: Tile, device: torch.device, views: int | None = None, jobs: int = 1
) -> Prediction:
    """Map one tile of any size on ``jobs`` threads; ``views`` as for ``fusion.hybrid.predict_tile``."""
    height, width = tile.shape
    if max(height, width) <= LARGE:
        return predict_tile(model, tile, device, views, jobs)
    layout = Layout(height, width, fitting_window(max(height, width)), OVERLAP, 1, views or model.views)
    levels = levels_for(model, tile)

    def work(part: Part) -> tuple[np.ndarray, ...]:
        return map_part(model, tile.around, layout, part, levels, device)

    targets = np.zeros((2 + len(model.corrections), *tile.shape), np.float32)
    for part, pieces in zip(layout.parts(), in_order(work, layout.parts(), jobs)):
        row, column, _, _ = layout.extent(part)
        for target, piece in zip(targets, pieces):
            here = target[row : row + len(piece), column : column + piece.shape[1]]
            here += piece[: here.shape[0], : here.shape[1]]
    targets[:, ~tile.valid] = 0
    targets[0] = np.clip(targets[0], 0, 1)
    unet, gbm, *offsets = targets

    def fuse(top: int) -> np.ndarray:
        rows = slice(top, top + STRIP)
        return fused_probability(model.fusion, unet[rows], gbm[rows], tile.valid[rows], [one[rows] for one in offsets])

    probability = np.concatenate(list(in_order(fuse, range(0, height, STRIP), jobs)))
    return Prediction(unet, gbm, probability, glacier_mask(model.fusion, probability, tile.valid))
