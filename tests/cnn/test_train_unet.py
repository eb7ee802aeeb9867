"""Training: resumes exactly, refuses what does not fit, reports a user's mistake in one sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cnn import train_unet as training
from cnn.augment import prepare
from cnn.settings import TrainingConfig
from cnn.tile_training import channel_statistics, mean_network, sample_weights, score_tiles, tile_trainer, train_unet
from cnn.trainer import load_checkpoint
from errors import TrainingError
from tests.examples import example_tile, write_folder
from tiles.folder import LabelledTile
from tiles.tile import Tile

pytestmark = pytest.mark.usefixtures("narrow_networks")

SMALL = TrainingConfig(
    channels=("green", "ndsi", "thermal.rank"),
    steps=4,
    batch=2,
    crop=32,
    imagenet=False,
    mixed_precision=False,
    evaluate_every=2,
    checkpoint_every=2,
)
CPU = torch.device("cpu")


def test_a_stopped_run_ends_as_one_that_was_not(tmp_path: Path):
    tiles = [example_tile()]
    whole = train_unet(tiles, tiles, SMALL, tmp_path / "whole.ckpt", CPU)
    first = tile_trainer(tiles, [], SMALL, CPU)
    for _ in range(2):
        first.curves["loss"].append(first.train_step())
    first.save(tmp_path / "stopped.ckpt")
    resumed = train_unet(tiles, tiles, SMALL, tmp_path / "stopped.ckpt", CPU)
    for one, other in zip(whole.networks[0].state_dict().values(), resumed.networks[0].state_dict().values()):
        assert torch.equal(one, other)
    assert (tmp_path / "whole.png").stat().st_size > 1000


def test_other_settings_are_refused(tmp_path: Path):
    tiles = [example_tile()]
    tile_trainer(tiles, [], SMALL, CPU).save(tmp_path / "run.ckpt")
    other = TrainingConfig(**{**SMALL.__dict__, "seed": 5})
    with pytest.raises(TrainingError, match="other settings or data"):
        train_unet(tiles, [], other, tmp_path / "run.ckpt", CPU)


def test_a_damaged_checkpoint_is_named(tmp_path: Path):
    (tmp_path / "run.ckpt").write_bytes(b"nothing")
    with pytest.raises(TrainingError, match="run.ckpt"):
        train_unet([example_tile()], [], SMALL, tmp_path / "run.ckpt", CPU)


def test_training_without_glacier_is_refused():
    tile, truth = example_tile()
    with pytest.raises(TrainingError, match="no glacier"):
        tile_trainer([(tile, np.zeros_like(truth))], [], SMALL, CPU)


def test_chips_that_are_drawn_on_have_their_share_and_are_told(tmp_path: Path):
    tiles, extra, drawn = [example_tile()], [example_tile(seed=3)], [example_tile((20, 30), seed=7)]
    asked = replace(SMALL, drawn_share=0.1)

    def shares(config: TrainingConfig, drawn: list[LabelledTile]) -> tuple[float, float, float, float]:
        found = tile_trainer(tiles, extra, config, CPU, drawn=drawn).batches.sampler.share
        count = len(found) - 2 - len(drawn)
        return found[0], found[1], sum(found[2 : 2 + count]), sum(found[2 + count :])

    assert shares(asked, drawn) == pytest.approx((0.25, 0.3, 0.35, 0.1))
    assert shares(asked, []) == pytest.approx((0.3, 0.3, 0.4, 0))
    assert len(tile_trainer(tiles, extra, SMALL, CPU, drawn=drawn).batches.sampler.tiles) == len(
        tile_trainer(tiles, extra, SMALL, CPU).batches.sampler.tiles
    ), "only where the settings ask for them"
    train_unet(tiles, [], asked, tmp_path / "run.ckpt", CPU, drawn=drawn)
    with pytest.raises(TrainingError, match="other settings or data"):
        train_unet(tiles, [], asked, tmp_path / "run.ckpt", CPU)


def test_statistics_ignore_nodata_and_missing_bands():
    mean, std = channel_statistics([example_tile(thermal=False)], SMALL.channels)
    assert np.isfinite(mean).all()
    assert (std > 0).all()
    assert (mean[2], std[2]) == (0, 1)  # no temperature anywhere: left alone


def test_groups_are_drawn_as_often_as_asked():
    main, extra, copies = ([prepare(*example_tile(seed=seed), SMALL.channels)] * 2 for seed in range(3))
    weights = sample_weights([main, extra, copies], (0.2, 0.4))
    assert [sum(weights[first : first + 2]) for first in (0, 2, 4)] == pytest.approx([0.4, 0.2, 0.4])
    assert sum(sample_weights([main, [], copies], (0.2, 0.4))) == pytest.approx(1)  # none of the extra ones to draw


def test_a_finished_run_is_not_trained_again(tmp_path: Path):
    tiles, path = [example_tile((40, 40))], tmp_path / "one.ckpt"
    first = train_unet(tiles, [], SMALL, path, CPU)
    written = path.stat().st_mtime_ns
    again = train_unet(tiles, [], SMALL, path, CPU)
    assert path.stat().st_mtime_ns == written
    for one, two in zip(first.networks[0].state_dict().values(), again.networks[0].state_dict().values()):
        assert torch.equal(one, two)
    np.testing.assert_array_equal(first.mean, again.mean)


def test_a_later_round_starts_from_what_the_one_before_ended_with(tmp_path: Path):
    tiles, first = [example_tile()], tmp_path / "first.ckpt"
    ended = train_unet(tiles, [], SMALL, first, CPU).networks[0].state_dict()
    later = TrainingConfig(**{**SMALL.__dict__, "seed": 9})
    trainer = tile_trainer(tiles, [], later, CPU, [load_checkpoint(first)])
    for begun in (trainer.averaged, trainer.network.state_dict()):
        assert all(torch.equal(begun[name], value) for name, value in ended.items())
    train_unet(tiles, [], later, tmp_path / "later.ckpt", CPU, after=[first])
    with pytest.raises(TrainingError, match="other settings or data"):
        train_unet(tiles, [], later, tmp_path / "later.ckpt", CPU)
    train_unet(tiles, [], replace(SMALL, seed=3), tmp_path / "other" / "first.ckpt", CPU)
    with pytest.raises(TrainingError, match="other settings or data"):
        train_unet(tiles, [], later, tmp_path / "later.ckpt", CPU, after=[tmp_path / "other" / "first.ckpt"])


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_a_later_round_starts_from_the_mean_of_those_before_by_their_weights(tmp_path: Path, weight: float):
    tiles, paths = [example_tile()], [tmp_path / "first.ckpt", tmp_path / "second.ckpt"]
    configs = [SMALL, replace(SMALL, weight=weight)]
    models = [
        train_unet(tiles, [], config, path, CPU, after=paths[:number])
        for number, (config, path) in enumerate(zip(configs, paths))
    ]
    begun = tile_trainer(tiles, [], SMALL, CPU, [load_checkpoint(path) for path in paths]).averaged
    for name, value in mean_network(models, [1.0, weight]).networks[0].state_dict().items():
        torch.testing.assert_close(begun[name], value)


def test_copies_in_the_colours_of_chips_are_trained_on_and_told(tmp_path: Path):
    tiles, chips = [example_tile()], [replace(example_tile((20, 30), seed=7)[0], tile_id="chip")]
    coloured = replace(SMALL, coloured=2)

    def drawn(config: TrainingConfig, chips: list[Tile]) -> int:
        return len(tile_trainer(tiles, [], config, CPU, chips=chips).batches.sampler.tiles)

    assert drawn(coloured, chips) == drawn(SMALL, chips) + 2
    assert drawn(coloured, []) == drawn(SMALL, chips), "without chips there are none"
    assert drawn(replace(coloured, simulated_share=0.0), chips) == 1, "they are of the share of the simulated ones"
    train_unet(tiles, [], coloured, tmp_path / "run.ckpt", CPU, chips=chips)
    with pytest.raises(TrainingError, match="other settings or data"):
        train_unet(tiles, [], coloured, tmp_path / "run.ckpt", CPU)


def test_the_mean_of_rounds_is_the_mean_of_their_weights(tmp_path: Path):
    tiles = [example_tile()]
    one, two = (
        train_unet(tiles, [], TrainingConfig(**{**SMALL.__dict__, "seed": seed}), tmp_path / f"{seed}.ckpt", CPU)
        for seed in (0, 1)
    )
    mean = mean_network([one, two], [1, 3]).networks[0].state_dict()
    for name, value in one.networks[0].state_dict().items():
        other = two.networks[0].state_dict()[name]
        assert mean[name].dtype == value.dtype
        torch.testing.assert_close(mean[name], (value + 3 * other) / 4 if value.is_floating_point() else other)
    alone = mean_network([one], [2.0]).networks[0].state_dict()
    assert all(torch.equal(alone[name], value) for name, value in one.networks[0].state_dict().items())


def test_it_learns_a_bright_half(tmp_path: Path):
    tiles = [example_tile((64, 64))]
    config = TrainingConfig(
        **{
            **SMALL.__dict__,
            "steps": 14,
            "batch": 2,
            "average": 0.7,
            "learning_rate": 3e-3,
            "evaluate_every": 100,
        }
    )
    model = train_unet(tiles, [], config, tmp_path / "learn.ckpt", CPU)
    assert score_tiles(model, tiles, CPU) > 0.6


def test_the_command_trains_a_fold_and_stores_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = write_folder(tmp_path / "data")
    words = [
        "train_unet.py",
        "--data",
        str(data),
        "--out",
        str(tmp_path / "out"),
        "--folds",
        "2",
        "--fold",
        "1",
        "--steps",
        "1",
        "--batch",
        "2",
        "--crop",
        "32",
        "--scratch",
        "--device",
        "cpu",
    ]
    monkeypatch.setattr("sys.argv", words)
    assert training.main() == 0
    state = torch.load(tmp_path / "out" / "fold1.ckpt", weights_only=True)
    assert json.loads(state["settings"])["tiles"] == ["01_01"]
    assert not (tmp_path / "out" / "fold0.ckpt").exists()


def test_a_missing_folder_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("sys.argv", ["train_unet.py", "--data", str(tmp_path / "none")])
    assert training.main() == 2
    assert str(tmp_path / "none") in capsys.readouterr().err
