"""``model.pth``: the hybrid as tensors and plain types, with a digest of its content."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from baseline.gbm import checksum, load_gbm
from cnn.tile_probability import VIEWS, UNetModel
from cnn.unet import ENCODERS, CompactUNet, place
from errors import ModelFileError
from features.channels import parse_channel
from fusion.correction import Correction
from fusion.fuse import EVIDENCE, Fusion
from fusion.hybrid import HybridModel
from tiles.raster import atomic_output

MODEL_FORMAT = "glacier-hybrid 7"
# The third had no corrections, it and the fourth one network; up to the fifth all had the smallest encoder, and in the
# sixth all networks had the same.
READABLE = ("glacier-hybrid 3", "glacier-hybrid 4", "glacier-hybrid 5", "glacier-hybrid 6", MODEL_FORMAT)
MOST_CENTRES = 20_000  # of a correction: its cost goes by them
GBM_START = b"tree\n"  # begins LightGBM's text, which is no model file


def save_model(model: HybridModel, path: Path) -> None:
    """Write the model, whole or not at all."""
    text = model.gbm.text.encode("ascii")
    content: dict[str, Any] = {
        "format": MODEL_FORMAT,
        "coding": "surface reflectance (1 = 100 %) and surface temperature in kelvin",
        "gbm_text": torch.frombuffer(bytearray(text), dtype=torch.uint8),
        "gbm_sha256": checksum(text),
        "gbm_channels": list(model.gbm.channel_names),
        "gbm_threshold": model.gbm_threshold,
        "unet_weights": [weights_of(network) for network in model.unet.networks],
        "unet_encoders": [network.encoder_name for network in model.unet.networks],
        "unet_channels": list(model.unet.channel_names),
        "unet_mean": torch.from_numpy(model.unet.mean),
        "unet_std": torch.from_numpy(model.unet.std),
        "unet_threshold": model.unet_threshold,
        "unet_views": model.views,
        "fusion_weights": list(model.fusion.weights),
        "fusion_bias": model.fusion.bias,
        "threshold": model.fusion.threshold,
        "tolerance": model.fusion.tolerance,
        "corrections": [correction_content(one) for one in model.corrections],
        "provenance": dict(model.provenance),
    }
    content["digest"] = content_digest(content)
    with atomic_output(path) as temporary:
        torch.save(content, temporary)


def load_model(path: Path, device: torch.device) -> HybridModel:
    """Read and check a model file; its network goes to ``device``.

    Raises ModelFileError when the file is missing, truncated, altered or of another format.
    """
    content = read_content(Path(path))
    where = str(path)
    try:
        for name in content["unet_channels"]:
            parse_channel(name)
        gbm = load_gbm(content["gbm_text"].numpy().tobytes(), content["gbm_sha256"], content["gbm_channels"], where)
        unet = UNetModel(
            read_networks(content, device, where),
            tuple(content["unet_channels"]),
            content["unet_mean"].numpy(),
            content["unet_std"].numpy(),
        )
        fusion = Fusion(
            tuple(content["fusion_weights"]),
            content["fusion_bias"],
            content["threshold"],
            content["tolerance"],
        )
        if len(fusion.weights) != len(EVIDENCE):
            raise ModelFileError(
                f"{where}: holds {len(fusion.weights)} fusion weights instead of {len(EVIDENCE)}; "
                "train the model again."
            )
        return HybridModel(
            gbm,
            unet,
            fusion,
            content["gbm_threshold"],
            content["unet_threshold"],
            int(content["unet_views"]),
            content["provenance"],
            tuple(read_correction(one, len(gbm.channel_names), where) for one in content.get("corrections", [])),
        )
    except (KeyError, TypeError, AttributeError, RuntimeError) as problem:
        raise ModelFileError(
            f"{where}: does not hold what a model holds ({' '.join(str(problem).split())[:120]}); "
            "train the model again."
        ) from None


def weights_of(network: CompactUNet) -> dict[str, torch.Tensor]:
    """A network's weights by name, on the processor."""
    return {name: value.cpu() for name, value in network.state_dict().items()}


