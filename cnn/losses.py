"""The training losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from cnn.architectures.library import PREFIX, library
from errors import SettingError

# Logits (N, K, H, W), where one channel is a single logit of glacier, truth int64 and valid bool (N, H, W) to a scalar
Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


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


def log_shares(logits: torch.Tensor) -> torch.Tensor:
    """Logarithms of the classes' probabilities, (N, max(K, 2), H, W)."""
    if logits.shape[1] == 1:
        return torch.cat([functional.logsigmoid(-logits), functional.logsigmoid(logits)], dim=1)
    return functional.log_softmax(logits, dim=1)


def focal(logits: torch.Tensor, truth: torch.Tensor, valid: torch.Tensor, gamma: float = 2.0) -> torch.Tensor:
    """Focal loss (Lin et al. 2017, arXiv:1708.02002) over the valid pixels; with gamma 0 the cross-entropy."""
    chosen = log_shares(logits).gather(1, truth[:, None])[:, 0]
    terms = -chosen * (1 - chosen.exp()) ** gamma if gamma else -chosen
    return (terms * valid).sum() / valid.sum().clamp(min=1)


def cross_entropy(logits: torch.Tensor, truth: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over the valid pixels."""
    return focal(logits, truth, valid, gamma=0.0)


def dice(logits: torch.Tensor, truth: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """1 less soft Dice over the valid pixels of the batch, the mean of all classes but ground."""
    shares = log_shares(logits).exp()[:, 1:] * valid[:, None]
    classes = torch.arange(1, shares.shape[1] + 1, device=truth.device).view(1, -1, 1, 1)
    there = ((truth[:, None] == classes) & valid[:, None]).to(shares.dtype)
    overlap = 2 * (shares * there).sum((0, 2, 3)) + 1
    return 1 - (overlap / (shares.sum((0, 2, 3)) + there.sum((0, 2, 3)) + 1)).mean()


LOSSES: dict[str, Loss] = {
    "bce_dice": bce_dice,
    "cross_entropy": cross_entropy,
    "focal": focal,
    "dice": dice,
    "ce_dice": lambda *batch: cross_entropy(*batch) + dice(*batch),
    "half_ce_half_dice": lambda *batch: 0.5 * cross_entropy(*batch) + 0.5 * dice(*batch),
    "dice_focal": lambda *batch: dice(*batch) + focal(*batch),
}


def loss_of(name: str) -> Loss:
    """The loss of this name, or ``smp:NAME`` of segmentation_models_pytorch; raises SettingError for another."""
    if name.startswith(PREFIX):
        return library_loss(name)
    if name not in LOSSES:
        raise SettingError(f"--loss {name}: is not known; choose one of {', '.join(LOSSES)}, or smp:NAME.")
    return LOSSES[name]


def library_loss(name: str) -> Loss:
    """A loss of the library that is made for a mode, over the valid pixels alone."""
    kind: Any = getattr(library(name).losses, name[len(PREFIX) :], None)
    try:
        kinds = {mode: kind(mode=mode) for mode in ("binary", "multiclass")}
    except TypeError:
        raise SettingError(
            f"--loss {name}: segmentation_models_pytorch has no such loss for any classes; try smp:DiceLoss."
        ) from None

    def loss(logits: torch.Tensor, truth: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        of_mode = kinds["binary" if logits.shape[1] == 1 else "multiclass"]
        chosen = logits.movedim(1, -1)[valid].T[None, :, :, None]  # (1, K, valid pixels, 1)
        result: torch.Tensor = of_mode(chosen, truth[valid][None, :, None])
        return result

    return loss
