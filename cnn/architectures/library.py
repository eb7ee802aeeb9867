"""The networks and losses of segmentation_models_pytorch, where it is installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from torch import nn

from errors import SettingError

PREFIX = "smp:"


def library(asked: str) -> Any:
    """The package; raises SettingError where it cannot be imported."""
    try:
        return import_module("segmentation_models_pytorch")
    except Exception as problem:  # a torchvision of another torch raises RuntimeError, for example
        reason = "is not installed" if isinstance(problem, ModuleNotFoundError) else f"cannot be imported ({problem})"
        raise SettingError(
            f"{asked}: the package segmentation_models_pytorch {reason}; run pip install segmentation-models-pytorch "
            "with the torchvision that goes with your torch, or choose another network."
        ) from None


def library_network(name: str, channels: int, classes: int) -> nn.Module:
    """``smp:NAME:ENCODER``, for example smp:unetplusplus:resnet34, without pretrained weights (see ``--weights``)."""
    words = name.split(":")
    if len(words) != 3 or not all(words):
        raise SettingError(f"{name}: is not understood; write smp:NAME:ENCODER, for example smp:unet:resnet34.")
    package = library(name)
    try:
        network: nn.Module = package.create_model(
            words[1], encoder_name=words[2], encoder_weights=None, in_channels=channels, classes=classes
        )
    except (KeyError, ValueError) as problem:
        told = " ".join(str(problem).split())[:200]
        raise SettingError(
            f"{name}: segmentation_models_pytorch does not know it ({told}); correct the name."
        ) from None
    return network
