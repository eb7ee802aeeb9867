"""The fit's laws: no mark changes nothing, one wrong mark little, the order nothing; marks put a bad model right."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch

from adapt.evidence import Evidence, Seen, evidence_in, joined, look, predict_seen
from adapt.fit import THRESHOLD_VARIANCE, Fitted, fit, known_by, problem_of, spread_of
from adapt.marks import Mark, pixels_of
from adapt.process import left_out, posterior
from adapt.suggest import square_at, suggest
from fusion.fuse import Fusion
from fusion.hybrid import HybridModel, predict_tile
from scenes.grid import Grid
from tests.examples import example_model, example_tile
from tiles.folder import LabelledTile

CPU = torch.device("cpu")
SHAPE = (72, 80)
GRID = Grid("EPSG:32643", (30.0, 0.0, 600_000.0, 0.0, -30.0, 3_750_000.0), *SHAPE)
GOOD, BAD = example_model(), replace(example_model(), fusion=Fusion((0.0, 0.3), 2.5, 0.5))  # BAD maps all of it


@lru_cache(maxsize=1)
def place() -> tuple[LabelledTile, Seen]:
    labelled = example_tile(SHAPE)
    return labelled, look(GOOD, labelled.tile, CPU)


def marks(count: int, wrong: int = 0) -> list[Mark]:
    """Squares of ice and rock by turns that do not overlap, the first ``wrong`` of the other kind."""
    found = []
    for number in range(count):
        row, column = 4 + 8 * (number // 2 % 4) + 36 * (number % 2), 16 + 8 * (number // 8)
        found.append(Mark(square_at(GRID, row, column), (number % 2 == 0) != (number < wrong), str(number)))
    return found


def fitted(model: HybridModel, made: list[Mark]) -> Fitted:
    return fit(model, evidence_in(model, place()[1], GRID, made))


def knowing(evidence: Evidence, doubt: float) -> Evidence:
    """The evidence as of a scene of which the model has this doubt, and on which both of its members agree."""
    seen, around = evidence.pixels, evidence.background
    alike = replace(around, members=np.repeat(around.members[:, 1:], 2, axis=1))
    return replace(evidence, pixels=replace(seen, doubt=np.full_like(seen.doubt, doubt)), background=alike)


def errors_of(model: HybridModel) -> float:
    (tile, truth), seen = place()
    return float((predict_seen(model, seen).mask != truth)[tile.valid].mean())


def test_a_window_seen_is_mapped_as_a_tile_is():
    (tile, _), seen = place()
    adapted = fitted(BAD, marks(8)).model
    for model in (GOOD, adapted):
        expected, found = predict_tile(model, tile, CPU), predict_seen(model, seen)
        np.testing.assert_array_equal(found.probability, expected.probability)
        np.testing.assert_array_equal(found.mask, expected.mask)


def test_no_mark_changes_nothing():
    result = fitted(GOOD, [])
    assert result.model is GOOD


def test_marks_put_a_bad_model_right():
    result = fitted(BAD, marks(20))
    assert errors_of(BAD) > 0.4
    assert errors_of(result.model) < 0.02
    assert result.right > result.right_before
    assert result.loss < result.loss_before
    assert (result.glacier, result.ground) == (10, 10)


@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_marks_do_not_spoil_a_good_model(count: int):
    assert errors_of(fitted(GOOD, marks(count)).model) <= errors_of(GOOD) + 0.005


@pytest.mark.parametrize("count", [1, 2, 10])
def test_one_wrong_mark_spoils_little(count: int):
    assert errors_of(fitted(GOOD, marks(count, wrong=1)).model) <= errors_of(GOOD) + 0.02


def test_marks_move_a_model_less_where_it_knows_the_scene():
    seen = place()[1]
    evidence = evidence_in(GOOD, seen, GRID, marks(6, wrong=2))
    before, moved, told = predict_seen(GOOD, seen).probability, [], []
    for doubt in (0.0, 1.0):
        result = fit(GOOD, knowing(evidence, doubt))
        moved.append(float(np.abs(predict_seen(result.model, seen).probability - before).mean()))
        told.append(any("until more marks say so" in note for note in result.notes))
    assert moved[0] < moved[1]
    assert told == [True, False]


def test_the_threshold_moves_more_freely_where_the_scene_is_not_known():
    evidence, thresholds = evidence_in(GOOD, place()[1], GRID, marks(6)), []
    for doubt in (1.0, 0.3, 0.0):
        problem = problem_of(knowing(evidence, doubt), *spread_of(evidence.background, 1.0))
        threshold, *members = problem.variance
        thresholds.append(threshold)
        assert members[0] == members[1] < threshold
    assert (thresholds[0], thresholds[2]) == THRESHOLD_VARIANCE
    assert thresholds[0] > thresholds[1] > thresholds[2]


def test_a_model_whose_members_do_not_agree_does_not_know_the_scene():
    random = np.random.default_rng(0)
    trees, other = random.normal(size=(2, 4000))
    known = [known_by(0.0, np.stack([trees, trees * share + other], axis=1)) for share in (5.0, 1.0, 0.1)]
    assert known[0] == 1 > known[1] > known[2] == 0
    assert known_by(1.0, np.stack([trees, trees], axis=1)) == 0, "both agree, but are in doubt"
    assert known_by(0.0, np.stack([trees, np.full(4000, 5.0)], axis=1)) == 0, "one says the same everywhere"


def test_a_bad_model_is_put_right_in_spite_of_wrong_marks():
    assert errors_of(fitted(BAD, marks(20, wrong=2)).model) < 0.1


def test_the_order_of_the_marks_does_not_matter():
    first, other = (fitted(BAD, made).model for made in (marks(9), marks(9)[::-1]))
    probabilities = [predict_seen(model, place()[1]).probability for model in (first, other)]
    np.testing.assert_allclose(*probabilities, atol=1e-5)


def test_the_same_marks_give_the_same_model():
    one, two = (fitted(BAD, marks(6)).model for _ in range(2))
    assert one.fusion == two.fusion
    np.testing.assert_array_equal(one.corrections[0].weights, two.corrections[0].weights)


@pytest.mark.parametrize(("glacier", "missing"), [(True, "ground"), (False, "glacier")])
def test_one_kind_alone_moves_the_threshold_alone(glacier: bool, missing: str):
    result = fitted(BAD, [mark for mark in marks(10) if mark.glacier is glacier])
    assert result.model.corrections == ()
    assert result.model.fusion != BAD.fusion
    assert any(f"no mark on {missing}" in note for note in result.notes)


def test_marks_outside_on_nodata_and_contradictory_are_counted():
    odd = [
        Mark(square_at(GRID, -50, 10), True, "far"),
        Mark(square_at(GRID, 20, 4), True, "empty"),  # the first 10 columns are nodata
        Mark(square_at(GRID, 50, 40), True, "one"),
        Mark(square_at(GRID, 50, 44), False, "other"),
    ]
    evidence = evidence_in(GOOD, place()[1], GRID, odd)
    assert [note.split(":")[-1] for note in evidence.notes[:1]] == [" far."]
    assert "21 pixel(s) are marked as glacier and as ground" in evidence.notes[1]
    assert "1 mark(s) lie on nodata" in evidence.notes[2]
    assert set(evidence.mark) == {2, 3}


def test_every_mark_weighs_alike_in_joined_evidence():
    parts = [evidence_in(BAD, place()[1], GRID, made) for made in (marks(3), marks(4))]
    both: Evidence = joined(parts)
    assert len(np.unique(both.mark)) == 7
    assert len(both.glacier) == len(parts[0].glacier) + len(parts[1].glacier)
    assert fit(BAD, both).glacier == 4


def test_a_model_that_was_adapted_is_adapted_again():
    first = fitted(BAD, marks(6)).model
    again = fitted(first, marks(20)).model
    assert len(again.corrections) == 2
    assert errors_of(again) <= errors_of(first) + 0.005


def test_left_out_is_what_a_fit_without_the_group_says():
    random = np.random.default_rng(0)
    places = random.normal(size=(12, 2))
    kernel = np.exp(-((places[:, None] - places) ** 2).sum(axis=2) / 2)
    glacier, prior, weight = places[:, 0] > 0, np.zeros(12), np.full(12, 0.5)
    group = np.repeat(np.arange(4), 3)
    found = left_out(kernel, posterior(kernel, glacier, weight, prior), glacier, weight, prior, group)
    for number in range(4):
        kept = group != number
        weights = posterior(kernel[np.ix_(kept, kept)], glacier[kept], weight[kept], prior[kept])
        expected = kernel[np.ix_(~kept, kept)] @ weights
        np.testing.assert_allclose(found[~kept], expected, atol=0.05)


def test_places_are_whole_unlike_and_not_what_is_marked():
    (tile, truth), seen = place()
    found = suggest(BAD, [(seen, GRID)], 6)
    assert len(found) == 6
    assert len({one.geometry.wkt for one in found}) == 6
    sides = []
    for one in found:
        row, column = pixels_of(Mark(one.geometry, True), GRID)
        assert len(row) == 49
        assert tile.valid[row, column].all()
        sides.append(truth[row, column].mean() > 0.5)
    assert any(sides)
    assert not all(sides)
    ice = [mark for mark in marks(30) if mark.glacier]
    other = suggest(BAD, [(seen, GRID)], 1, evidence_in(BAD, seen, GRID, ice))[0]
    assert other.geometry.centroid.y < 3_750_000 - 30 * 33, "ice is marked already: the next place is rock"


def test_a_scene_without_places_gives_none():
    (tile, _), seen = place()
    assert suggest(BAD, [(replace(seen, valid=np.zeros_like(tile.valid)), GRID)], 3) == []
    assert suggest(BAD, [], 3) == []
