"""Glacier probability of a whole tile from the U-Net."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from cnn.unet import NETWORK_STRIDE, CompactUNet
from features.stack import FeatureStack


@dataclass(frozen=True)
class UNetModel:
    """A trained network with what its input needs: channel names, their mean and standard deviation."""

    network: CompactUNet
    channel_names: tuple[str, ...]
    mean: np.ndarray
    std: np.ndarray


def network_input(stack: FeatureStack, mean: np.ndarray, std: np.ndarray) -> torch.Tensor:
    """Normalised channels (1, C + 1, H', W'), valid mask last; H', W' padded to multiples of 32 with nodata."""
    normalised = (stack.array - mean.reshape(-1, 1, 1)) / std.reshape(-1, 1, 1)
    known = np.where(np.isfinite(normalised), normalised, np.float32(0)).astype(np.float32)
    channels = torch.from_numpy(np.concatenate([known, stack.valid[None].astype(np.float32)]))[None]
    rows, columns = stack.valid.shape
    return functional.pad(channels, (0, -columns % NETWORK_STRIDE, 0, -rows % NETWORK_STRIDE))


@torch.no_grad()
def unet_probability(
    models: Sequence[UNetModel], stacks: Sequence[FeatureStack], device: torch.device, flips: bool = False
) -> np.ndarray:
    """Mean glacier probability of the networks, float32 (H, W), 0 under nodata.

    ``stacks``: one for each model, with its channels. ``flips``: average over the four flips as well
    (test-time augmentation), at four times the cost.
    """
    rows, columns = stacks[0].valid.shape
    total = np.zeros((rows, columns), np.float32)
    views: list[list[int]] = [[], [2], [3], [2, 3]] if flips else [[]]
    for model, stack in zip(models, stacks):
        channels = network_input(stack, model.mean, model.std).to(device, memory_format=torch.channels_last)
        for axes in views:
            logits = model.network(channels.flip(axes) if axes else channels)
            logits = logits.flip([axis - 1 for axis in axes]) if axes else logits
            total += torch.sigmoid(logits.float())[0, :rows, :columns].cpu().numpy()
    return np.where(stacks[0].valid, total / (len(models) * len(views)), np.float32(0))
