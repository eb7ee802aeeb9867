"""Where the next marks tell most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import shapely
from scipy.ndimage import minimum_filter, uniform_filter

from adapt.evidence import Evidence, Pixels, Seen, level_of, pixels_at, probability_seen
from adapt.fit import USUAL, spread_of
from adapt.process import logistic
from fusion.correction import likeness, scaled
from fusion.fuse import log_odds
from fusion.hybrid import HybridModel
from fusion.scene_threshold import log_odds_counts
from scenes.grid import Grid

SIDE = 7  # pixels of a place: 210 m on Landsat, which one sees
CANDIDATES = 1500  # places that are compared, over all windows
PIXEL_FIELDS = [one.name for one in fields(Pixels)]
NOISE = 1.0  # variance of what one mark says, squared log-odds
LEAST_DOUBT = 0.05  # share of a certain pixel's weight: far from home, errors are often certain
MIXED = 0.5  # log-odds: a place whose pixels differ as much has half the say of a uniform one


@dataclass(frozen=True)
class Place:
    """A square of 7 x 7 pixels in the scene's coordinate system that is worth a mark.

    ``probability``: of glacier by the model, at its middle.
    """

    geometry: Any
    probability: float


def suggest(
    model: HybridModel, windows: Sequence[tuple[Seen, Grid]], count: int, so_far: Evidence | None = None
) -> list[Place]:
    """Choose ``count`` places, one after the other, each where a mark makes the rest of the scene most certain.

    That is where a Gaussian process over the trees' channels (as ``adapt.fit`` has it, but all channels count alike, so
    that places are unlike each other in every way) loses most variance, weighed by the model's doubt (Cohn et al. 1996,
    doi:10.1613/jair.295): pixels that are uncertain, many alike, and unlike what is marked already. ``windows``: what
    has been seen of the scene, each with the grid of its pixels; ``so_far``: the marks there are. Gives fewer places
    where the scene has no more.
    """
    if not windows:
        return []
    pieces = [pieces_of(model, seen, grid, CANDIDATES // len(windows)) for seen, grid in windows]
    pixels = Pixels(*(np.concatenate([getattr(one.pixels, name) for one in pieces]) for name in PIXEL_FIELDS))
    squares = [square for one in pieces for square in one.squares]
    mean, scale = spread_of(pixels, 1.0)
    places = scaled(pixels.channels, mean, scale).astype(np.float64)
    marked = so_far.pixels.channels if so_far is not None else pixels.channels[:0]
    say = np.concatenate([one.uniform for one in pieces])
    counts = np.sum([one.counts for one in pieces], axis=0)
    doubt = doubt_of(pixels.above - level_of(model, counts))
    chosen = most_telling(places, scaled(marked, mean, scale).astype(np.float64), doubt, say, count)
    return [Place(squares[one], float(logistic(pixels.above[one]))) for one in chosen]


@dataclass(frozen=True)
class Pieces:
    """Squares of one window that could be marked.

    ``squares``: N geometries; ``pixels``: their middles, (N,); ``uniform``: 0..1, (N,); ``counts`` of log-odds.
    """

    squares: list[Any]
    pixels: Pixels
    uniform: np.ndarray
    counts: np.ndarray


def pieces_of(model: HybridModel, seen: Seen, grid: Grid, most: int) -> Pieces:
    """Squares all over a window that hold no nodata, at most about so many."""
    probability = probability_seen(model, seen)
    whole = minimum_filter(seen.valid, SIDE, mode="constant", cval=0)
    step = max(2, math.ceil(math.sqrt(whole.sum() / max(most, 1))))
    middle = np.zeros_like(whole)
    middle[SIDE // 2 :: step, SIDE // 2 :: step] = True
    where = np.stack(np.nonzero(whole & middle))
    odds = log_odds(probability).astype(np.float64)
    variance = uniform_filter(odds**2, SIDE) - uniform_filter(odds, SIDE) ** 2
    uniform = 1 / (1 + np.maximum(variance[where[0], where[1]], 0) / MIXED**2)
    squares = [square_at(grid, row, column) for row, column in where.T]
    return Pieces(squares, pixels_at(seen, probability, where), uniform, log_odds_counts(probability, seen.valid))


def square_at(grid: Grid, row: int, column: int) -> Any:
    """The square around a pixel, in the grid's coordinates."""
    half = SIDE // 2
    corners = [grid.affine * (column + across, row + down) for across, down in ((-half, -half), (half + 1, half + 1))]
    return shapely.box(*np.min(corners, axis=0), *np.max(corners, axis=0))


def doubt_of(above: np.ndarray) -> np.ndarray:
    """How much it matters to know each pixel better, from its log-odds above the threshold, float (N,)."""
    probability = logistic(above)
    return np.asarray(LEAST_DOUBT + probability * (1 - probability))


def most_telling(places: np.ndarray, marked: np.ndarray, doubt: np.ndarray, say: np.ndarray, count: int) -> list[int]:
    """Numbers of the places (N, C) whose marks take most variance from all, weighed by doubt (N,) and say (N,).

    Every choice conditions the process on itself, so that the next one is unlike it; ``marked`` (M, C) come first.
    """
    everything = np.concatenate([places, marked])
    covariance = USUAL * likeness(everything, everything)
    total = len(places)
    for number in range(total, len(everything)):
        condition(covariance, number)
    chosen: list[int] = []
    for _ in range(min(count, total)):
        among = covariance[:total, :total]
        gain = say * (among**2 @ doubt) / (np.diag(among) + NOISE)
        gain[chosen] = -1
        chosen.append(int(gain.argmax()))
        condition(covariance, chosen[-1])
    return chosen


def condition(covariance: np.ndarray, number: int) -> None:
    """Change a covariance (N, N) to what is left of it when one of its places is marked."""
    along = covariance[:, number].copy()
    covariance -= np.outer(along, along / (along[number] + NOISE))
