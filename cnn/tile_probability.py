"""Glacier probability of a whole tile from the U-Net."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from cnn.inference import InferenceNetwork
from cnn.unet import NETWORK_STRIDE, CompactUNet
from features.stack import FeatureStack

# Ways to turn a tile and to turn its map back; a model takes the mean of the first few (test-time augmentation).
# A quarter turn tells the network more than a flip: two views are as good as four flips.
Turn = Callable[[torch.Tensor], torch.Tensor]
VIEWS: tuple[tuple[Turn, Turn], ...] = (
    (lambda tile: tile, lambda found: found),
    (lambda tile: torch.rot90(tile, 1, (-2, -1)), lambda found: torch.rot90(found, -1, (-2, -1))),
    (lambda tile: torch.rot90(tile, 2, (-2, -1)), lambda found: torch.rot90(found, 2, (-2, -1))),
    (lambda tile: tile.transpose(-2, -1), lambda found: found.transpose(-2, -1)),
)


@dataclass(frozen=True)
class UNetModel:
    """Trained networks with what their input needs: channel names, their mean and standard deviation.

    The networks take turns with the views of a tile: two networks with a view each cost as much as one with two views.
    """

    networks: tuple[CompactUNet, ...]
    channel_names: tuple[str, ...]
    mean: np.ndarray
    std: np.ndarray

    @cached_property
    def runners(self) -> tuple[InferenceNetwork, ...]:
        """The networks as inference runs them."""
        return tuple(InferenceNetwork(network) for network in self.networks)


def network_input(stack: FeatureStack, mean: np.ndarray, std: np.ndarray) -> torch.Tensor:
    """Normalised channels (1, C + 1, H', W'), valid mask last; H', W' padded to multiples of 32 with nodata.

    In memory the channels of a pixel lie side by side (channels-last), which convolutions are fastest with and which
    a view is turned in four times as fast.
    """
    count, rows, columns = stack.array.shape
    channels = torch.zeros((1, count + 1, rows + -rows % NETWORK_STRIDE, columns + -columns % NETWORK_STRIDE))
    for row in range(count):
        normalised = (stack.array[row] - mean[row]) * np.float32(1 / std[row])
        normalised[~np.isfinite(normalised)] = 0
        channels[0, row, :rows, :columns] = torch.from_numpy(normalised)
    channels[0, count, :rows, :columns] = torch.from_numpy(stack.valid)
    return channels.contiguous(memory_format=torch.channels_last)


def view_probability(model: UNetModel, channels: torch.Tensor, view: int) -> np.ndarray:
    """What the network whose turn it is says of the view of this number of its input (1, C, H, W): float32 (H, W)."""
    turn, turn_back = VIEWS[view]
    runner = model.runners[view % len(model.runners)]
    with torch.inference_mode():
        probability = torch.sigmoid(runner(turn(channels).contiguous(memory_format=torch.channels_last)))
        return np.asarray(turn_back(probability)[0].cpu().numpy())


def unet_probability(
    model: UNetModel, stack: FeatureStack, device: torch.device, views: int = 1, jobs: int = 1
) -> np.ndarray:
    """Mean glacier probability of the first ``views`` views, float32 (H, W), 0 under nodata.

    The cost is that of one view times their number; ``jobs`` views are computed at once.
    """
    rows, columns = stack.valid.shape
    channels = network_input(stack, model.mean, model.std).to(device)

    def of_view(view: int) -> np.ndarray:
        return view_probability(model, channels, view)[:rows, :columns]

    if jobs > 1 and views > 1:
        with ThreadPoolExecutor(min(jobs, views), initializer=torch.set_num_threads, initargs=(1,)) as pool:
            probabilities = list(pool.map(of_view, range(views)))
    else:
        probabilities = [of_view(view) for view in range(views)]
    return np.where(stack.valid, sum(probabilities) / np.float32(views), np.float32(0))
