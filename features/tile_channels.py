"""What the channels of one tile are computed from, each intermediate once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from features.indices import compute_index
from features.relative import MEDIAN, scene_levels, scene_median
from features.windows import Boxes, box_average, gradient_energy, neighbour_contrast
from tiles.tile import Tile


class TileChannels:
    """Computes channels of one tile, each intermediate once.

    ``scene``: quantiles (as of ``features.levels.tile_levels``) by row of the index table, of the scene that the tile
    is a part of; without them the tile is its own scene.
    """

    def __init__(self, tile: Tile, scene: Mapping[str, np.ndarray] | None = None) -> None:
        self.tile, self.scene = tile, scene
        self.boxes = Boxes(tile.valid.astype(np.float32))
        self.cache: dict[tuple[str, str, int], np.ndarray] = {}

    def base(self, name: str) -> np.ndarray:
        """A row of the index table, 0 under nodata; its bands must be there."""
        return self.once(
            ("base", name, 0), lambda: np.where(self.tile.valid, compute_index(name, self.tile.bands), np.float32(0))
        )

    def levels(self, name: str) -> np.ndarray:
        """Quantiles of the scene's valid pixels, float32 (513,)."""
        if self.scene is not None and name in self.scene:
            return self.scene[name]
        return self.once(("levels", name, 0), lambda: scene_levels(self.base(name)[self.tile.valid]))

    def median(self, name: str) -> np.float32:
        """Median of the scene's valid pixels, float32."""
        if self.scene is not None and name in self.scene:
            return np.float32(self.scene[name][MEDIAN])
        return np.float32(self.once(("median", name, 0), lambda: scene_median(self.base(name)[self.tile.valid])))

    def mean(self, name: str, window: int) -> np.ndarray:
        """Mean over the valid pixels of the window."""
        return self.once(("mean", name, window), lambda: self.boxes.mean(self.base(name), window))

    def variance(self, name: str, window: int) -> np.ndarray:
        """Variance over the valid pixels of the window, from differences to the scene's median: kelvin are large."""

        def compute() -> np.ndarray:
            centred = self.base(name) - self.median(name)
            square_of_mean = self.boxes.mean(centred, window) ** 2
            return np.maximum(self.boxes.mean(centred**2, window) - square_of_mean, np.float32(0))

        return self.once(("variance", name, window), compute)

    def contrast(self, name: str, window: int) -> np.ndarray:
        """GLCM contrast: mean squared difference of neighbouring pixels whose first lies in the window."""

        def compute() -> np.ndarray:
            total, count = self.neighbours(name)
            pairs, squares = box_average(count, window), box_average(total, window)
            return np.where(pairs * window * window > 0.5, squares / np.maximum(pairs, np.float32(1e-9)), np.float32(0))

        return self.once(("contrast", name, window), compute)

    def neighbours(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Squared differences to the eight neighbours and their number."""
        both = self.once(
            ("neighbours", name, 0), lambda: np.stack(neighbour_contrast(self.base(name), self.boxes.weight))
        )
        return both[0], both[1]

    def gradient(self, name: str, window: int) -> np.ndarray:
        """Root of the local gradient energy."""
        energy = self.boxes.mean(gradient_energy(self.base(name), self.boxes.weight), window)
        return np.asarray(np.sqrt(np.maximum(energy, np.float32(0))))

    def once(self, key: tuple[str, str, int], compute: Callable[[], np.ndarray]) -> np.ndarray:
        """The cached array of ``key``, computed at first need."""
        if key not in self.cache:
            self.cache[key] = compute()
        return self.cache[key]
