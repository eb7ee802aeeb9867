"""How each network is trained: the named systems' own ways, and one of ours for all."""

from __future__ import annotations

from dataclasses import dataclass, field

from cnn.settings import TrainerSettings
from errors import SettingError
from patches.batches import Changes


@dataclass(frozen=True)
class Recipe:
    """All settings of a training run on patches; stored with the model.

    ``patch``: pixels a side. ``logits``: 1 or 2 for binary labels. ``views``: of an image that is mapped, whose logits
    are averaged: 1, or 4 with both flips. ``select``: whether the epoch with the best validation score is kept.
    """

    patch: int = 128
    overlap: float = 0.5  # of training patches
    batch: int = 16
    epochs: float = 40
    optimiser: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    clip: float = 1.0
    schedule: str = "one_cycle"
    warmup: float = 0.15
    average: float = 0.99
    mixed_precision: bool = True
    loss: str = "ce_dice"
    logits: int = 1
    select: bool = False
    patience: int = 0  # epochs without a better validation score
    changes: Changes = field(default_factory=lambda: Changes(gain=0.1, offset=0.1, noise=0.02))
    normalisation: str = "measured"
    views: int = 4
    blend: str = "hann"
    head_factor: float = 1.0  # times the learning rate, for all but the encoder

    def steps(self, patches: int) -> int:
        """Optimiser steps of all epochs."""
        return max(1, round(self.epochs * patches / self.batch))

    def trainer(self, steps: int, patches: int) -> TrainerSettings:
        """What of it the trainer needs; scored after each epoch where scores decide anything, else five times."""
        epoch = max(1, -(-patches // self.batch))
        return TrainerSettings(
            steps,
            self.learning_rate,
            self.warmup,
            self.weight_decay,
            self.average,
            self.mixed_precision,
            epoch if self.select or self.patience else max(1, steps // 5),
            max(1, min(100, steps // 4)),
            self.loss,
            self.optimiser,
            self.schedule,
            self.clip,
            self.patience,
            self.select,
            self.head_factor,
        )


OURS = Recipe()

# As their sources have it; what these leave open is marked as ours, and is what is usual.
THEIRS = {
    "attention_deeplab": Recipe(
        patch=512, batch=8, epochs=50, optimiser="adamw", learning_rate=1e-4, weight_decay=1e-4, clip=0,
        schedule="plateau", average=0, mixed_precision=False, loss="half_ce_half_dice", logits=1, select=True,
        patience=10, changes=Changes(gain=0.2, offset=0.2, noise=0.05), views=4,
    ),  # the sizes of the changes are ours: its noise was meant for numbers up to 255
    "glavitu": Recipe(
        patch=64, batch=16, epochs=1000, optimiser="adam", learning_rate=1e-4, weight_decay=0, clip=1,
        schedule="constant", average=0, mixed_precision=False, loss="cross_entropy", logits=2, select=True,
        patience=20, changes=Changes(), views=1,
    ),
    "mlandsnet": Recipe(
        patch=128, batch=16, epochs=1000, optimiser="adam", learning_rate=1e-3, weight_decay=0, clip=0,
        schedule="constant", average=0, mixed_precision=True, loss="dice_focal", logits=2, select=True,
        patience=20, changes=Changes(), views=1,
    ),
    "unetpp": Recipe(
        patch=256, batch=16, epochs=1000, optimiser="adam", learning_rate=1e-3, weight_decay=0, clip=0,
        schedule="constant", average=0, mixed_precision=True, loss="dice_focal", logits=2, select=True,
        patience=20, changes=Changes(), views=1,
    ),
    "glavitu_global": Recipe(
        patch=384, batch=8, epochs=100, optimiser="adam", learning_rate=5e-4, weight_decay=0, clip=0,
        schedule="constant", average=0, mixed_precision=True, loss="focal", logits=2, select=True,
        patience=20, changes=Changes(), views=1, blend="gaussian",
    ),  # batch, epochs, rate and patience are ours
    "deeplabv3plus": Recipe(
        patch=1024, batch=8, epochs=14, optimiser="sgd", learning_rate=5e-4, head_factor=10, weight_decay=5e-4, clip=0,
        schedule="poly", average=0, mixed_precision=False, loss="ce_dice", logits=2, select=False,
        changes=Changes(scale=1, rotation=45, blur=1), normalisation="measured", views=1,
    ),  # weight decay, angles and the width of the blur are ours
    "resnet50_unet": Recipe(
        patch=128, batch=2, epochs=10, optimiser="adam", learning_rate=1e-5, weight_decay=0, clip=0,
        schedule="constant", average=0, mixed_precision=False, loss="cross_entropy", logits=2, select=False,
        changes=Changes(mixed=True), views=1,
    ),
}  # fmt: skip


def recipe_for(architecture: str, name: str) -> Recipe:
    """``theirs`` or ``ours``; raises SettingError where the network has no recipe of its own."""
    if name == "ours":
        return OURS
    if architecture not in THEIRS:
        raise SettingError(
            f"--recipe {name}: {architecture} has no recipe of its own; use --recipe ours, or choose one of "
            f"{', '.join(THEIRS)}."
        )
    return THEIRS[architecture]
