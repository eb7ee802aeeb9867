"""What the model sees under the marks, computed in windows around them alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from tqdm import tqdm

from adapt.marks import Mark, pixels_of
from baseline.gbm import cells_of, score_of_cells
from cnn.tile_probability import unet_probability
from command import hidden
from errors import VectorError
from features.stack import FeatureStack, build_stack
from fusion.alike import drawn_to_alike
from fusion.correction import correction_offset
from fusion.fuse import fused_probability, log_odds
from fusion.hybrid import HybridModel, Prediction
from fusion.layout import LARGE, Layout
from fusion.scene_threshold import EDGES, glacier_mask, log_odds_counts, scene_doubt, scene_threshold
from fusion.windowed import levels_for, reach
from mapping.run import sample_of
from scenes.grid import Grid
from scenes.scene import Scene
from tiles.tile import Tile

PIXELS_OF_A_MARK = 4  # neighbours say the same
MOST_PIXELS = 1000  # of all marks: the fit's time goes by their third power
BACKGROUND = 1500  # pixels of a window that show what the rest of the scene looks like

Box = tuple[int, int, int, int]  # row, column, rows and columns of a window


@dataclass(frozen=True)
class Seen:
    """All that re-fitting and redrawing a window needs of its tile, so that neither network nor trees run again.

    ``unet`` and ``gbm``: float32 (H, W) in 0..1; ``cells``: the trees' channels at half resolution; ``valid``: bool
    (H, W). None of them depends on what marks have changed: what one model has seen serves all adapted from it.
    """

    unet: np.ndarray
    gbm: np.ndarray
    cells: FeatureStack
    valid: np.ndarray


@dataclass(frozen=True)
class Pixels:
    """Pixels as the fit sees them, a row each.

    ``channels``: those of the trees, float32 (N, C), NaN where missing; ``members``: log-odds of U-Net and GBM, float32
    (N, 2); ``above``: fused log-odds from the scene's threshold on, float32 (N,); ``level``: that threshold, (N,);
    ``doubt``: whether the model knows the scene, as of ``fusion.scene_threshold.doubt``, (N,).
    """

    channels: np.ndarray
    members: np.ndarray
    above: np.ndarray
    level: np.ndarray
    doubt: np.ndarray


@dataclass(frozen=True)
class Evidence:
    """A few pixels of every mark and what the user says of them.

    ``glacier``: bool (N,); ``mark``: number of the pixel's mark, int (N,); ``background``: pixels from all over the
    windows; ``notes``: what was left out and why, a sentence each.
    """

    pixels: Pixels
    glacier: np.ndarray
    mark: np.ndarray
    background: Pixels
    notes: tuple[str, ...] = ()


def look(
    model: HybridModel,
    tile: Tile,
    device: torch.device,
    jobs: int = 1,
    levels: Mapping[str, np.ndarray] | None = None,
    margin: int = 0,
) -> Seen:
    """Run network and trees over a tile (a window in view: 512 x 512 pixels take seconds) and keep what they see.

    ``levels``: quantiles of the scene that the tile is a part of, as of ``fusion.windowed.levels_for``; ``margin``:
    pixels, even, around the window that only the trees' channels look at.
    """
    rows, columns = (side - 2 * margin for side in tile.shape)
    inner = (slice(margin, margin + rows), slice(margin, margin + columns))
    cells = cells_of(model.gbm, tile, levels)
    gbm = score_of_cells(model.gbm, cells, tile.valid, jobs)[inner]
    window = tile.crop(margin, margin, rows, columns)
    stack = build_stack(window, model.unet.channel_names)
    said = unet_probability(model.unet, stack, device, model.views, jobs)
    kept = cells.crop(margin // 2, margin // 2, -(-rows // 2), -(-columns // 2))
    return Seen(drawn_to_alike(said, kept, window.valid), gbm, kept, window.valid)


def predict_seen(model: HybridModel, seen: Seen) -> Prediction:
    """What a model, adapted or not, makes of a window that has been seen already: 0.1 s for 512 x 512 pixels."""
    probability = probability_seen(model, seen)
    return Prediction(seen.unet, seen.gbm, probability, glacier_mask(model.fusion, probability, seen.valid))


def probability_seen(model: HybridModel, seen: Seen) -> np.ndarray:
    """The fused probability of a window that has been seen already, float32 (H, W)."""
    offsets = [correction_offset(one, seen.cells, seen.valid) for one in model.corrections]
    return fused_probability(model.fusion, seen.unet, seen.gbm, seen.valid, offsets)


def evidence_in(model: HybridModel, seen: Seen, grid: Grid, marks: Sequence[Mark]) -> Evidence:
    """The evidence of marks on a scene that is one window, whose pixels lie on ``grid``.

    ``notes`` count the marks that tell nothing.
    """
    places, notes = places_of(marks, grid)
    found, counts = window_evidence(model, seen, marks, dict(enumerate(places)), BACKGROUND)
    return with_notes(in_scene(found, model, counts), marks, places, notes)


def gather(model: HybridModel, scene: Scene, marks: Sequence[Mark], device: torch.device, jobs: int = 0) -> Evidence:
    """The evidence of marks on a scene of any size, of which only windows around the marks are read."""
    places, notes = places_of(marks, scene.grid)
    layout = layout_of(scene)
    levels = levels_for(model, sample_of(scene)) if layout else None
    groups = by_window(places, scene, layout)
    evidence, counts = [no_evidence(len(model.gbm.channel_names))], np.zeros(len(EDGES) - 1, np.int64)
    for box, numbers in tqdm(groups.items(), desc=scene.name, unit="window", disable=hidden()):
        seen = look_at(model, scene, box, levels, device, jobs)
        local = {number: places[number] - np.array(box[:2])[:, None] for number in numbers}
        one, some = window_evidence(model, seen, marks, local, BACKGROUND // len(groups))
        evidence.append(one)
        counts += some
    found = with_notes(in_scene(joined(evidence, apart=False), model, counts), marks, places, notes)
    if marks and not found.mark.size:
        told = "".join(f" {note}" for note in notes)
        raise VectorError(
            f"{scene.name}: none of its {len(marks)} mark(s) can be used; draw some on valid pixels of it.{told}"
        )
    return found


def no_evidence(channels: int) -> Evidence:
    """The evidence of no mark."""
    nothing = np.zeros(0, np.float32)
    pixels = Pixels(np.zeros((0, channels), np.float32), np.zeros((0, 2), np.float32), nothing, nothing, nothing)
    return Evidence(pixels, np.zeros(0, bool), np.zeros(0, int), pixels)


def places_of(marks: Sequence[Mark], grid: Grid) -> tuple[list[np.ndarray], list[str]]:
    """Rows and columns of the pixels of every mark but those that marks of both kinds cover, and what was left out."""
    covered = [pixels_of(mark, grid) for mark in marks]
    flat = [one[0] * grid.width + one[1] for one in covered]
    kinds = [
        np.concatenate([np.empty(0, int), *(one for one, mark in zip(flat, marks) if mark.glacier is kind)])
        for kind in (True, False)
    ]
    both = np.intersect1d(kinds[0], kinds[1])
    outside = [mark.mark_id for mark, one in zip(marks, flat) if not one.size]
    notes = [f"{len(outside)} mark(s) lie outside the scene and are left out: {named(outside)}."] if outside else []
    if both.size:
        notes.append(f"{both.size} pixel(s) are marked as glacier and as ground and are left out.")
    return [one[:, ~np.isin(numbers, both)] for one, numbers in zip(covered, flat)], notes


def named(names: Sequence[str]) -> str:
    """The first few names."""
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def layout_of(scene: Scene) -> Layout | None:
    """The windows of a large scene; None where the scene is one window."""
    sides = scene.grid.height, scene.grid.width
    return Layout(*sides, origin=scene.grid.origin) if max(sides) > LARGE else None


def whole(scene: Scene) -> Box:
    """The window that is the whole scene."""
    return 0, 0, scene.grid.height, scene.grid.width


def by_window(places: Sequence[np.ndarray], scene: Scene, layout: Layout | None) -> dict[Box, list[int]]:
    """The windows that hold marks, each with the numbers of the marks nearest to its middle."""
    groups: dict[Box, list[int]] = {}
    for number, one in enumerate(places):
        if one.size:
            box = nearest_window(one.mean(axis=1), layout) if layout else whole(scene)
            groups.setdefault(box, []).append(number)
    return groups


def nearest_window(place: np.ndarray, layout: Layout) -> Box:
    """The window in whose middle a place (row, column) lies best."""
    steps = np.round((place + layout.lead - layout.window / 2) / layout.stride)
    row, column = np.clip(steps, 0, np.array(layout.counts) - 1).astype(int)
    return *layout.start(int(row), int(column)), layout.window, layout.window


def look_at(
    model: HybridModel,
    scene: Scene,
    box: Box,
    levels: Mapping[str, np.ndarray] | None,
    device: torch.device,
    jobs: int,
) -> Seen:
    """Read a window of a scene, with what its channels need around it, and look at it.

    ``levels``: the scene's quantiles; without them the window is its own scene, as ``solution.py`` takes a tile.
    """
    row, column, rows, columns = box
    margin = 0 if levels is None else reach(model)
    tile = scene.read(row - margin, column - margin, rows + 2 * margin, columns + 2 * margin)
    return look(model, tile, device, jobs or os.cpu_count() or 1, levels, margin)


def window_evidence(
    model: HybridModel, seen: Seen, marks: Sequence[Mark], places: Mapping[int, np.ndarray], background: int
) -> tuple[Evidence, np.ndarray]:
    """The evidence of the marks of these numbers on a window, of no scene yet, and its counts of log-odds."""
    probability = probability_seen(model, seen)
    chosen = {number: spread(usable(one, seen.valid), pixels_each(len(marks))) for number, one in places.items()}
    where = np.concatenate([np.empty((2, 0), int), *chosen.values()], axis=1)
    number = np.repeat(np.array(list(chosen), int), [one.shape[1] for one in chosen.values()])
    glacier = np.array([mark.glacier for mark in marks], bool)[number]
    around = spread(np.stack(np.nonzero(seen.valid)), background)
    pixels, others = (pixels_at(seen, probability, one) for one in (where, around))
    return Evidence(pixels, glacier, number, others), log_odds_counts(probability, seen.valid)


def usable(places: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Those of the pixels (2, N) that lie in a window and are valid."""
    inside = ((places >= 0) & (places < np.array(valid.shape)[:, None])).all(axis=0)
    kept = places[:, inside]
    return kept[:, valid[kept[0], kept[1]]]


