"""How networks for lakes are trained; those of the 2023 SIGSPATIAL Cup system are as its authors had them."""

from __future__ import annotations

from dataclasses import replace

from cnn.recipes import OURS, THEIRS, Recipe
from lakes.sam import SAM
from patches.batches import Changes

RECIPES = {
    SAM: Recipe(
        patch=1024, batch=8, epochs=10, optimiser="adam", learning_rate=5e-6, weight_decay=0, clip=0,
        schedule="constant", average=0, mixed_precision=False, loss="ce_dice", logits=1, changes=Changes(), views=1,
    ),  # nothing is changed, since the embeddings are computed once
    "deeplabv3plus": THEIRS["deeplabv3plus"],
}  # fmt: skip
OTHERS = replace(OURS, batch=8, epochs=14)  # of networks that the system did not have


def recipe_for(architecture: str) -> Recipe:
    """The recipe of a network, on patches of 1 024 pixels."""
    return RECIPES.get(architecture, replace(OTHERS, patch=1024))
