"""Draws the simulated copies of labelled tiles that the baseline and the U-Net also train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from joblib import Parallel, delayed
from tqdm import tqdm

from command import hidden
from features.indices import compute_index
from simulation.colours import other_colours
from simulation.season import SNOW_NDSI, Seasons, other_season
from simulation.sensor import Sensors, other_sensor
from tiles.folder import LabelledTile
from tiles.tile import Tile

SNOWY = 0.3  # of the ground outside glaciers


@dataclass(frozen=True)
class Simulation:
    """How many copies of each tile are drawn, and how."""

    seasons: Seasons = field(default_factory=Seasons)
    sensors: Sensors = field(default_factory=Sensors)


def simulated(labelled: LabelledTile, simulation: Simulation, seed: int) -> list[LabelledTile]:
    """Draw the copies of one tile, other seasons first; they depend on its id, its pixels and the seed alone.

    Only snowy tiles have other seasons: it is the snow that melts.
    """
    tile, truth = labelled
    seasons, sensors, key = simulation.seasons, simulation.sensors, tile.tile_id.encode()
    if not snowy(tile, truth):
        seasons = replace(seasons, copies=0)
    copies = [
        other_season(tile, truth, seasons, np.random.default_rng([seed, 0, number, *key]))
        for number in range(seasons.copies)
    ]
    copies += [
        other_sensor(tile, truth, sensors, np.random.default_rng([seed, 1, number, *key]))
        for number in range(sensors.copies)
    ]
    return copies


def snowy(tile: Tile, truth: np.ndarray) -> bool:
    """Whether snow lies on enough of the ground outside the glaciers."""
    ground = tile.valid & ~truth
    return bool(ground.any() and (compute_index("ndsi", tile.bands)[ground] > SNOW_NDSI).mean() >= SNOWY)


def simulated_tiles(
    tiles: Sequence[LabelledTile],
    simulation: Simulation,
    seed: int,
    jobs: int = 0,
    chips: Sequence[Tile] = (),
    coloured: int = 0,
) -> list[LabelledTile]:
    """Draw the copies of all tiles on ``jobs`` threads (0: all), then ``coloured`` ones of each as chips are."""
    work = [delayed(simulated)(labelled, simulation, seed) for labelled in tiles]
    if chips:
        work += [delayed(other_colours)(labelled, chips, coloured, seed) for labelled in tiles]
    done = Parallel(n_jobs=jobs or -1, prefer="threads", return_as="generator")(work)
    drawn = list(tqdm(done, total=len(work), desc="simulation", unit="tile", disable=hidden()))
    return [copy for copies in drawn for copy in copies]
