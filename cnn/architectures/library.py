"""The networks and losses of segmentation_models_pytorch, where it is installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch
from torch import nn

from cnn.architectures.blocks import cropped, padded
from errors import SettingError
from tiles.raster import one_line

PREFIX, PACKAGE = "smp:", "segmentation_models_pytorch"


STRIDE = 32  # of its encoders


class AnySize(nn.Module):
    """A network that takes sides of multiples of 32 alone, for images of any size."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to logits (N, classes, H, W)."""
        return cropped(self.network(padded(channels, STRIDE)), channels)


def library(asked: str) -> Any:
    """The package; raises SettingError where it cannot be imported."""
    try:
        return import_module(PACKAGE)
    except Exception as problem:  # a torchvision of another torch raises RuntimeError, for example
        missing = isinstance(problem, ModuleNotFoundError) and problem.name == PACKAGE
        reason = "is not installed" if missing else f"cannot be imported ({one_line(problem)})"
        raise SettingError(
            f"{asked}: the package {PACKAGE} {reason}; run pip install segmentation-models-pytorch "
            "with the torchvision that goes with your torch, or choose another network."
        ) from None


def library_network(name: str, channels: int, classes: int) -> nn.Module:
    """``smp:NAME:ENCODER``, for example smp:unetplusplus:resnet34, without pretrained weights (see ``--weights``)."""
    words = name.split(":")
    if len(words) != 3 or not all(words):
        raise SettingError(f"{name}: is not understood; write smp:NAME:ENCODER, for example smp:unet:resnet34.")
    package = library(name)
    try:
        network = package.create_model(
            words[1], encoder_name=words[2], encoder_weights=None, in_channels=channels, classes=classes
        )
    except (KeyError, ValueError) as problem:
        raise SettingError(f"{name}: {PACKAGE} does not know it ({one_line(problem)}); correct the name.") from None
    return AnySize(network)
