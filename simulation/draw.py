"""Draws the simulated copies of labelled tiles that the baseline and the U-Net also train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from joblib import Parallel, delayed
from tqdm import tqdm

from simulation.season import Seasons, other_season
from simulation.sensor import Sensors, other_sensor
from tiles.folder import LabelledTile


@dataclass(frozen=True)
class Simulation:
    """How many copies of each tile are drawn, and how."""

    seasons: Seasons = field(default_factory=Seasons)
    sensors: Sensors = field(default_factory=Sensors)


def simulated(labelled: LabelledTile, simulation: Simulation, seed: int) -> list[LabelledTile]:
    """The copies of one tile, other seasons first; they depend on its id, its pixels and the seed alone."""
    tile, truth = labelled
    seasons, sensors, key = simulation.seasons, simulation.sensors, tile.tile_id.encode()
    copies = [
        other_season(tile, truth, seasons, np.random.default_rng([seed, 0, number, *key]))
        for number in range(seasons.copies)
    ]
    copies += [
        other_sensor(tile, truth, sensors, np.random.default_rng([seed, 1, number, *key]))
        for number in range(sensors.copies)
    ]
    return copies


def simulated_tiles(
    tiles: Sequence[LabelledTile], simulation: Simulation, seed: int, jobs: int = 0
) -> list[LabelledTile]:
    """The copies of all tiles, drawn on ``jobs`` threads (0: all)."""
    work = (delayed(simulated)(labelled, simulation, seed) for labelled in tiles)
    done = Parallel(n_jobs=jobs or -1, prefer="threads", return_as="generator")(work)
    drawn = list(tqdm(done, total=len(tiles), desc="simulation", unit="tile", disable=None))
    return [copy for copies in drawn for copy in copies]
