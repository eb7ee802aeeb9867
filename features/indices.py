"""The table of per-pixel channels: each row is a formula with its bands and its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import CodeType

import numpy as np

# Ratios need a positive denominator: reflectance below half a percent (over-corrected shadow) counts as that.
REFLECTANCE_FLOOR = 0.005
# asinh is linear below this reflectance and logarithmic above: it opens up terrain shadow, where a third of
# the pixels of a winter scene lie, and still takes the negative values that atmospheric correction leaves.
STRETCH = 0.02


@dataclass(frozen=True)
class Index:
    """One row: ``formula`` over B, G, R, S1 (reflectance, floored), b, g, r, s1 (as measured), T (kelvin)."""

    name: str
    formula: str
    bands: tuple[str, ...]
    family: str
    reference: str

    @property
    def code(self) -> CodeType:
        """The compiled formula."""
        return compile(self.formula, f"index {self.name}", "eval")


VISIBLE = ("blue", "green", "red")
TABLE = (
    Index(
        "blue",
        "asinh(b / STRETCH)",
        ("blue",),
        "brightness",
        "asinh stretch, Lupton et al. 1999, doi:10.1086/301004",
    ),
    Index("green", "asinh(g / STRETCH)", ("green",), "brightness", "as blue"),
    Index("red", "asinh(r / STRETCH)", ("red",), "brightness", "as blue"),
    Index("swir1", "asinh(s1 / STRETCH)", ("swir1",), "brightness", "as blue"),
    Index(
        "brightness",
        "asinh((b + g + r) / (3 * STRETCH))",
        VISIBLE,
        "brightness",
        "mean of the visible bands, stretched",
    ),
    Index(
        "ndsi",
        "(G - S1) / (G + S1)",
        ("green", "swir1"),
        "index",
        "Hall et al. 1995, doi:10.1016/0034-4257(95)00137-P",
    ),
    Index(
        "ndsaii",
        "(R - S1) / (R + S1)",
        ("red", "swir1"),
        "index",
        "NDSaII, snow and ice index, as in spyndex; log of the band ratio of Paul et al. 2002, bounded",
    ),
    Index(
        "red_swir_ratio",
        "log(R / S1)",
        ("red", "swir1"),
        "index",
        "band ratio red/SWIR1, Paul et al. 2016, doi:10.1016/j.rse.2016.02.003, as its logarithm",
    ),
    Index(
        "ndglai",
        "(G - R) / (G + R)",
        ("green", "red"),
        "index",
        "NDGlaI, Keshri et al. 2009, doi:10.1080/01431160802385459",
    ),
    Index(
        "blue_red",
        "(B - R) / (B + R)",
        ("blue", "red"),
        "index",
        "normalised difference blue-red, separates ice from snow",
    ),
    Index(
        "blue_green",
        "(B - G) / (B + G)",
        ("blue", "green"),
        "index",
        "normalised difference blue-green: haze and shadow",
    ),
    Index("thermal", "T", ("thermal",), "thermal", "surface temperature, kelvin"),
    Index(
        "thermal_optical",
        "(G - T / 300) / (G + T / 300)",
        ("green", "thermal"),
        "thermal",
        "thermal-optical contrast: bright and cold is high",
    ),
)
INDICES = {row.name: row for row in TABLE}
SYMBOLS = {"blue": "B", "green": "G", "red": "R", "swir1": "S1"}


def compute_index(name: str, bands: Mapping[str, np.ndarray]) -> np.ndarray:
    """Compute one row of the table, float32, shaped like the bands; it is NaN where a band is missing.

    ``bands``: reflectance (1 = 100 %) and kelvin, any shape.
    """
    row = INDICES[name]
    if any(band not in bands for band in row.bands):
        return np.full_like(bands["green"], np.nan, dtype=np.float32)
    scope: dict[str, object] = {"asinh": np.arcsinh, "log": np.log, "STRETCH": np.float32(STRETCH)}
    for band in row.bands:
        if band == "thermal":
            scope["T"] = bands[band]
        else:
            scope[SYMBOLS[band].lower()] = bands[band]
            scope[SYMBOLS[band]] = np.maximum(bands[band], np.float32(REFLECTANCE_FLOOR))
    return np.asarray(eval(row.code, {"__builtins__": {}}, scope), dtype=np.float32)  # noqa: S307  (our own table)
