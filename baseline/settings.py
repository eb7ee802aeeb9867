"""Settings of the baseline, apart from its work, so that a command line can list them at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulation.draw import Simulation
from simulation.extent import Extents

# Windows count pixels of 60 m.
# fmt: off
GBM_CHANNELS = (
    "blue", "green", "swir1", "ndsi", "ndsaii", "ndglai", "blue_red", "blue_green",
    "green.scene", "swir1.scene", "thermal.scene", "ndsi.scene",
    "green.rank", "ndsi.rank", "thermal.rank",
    "green.mean3", "green.meanscene11", "green.meanscene31", "green.meanscene61",
    "swir1.mean3", "swir1.meanscene11", "swir1.meanscene31",
    "ndsi.mean3", "ndsi.mean11", "ndsi.mean31",
    "ndglai.mean11", "blue_red.mean11",
    "thermal.meanscene3", "thermal.meanscene11", "thermal.meanscene31", "thermal.meanscene61",
    "green.diff11", "green.diff31", "swir1.diff11", "thermal.diff11", "thermal.diff31", "thermal.diff61",
    "green.std3", "green.std11", "green.std31", "swir1.std11", "thermal.std11", "ndsi.std11",
    "green.gradient3",
    "green.contrast3", "green.contrast11", "green.correlation3", "green.correlation11", "green.share31",
)
# fmt: on


@dataclass(frozen=True)
class GbmConfig:
    """Settings of the baseline."""

    channels: tuple[str, ...] = GBM_CHANNELS
    trees: int = 150
    leaves: int = 31
    learning_rate: float = 0.1
    smallest_leaf: int = 200
    rows_per_tile: int = 12_000
    rows_per_copy: int = 2_500  # of each simulated copy of a tile
    simulation: Simulation = field(default_factory=Simulation)
    extents: Extents = field(default_factory=Extents)  # rows of a tile once more, relative to a larger scene
    missing_thermal: float = 0.2  # share of rows shown without temperature, so that its absence is known
    seed: int = 0
    jobs: int = 0
