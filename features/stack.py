"""From a tile to named channels.

A channel's name is a row of the table in ``features.indices`` (``ndsi``) or a row and a transform with its
window in pixels (``green.std7``, ``thermal.rank``). The names a model used are stored with it, and are all
that is needed to build the same stack again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from errors import ModelFileError
from features.indices import INDICES, compute_index
from features.relative import MEDIAN, scene_levels, scene_median, scene_rank
from features.windows import Boxes, box_average, gradient_energy, neighbour_contrast
from tiles.tile import Tile

CHANNEL_PATTERN = re.compile(r"([a-z0-9_]+)(?:\.([a-z]+)([0-9]*))?")


@dataclass(frozen=True)
class FeatureStack:
    """Channels of one tile.

    ``array``: float32 (C, H, W), NaN under nodata and where a band is missing. ``names``: the C channel
    names. ``valid``: bool (H, W), the tile's own.
    """

    array: np.ndarray
    names: tuple[str, ...]
    valid: np.ndarray


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


@dataclass(frozen=True)
class Transform:
    """A way to derive a channel from a row of the index table; ``windowed`` ones take a window in pixels."""

    family: str
    windowed: bool
    compute: Callable[[TileChannels, str, int], np.ndarray]
    reference: str


TRANSFORMS = {
    "rank": Transform(
        "scene-relative",
        False,
        lambda c, name, _: scene_rank(c.base(name), c.levels(name)),
        "rank among the scene's valid pixels, 0..1",
    ),
    "scene": Transform(
        "scene-relative",
        False,
        lambda c, name, _: c.base(name) - c.median(name),
        "difference from the scene's median",
    ),
    "mean": Transform("context", True, lambda c, name, window: c.mean(name, window), "local mean"),
    "meanscene": Transform(
        "context",
        True,
        lambda c, name, window: c.mean(name, window) - c.median(name),
        "difference of the local mean from the scene's median",
    ),
    "diff": Transform(
        "context",
        True,
        lambda c, name, window: c.base(name) - c.mean(name, window),
        "difference from the local mean, which a running sum gives and a local median does not",
    ),
    "std": Transform(
        "texture", True, lambda c, name, window: np.sqrt(c.variance(name, window)), "local standard deviation"
    ),
    "contrast": Transform(
        "texture",
        True,
        lambda c, name, window: np.sqrt(np.maximum(c.contrast(name, window), np.float32(0))),
        "root of the GLCM contrast over eight neighbours, Haralick et al. 1973, doi:10.1109/TSMC.1973.4309314",
    ),
    "gradient": Transform(
        "texture",
        True,
        lambda c, name, window: c.gradient(name, window),
        "root of the local gradient energy from central differences",
    ),
    "correlation": Transform(
        "texture",
        True,
        lambda c, name, window: np.clip(
            1 - c.contrast(name, window) / np.maximum(2 * c.variance(name, window), np.float32(1e-4)), -1, 1
        ),
        "GLCM correlation, closed form 1 - contrast / (2 variance), Haralick et al. 1973",
    ),
    "share": Transform("context", True, lambda c, _, window: c.boxes.share(window), "share of valid pixels around"),
}


def parse_channel(name: str) -> tuple[str, str, int]:
    """Index row, transform ('' for none) and window (0 for none) of a channel name.

    Raises ModelFileError for a name that this version does not know.
    """
    found = CHANNEL_PATTERN.fullmatch(name)
    if found:
        base, transform, window = found.group(1), found.group(2) or "", int(found.group(3) or 0)
        known = not transform or (transform in TRANSFORMS and TRANSFORMS[transform].windowed == (window > 0))
        if base in INDICES and known and (window == 0 or window % 2 == 1):
            return base, transform, window
    raise ModelFileError(
        f"channel {name!r} is unknown to this version; use the version that trained the model or train it again."
    )


def family_of(name: str) -> str:
    """The family a channel is reported under: brightness, index, thermal, scene-relative, context or texture."""
    base, transform, _ = parse_channel(name)
    if not transform:
        return INDICES[base].family
    return TRANSFORMS[transform].family


def channel(channels: TileChannels, name: str) -> np.ndarray:
    """One channel as float32 (H, W), not yet masked; NaN where a band it needs is missing."""
    base, transform, window = parse_channel(name)
    if any(band not in channels.tile.bands for band in INDICES[base].bands):
        return np.full(channels.tile.shape, np.nan, np.float32)
    return TRANSFORMS[transform].compute(channels, base, window) if transform else channels.base(base)


def build_stack(tile: Tile, names: Sequence[str], scene: Mapping[str, np.ndarray] | None = None) -> FeatureStack:
    """The named channels of a tile, in the order given; ``scene`` as for TileChannels.

    Raises ModelFileError for an unknown name.
    """
    channels = TileChannels(tile, scene)
    array = np.empty((len(names), *tile.shape), np.float32)
    for row, name in enumerate(names):
        array[row] = channel(channels, name)
        array[row][~tile.valid] = np.nan
    return FeatureStack(array, tuple(names), tile.valid)
