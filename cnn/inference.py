"""A trained network as inference runs it: normalisation folded into the convolutions, half precision where it pays."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cnn.unet import CompactUNet, DepthwiseConvolution


def fastest_type(device: torch.device) -> torch.dtype:
    """float16 on a GPU, bfloat16 on a processor with instructions for it, else float32."""
    if device.type == "cuda":
        return torch.float16
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # since torch 2.4
    return torch.bfloat16 if supported is not None and supported() else torch.float32


class InferenceNetwork(nn.Module):
    """The network with its decoder in the fastest type of its device.

    The encoder stays in float32: in bfloat16 it is no faster, for its depthwise filters dominate, and its rounding
    would change 0.5 % of the pixels; the decoder's changes 0.02 %.
    """

    def __init__(self, network: CompactUNet) -> None:
        super().__init__()
        self.kind = fastest_type(next(network.parameters()).device)
        self.network = folded(copy.deepcopy(network).eval()).to(memory_format=torch.channels_last).requires_grad_(False)
        self.network.decoder.to(self.kind)

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) float32, sides multiples of 32, to logits (N, H, W) float32."""
        levels = [level.to(self.kind) for level in self.network.encode(channels)]
        return self.network.logits(self.network.decode(levels).float())


def folded(module: Any) -> Any:
    """The module with every batch normalisation folded into the convolution before it (Jacob et al. 2018, 3.2)."""
    for name, child in list(module.named_children()):
        if not isinstance(child, nn.Sequential):
            folded(child)
            continue
        layers: list[nn.Module] = []
        for layer in child:
            if isinstance(layer, nn.BatchNorm2d) and layers and isinstance(layers[-1], nn.Conv2d):
                layers[-1] = plain(fuse_conv_bn_eval(layers[-1], layer))
            else:
                layers.append(layer)
        setattr(module, name, nn.Sequential(*layers))
    return module


def plain(convolution: nn.Conv2d) -> nn.Conv2d:
    """A depthwise convolution in the network's own type: only its gradient is slow in bfloat16."""
    if isinstance(convolution, DepthwiseConvolution):
        convolution.__class__ = nn.Conv2d  # type: ignore[assignment]
    return convolution
