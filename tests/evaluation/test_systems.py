"""Scoring systems side by side: settings are fitted, masks keep nodata, and pools add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluation.systems import CLASSIC, SYSTEMS, UNFITTED, Scored, by_system, fit_settings, masks_of, ndsi_of, summary
from fusion.fitting import OutOfFold
from scores.confusion import confusion
from tests.examples import example_tile
from tiles.folder import LabelledTile

FOLDS = [["a", "b"], ["c", "d"]]


def scene(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.random((20, 20)) > 0.6
    valid = random.random((20, 20)) > 0.2
    score = np.clip(truth * 0.3 + random.random((20, 20)) * 0.6, 0, 1)
    return np.where(valid, score, 0), truth & valid, valid


@pytest.fixture
def scenes() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
    made = {name: scene(number) for number, name in enumerate("abcd")}
    return tuple({name: parts[index] for name, parts in made.items()} for index in range(3))  # type: ignore[return-value]


def judged_example(tile_id: str, seed: int) -> tuple[LabelledTile, OutOfFold]:
    tile, truth = example_tile(seed=seed)
    random = np.random.default_rng(seed)
    score = np.where(tile.valid, np.clip(truth * 0.4 + 0.6 * random.random(truth.shape), 0, 1), 0).astype(np.float32)
    return LabelledTile(replace(tile, tile_id=tile_id), truth), OutOfFold(score, score, truth, tile.valid)


def test_settings_map_the_tiles_they_were_fitted_on_well():
    made = [judged_example(tile_id, seed) for seed, tile_id in enumerate("abc")]
    settings = fit_settings([labelled for labelled, _ in made], {one[0].tile.tile_id: [one[1]] for one in made})
    for (tile, truth), judged in made:
        masks = masks_of(tile, judged, settings)
        assert set(masks) == {CLASSIC, *SYSTEMS}
        for system, one in masks.items():
            assert not one.mask[~tile.valid].any()
            assert confusion(truth, one.mask).mcc > (0.9 if "NDSI" in system else 0.5)


def test_simulated_copies_have_a_say_in_all_that_is_trained_and_none_in_ndsi():
    labelled, judged = judged_example("a", 0)
    copy = replace(judged, truth=~judged.truth & judged.valid)
    alone, both = (fit_settings([labelled], {"a": ones}) for ones in ([judged], [judged, copy]))
    assert alone.ndsi == both.ndsi
    assert alone.fusion != both.fusion


def test_every_group_counts_alike_however_many_tiles_it_has():
    labelled, judged = judged_example("a", 0)
    far = replace(judged, unet=np.clip(judged.unet - 0.3, 0, 1))  # its scores are lower
    home, many = ([far], [far] * 5)
    assert (
        fit_settings([labelled], {"a": [judged]}, [home]).unet == fit_settings([labelled], {"a": [judged]}, [many]).unet
    )
    assert fit_settings([labelled], {"a": [judged]}, [home]).unet < fit_settings([labelled], {"a": [judged]}).unet


def test_by_system_turns_the_table():
    (tile, _), judged = judged_example("a", 0)
    turned = by_system([masks_of(tile, judged, UNFITTED)] * 2)
    assert all(len(ones) == 2 for ones in turned.values())
    assert by_system([]) == {}


def test_nodata_counts_in_all_pixels_only(scenes):
    scores, truths, valids = scenes
    masks = [Scored(name, (scores[name] > 0.45) & valids[name], truths[name], valids[name]) for name in scores]
    result = summary(masks, FOLDS)
    assert result["all_pixels"]["mcc"] != result["valid_pixels"]["mcc"]
    assert result["all_pixels"]["iou"] == pytest.approx(result["valid_pixels"]["iou"])
    assert len(result["fold_mcc"]) == 2
    assert result["tile_mean_mcc"] == pytest.approx(np.mean([one["mcc"] for one in result["tiles"].values()]))


def test_ndsi_under_nodata_is_lowest():
    tile, truth = example_tile()
    ndsi = ndsi_of(tile)
    assert np.all(ndsi[~tile.valid] == -1)
    assert ndsi[truth].min() > ndsi[~truth & tile.valid].max()
