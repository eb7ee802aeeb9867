"""The loss counts valid pixels only and falls as the prediction gets better."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch

from cnn.losses import LOSSES, bce_dice, loss_of
from errors import SettingError


def example() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    truth = (torch.rand(2, 8, 8, generator=generator) > 0.5).float()
    valid = torch.rand(2, 8, 8, generator=generator) > 0.3
    return torch.randn(2, 8, 8, generator=generator), truth, valid


def test_better_logits_cost_less():
    _, truth, valid = example()
    signs = truth * 2 - 1
    assert bce_dice(signs * 5, truth, valid) < bce_dice(signs * 0, truth, valid) < bce_dice(signs * -5, truth, valid)
    assert bce_dice(signs * 50, truth, valid) == pytest.approx(0, abs=1e-3)


def test_what_lies_under_nodata_does_not_matter():
    logits, truth, valid = example()
    other_logits, other_truth = torch.where(valid, logits, logits + 9), torch.where(valid, truth, 1 - truth)
    assert bce_dice(logits, truth, valid) == pytest.approx(bce_dice(other_logits, other_truth, valid).item())


def test_nothing_valid_costs_nothing_and_has_a_gradient():
    logits, truth, valid = example()
    logits.requires_grad_()
    loss = bce_dice(logits, truth, torch.zeros_like(valid))
    loss.backward()
    assert loss.item() == 0
    assert torch.all(logits.grad == 0)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return torch.randn(2, 1, 6, 5), torch.randint(0, 2, (2, 6, 5)), torch.rand(2, 6, 5) > 0.3


def test_one_logit_is_the_binary_loss(batch):
    logits, truth, valid = batch
    assert loss_of("ce_dice")(*batch) == pytest.approx(float(bce_dice(logits[:, 0], truth.float(), valid)), rel=1e-5)


def test_one_logit_and_two_that_differ_by_it_lose_the_same(batch):
    logits, truth, valid = batch
    two = torch.cat([torch.zeros_like(logits), logits], dim=1)
    for name in ("cross_entropy", "focal", "dice", "dice_focal", "half_ce_half_dice"):
        assert loss_of(name)(two, truth, valid) == pytest.approx(float(loss_of(name)(*batch)), rel=1e-5)


def test_cross_entropy_of_several_classes_is_torchs(batch):
    _, truth, valid = batch
    logits, classes = torch.randn(2, 4, 6, 5), torch.randint(0, 4, (2, 6, 5))
    expected = torch.nn.functional.cross_entropy(logits, torch.where(valid, classes, -100))
    assert loss_of("cross_entropy")(logits, classes, valid) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "bce_dice"])
def test_a_loss_falls_as_the_truth_is_said_and_is_finite_without_pixels(batch, name):
    _, truth, valid = batch
    right = (2.0 * truth - 1)[:, None]
    assert (
        loss_of(name)(right * 8, truth, valid)
        < loss_of(name)(right, truth, valid)
        < loss_of(name)(-right, truth, valid)
    )
    assert torch.isfinite(loss_of(name)(right, truth, valid & False))


def test_an_unknown_loss_is_named():
    with pytest.raises(SettingError, match="--loss hinge"):
        loss_of("hinge")


def test_a_loss_of_the_library_sees_valid_pixels_alone(batch, monkeypatch):
    class Counts:
        def __init__(self, mode):
            self.mode = mode

        def __call__(self, logits, truth):
            assert (self.mode, logits.shape[:2]) == ("binary", (1, 1))
            return torch.tensor(float(truth.numel()))

    losses = SimpleNamespace(LovaszLoss=Counts, SoftBCEWithLogitsLoss=lambda: None)
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", SimpleNamespace(losses=losses))
    assert loss_of("smp:LovaszLoss")(*batch) == batch[2].sum()
    for name in ("smp:Nothing", "smp:SoftBCEWithLogitsLoss"):
        with pytest.raises(SettingError, match=name):
            loss_of(name)
