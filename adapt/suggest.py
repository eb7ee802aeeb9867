"""Where the next marks tell most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from scipy.ndimage import minimum_filter, uniform_filter

from adapt.evidence import Evidence, Pixels, Seen, level_of, pixels_at, probability_seen
from adapt.fit import USUAL, spread_of
from adapt.process import logistic
from fusion.correction import likeness, scaled
from fusion.hybrid import HybridModel
from fusion.scene_threshold import log_odds_counts
from scenes.grid import Grid

SIDE = 7  # pixels of a place: 210 m on Landsat, which one sees
CANDIDATES = 1500  # places that are compared, over all windows
NOISE = 1.0  # variance of what one mark says, squared log-odds
LEAST_DOUBT = 0.05  # share of a certain pixel's weight: far from home, errors are often certain
MIXED = 0.5  # log-odds: a place whose pixels differ as much has half the say of a uniform one


@dataclass(frozen=True)
class Place:
    """A square of 7 x 7 pixels in the scene's coordinate system that is worth a mark.

    ``probability``: of glacier by the model, at its middle.
    """

    geometry: Any
    probability: float


def suggest(
    model: HybridModel, windows: Sequence[tuple[Seen, Grid]], count: int, so_far: Evidence | None = None
) -> list[Place]:
    """Choose ``count`` places, one after the other, each where a mark makes the rest of the scene most certain.

    That is where a Gaussian process over the trees' channels (as ``adapt.fit`` has it) loses most variance, weighed by
    the model's doubt (Cohn et al. 1996, doi:10.1613/jair.295): pixels that are uncertain, many alike, and unlike what
    is marked already. ``windows``: what has been seen of the scene, each with the grid of its pixels; ``so_far``: the
    marks there are. Gives fewer places where the scene has no more.
    """
    raise NotImplementedError
