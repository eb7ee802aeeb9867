"""A tiny network and batches for it, for tests of the trainer."""

from __future__ import annotations

import torch
from torch import nn

from cnn.settings import TrainerSettings
from cnn.trainer import Trainer

SETTINGS = TrainerSettings(
    8,
    0.1,
    mixed_precision=False,
    evaluate_every=1,
    checkpoint_every=1,
    average=0,
    loss="cross_entropy",
    schedule="constant",
)


class Noise:
    """Batches that depend on their step alone."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def batch(self, step, share):
        random = torch.Generator().manual_seed(step)
        channels = torch.randn(4, 2, 6, 6, generator=random)
        truth = (channels[:, 0] > 0).long()
        return channels[share] * self.factor, truth[share], torch.ones(4, 6, 6, dtype=torch.bool)[share]

    def state(self):
        return ""

    def restore(self, state):
        pass


def trainer_for(settings: TrainerSettings, factor: float = 1.0) -> Trainer:
    torch.manual_seed(0)
    return Trainer(nn.Conv2d(2, 2, 1), Noise(factor), settings, torch.device("cpu"), {"settings": str(settings)})
