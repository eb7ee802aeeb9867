"""A mask drawn by hand, with all that is measured of its outlines, but no model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np

from mapping.outlines import ice_patches, outlines_of
from scenes.products import open_scene
from scenes.scene import Scene
from tests import products


@dataclass(frozen=True)
class Drawn:
    """A scene, and rasters as ``python -m mapping`` writes them."""

    scene: Scene
    folder: Path

    def outlines(self, found: gpd.GeoDataFrame | None = None, minimum_area: float = 0.0) -> gpd.GeoDataFrame:
        mask, probability = self.folder / "mask.tif", self.folder / "probability.tif"
        return outlines_of(ice_patches(mask, minimum_area) if found is None else found, mask, probability, self.scene)


def draw(folder: Path, mask: np.ndarray) -> Drawn:
    """``mask`` (H, W): 1 for ice, 0 for none, 255 for nodata."""
    tile, _ = products.blocky_tile(mask.shape)
    scene = open_scene(products.five_bands(folder / "scene.tif", tile), products.FIVE_BANDS)
    products.write_band(folder / "mask.tif", mask, "uint8", nodata=255)
    probability = np.where(mask == 255, np.nan, np.where(mask == 1, 0.9, 0.1))
    products.write_band(folder / "probability.tif", probability, "float32", nodata=np.nan)
    return Drawn(scene, folder)
