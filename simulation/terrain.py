"""Synthetic mountains: valleys in balance with uplift, glaciers fed from above, and the sun on both.

The world is periodic (noise made by Fourier transform, neighbours taken around the edge), so no border needs care.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, floor, hypot, sin, tan

import numpy as np
from scipy import ndimage
from scipy.fft import irfft2, rfft2

PIXEL = 30.0  # metres
CELL_PIXELS = 2  # the landscape is carved on cells of 60 m and refined afterwards
CELL = PIXEL * CELL_PIXELS
CELL_AREA = (CELL / 1000) ** 2  # square kilometres
VALLEY_FLOOR = 3700.0  # metres above the sea, as around the training region
FLOOR_RELIEF = 500.0  # metres, standard deviation of the valley floors over the scene
VALLEY_SPACING = 8000.0  # metres between the main rivers
CARVED_SLOPE = 0.36  # slope (tangent) that running water holds where it drains one square kilometre
CONCAVITY = 0.6  # slope falls with the drained area to this power (Flint 1974)
STEEPEST = 0.82  # slope at which rock of mean strength gives way, 39 degrees
CARVING_ROUNDS = 30
CREEP = 50.0  # metres by which soil and scree smooth the slopes each round
CRAGS = 13.0  # metres, standard deviation of what is finer than a cell, on steep rock
# Ice; fluxes in square kilometres of the full yearly snowfall
BALANCE_HEIGHT = 250.0  # metres above the equilibrium line at which the balance reaches the full snowfall
MELT_SHARE = 0.8  # below the equilibrium line ice covers the valley floor alone, a part of the catchment
SMALLEST_FLUX = 0.06  # keeps a glacier alive
THICKNESS = 260.0  # metres at a flux of 1
THICKNESS_POWER = 0.3  # above the 1/5 of Glen's flow law (Cuffey & Paterson 2010, chapter 8): trunk valleys lie deeper
LEVEL_REACH = 600.0  # metres to the side of its flow line within which ice lies level


@dataclass(frozen=True)
class Landscape:
    """A surface and the ice on it, all float32 (H, W) in metres.

    ``surface``: elevation, ice included. ``ice``: how far the ice stands above the bed; glacier where above 0.
    ``above_line``: height of the ice above the equilibrium line, below 0 where it melts.
    """

    surface: np.ndarray
    ice: np.ndarray
    above_line: np.ndarray


def fractal(
    random: np.random.Generator,
    shape: tuple[int, int],
    roughness: float,
    longest: float = np.inf,
    shortest: float = 2.0,
) -> np.ndarray:
    """Periodic Gaussian noise (H, W), mean 0 and standard deviation 1, with amplitude ~ wavelength ** roughness.

    ``longest`` and ``shortest`` bound the wavelengths, in pixels.
    """
    spectrum = rfft2(random.standard_normal(shape, dtype=np.float32))
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]).astype(np.float32)
    frequency[0, 0] = np.inf
    gain = frequency ** -(roughness + 1.0) * np.exp(-((frequency * shortest / 2) ** 4))
    if np.isfinite(longest):
        gain *= 1 - np.exp(-((frequency * longest) ** 4))
    noise = irfft2(spectrum * gain, s=shape)
    return np.asarray(noise / max(float(noise.std()), 1e-12), dtype=np.float32)


class Drainage:
    """Where each cell of a periodic grid drains to: the steepest of its eight neighbours."""

    def __init__(self, elevation: np.ndarray, outlets: np.ndarray) -> None:
        """``elevation`` (H, W) in metres; ``outlets`` bool (H, W), cells that drain nowhere."""
        index = np.arange(elevation.size).reshape(elevation.shape)
        receiver, length = index.copy(), np.full(elevation.shape, CELL)
        best = np.where(outlets, np.inf, 0.0)  # so that nothing is steeper at an outlet
        for move in ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)):
            way = CELL * hypot(*move)
            slope = (elevation - np.roll(elevation, move, (0, 1))) / way
            steeper = slope > best
            np.copyto(best, slope, where=steeper)
            np.copyto(receiver, np.roll(index, move, (0, 1)), where=steeper)
            np.copyto(length, way, where=steeper)
        self.receiver = receiver.ravel()
        self.length = length
        self.ends = self.receiver == index.ravel()

    def accumulate(self, amount: np.ndarray) -> np.ndarray:
        """The amount (H, W) of each cell and of all that drains into it; the way doubles each round."""
        total, receiver, flows = amount.ravel().astype(np.float64), self.receiver, ~self.ends
        while flows.any():
            total = total + np.bincount(receiver[flows], total[flows], total.size)
            flows = flows & flows[receiver]
            receiver = receiver[receiver]
        return np.asarray(total.reshape(amount.shape))

    def climb(self, base: np.ndarray, step: np.ndarray) -> np.ndarray:
        """``base`` where a cell's water ends plus the sum of ``step`` on the way there; all (H, W)."""
        total, receiver = np.where(self.ends, 0.0, step.ravel()), self.receiver
        while not self.ends[receiver].all():
            total = total + total[receiver]
            receiver = receiver[receiver]
        return np.asarray((base.ravel()[receiver] + total).reshape(base.shape))


