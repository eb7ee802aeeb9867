"""Segment Anything (Kirillov et al. 2023, arXiv:2304.02643) on patches: its mask decoder learns, the rest is frozen.

The network is that of the package transformers, its weights those of a folder, or it is MobileSAM, from its one file;
nothing is fetched from the net.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from cnn.network_model import Card, network_of
from errors import ModelFileError, PackageError
from lakes.mobile_sam import mobile_sam, mobile_sam_file, read_mobile_sam
from lakes.tiny_vit import TinyViT
from patches.normalise import Normalisation
from tiles.raster import one_line

SAM = "sam"
CONFIG = "config.json"
# Means and standard deviations of red, green and blue, 0 to 255, as SAM was trained with
NORMALISATION = Normalisation("measured", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


class MaskDecoder(nn.Module):
    """SAM's mask decoder under one prompt, a box around the whole image: embeddings to logits four times as fine.

    The prompt's embeddings never change, so they are kept as buffers. The head that rates masks is not used.
    """

    box: torch.Tensor
    no_mask: torch.Tensor
    places: torch.Tensor

    def __init__(self, sam: Any) -> None:
        super().__init__()
        self.decoder = sam.mask_decoder
        self.decoder.iou_prediction_head.requires_grad_(False)
        side = sam.config.vision_config.image_size
        with torch.no_grad():
            box, no_mask = sam.prompt_encoder(None, None, torch.tensor([[[0.0, 0.0, side, side]]]), None)
            places = sam.get_image_wide_positional_embeddings()
        for name, value in (("box", box), ("no_mask", no_mask), ("places", places)):
            self.register_buffer(name, value.detach().clone())

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """(N, C, h, w) to (N, 1, 4 h, 4 w)."""
        many = len(embeddings)
        prompt = (one.expand(many, *one.shape[1:]) for one in (self.places, self.box, self.no_mask))
        masks: torch.Tensor = self.decoder(embeddings, *prompt, multimask_output=False)[0]
        return masks[:, 0]


class SamOfPatches(nn.Module):
    """SAM as a network on red, green and blue as ``NORMALISATION`` makes them."""

    def __init__(self, sam: Any) -> None:
        super().__init__()
        self.vision, self.head = sam.vision_encoder, MaskDecoder(sam)
        self.side = int(sam.config.vision_config.image_size)
        self.mobile = isinstance(self.vision, TinyViT)
        self.vision.requires_grad_(False)

    def embed(self, channels: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W), resampled to SAM's own size where that is another, to embeddings (N, C, h, w)."""
        if channels.shape[-2:] != (self.side, self.side):
            channels = functional.interpolate(channels, (self.side, self.side), mode="bilinear", align_corners=False)
        found = self.vision(channels)
        embeddings: torch.Tensor = found if self.mobile else found[0]  # transformers' encoder answers with several
        return embeddings

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) to logits (N, 1, H, W)."""
        logits = self.head(self.embed(channels))
        return functional.interpolate(logits, channels.shape[-2:], mode="bilinear", align_corners=False)


def library() -> Any:
    """The package transformers; raises PackageError where it cannot be imported."""
    try:
        return import_module("transformers")
    except Exception as problem:  # one that does not go with the installed torch raises many kinds
        reason = "is not installed" if isinstance(problem, ModuleNotFoundError) else f"fails ({one_line(problem)})"
        raise PackageError(
            f"--arch sam: needs the package transformers, which {reason}; run pip install transformers, or choose "
            "another network."
        ) from None


def read_sam(weights: Path) -> Any:
    """MobileSAM from its file (or a folder with it), else SAM from a folder as transformers publishes it.

    Raises PackageError, or ModelFileError where the file or folder holds no such network, or not all of it.
    """
    package, file = library(), mobile_sam_file(weights)
    return read_mobile_sam(file, package) if file else read_folder(weights, package)


def read_folder(folder: Path, package: Any) -> Any:
    """SAM from a folder with ``config.json`` and its weights (safetensors or tensors); ``package``: transformers.

    Raises ModelFileError where the folder holds no such network, or not all of it.
    """
    if not (folder / CONFIG).is_file():
        raise ModelFileError(
            f"{folder}: holds no {CONFIG}; give the folder of a SAM for transformers, for example of "
            "facebook/sam-vit-base, or the mobile_sam.pt of MobileSAM with --weights."
        )
    package.logging.set_verbosity_error()  # what is wrong is said once, below
    package.logging.disable_progress_bar()
    try:
        sam, told = package.SamModel.from_pretrained(
            folder, local_files_only=True, output_loading_info=True, ignore_mismatched_sizes=True
        )
    except Exception as problem:  # transformers raises many kinds on damaged files
        raise ModelFileError(f"{folder}: cannot be read as SAM ({type(problem).__name__}); copy it again.") from None
    lacking = sorted([*told["missing_keys"], *(name for name, *_ in told["mismatched_keys"])])
    if lacking:
        raise ModelFileError(
            f"{folder}: lacks {len(lacking)} weights of SAM, {lacking[0]} for example; give a whole one for "
            "transformers' SamModel."
        )
    return sam.float().eval()


def build(card: Card) -> nn.Module:
    """The network of a card, with random weights: SAM by the configuration in the card, or another architecture."""
    if card.architecture != SAM:
        return network_of(card)
    package = library()
    config = package.SamConfig.from_dict(dict(card.training["sam"]))
    return SamOfPatches(mobile_sam(package, config) if card.training.get("mobile") else package.SamModel(config))
