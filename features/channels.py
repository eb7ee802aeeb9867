"""A channel by its name: a row of the table in ``features.indices``, and how it is derived from that.

A name is a row (``ndsi``) or a row and a transform with its window in pixels (``green.std7``, ``thermal.rank``). The
names that a model used are stored with it, and are all that is needed to compute the same channels again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from errors import ModelFileError
from features.indices import INDICES
from features.relative import scene_rank
from features.tile_channels import TileChannels
from tiles.tile import THERMAL_BAND

CHANNEL_PATTERN = re.compile(r"([a-z0-9_]+)(?:\.([a-z]+)([0-9]*))?")


@dataclass(frozen=True)
class Transform:
    """A way to derive a channel from a row of the index table.

    ``windowed``: it takes a window in pixels. ``relative``: its values depend on the scene's quantiles.
    ``centred``: it looks at the scene's median for the sake of precision alone, and its values do not depend on it.
    """

    family: str
    windowed: bool
    compute: Callable[[TileChannels, str, int], np.ndarray]
    reference: str
    relative: bool = False
    centred: bool = False


TRANSFORMS = {
    "rank": Transform(
        "scene-relative",
        False,
        lambda c, name, _: scene_rank(c.base(name), c.levels(name)),
        "rank among the scene's valid pixels, 0..1",
        relative=True,
    ),
    "scene": Transform(
        "scene-relative",
        False,
        lambda c, name, _: c.base(name) - c.median(name),
        "difference from the scene's median",
        relative=True,
    ),
    "mean": Transform("context", True, lambda c, name, window: c.mean(name, window), "local mean"),
    "meanscene": Transform(
        "context",
        True,
        lambda c, name, window: c.mean(name, window) - c.median(name),
        "difference of the local mean from the scene's median",
        relative=True,
    ),
    "diff": Transform(
        "context",
        True,
        lambda c, name, window: c.base(name) - c.mean(name, window),
        "difference from the local mean, which a running sum gives and a local median does not",
    ),
    "std": Transform(
        "texture",
        True,
        lambda c, name, window: np.sqrt(c.variance(name, window)),
        "local standard deviation",
        centred=True,
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
        centred=True,
    ),
    "share": Transform("context", True, lambda c, _, window: c.boxes.share(window), "share of valid pixels around"),
}


@dataclass(frozen=True)
class Channel:
    """A row of the index table, a row of TRANSFORMS ('' for none) and its window in pixels (0 for none)."""

    row: str
    transform: str = ""
    window: int = 0

    @property
    def name(self) -> str:
        """The name as a model file has it: ``green.std7``."""
        return f"{self.row}.{self.transform}{self.window or ''}" if self.transform else self.row

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands that it is computed from."""
        return INDICES[self.row].bands

    @property
    def needs_thermal(self) -> bool:
        """Whether it is computed from the thermal band."""
        return THERMAL_BAND in self.bands

    @property
    def reach(self) -> int:
        """How many pixels its window reaches to each side; 0 where it looks at its own pixel and the scene alone."""
        return self.window // 2

    @property
    def relative(self) -> bool:
        """Whether its values depend on the scene's quantiles."""
        return bool(self.transform) and TRANSFORMS[self.transform].relative

    @property
    def needs_levels(self) -> bool:
        """Whether it looks at the scene's quantiles, even if only for precision."""
        return self.relative or (bool(self.transform) and TRANSFORMS[self.transform].centred)

    @property
    def family(self) -> str:
        """The family that reports name it under: brightness, index, thermal, scene-relative, context or texture."""
        return TRANSFORMS[self.transform].family if self.transform else INDICES[self.row].family

    def compute(self, channels: TileChannels) -> np.ndarray:
        """Compute the channel, float32 (H, W), not yet masked; it is NaN where the tile lacks a band."""
        if any(band not in channels.tile.bands for band in self.bands):
            return np.full(channels.tile.shape, np.nan, np.float32)
        if not self.transform:
            return channels.base(self.row)
        return TRANSFORMS[self.transform].compute(channels, self.row, self.window)


def parse_channel(name: str) -> Channel:
    """Read a channel's name; raises ModelFileError for a name that this version does not know."""
    found = CHANNEL_PATTERN.fullmatch(name)
    if found:
        channel = Channel(found.group(1), found.group(2) or "", int(found.group(3) or 0))
        if channel.row in INDICES and is_possible(channel) and channel.name == name:
            return channel
    raise ModelFileError(
        f"channel {name!r} is unknown to this version; use the version that trained the model or train it again."
    )


def is_possible(channel: Channel) -> bool:
    """Whether the transform is known and has an odd window if, and only if, it takes one."""
    if not channel.transform:
        return True
    transform = TRANSFORMS.get(channel.transform)
    if transform is None:
        return False
    return channel.window % 2 == 1 if transform.windowed else channel.window == 0
