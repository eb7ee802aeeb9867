"""The re-fit of a session: from the marks on blocks that have been seen to a model, in a fraction of a second."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adapt.blocks import Blocks
from adapt.evidence import (
    BACKGROUND,
    Evidence,
    in_scene,
    joined,
    no_evidence,
    places_of,
    window_evidence,
    with_notes,
)
from adapt.fit import Fitted, fit
from adapt.marks import Mark
from fusion.hybrid import HybridModel

SHARES = 6  # blocks that have all of the background between them


@dataclass(frozen=True)
class Refit:
    """A re-fit, its number in the session, the evidence it used, and the blocks with marks that nobody has seen yet."""

    number: int
    fitted: Fitted
    evidence: Evidence
    unseen: tuple[int, ...] = ()


class Refitter:
    """Re-fits a model on marks; what the model says of every mark's pixels is computed once."""

    def __init__(self, model: HybridModel, blocks: Blocks) -> None:
        self.model, self.blocks = model, blocks
        self.found: dict[int, tuple[object, Evidence]] = {}

    def refit(self, marks: Sequence[Mark], counts: np.ndarray, number: int) -> Refit:
        """Fit the marks whose blocks have been seen; ``counts``: of the scene's log-odds by the model as it was."""
        places, notes = places_of(marks, self.blocks.scene.grid)
        groups = self.by_block(places)
        unseen = tuple(block for block in groups if block not in self.blocks.known)
        shares = min(len(self.blocks), SHARES)
        evidence = [no_evidence(len(self.model.gbm.channel_names))]
        for block, numbers in groups.items():
            if block not in unseen:
                evidence.append(self.in_block(block, numbers, marks, places, BACKGROUND // shares))
        waiting = {one for block in unseen for one in groups[block]}
        here = [place[:, :0] if one in waiting else place for one, place in enumerate(places)]
        found = with_notes(in_scene(joined(evidence, apart=False), self.model, counts), marks, here, notes)
        return Refit(number, fit(self.model, found), found, unseen)

    def by_block(self, places: Sequence[np.ndarray]) -> dict[int, list[int]]:
        """The blocks that own the middle pixel of each mark, with the marks' numbers."""
        groups: dict[int, list[int]] = defaultdict(list)
        for number, one in enumerate(places):
            if one.size:
                row, column = one[:, one.shape[1] // 2]
                groups[self.blocks.at(int(row), int(column))].append(number)
        return groups

    def in_block(
        self, block: int, numbers: Sequence[int], marks: Sequence[Mark], places: Sequence[np.ndarray], background: int
    ) -> Evidence:
        """The evidence of the marks of one block, from the last time where they are the same."""
        key = (len(marks), [(one, marks[one].glacier, places[one].tobytes()) for one in numbers])
        if block in self.found and self.found[block][0] == key:
            return self.found[block][1]
        first = np.array(self.blocks.box(block)[:2])[:, None]
        local = {one: places[one] - first for one in numbers}
        evidence, _ = window_evidence(self.model, self.blocks.seen(block), marks, local, background)
        self.found[block] = key, evidence
        return evidence