def carve(random: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Bed elevation on cells (H, W) in metres and the main rivers (bool).

    Each round puts every cell on the slope that its drained area allows above the cell it drains to
    (stream-power law, Whipple & Tucker 1999, doi:10.1029/1999JB900120, capped by the strength of the rock)
    and lets the divides move half of the way.
    """
    spacing = VALLEY_SPACING / CELL
    valley = fractal(random, shape, 1.5, spacing * 2, spacing / 4)
    rivers = np.zeros(shape, bool)
    for axis in (0, 1):
        rivers |= (valley > 0) & (np.roll(valley, 1, axis) <= 0)
    bottom = VALLEY_FLOOR + FLOOR_RELIEF * fractal(random, shape, 2.0)
    strength = np.exp(0.25 * fractal(random, shape, 0.6, spacing * 2, spacing / 4))
    elevation = bottom + 900 * np.abs(valley) + 100 * fractal(random, shape, 0.8, spacing / 2, spacing / 12)
    ring = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]])
    for _ in range(CARVING_ROUNDS):
        elevation = np.where(rivers, bottom, elevation)
        drainage = Drainage(elevation, rivers)
        area = drainage.accumulate(np.full(shape, CELL_AREA))
        slope = strength * np.minimum(CARVED_SLOPE * area**-CONCAVITY, STEEPEST)
        rim = ndimage.minimum_filter(elevation, footprint=ring, mode="wrap")
        base = np.where(rivers, bottom, np.maximum(elevation, rim + 10))  # a pit fills until it overflows
        elevation = (elevation + drainage.climb(base, slope * drainage.length)) / 2
        elevation = ndimage.gaussian_filter(elevation, CREEP / CELL, mode="wrap")
    return elevation, rivers


def glaciate(bed: np.ndarray, drainage: Drainage, line: float) -> np.ndarray:
    """Level of the ice surface on cells (H, W) in metres, below the bed where there is none.

    Snow above the equilibrium line (``line``, metres) flows down the valleys until it has melted; where ice
    flows, it stands as high above the flow line as its flux needs, level across the valley.
    """
    balance = np.clip((bed - line) / BALANCE_HEIGHT, -2.0, 1.0)
    flux = drainage.accumulate(np.where(balance > 0, balance, MELT_SHARE * balance) * CELL_AREA)
    flows = flux > SMALLEST_FLUX
    if not flows.any():
        return bed - THICKNESS
    height = bed + THICKNESS * np.maximum(flux, SMALLEST_FLUX) ** THICKNESS_POWER
    away, nearest = ndimage.distance_transform_edt(~flows, return_indices=True)
    level = height[tuple(nearest)] - STEEPEST * np.maximum(away * CELL - LEVEL_REACH, 0)
    return np.asarray(ndimage.gaussian_filter(level, 120 / CELL, mode="wrap"))


def equilibrium_line(bed: np.ndarray, drainage: Drainage, share: float) -> float:
    """The equilibrium line (metres) that covers ``share`` of the cells with ice, by bisection."""
    low, high = float(bed.min()) - 500, float(bed.max())
    for _ in range(12):
        line = (low + high) / 2
        covered = float((glaciate(bed, drainage, line) > bed).mean())
        low, high = (line, high) if covered > share else (low, line)
    return (low + high) / 2


def landscape(random: np.random.Generator, shape: tuple[int, int], share: float) -> Landscape:
    """Mountains of (H, W) pixels, multiples of CELL_PIXELS, with about ``share`` of them under ice."""
    cells = (shape[0] // CELL_PIXELS, shape[1] // CELL_PIXELS)
    bed, rivers = carve(random, cells)
    drainage = Drainage(bed, rivers)
    line = equilibrium_line(bed, drainage, share)
    level = glaciate(bed, drainage, line)
    # Waver the grid by a few pixels: the eight directions of flow leave straight lines otherwise
    rows, columns = np.indices(shape, dtype=np.float32)
    rows = (rows + 4 * fractal(random, shape, 1.0, 120, 30) - (CELL_PIXELS - 1) / 2) / CELL_PIXELS
    columns = (columns + 4 * fractal(random, shape, 1.0, 120, 30) - (CELL_PIXELS - 1) / 2) / CELL_PIXELS
    fine_bed = ndimage.map_coordinates(bed.astype(np.float32), (rows, columns), order=3, mode="grid-wrap")
    fine_level = ndimage.map_coordinates(level.astype(np.float32), (rows, columns), order=3, mode="grid-wrap")
    steep = np.clip(slope_of(fine_bed) / STEEPEST, 0.15, 1.5)
    ridged = 1 - 2 * np.abs(fractal(random, shape, 1.0, 60, 3)) + 0.5 * fractal(random, shape, 0.8, 30, 2)
    fine_bed = fine_bed + CRAGS * steep * ridged
    ice = fine_level - fine_bed - 150 * np.clip(slope_of(fine_level) - STEEPEST, 0, 1)  # too steep to hold ice
    return Landscape(np.maximum(fine_bed, fine_level), ice, fine_level - line)


def slope_of(elevation: np.ndarray) -> np.ndarray:
    """Tangent of the slope (H, W)."""
    return np.asarray(np.hypot(*np.gradient(elevation, PIXEL)))


def sunlight(elevation: np.ndarray, azimuth: float, altitude: float) -> tuple[np.ndarray, np.ndarray]:
    """Cosine of the incidence angle and the share of the sun's disc that is seen, both (H, W) in 0..1.

    ``azimuth`` clockwise from north and ``altitude`` above the horizon, in radians; the sun stands in the south.
    """
    south, east = np.gradient(elevation, PIXEL)
    to_south, to_east = -cos(azimuth) * cos(altitude), sin(azimuth) * cos(altitude)
    incidence = (sin(altitude) - south * to_south - east * to_east) / np.sqrt(1 + south**2 + east**2)
    # March towards the sun row by row, between two columns
    aside = to_east / to_south
    drop = PIXEL * tan(altitude) * hypot(1.0, aside)
    steps = int(min((elevation.max() - elevation.min()) / drop, 100, elevation.shape[0] - 1)) + 1
    horizon = np.full_like(elevation, -np.inf)
    for step in range(1, steps + 1):
        column = floor(step * aside)
        part = np.float32(step * aside - column)
        ahead = np.roll(elevation, (-step, -column), (0, 1))
        ahead = ahead * (1 - part) + np.roll(ahead, -1, 1) * part
        np.maximum(horizon, ahead - np.float32(step * drop), out=horizon)
    seen = np.clip((elevation - horizon) / 12.0 + 0.5, 0, 1)
    return np.clip(incidence, 0, 1), seen
