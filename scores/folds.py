"""Spatial folds: neighbouring tiles share edges, so they are split in contiguous blocks."""

from __future__ import annotations

from collections.abc import Sequence

from errors import TrainingError


def contiguous_folds(tile_ids: Sequence[str], folds: int = 4) -> list[list[str]]:
    """Split the sorted tile ids into ``folds`` contiguous blocks of near-equal size.

    Raises TrainingError when there are fewer tiles than folds or fewer than two folds.
    """
    ordered = sorted(tile_ids)
    if folds < 2 or len(ordered) < folds:
        raise TrainingError(
            f"{len(ordered)} tile(s) cannot be split into {folds} folds; give more tiles or fewer folds (2 at least)."
        )
    edges = [round(len(ordered) * fold / folds) for fold in range(folds + 1)]
    return [ordered[start:stop] for start, stop in zip(edges, edges[1:])]
