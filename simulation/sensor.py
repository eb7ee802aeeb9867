"""A labelled tile as another sensor, another atmosphere or another processing would give it.

The scene stays what it is; gain and tone of the bands, haze, the level and contrast of temperature, the cloud mask
and the pixel size change. Radiometric and geometric randomisation of this kind is what lets a model meet sensors
that it has not seen (Tobin et al. 2017, arXiv:1703.06907).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from tiles.folder import LabelledTile
from tiles.terrain import fractal
from tiles.tile import OPTICAL_BANDS, THERMAL_BAND, Tile


@dataclass(frozen=True)
class Sensors:
    """How far a tile may be changed; standard deviations are of normal draws, shares are probabilities."""

    copies: int = 2
    gain: float = 0.2  # log gain of all reflectances
    band_gain: float = 0.05  # log gain of each
    tone: float = 0.15  # log exponent of all reflectances
    band_tone: float = 0.05
    haze: float = 0.01  # added reflectance
    kelvin: float = 7.0  # added temperature
    kelvin_contrast: float = 0.15  # log gain of differences from the median
    resampled: float = 0.5  # share of the copies with larger pixels
    largest_pixel: float = 2.0  # times the tile's own
    masked: float = 0.5  # share of the copies with more cloud
    largest_cloud: float = 0.3  # of the tile


def other_sensor(tile: Tile, truth: np.ndarray, sensors: Sensors, random: np.random.Generator) -> LabelledTile:
    """One such copy of a tile, with its truth."""
    if not tile.valid.any():
        return tile, truth
    bands, valid = regraded(tile, sensors, random), tile.valid
    if random.random() < sensors.masked:
        clouds = fractal(random, tile.shape, 1.2, 200, 6)
        valid = valid & (clouds < np.quantile(clouds, 1 - random.uniform(0, sensors.largest_cloud)))
    bands = {name: np.where(valid, band, 0).astype(np.float32) for name, band in bands.items()}
    changed = Tile(tile.tile_id, bands, valid)
    if random.random() < sensors.resampled:
        return coarser(changed, truth & valid, random.uniform(1.0, sensors.largest_pixel))
    return changed, truth & valid


def regraded(tile: Tile, sensors: Sensors, random: np.random.Generator) -> dict[str, np.ndarray]:
    """The bands after a change of gain, tone, haze and temperature, not yet masked."""
    gain, tone, haze = (random.normal(0, spread) for spread in (sensors.gain, sensors.tone, sensors.haze))
    bands = {}
    for name in OPTICAL_BANDS:
        exponent = np.exp(tone + random.normal(0, sensors.band_tone))
        factor = np.exp(gain + random.normal(0, sensors.band_gain))
        band = tile.bands[name]
        curve = np.sign(band) * np.abs(band) ** exponent
        bands[name] = factor * curve + haze * (1.0 if name != "swir1" else 0.3)
    if tile.has_thermal:
        kelvin = tile.bands[THERMAL_BAND]
        median = np.median(kelvin[tile.valid])
        contrast = np.exp(random.normal(0, sensors.kelvin_contrast))
        bands[THERMAL_BAND] = median + random.normal(0, sensors.kelvin) + contrast * (kelvin - median)
    return bands


def coarser(tile: Tile, truth: np.ndarray, factor: float) -> LabelledTile:
    """The tile and its truth with pixels ``factor`` times as large; nodata stays out of the means."""
    weight = tile.valid.astype(np.float32)
    blur = 0.4 * np.sqrt(max(factor**2 - 1, 0.0))  # what a pixel of that size sees of its surroundings

    def resample(values: np.ndarray) -> np.ndarray:
        smooth = gaussian_filter(values, blur, mode="nearest")
        return np.asarray(zoom(smooth, 1 / factor, order=1, grid_mode=True, mode="nearest"))

    share = resample(weight)
    valid = share > 0.5
    bands = {
        name: np.where(valid, resample(band * weight) / np.maximum(share, 1e-6), 0).astype(np.float32)
        for name, band in tile.bands.items()
    }
    return Tile(tile.tile_id, bands, valid), (resample(truth.astype(np.float32)) > 0.5) & valid