def spread(places: np.ndarray, count: int) -> np.ndarray:
    """At most ``count`` of the pixels (2, N), evenly through them."""
    number = np.linspace(0, places.shape[1] - 1, min(count, places.shape[1])).astype(int)
    return places[:, number]


def pixels_each(marks: int) -> int:
    """How many pixels of each of so many marks are taken."""
    return int(np.clip(MOST_PIXELS // max(marks, 1), 1, PIXELS_OF_A_MARK))


def pixels_at(seen: Seen, probability: np.ndarray, where: np.ndarray) -> Pixels:
    """The pixels of a window at rows and columns, int (2, N)."""
    row, column = where
    members = np.stack([log_odds(seen.unet[row, column]), log_odds(seen.gbm[row, column])], axis=1)
    fused = probability[row, column].astype(np.float64).clip(1e-6, 1 - 1e-6)
    channels = seen.cells.array[:, row // 2, column // 2].T
    nothing = np.zeros(len(row), np.float32)  # until the whole scene is known
    return Pixels(channels, members, np.log(fused / (1 - fused)).astype(np.float32), nothing, nothing)


def level_of(model: HybridModel, counts: np.ndarray) -> float:
    """The threshold, in log-odds, of a scene with these counts."""
    return float(log_odds(np.array([scene_threshold(model.fusion, counts)]))[0])


def in_scene(evidence: Evidence, model: HybridModel, counts: np.ndarray) -> Evidence:
    """The same evidence as of a scene with these counts of log-odds: those from its threshold on, and its doubt."""
    level, unknown = level_of(model, counts), scene_doubt(model.fusion, counts)

    def taken(pixels: Pixels) -> Pixels:
        above, level_of_all = pixels.above - np.float32(level), np.full_like(pixels.level, level)
        return replace(pixels, above=above, level=level_of_all, doubt=np.full_like(pixels.doubt, unknown))

    return replace(evidence, pixels=taken(evidence.pixels), background=taken(evidence.background))


def joined(evidence: Sequence[Evidence], apart: bool = True) -> Evidence:
    """The evidence of several windows or scenes as one; ``apart``: marks of the same number in two are not the same."""
    first, marks = 0, []
    for one in evidence:
        marks.append(one.mark + first)
        first += apart * (int(one.mark.max(initial=-1)) + 1)
    pixels, background = (
        Pixels(*(np.concatenate([getattr(one, field.name) for one in many]) for field in fields(Pixels)))
        for many in ([one.pixels for one in evidence], [one.background for one in evidence])
    )
    notes = tuple(note for one in evidence for note in one.notes)
    return Evidence(pixels, np.concatenate([one.glacier for one in evidence]), np.concatenate(marks), background, notes)


def with_notes(
    evidence: Evidence, marks: Sequence[Mark], places: Sequence[np.ndarray], notes: Sequence[str]
) -> Evidence:
    """The evidence with notes, one more on marks of which nothing is left."""
    used = set(evidence.mark.tolist())
    lost = [mark.mark_id for number, mark in enumerate(marks) if places[number].size and number not in used]
    more = [f"{len(lost)} mark(s) lie on nodata and are left out: {named(lost)}."] if lost else []
    return replace(evidence, notes=(*notes, *more))
