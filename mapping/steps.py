"""The parameters of the post-processing, apart from its work, so that a command line can list them at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Postprocess:
    """Parameters of all steps; 0 leaves a step out. All off: none adds 0.005 MCC out-of-fold (see docs/mapping.md)."""

    minimum_area: float = 0.0  # km2, of fragments that are kept
    largest_hole: float = 0.0  # km2, of holes that are filled
    merge_distance: float = 0.0  # m, between fragments that become one
    opening: float = 0.0  # m, radius: cuts off what is narrower than twice this
    closing: float = 0.0  # m, radius: closes gaps narrower than twice this
    simplify: float = 0.0  # m, by which an outline may move; neighbours keep their common border
    smooth: int = 0  # times that Chaikin's corner cutting is applied to the outlines
