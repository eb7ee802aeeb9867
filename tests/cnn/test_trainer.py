"""The trainer with any network: it stops early, keeps the best, goes on exactly, and says when a loss is no number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cnn.trainer import train
from errors import TrainingError
from tests.networks import SETTINGS, trainer_for


def test_it_stops_when_no_score_is_better_and_keeps_the_best(tmp_path: Path):
    scores = iter([0.1, 0.5, 0.4, 0.3, 0.9])
    seen = {}

    def evaluate(run):
        seen[run.step] = {name: value.clone() for name, value in run.averaged.items()}
        return next(scores)

    trainer = trainer_for(replace(SETTINGS, patience=2, keep_best=True))
    train(trainer, tmp_path / "run.ckpt", evaluate)
    assert (trainer.step, trainer.curves["mcc"]) == (4, [0.1, 0.5, 0.4, 0.3])
    for name, value in trainer.chosen.items():
        assert torch.equal(value, seen[2][name])
    again = trainer_for(replace(SETTINGS, patience=2, keep_best=True))
    train(again, tmp_path / "run.ckpt", evaluate)
    assert again.step == 4
    assert torch.equal(again.chosen["weight"], trainer.chosen["weight"])


@pytest.mark.parametrize("schedule", ["constant", "plateau", "one_cycle"])
def test_a_stopped_run_goes_on_exactly(tmp_path: Path, schedule: str):
    settings = replace(SETTINGS, schedule=schedule)
    whole, first = trainer_for(settings), trainer_for(settings)
    train(whole, tmp_path / "whole.ckpt", lambda run: -float(run.step))  # ever worse: the plateau halves the rate
    for _ in range(3):
        first.curves["loss"].append(first.train_step())
        first.watch(-float(first.step))
    first.save(tmp_path / "stopped.ckpt")
    second = trainer_for(settings)
    train(second, tmp_path / "stopped.ckpt", lambda run: -float(run.step))
    for name, value in whole.chosen.items():
        assert torch.equal(value, second.chosen[name])
    assert second.curves == whole.curves
    if schedule == "plateau":
        assert second.optimiser.param_groups[0]["lr"] == pytest.approx(0.05)


def test_a_loss_that_is_no_number_is_told():
    with pytest.raises(TrainingError, match="step 1: the loss is not finite"):
        trainer_for(SETTINGS, float("inf")).train_step()
