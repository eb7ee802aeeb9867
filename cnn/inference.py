"""A trained network as inference runs it: normalisation folded into the convolutions, half precision where it pays."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cnn.device import fast_bfloat16
from cnn.unet import CompactUNet, DepthwiseConvolution


def fastest_type(device: torch.device) -> torch.dtype:
    """float16 on a GPU, bfloat16 on a processor with instructions for it, else float32."""
    if device.type == "cuda":
        return torch.float16
    return torch.bfloat16 if fast_bfloat16(device) else torch.float32


class InferenceNetwork(nn.Module):
    """The network with its decoder and the deepest level of its encoder in the fastest type of its device.

    The rest of the encoder stays in float32: with all of it in bfloat16, rounding would change 0.5 % of the pixels.
    The decoder's changes 0.02 %, that of the head and of the deepest level another 0.02 %.
    """

    def __init__(self, network: CompactUNet) -> None:
        super().__init__()
        self.kind = fastest_type(next(network.parameters()).device)
        self.network = folded(copy.deepcopy(network).eval()).to(memory_format=torch.channels_last).requires_grad_(False)
        self.network.decoder.to(self.kind)
        self.network.head.to(self.kind)
        deepest = network.levels[-2] + 1  # first block at 1/32 of the input
        for block in self.network.blocks[deepest:]:
            block.to(self.kind)
        if can_fuse(next(network.parameters()).device):
            with_fused_convolutions(self.network)
        self.network.blocks[deepest] = nn.Sequential(Cast(self.kind), self.network.blocks[deepest])

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) float32, sides multiples of 32, to logits (N, H, W) float32."""
        levels = [level.to(self.kind) for level in self.network.encode(channels)]
        return self.network.logits(self.network.decode(levels)).float()


class Cast(nn.Module):
    """To another type."""

    def __init__(self, kind: torch.dtype) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The same numbers in ``kind``."""
        return features.to(self.kind)


class FusedConvolution(nn.Module):
    """A convolution that limits its own output to 0..6 (ReLU6) where it is asked to, without another pass over it.

    oneDNN's fused convolution, which ``torch.compile`` calls as well, needs no compiler when it is called directly.
    """

    def __init__(self, convolution: nn.Conv2d, limited: bool) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias
        self.geometry = (convolution.padding, convolution.stride, convolution.dilation, convolution.groups)
        self.limits: tuple[str, list[float]] = ("hardtanh", [0.0, 6.0]) if limited else ("none", [])

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to (N, C', H / stride, W / stride)."""
        fused = torch.ops.mkldnn._convolution_pointwise
        result: torch.Tensor = fused(features, self.weight, self.bias, *self.geometry, *self.limits, "")
        return result


def can_fuse(device: torch.device) -> bool:
    """Whether this torch has oneDNN's fused convolution for the device."""
    here = device.type == "cpu" and torch.backends.mkldnn.is_available()
    return here and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


def with_fused_convolutions(module: nn.Module) -> None:
    """Replace every convolution of a module, and the ReLU6 after it, by a FusedConvolution."""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Conv2d):
            setattr(module, name, FusedConvolution(child, limited=False))
        elif isinstance(child, nn.Sequential):
            layers = list(child)
            following = [*layers[1:], None]
            fused = [
                FusedConvolution(layer, isinstance(after, nn.ReLU6))
                for layer, after in zip(layers, following)
                if isinstance(layer, nn.Conv2d)
            ]
            setattr(module, name, nn.Sequential(*fused))
        else:
            with_fused_convolutions(child)


def folded(module: Any) -> Any:
    """The module with every batch normalisation folded into the convolution before it (Jacob et al. 2018, 3.2)."""
    for name, child in list(module.named_children()):
        if not isinstance(child, nn.Sequential):
            folded(child)
            continue
        layers: list[nn.Module] = []
        for layer in child:
            if isinstance(layer, nn.BatchNorm2d) and layers and isinstance(layers[-1], nn.Conv2d):
                layers[-1] = own_type(fuse_conv_bn_eval(layers[-1], layer))
            else:
                layers.append(layer)
        setattr(module, name, nn.Sequential(*layers))
    return module


def own_type(convolution: nn.Conv2d) -> nn.Conv2d:
    """A depthwise convolution in the network's own type: only its gradient is slow in bfloat16."""
    if isinstance(convolution, DepthwiseConvolution):
        convolution.__class__ = nn.Conv2d  # type: ignore[assignment]
    return convolution
