"""What is trained for the measures and the model, and what kept results of it are recognised by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from baseline.settings import GbmConfig
from cnn.settings import TrainingConfig
from evaluation.crossval import WHOLE, key_of, site_name, training_sets
from evaluation.recipe import Recipe, Scenes
from evaluation.results import code_digest
from evaluation.sites import HOME, SITES, Site
from tests.examples import example_tile
from tiles.folder import LabelledTile

TILE, TRUTH = example_tile((20, 20))
HOME_IDS = ("01_01", "01_02", "02_01", "02_02")


def labelled(*names: str) -> list[LabelledTile]:
    return [LabelledTile(replace(TILE, tile_id=name), TRUTH) for name in names]


SCENES = Scenes(
    labelled(*HOME_IDS), labelled("80_01"), labelled("83_01"), chips=[tile for tile, _ in labelled("a", "b", "c")]
)
RECIPE = Recipe(GbmConfig(), TrainingConfig(), Path("out"), torch.device("cpu"))


def key(scenes: Scenes = SCENES, sites: dict[str, Site] = SITES, recipe: Recipe = RECIPE, folds: int = 4) -> str:
    return key_of(recipe, scenes, training_sets(scenes, folds, sites))


def test_sites_left_out_do_not_change_what_the_folds_are_recognised_by():
    assert key(sites={}) == key()


@pytest.mark.parametrize(
    "other",
    [
        {"scenes": replace(SCENES, chips=SCENES.chips[:2])},
        {"scenes": replace(SCENES, snow=[])},
        {"recipe": replace(RECIPE, unet=replace(RECIPE.unet, steps=3))},
        {"recipe": replace(RECIPE, gbm=replace(RECIPE.gbm, trees=3))},
        {"folds": 2},
    ],
    ids=["chips", "scenes", "steps", "trees", "folds"],
)
def test_all_else_does(other: dict[str, object]):
    assert key(**other) != key()


def test_code_of_the_scores_does_too_and_of_figures_does_not(tmp_path: Path):
    for module in ("fusion/fuse.py", "evaluation/figures.py"):
        (tmp_path / module).parent.mkdir()
        (tmp_path / module).write_text("one")
    before = code_digest(tmp_path)
    (tmp_path / "evaluation/figures.py").write_text("two")
    assert code_digest(tmp_path) == before
    (tmp_path / "fusion/fuse.py").write_text("two")
    assert code_digest(tmp_path) != before


def test_the_networks_of_the_model_have_encoders_of_their_own():
    networks = training_sets(SCENES, 4, SITES)[WHOLE].configs(RECIPE.unet)
    assert [{one.encoder for one in rounds} for rounds in networks] == [{"lite2"}, {RECIPE.unet.encoder}]


def test_what_is_drawn_is_for_a_later_round_of_the_model_alone():
    sets = training_sets(replace(SCENES, drawn=labelled("drawn")), 4, SITES)
    assert [name for name, one in sets.items() if one.drawn] == [WHOLE]
    shares = [[one.drawn_share for one in rounds] for rounds in sets[WHOLE].configs(RECIPE.unet)]
    assert all(first == 0 for first, *_ in shares)
    assert all(last > 0 for *_, last in shares)
    assert all(rounds == sorted(rounds) for rounds in shares), "from then on in every one"


def test_every_later_round_of_the_model_is_slower_and_draws_anew():
    for number, rounds in enumerate(training_sets(SCENES, 4, SITES)[WHOLE].configs(RECIPE.unet)):
        first, *later = rounds
        assert first.seed == RECIPE.unet.seed + number
        assert first.learning_rate == RECIPE.unet.learning_rate
        assert all(one.learning_rate < first.learning_rate for one in later)
        assert len({one.seed for one in rounds}) == len(rounds)


def test_without_home_nothing_of_home_is_trained_on():
    training = training_sets(SCENES, 4, SITES)[site_name(HOME)]
    assert not {tile.tile_id for tile, _ in [*training.tiles, *training.extra]} & set(HOME_IDS)
