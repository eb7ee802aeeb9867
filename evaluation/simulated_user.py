"""A simulated user who marks squares of tiles, and the scores of the model that is fitted to the marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from adapt.evidence import Seen, evidence_in, look, predict_seen
from adapt.fit import fit
from adapt.marks import Mark, pixels_of
from adapt.relevance import Relevance
from adapt.suggest import SIDE, square_at, suggest
from evaluation.adaptation_tables import RANDOM, SUGGESTED
from fusion.hybrid import HybridModel
from scenes.grid import Grid
from scores.confusion import confusion
from tiles.folder import LabelledTile

WRONG = 0.1
FEWEST_WITH_WRONG = 10  # marks: of fewer, not one in ten is wrong
HALF = SIDE // 2


@dataclass(frozen=True)
class Site:
    """A tile that a model has looked at: where its pixels lie, and its truth, bool (H, W).

    ``relevance``: of the trees' channels in the fit, learnt without this tile; None for the shipped one.
    """

    name: str
    model: HybridModel
    seen: Seen
    grid: Grid
    truth: np.ndarray
    relevance: Relevance | None = None

    def mcc(self, model: HybridModel) -> float:
        """MCC of a model's mask over valid pixels."""
        mask = predict_seen(model, self.seen).mask
        return confusion(self.truth[self.seen.valid], mask[self.seen.valid]).mcc


def site_of(
    model: HybridModel, labelled: LabelledTile, device: torch.device, jobs: int, relevance: Relevance | None = None
) -> Site:
    """Look at a tile; its pixels lie on a plane of their own."""
    tile, truth = labelled
    height, width = tile.shape
    grid = Grid("", (30.0, 0.0, 0.0, 0.0, -30.0, 0.0), height, width)
    return Site(tile.tile_id, model, look(model, tile, device, jobs), grid, truth, relevance)


def random_marks(site: Site, count: int, seed: int) -> list[Mark]:
    """Squares around random pixels of true glacier and true ground by turns; whole ones wherever there are any."""
    random = np.random.default_rng(seed)
    inside = np.zeros(site.truth.shape, bool)
    inside[HALF:-HALF, HALF:-HALF] = True
    marks = []
    for number in range(count):
        glacier = number % 2 == 0
        wanted = site.seen.valid & (site.truth == glacier)
        places = np.argwhere(wanted & inside if (wanted & inside).any() else wanted)
        if len(places):
            row, column = places[random.integers(len(places))]
            marks.append(Mark(square_at(site.grid, row, column), glacier, str(number)))
    return marks


def suggested_marks(site: Site, count: int) -> list[Mark]:
    """What ``adapt.suggest`` asks for, answered by the truth's majority."""
    places = suggest(site.model, [(site.seen, site.grid)], count)
    marks = [Mark(place.geometry, True, str(number)) for number, place in enumerate(places)]
    covered = [pixels_of(mark, site.grid) for mark in marks]
    return [
        Mark(mark.geometry, bool(site.truth[row, column].mean() > 0.5), mark.mark_id)
        for mark, (row, column) in zip(marks, covered)
    ]


def with_wrong(marks: Sequence[Mark], share: float, seed: int) -> list[Mark]:
    """The marks with a share of them, drawn at random, of the other kind."""
    wrong = set(np.random.default_rng(seed).permutation(len(marks))[: round(share * len(marks))].tolist())
    return [Mark(mark.geometry, mark.glacier != (number in wrong), mark.mark_id) for number, mark in enumerate(marks)]


def after(site: Site, marks: Sequence[Mark]) -> float:
    """MCC of the model that is fitted to the marks."""
    evidence = evidence_in(site.model, site.seen, site.grid, marks)
    return site.mcc(fit(site.model, evidence, site.relevance).model)


def study(site: Site, counts: Sequence[int], draws: int) -> dict[str, Any]:
    """MCC of one site: ``start``, and by way, share of wrong marks and their number a list with one entry a draw."""
    most = max(counts)
    drawn = {
        RANDOM: [random_marks(site, most, seed) for seed in range(draws)],
        SUGGESTED: [suggested_marks(site, most)] * draws,
    }
    result: dict[str, Any] = {"start": site.mcc(site.model), "unchanged": after(site, [])}
    for way, share, count in plan(counts):
        # what is suggested differs from draw to draw by the wrong marks alone
        kept = drawn[way][:1] if way == SUGGESTED and not share else drawn[way]
        found = [after(site, with_wrong(marks[:count], share, seed)) for seed, marks in enumerate(kept)]
        result.setdefault(way, {}).setdefault(f"{share:g}", {})[str(count)] = found
    return result


def plan(counts: Sequence[int]) -> Iterator[tuple[str, float, int]]:
    """Way of drawing, share of wrong marks and number of marks of everything that is measured."""
    for way in (RANDOM, SUGGESTED):
        yield from ((way, 0.0, count) for count in counts)
        yield from ((way, WRONG, count) for count in counts if count >= FEWEST_WITH_WRONG)
