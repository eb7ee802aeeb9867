"""A labelled tile as another sensor, another atmosphere or another processing would give it.

The scene stays what it is; gain and tone of the bands, haze and atmosphere, the level and contrast of temperature, the
cloud mask, the pixel size and the sharpness change. Radiometric and geometric randomisation of this kind is what lets
a model meet sensors that it has not seen (Tobin et al. 2017, arXiv:1703.06907).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from simulation.atmosphere import Atmosphere, seen_from_orbit
from simulation.terrain import fractal
from tiles.folder import LabelledTile
from tiles.tile import OPTICAL_BANDS, THERMAL_BAND, Tile


@dataclass(frozen=True)
class Sensors:
    """How far a tile may be changed; standard deviations are of normal draws, shares are probabilities."""

    copies: int = 4
    gain: float = 0.2  # log gain of all reflectances
    band_gain: float = 0.05  # log gain of each
    tone: float = 0.15  # log exponent of all reflectances
    band_tone: float = 0.05
    haze: float = 0.01  # added reflectance
    kelvin: float = 7.0  # added temperature
    kelvin_contrast: float = 0.15  # log gain of differences from the median
    resampled: float = 0.6  # share of the copies with other pixels
    pixel: tuple[float, float] = (0.6, 2.0)  # their size, times the tile's own
    refocused: float = 0.5  # share of the copies that are blurred or sharpened
    blur: float = 1.0  # pixels, at most
    sharpening: float = 0.8  # of the difference from the blurred image, at most
    masked: float = 0.5  # share of the copies with more cloud
    largest_cloud: float = 0.3  # of the tile
    atmosphere: Atmosphere = field(default_factory=Atmosphere)


def other_sensor(tile: Tile, truth: np.ndarray, sensors: Sensors, random: np.random.Generator) -> LabelledTile:
    """Draw one such copy of a tile, with its truth."""
    if not tile.valid.any():
        return LabelledTile(tile, truth)
    bands, valid = regraded(tile, sensors, random), tile.valid
    bands.update(seen_from_orbit(bands, sensors.atmosphere, random))
    if random.random() < sensors.refocused:
        bands = refocused(bands, valid, random.uniform(0.3, sensors.blur), random.uniform(-1, sensors.sharpening))
    if random.random() < sensors.masked:
        clouds = fractal(random, tile.shape, 1.2, 200, 6)
        valid = valid & (clouds < np.quantile(clouds, 1 - random.uniform(0, sensors.largest_cloud)))
    changed = Tile(tile.tile_id, {}, valid).with_bands(bands)
    if random.random() < sensors.resampled:
        factor = float(np.exp(random.uniform(*np.log(sensors.pixel))))
        return resampled(*cropped(changed, truth & valid, factor, random), factor)
    return LabelledTile(changed, truth & valid)


def refocused(bands: dict[str, np.ndarray], valid: np.ndarray, blur: float, sharpening: float) -> dict[str, np.ndarray]:
    """Blur the bands by ``blur`` pixels where ``sharpening`` is below 0; else sharpen them by unsharp masking."""
    weight = gaussian_filter(valid.astype(np.float32), blur)
    smooth = {
        name: gaussian_filter(np.where(valid, band, 0).astype(np.float32), blur) / np.maximum(weight, 1e-3)
        for name, band in bands.items()
    }
    if sharpening < 0:
        return smooth
    return {name: band + sharpening * (band - smooth[name]) for name, band in bands.items()}


def cropped(tile: Tile, truth: np.ndarray, factor: float, random: np.random.Generator) -> LabelledTile:
    """Draw a crop that has no more pixels than the tile after their size is changed by ``factor``."""
    rows, columns = (max(1, round(side * min(factor, 1.0))) for side in tile.shape)
    top, left = (int(random.integers(0, side - kept + 1)) for side, kept in zip(tile.shape, (rows, columns)))
    return LabelledTile(tile.crop(top, left, rows, columns), truth[top : top + rows, left : left + columns])


def regraded(tile: Tile, sensors: Sensors, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Change gain, tone, haze and temperature of the bands; nodata is not yet masked."""
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


def resampled(tile: Tile, truth: np.ndarray, factor: float) -> LabelledTile:
    """Resample a tile and its truth to pixels ``factor`` times as large; nodata stays out of the means."""
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
    return LabelledTile(Tile(tile.tile_id, bands, valid), (resample(truth.astype(np.float32)) > 0.5) & valid)
