"""The loss counts valid pixels only and falls as the prediction gets better."""

from __future__ import annotations

import pytest
import torch

from cnn.losses import bce_dice


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
