"""Pretrained weights from a file or an installed package; nothing is fetched from the net."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from cnn.imagenet import RGB_CHANNELS, start_from_imagenet
from cnn.unet import CompactUNet
from errors import ModelFileError, SettingError

IMAGENET = "imagenet"
HEAD = "fc."  # of torchvision's classifiers


def start_from(network: nn.Module, weights: str, bands: Sequence[str]) -> None:
    """Load ``weights`` into a network that sees ``bands``, in place.

    ``imagenet``: those of the package with EfficientNet-Lite0, for the compact U-Net. Else a file of tensors: the whole
    network's, or those of its encoder under torchvision's names. A first convolution made for red, green and blue goes
    to the bands of these names; the others start from its mean. Raises SettingError or ModelFileError.
    """
    if weights == IMAGENET:
        if not isinstance(network, CompactUNet):
            raise SettingError(
                "--weights imagenet: is for compact_unet alone; give a file of weights, or leave it out."
            )
        start_from_imagenet(network, bands)
        return
    found = read_weights(Path(weights))
    encoder = getattr(network, "encoder", None)
    whole = set(found) == set(network.state_dict())
    if not whole and not isinstance(encoder, nn.Module):
        raise ModelFileError(f"{weights}: does not hold this network's weights; give those of the same architecture.")
    load_fitting(network if whole or encoder is None else encoder, found, bands, weights)


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file by name, as torchvision or ``cnn.train`` writes them."""
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # torch raises many kinds on damaged files
        raise ModelFileError(
            f"{path}: cannot be read as weights ({type(problem).__name__}); give a file of tensors (.pt or .pth)."
        ) from None
    found = found.get("weights", found) if isinstance(found, Mapping) else found
    if not isinstance(found, Mapping) or not found or not all(torch.is_tensor(value) for value in found.values()):
        raise ModelFileError(f"{path}: holds no tensors by name; give a file of weights (.pt or .pth).")
    return dict(found)


def load_fitting(network: nn.Module, found: dict[str, torch.Tensor], bands: Sequence[str], where: str) -> None:
    """Copy weights of the same names and shapes; raises ModelFileError where some are missing or do not fit."""
    target = network.state_dict()
    first = next((name for name, value in target.items() if value.ndim == 4), "")
    if first in found and found[first].shape[1:2] == (3,) and target[first].shape[1] != 3:
        found[first] = spread(found[first], bands)
    for name, value in target.items():
        if name not in found and not name.endswith("num_batches_tracked"):
            raise ModelFileError(f"{where}: lacks the weight {name}; give those of the same architecture.")
        if name in found and found[name].shape != value.shape:
            raise ModelFileError(
                f"{where}: holds {name} as {tuple(found[name].shape)}, but the network needs {tuple(value.shape)}; "
                "give weights of the same architecture, bands and classes."
            )
    extra = [name for name in found if name not in target and not name.startswith(HEAD)]
    if extra:
        raise ModelFileError(
            f"{where}: holds {extra[0]}, which the network lacks; give those of the same architecture."
        )
    network.load_state_dict({**target, **{name: found[name] for name in target if name in found}})


def spread(rgb: torch.Tensor, bands: Sequence[str]) -> torch.Tensor:
    """Filters (N, C, k, k) for ``bands`` from those for red, green and blue, scaled to keep the response's size."""
    mean = rgb.mean(dim=1)
    chosen = [rgb[:, RGB_CHANNELS.index(name)] if name in RGB_CHANNELS else mean for name in bands]
    return torch.stack(chosen, dim=1) * (3 / max(len(bands), 3))
