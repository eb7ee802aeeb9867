"""Tiles and scenes of any size through windows that overlap, so that memory is bounded by the window."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch

from baseline.gbm import gbm_score
from cnn.predict import VIEWS, network_input, view_probability
from cnn.unet import NETWORK_STRIDE
from features.indices import INDICES, compute_index
from features.relative import scene_levels
from features.stack import FeatureStack, build_stack, parse_channel
from fusion.fuse import NEIGHBOURHOODS, Fusion, fused_probability
from fusion.hybrid import HybridModel, Prediction, predict_tile
from fusion.layout import Layout, Part
from fusion.pipeline import in_order
from tiles.tile import Tile

LARGE = 1536  # pixels a side beyond which a tile is mapped by windows
WINDOW, OVERLAP = 1024, 0.125  # of a large tile, at most
SAMPLE_PIXELS = 1_000_000  # of a large tile or a scene, from which its quantiles are taken
STRIP = 256  # rows that are fused at a time
HALO = max(NEIGHBOURHOODS) // 2 + 1  # rows around a strip that the fusion looks at


def tile_levels(tile: Tile) -> dict[str, np.ndarray]:
    """Quantiles of every row of the index table that the tile has the bands for, each float32 (513,)."""
    return {
        name: scene_levels(compute_index(name, tile.bands)[tile.valid])
        for name, row in INDICES.items()
        if all(band in tile.bands for band in row.bands)
    }


def reach(model: HybridModel) -> int:
    """Pixels around a place that its channels depend on, even."""
    windows = [2 * parse_channel(name)[2] for name in model.gbm.channel_names]  # the trees' pixels are twice as large
    windows += [parse_channel(name)[2] for name in model.unet.channel_names]
    return (max(windows) // 2 + 4) // 2 * 2


def map_part(
    model: HybridModel,
    read: Callable[[int, int, int, int], Tile],
    levels: Mapping[str, np.ndarray],
    layout: Layout,
    part: Part,
    device: torch.device,
) -> tuple[np.ndarray, np.ndarray]:
    """The part's share of the network's probability over its extent, and the trees' score over its core.

    ``read`` gives a rectangle (row, column, rows, columns) of the scene, ``levels`` its quantiles. Both arrays are
    float32; where windows of several parts overlap, their shares add up. The score is NaN under nodata. Both are of
    no size where there is nothing but nodata.
    """
    row, column, rows, columns = layout.extent(part)
    margin = reach(model)
    tile = read(row - margin, column - margin, rows + 2 * margin, columns + 2 * margin)
    tile = replace(tile, bands={name: band for name, band in tile.bands.items() if name in levels})
    if not tile.valid[margin : margin + rows, margin : margin + columns].any():
        return np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32)
    return (
        network_share(model, tile, levels, layout, part, margin, device),
        core_score(model, tile, levels, layout, part, margin),
    )


def network_share(
    model: HybridModel,
    tile: Tile,
    levels: Mapping[str, np.ndarray],
    layout: Layout,
    part: Part,
    margin: int,
    device: torch.device,
) -> np.ndarray:
    """Weighted sum of the windows' probabilities over the part's extent."""
    _, _, rows, columns = layout.extent(part)
    whole = build_stack(tile, model.unet.channel_names, levels)
    inner = (slice(margin, margin + rows), slice(margin, margin + columns))
    stack = FeatureStack(whole.array[(slice(None), *inner)], whole.names, whole.valid[inner])
    channels = network_input(stack, model.unet.mean, model.unet.std).to(device)
    share = np.zeros((rows, columns), np.float32)
    for top, left, weight, views in layout.windows(part):
        box = (slice(top, top + layout.window), slice(left, left + layout.window))
        if stack.valid[box].any():
            seen = [view_probability(model.unet, channels[:, :, box[0], box[1]], VIEWS[view]) for view in views]
            share[box] += weight * np.mean(seen, axis=0, dtype=np.float32)
    share[~stack.valid] = 0
    return share


def core_score(
    model: HybridModel, tile: Tile, levels: Mapping[str, np.ndarray], layout: Layout, part: Part, margin: int
) -> np.ndarray:
    """The trees' score over the part's core, NaN under nodata."""
    _, _, rows, columns = layout.core(part)
    around = tile.part(0, 0, rows + 2 * margin, columns + 2 * margin)
    score = gbm_score(model.gbm, around, 1, levels)[margin : margin + rows, margin : margin + columns]
    valid = tile.valid[margin : margin + rows, margin : margin + columns]
    return np.where(valid, score, np.float32(np.nan))


def fitting_window(side: int) -> int:
    """The side of windows that cover ``side`` pixels with little beyond, at most WINDOW."""
    count = math.ceil((side - WINDOW * OVERLAP) / (WINDOW * (1 - OVERLAP)))
    fitting = side / (count - (count - 1) * OVERLAP)
    step = 2 * NETWORK_STRIDE
    return min(WINDOW, math.ceil(fitting / step) * step)


def fused_rows(
    fusion: Fusion, unet: np.ndarray, gbm: np.ndarray, valid: np.ndarray, top: int, bottom: int
) -> np.ndarray:
    """Fused probability, float32, of the rows from ``top`` to ``bottom`` of larger arrays (H, W)."""
    above, below = min(HALO, top), min(HALO, len(valid) - bottom)
    rows = slice(top - above, bottom + below)
    return fused_probability(fusion, unet[rows], gbm[rows], valid[rows])[above : above + bottom - top]


def predict(
    model: HybridModel, tile: Tile, device: torch.device, views: int | None = None, jobs: int = 1
) -> Prediction:
    """Map one tile of any size on ``jobs`` threads; ``views`` as for ``fusion.hybrid.predict_tile``."""
    height, width = tile.shape
    if max(height, width) <= LARGE:
        return predict_tile(model, tile, device, views, jobs)
    layout = Layout(height, width, fitting_window(max(height, width)), OVERLAP, 1, views or model.views)
    step = math.ceil(math.sqrt(height * width / SAMPLE_PIXELS))
    levels = tile_levels(tile.every(step))

    def work(part: Part) -> tuple[np.ndarray, np.ndarray]:
        return map_part(model, tile.around, levels, layout, part, device)

    unet, gbm = np.zeros(tile.shape, np.float32), np.zeros(tile.shape, np.float32)
    for part, (share, score) in zip(layout.parts(), in_order(work, layout.parts(), jobs)):
        for target, piece, (row, column, *_) in ((unet, share, layout.extent(part)), (gbm, score, layout.core(part))):
            rows, columns = min(len(piece), height - row), min(piece.shape[1], width - column)
            known = np.where(np.isnan(piece), 0, piece)[:rows, :columns].astype(np.float32)
            target[row : row + rows, column : column + columns] += known
    unet = np.clip(unet, 0, 1)

    def fuse(top: int) -> np.ndarray:
        return fused_rows(model.fusion, unet, gbm, tile.valid, top, min(top + STRIP, height))

    probability = np.concatenate(list(in_order(fuse, range(0, height, STRIP), jobs)))
    return Prediction(unet, gbm, probability, (probability > model.fusion.threshold) & tile.valid)
