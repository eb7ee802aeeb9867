"""The training loss."""

from __future__ import annotations

import torch
from torch.nn import functional


def bce_dice(logits: torch.Tensor, truth: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy plus soft Dice (Milletari et al. 2016, arXiv:1606.04797) over the valid pixels.

    ``logits`` and ``truth`` float (N, H, W), ``valid`` bool (N, H, W). Scalar; 0 where nothing is valid.
    """
    weight = valid.float()
    count = weight.sum().clamp(min=1.0)
    entropy = (functional.binary_cross_entropy_with_logits(logits, truth, reduction="none") * weight).sum() / count
    probability = torch.sigmoid(logits) * weight
    truth = truth * weight
    overlap = 2 * (probability * truth).sum() + 1.0
    return entropy + 1.0 - overlap / (probability.sum() + truth.sum() + 1.0)
