"""Encoders: ResNet-34 and ResNet-50 (He et al. 2016, arXiv:1512.03385).

Parameters bear torchvision's names, so that files of its weights load; the library itself is not needed.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

WIDTHS = (64, 128, 256, 512)
BLOCKS = (3, 4, 6, 3)  # of both


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut(inputs, width, stride)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) to (N, width, H / stride, W / stride)."""
        found = functional.relu(self.bn1(self.conv1(features)))
        return functional.relu(self.bn2(self.conv2(found)) + self.downsample(features))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolution beside a shortcut; the 3x3 one has the stride, as in torchvision."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = shortcut(inputs, outputs, stride)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) to (N, 4 width, H / stride, W / stride)."""
        found = functional.relu(self.bn1(self.conv1(features)))
        found = functional.relu(self.bn2(self.conv2(found)))
        return functional.relu(self.bn3(self.conv3(found)) + self.downsample(features))


def shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Nothing where the shape stays, else a 1x1 convolution with batch normalisation."""
    if stride == 1 and inputs == outputs:
        return nn.Sequential()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class ResNet(nn.Module):
    """The encoder alone, for any number of channels."""

    def __init__(self, block: type[BasicBlock] | type[Bottleneck], channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        outputs = [width * block.expansion for width in WIDTHS]
        inputs = [64, *outputs]
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(
                block(inputs[level], WIDTHS[level], 1 if level == 0 else 2),
                *(block(outputs[level], WIDTHS[level], 1) for _ in range(BLOCKS[level] - 1)),
            )
            for level in range(4)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, channels: torch.Tensor) -> list[torch.Tensor]:
        """(N, C, H, W) to the features at 1/2 (64), 1/4, 1/8, 1/16 and 1/32 of its size."""
        levels = [functional.relu(self.bn1(self.conv1(channels)))]
        features = functional.max_pool2d(levels[0], 3, 2, 1)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            features = layer(features)
            levels.append(features)
        return levels


def resnet34(channels: int) -> ResNet:
    """ResNet-34: 64, 64, 128, 256 and 512 features."""
    return ResNet(BasicBlock, channels)


def resnet50(channels: int) -> ResNet:
    """ResNet-50: 64, 256, 512, 1024 and 2048 features."""
    return ResNet(Bottleneck, channels)
