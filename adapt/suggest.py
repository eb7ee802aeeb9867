"""Where the next marks tell most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapt.evidence import Evidence, Seen
from fusion.hybrid import HybridModel
from scenes.grid import Grid


@dataclass(frozen=True)
class Place:
    """A square of 7 x 7 pixels in the scene's coordinate system that is worth a mark.

    ``probability``: of glacier by the model, mean over the square.
    """

    geometry: Any
    probability: float


def suggest(
    model: HybridModel, windows: Sequence[tuple[Seen, Grid]], count: int, so_far: Evidence | None = None
) -> list[Place]:
    """Choose ``count`` places: uncertain, unlike each other and what is marked already, uniform, spread out.

    ``windows``: what has been seen of the scene, each with the grid of its pixels; ``so_far``: the marks there are.
    """
    raise NotImplementedError
