"""Defaults of the mapping, apart from its work, so that a command line can list them at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MODEL = Path(__file__).resolve().parents[1] / "model.pth"  # the shipped one


@dataclass(frozen=True)
class Postprocess:
    """Parameters of all steps; 0 leaves a step out. Those of masks are off: none adds 0.005 MCC out-of-fold.

    ``minimum_area``: a scene's outlines below it are left out, and its ``mask.tif`` keeps what the model says; 0.01 km2
    is the inventories' own (Paul et al. 2009, doi:10.3189/172756410790595778). ``tidy_mask`` applies it to pixels.
    """

    minimum_area: float = 0.01  # km2, of fragments that are kept
    largest_hole: float = 0.0  # km2, of holes that are filled
    merge_distance: float = 0.0  # m, between fragments that become one
    opening: float = 0.0  # m, radius: cuts off what is narrower than twice this
    closing: float = 0.0  # m, radius: closes gaps narrower than twice this
    simplify: float = 0.0  # m, by which an outline may move; neighbours keep their common border
    smooth: int = 0  # times that Chaikin's corner cutting is applied to the outlines
