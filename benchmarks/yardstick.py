"""The classic U-Net of other entries, to measure time against on any machine."""

from __future__ import annotations

import time

import torch

from cnn.architectures.classic_unet import ClassicUNet


def yardstick_seconds(runs: int = 5) -> float:
    """Fastest of several float32 forward passes of one 512 x 512 tile of five bands."""
    network, bands = ClassicUNet(5, 1).eval(), torch.zeros(1, 5, 512, 512)
    seconds = []
    with torch.inference_mode():
        for _ in range(runs + 1):  # the first allocates
            start = time.perf_counter()
            network(bands)
            seconds.append(time.perf_counter() - start)
    return min(seconds[1:])
