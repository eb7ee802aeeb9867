"""Both maps of a session's scene: by the model as it was, and by what the marks make of it, drawn square by square."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import numpy as np
from rasterio.transform import Affine

from adapt.blocks import KEPT, Blocks, cropped
from adapt.evidence import Seen, probability_seen
from adapt.pictures import LINE, SQUARE, Place, outline_picture, probability_picture, values_at
from adapt.refit import Refit
from fusion.hybrid import HybridModel
from fusion.scene_threshold import EDGES, log_odds_counts, scene_threshold
from mapping.edits import UNTOUCHED, Edit, burnt, pieces_of
from scenes.grid import KM2

STRIP = 1024  # rows whose area is measured at a time
LOCKS = 64


class Canvas:
    """Fused probability of a scene, ``base`` and ``now``: float16 (H, W), NaN where not known.

    ``drawn``: number of the re-fit that each square of ``now`` shows, -1 for none; ``counts``: log-odds of ``base``.
    """

    def __init__(self, model: HybridModel, blocks: Blocks) -> None:
        self.model, self.blocks, self.grid = model, blocks, blocks.scene.grid
        shape = self.grid.height, self.grid.width
        self.base, self.now = (np.full(shape, np.nan, np.float16) for _ in range(2))
        self.squares = -(-shape[0] // SQUARE), -(-shape[1] // SQUARE)
        self.drawn = np.full(self.squares, -1)
        self.counts = np.zeros((*self.squares, len(EDGES) - 1), np.int64)
        self.locks = [Lock() for _ in range(LOCKS)]

    @property
    def complete(self) -> bool:
        """Whether the model has seen every square."""
        return bool((self.drawn >= 0).all())

    def block_of(self, row: int, column: int) -> int:
        """The block that a square lies in."""
        return self.blocks.at(row * SQUARE, column * SQUARE)

    def stale(self, number: int) -> list[tuple[int, int]]:
        """The squares of blocks that have been seen which do not show this re-fit yet."""
        old = np.argwhere(self.drawn < number).tolist()
        return [(row, column) for row, column in old if self.block_of(row, column) in self.blocks.known]

    def base_counts(self) -> np.ndarray:
        """Counts of log-odds by the model as it was, of as much of the scene as has been drawn."""
        return np.asarray(self.counts.sum(axis=(0, 1)))

    def threshold(self, model: HybridModel) -> float:
        """The probability above which a model maps glacier; an adapted one has the scene's part of it in its bias."""
        counts = self.base_counts()
        return scene_threshold(model.fusion, counts if model is self.model else np.zeros_like(counts))

    def draw(self, row: int, column: int, refit: Refit) -> None:
        """Bring a square up to a re-fit."""
        with self.locks[(row * self.squares[1] + column) % LOCKS]:
            if self.drawn[row, column] >= refit.number:
                return
            box = tuple(slice(one * SQUARE, (one + 1) * SQUARE) for one in (row, column))
            model = refit.fitted.model
            if self.drawn[row, column] < 0 or model is not self.model:
                seen, inner = self.seen_at(row, column)
                valid = seen.valid[inner]
                if self.drawn[row, column] < 0:
                    before = probability_seen(self.model, seen)[inner]
                    self.counts[row, column] = log_odds_counts(before, valid)
                    self.base[box] = np.where(valid, before, np.nan)
                if model is not self.model:
                    self.now[box] = np.where(valid, probability_seen(model, seen)[inner], np.nan)
            if model is self.model:
                self.now[box] = self.base[box]
            self.drawn[row, column] = refit.number

    def seen_at(self, row: int, column: int) -> tuple[Seen, tuple[slice, slice]]:
        """A square with KEPT pixels around as the model sees it, and where the square lies in that."""
        block = self.block_of(row, column)
        first, sizes = np.split(np.array(self.blocks.box(block)), 2)
        start = np.array([row, column]) * SQUARE
        end = np.minimum(start + SQUARE, self.now.shape)
        low, high = np.maximum(start - KEPT, first), np.minimum(end + KEPT, first + sizes)
        seen = cropped(self.blocks.seen(block), *(low - first).tolist(), *(high - low).tolist())
        (top, left), (bottom, right) = (start - low).tolist(), (end - low).tolist()
        return seen, (slice(top, bottom), slice(left, right))

    def squares_under(self, place: Place) -> list[tuple[int, int]]:
        """The squares of the scene that a place of the map shows."""
        rows, columns = (
            range(first // SQUARE, min((first + place.side - 1) // SQUARE + 1, count))
            for first, count in zip((place.row, place.column), self.squares)
        )
        return [(row, column) for row in rows for column in columns]

    def picture(self, layer: str, place: Place, model: HybridModel, edits: Sequence[Edit]) -> np.ndarray:
        """``probability`` or ``outline`` by a model that has been drawn, or the outline ``before`` there were marks."""
        if layer == "probability":
            return probability_picture(self.now, place)
        if layer == "before":
            mask = values_at(self.base, place, LINE) > self.threshold(self.model)
        else:
            out, affine = LINE * place.step, self.grid.affine
            frame = affine * affine.translation(place.column - out, place.row - out) * affine.scale(place.step)
            values = values_at(self.now, place, LINE)
            mask = edited(values, self.threshold(model), burnt(edits, frame, values.shape))
        return outline_picture(mask, place, layer)

    def pieces_in(self, box: tuple[slice, slice], model: HybridModel, edits: Sequence[Edit]) -> np.ndarray:
        """The ice of a box of the scene after edits, as of ``mapping.edits.pieces_of``."""
        return pieces_of(self.mask_in(box, model, edits), edits, self.affine_of(box))

    def mask_in(self, box: tuple[slice, slice], model: HybridModel, edits: Sequence[Edit]) -> np.ndarray:
        """The mask of a box of the scene after edits, bool."""
        values = self.now[box]
        return edited(values, self.threshold(model), burnt(edits, self.affine_of(box), values.shape))

    def affine_of(self, box: tuple[slice, slice]) -> Affine:
        """The transform of a box of the scene."""
        return self.grid.part(box[0].start, box[1].start, 0, 0).affine

    def areas(self, model: HybridModel, edits: Sequence[Edit]) -> tuple[float, float]:
        """Glacier before any mark and now, km2 on the scene's own plane."""
        before = now = 0
        level = self.threshold(self.model)
        for top in range(0, self.grid.height, STRIP):
            box = slice(top, min(top + STRIP, self.grid.height)), slice(0, self.grid.width)
            before += int((self.base[box] > level).sum())
            now += int(self.mask_in(box, model, edits).sum())
        return before * self.grid.pixel_area / KM2, now * self.grid.pixel_area / KM2


def edited(values: np.ndarray, threshold: float, said: np.ndarray) -> np.ndarray:
    """The mask of probabilities, NaN under nodata, after what edits say of them, bool."""
    return np.where((said == UNTOUCHED) | np.isnan(values), values > threshold, said == 1)
