"""Windows of a scene among which places to mark are sought, and the places as a GeoPackage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from adapt.evidence import Box, Seen, layout_of, look_at, whole
from adapt.suggest import Place
from command import hidden
from fusion.hybrid import HybridModel
from fusion.layout import Layout
from fusion.windowed import levels_for
from mapping.run import sample_of
from scenes.grid import Grid
from scenes.scene import Scene
from scenes.vectors import write_geopackage

MOST_WINDOWS = 16  # of a large scene that are looked at: more show little that is new


def seen_windows(model: HybridModel, scene: Scene, device: torch.device, jobs: int) -> list[tuple[Seen, Grid]]:
    """What the model sees of the scene, or of windows spread over a large one, each with its grid."""
    layout = layout_of(scene)
    if layout is None:
        return [(look_at(model, scene, whole(scene), None, device, jobs), scene.grid)]
    levels, found = levels_for(model, sample_of(scene)), []
    for box in tqdm(spread_boxes(layout), desc=scene.name, unit="window", disable=hidden()):
        seen = look_at(model, scene, box, levels, device, jobs)
        if seen.valid.any():
            found.append((seen, scene.grid.part(*box)))
    return found


def spread_boxes(layout: Layout) -> list[Box]:
    """At most MOST_WINDOWS windows, spread over the whole scene."""
    side = int(np.sqrt(MOST_WINDOWS))
    tops, lefts = (
        sorted({round(one) for one in np.linspace(0, count - 1, min(side, count))}) for count in layout.counts
    )
    return [(*layout.start(top, left), layout.window, layout.window) for top in tops for left in lefts]


def write_places(path: Path, places: Sequence[Place], crs: str) -> None:
    """Write places as a GeoPackage with the columns ``id``, ``probability`` and an empty ``glacier``."""
    columns = {
        "id": [str(number) for number in range(1, len(places) + 1)],
        "probability": [place.probability for place in places],
        "glacier": pd.array([None] * len(places), dtype="Int32"),
    }
    table = gpd.GeoDataFrame(columns, geometry=[place.geometry for place in places], crs=crs)
    write_geopackage(table, path, "marks")
