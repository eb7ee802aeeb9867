"""MobileSAM (Zhang et al. 2023, arXiv:2306.14289) from its published file, as a ``SamModel`` of transformers.

The file, ``mobile_sam.pt``, holds tensors with the names of the package segment-anything. Its encoder is
``lakes.tiny_vit.TinyViT``, its prompt encoder and mask decoder are those of every SAM, which transformers has.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cnn.pretrained import read_weights
from errors import ModelFileError
from lakes.tiny_vit import TinyViT

FILE = "mobile_sam.pt"
SHARED = "prompt_encoder.shared_embedding.positional_embedding"
UNUSED = ("image_encoder.norm_head.", "image_encoder.head.")  # of the classifier that the encoder was trained as
ENCODER = (("image_encoder.", "vision_encoder."),)
# Parts of names in segment-anything and in transformers; of the three layers of a perceptron the middle one comes last
OTHERS = (
    ("pe_layer.positional_encoding_gaussian_matrix", "shared_embedding.positional_embedding"),
    ("point_embeddings.", "point_embed."),
    ("mask_downscaling.0.", "mask_embed.conv1."),
    ("mask_downscaling.1.", "mask_embed.layer_norm1."),
    ("mask_downscaling.3.", "mask_embed.conv2."),
    ("mask_downscaling.4.", "mask_embed.layer_norm2."),
    ("mask_downscaling.6.", "mask_embed.conv3."),
    ("output_upscaling.0.", "upscale_conv1."),
    ("output_upscaling.1.", "upscale_layer_norm."),
    ("output_upscaling.3.", "upscale_conv2."),
    (".norm", ".layer_norm"),
)
PERCEPTRONS = ("iou_prediction_head.", "output_hypernetworks_mlps.")
LAYERS = ((".layers.0.", ".proj_in."), (".layers.2.", ".proj_out."), (".layers.1.", ".layers.0."))


def mobile_sam_file(weights: Path) -> Path | None:
    """The file of MobileSAM that is meant: ``weights`` itself if it is no folder, or the one of that name in it."""
    if weights.is_file() or weights.suffix in (".pt", ".pth"):
        return weights
    return weights / FILE if (weights / FILE).is_file() else None


def read_mobile_sam(path: Path, package: Any) -> Any:
    """MobileSAM with published weights; ``package``: transformers.

    Raises ModelFileError where the file holds another network, or not all of this one.
    """
    if not path.is_file():
        raise ModelFileError(f"{path}: no such file; give {FILE} of MobileSAM with --weights.")
    sam = mobile_sam(package, mobile_config(package))
    found = renamed(read_weights(path))
    wrong = misfits(found, sam.state_dict())
    if wrong:
        raise ModelFileError(
            f"{path}: is not MobileSAM, of which {len(wrong)} weights lack, are others or have another shape, "
            f"{wrong[0]} for example; give {FILE} as published, or the folder of another SAM for transformers."
        )
    sam.load_state_dict(found)
    return sam.float().eval()


def mobile_config(package: Any) -> Any:
    """SAM on 1 024 pixels; transformers' own encoder is left without layers, since TinyViT takes its place."""
    return package.SamConfig(vision_config={"num_hidden_layers": 0})


def mobile_sam(package: Any, config: Any) -> Any:
    """MobileSAM with random weights."""
    sam = package.SamModel(config)
    sam.vision_encoder = TinyViT()
    return sam


def renamed(published: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights with the names of transformers, without those that only classify."""
    found = {new_name(name): value for name, value in published.items() if not name.startswith(UNUSED)}
    if SHARED in found:
        found["shared_image_embedding.positional_embedding"] = found[SHARED]
    return found


def new_name(name: str) -> str:
    """A name of segment-anything in transformers; names within the encoder stay, as TinyViT has them, too."""
    pairs: tuple[tuple[str, str], ...] = ENCODER if name.startswith("image_encoder.") else OTHERS
    if any(part in name for part in PERCEPTRONS):
        pairs = LAYERS
    for old, new in pairs:
        if old in name:
            return name.replace(old, new)
    return name


def misfits(found: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> list[str]:
    """Names of the weights that only one side has or that differ in shape, in order."""
    common = found.keys() & own.keys()
    return sorted((found.keys() ^ own.keys()) | {name for name in common if found[name].shape != own[name].shape})