def read_networks(content: Mapping[str, Any], device: torch.device, where: str) -> tuple[CompactUNet, ...]:
    """The networks of a model file, at least one and at most one for each view."""
    found = content["unet_weights"]
    every = [found] if isinstance(found, Mapping) else found
    if not 1 <= len(every) <= len(VIEWS):
        raise ModelFileError(
            f"{where}: holds {len(every)} networks instead of 1 to {len(VIEWS)}; train the model again."
        )
    encoders = content.get("unet_encoders") or [content.get("unet_encoder", "lite0")] * len(every)
    if len(encoders) != len(every):
        raise ModelFileError(
            f"{where}: names {len(encoders)} encoders of {len(every)} networks; train the model again."
        )
    networks = []
    for weights, encoder in zip(every, encoders):
        if encoder not in ENCODERS:
            raise ModelFileError(
                f"{where}: has an encoder {encoder!r}, which this version lacks; use the one that made it."
            )
        network = CompactUNet(len(content["unet_channels"]) + 1, encoder)
        network.load_state_dict(dict(weights))
        networks.append(place(network.eval(), device))
    return tuple(networks)


def correction_content(correction: Correction) -> dict[str, torch.Tensor]:
    """A correction's arrays by name."""
    return {one.name: torch.from_numpy(getattr(correction, one.name)) for one in fields(correction)}


def read_correction(content: Mapping[str, torch.Tensor], channels: int, where: str) -> Correction:
    """The correction; raises ModelFileError unless its arrays are finite and belong to the trees' channels."""
    found = Correction(**{one.name: content[one.name].numpy() for one in fields(Correction)})
    count = len(found.weights)
    shapes = [array.shape for array in (found.centres, found.weights, found.mean, found.scale)]
    finite = all(array.dtype == np.float32 and np.isfinite(array).all() for array in vars(found).values())
    fitting = shapes == [(count, channels), (count,), (channels,), (channels,)] and count <= MOST_CENTRES
    if not finite or not fitting or not (found.scale > 0).all():
        raise ModelFileError(f"{where}: holds a damaged correction; fit it again with python -m adapt fit.")
    return found


def read_content(path: Path) -> dict[str, Any]:
    """The file's dictionary, its format and digest checked."""
    if not path.is_file():
        raise ModelFileError(f"{path}: no such model file; put model.pth there.")
    try:
        with open(path, "rb") as file:
            if file.read(len(GBM_START)) == GBM_START:
                raise ModelFileError(
                    f"{path}: holds the baseline's trees alone; give a model.pth, which has both members."
                )
        with warnings.catch_warnings():  # of what a damaged file looks like to torch
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except ModelFileError:
        raise
    except Exception as problem:  # torch raises many kinds on damaged or hostile files
        raise ModelFileError(
            f"{path}: cannot be read as a model ({type(problem).__name__}); copy or download it again."
        ) from None
    if not isinstance(content, dict) or content.get("format") not in READABLE:
        raise ModelFileError(
            f"{path}: is not a model of the format {MODEL_FORMAT!r}; use the model.pth of this version."
        )
    if content.pop("digest", None) != content_digest(content):
        raise ModelFileError(f"{path}: its content does not match its digest; copy or download it again.")
    return content


def content_digest(content: Mapping[str, Any]) -> str:
    """SHA-256 over names and values in sorted order, hexadecimal."""
    digest = hashlib.sha256()
    add_to_digest(digest, content)
    return digest.hexdigest()


def add_to_digest(digest: Any, value: Any) -> None:
    """Feed a value of plain types and tensors to the digest."""
    if isinstance(value, Mapping):
        for key in sorted(value):
            digest.update(f"{key}=".encode())
            add_to_digest(digest, value[key])
    elif isinstance(value, torch.Tensor):
        digest.update(f"{value.dtype}{tuple(value.shape)}".encode())
        digest.update(np.ascontiguousarray(value.numpy()).tobytes())
    elif isinstance(value, (list, tuple)):
        for item in value:
            add_to_digest(digest, item)
            digest.update(b",")
    else:
        digest.update(repr(value).encode())
