"""The architectures by name: each takes the number of channels and of classes, where one class means one logit."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from cnn.architectures.attention_deeplab import AttentionDeepLab
from cnn.architectures.classic_unet import ClassicUNet
from cnn.architectures.compact_unet import CompactUNetOfClasses
from cnn.architectures.glavitu import Glavitu
from cnn.architectures.glavitu_global import GlavituGlobal
from cnn.architectures.library import PREFIX, library_network
from cnn.architectures.mlandsnet import MLandsNet
from cnn.architectures.resnet50_unet import ResNet50UNet
from cnn.architectures.unetpp import UNetPlusPlus
from errors import SettingError

ARCHITECTURES: dict[str, Callable[[int, int], nn.Module]] = {
    "attention_deeplab": AttentionDeepLab,
    "glavitu": Glavitu,
    "glavitu_global": GlavituGlobal,
    "mlandsnet": MLandsNet,
    "unetpp": UNetPlusPlus,
    "resnet50_unet": ResNet50UNet,
    "classic_unet": ClassicUNet,
    "compact_unet": CompactUNetOfClasses,
}


def build_network(name: str, channels: int, classes: int) -> nn.Module:
    """A network with random weights, (N, channels, H, W) to logits (N, classes, H, W); SettingError for no such name.

    While training it may give a list of logits: those of the network and of its deep supervision.
    """
    if name.startswith(PREFIX):
        return library_network(name, channels, classes)
    if name not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise SettingError(f"--arch {name}: no such network; choose one of {known}, or smp:NAME:ENCODER.")
    return ARCHITECTURES[name](channels, classes)
