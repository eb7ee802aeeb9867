"""A trained network of any architecture with all that its input and its output mean, as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cnn.architectures import build_network
from cnn.losses import log_shares
from errors import ModelFileError, SettingError
from patches.image import Image
from patches.labels import LABELS
from patches.normalise import Normalisation
from tiles.raster import atomic_output

FORMAT = "glacier patch network, 1"
FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))  # the axes that each view is flipped along


@dataclass(frozen=True)
class Card:
    """What a network is, in plain types. ``seen``: the areas (name, row, column, rows, columns) that it trained on.

    ``training``: how it was trained, so that it can be done again.
    """

    architecture: str
    bands: tuple[str, ...]
    labels: str
    logits: int
    patch: int
    views: int
    blend: str
    normalisation: Normalisation
    seen: tuple[tuple[str, int, int, int, int], ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, the first is ground."""
        return LABELS[self.labels].classes


@dataclass(frozen=True)
class NetworkModel:
    """A network ready to map, and its card."""

    network: nn.Module
    card: Card
    device: torch.device

    def shares(self, channels: torch.Tensor) -> torch.Tensor:
        """Probabilities (N, K - 1, H, W) of all classes but ground, from the mean of the views' logits."""
        with torch.inference_mode():
            channels = channels.to(self.device)
            views = [self.network(channels.flip(axes)).flip(axes) for axes in FLIPS[: self.card.views]]
            return log_shares(torch.stack(views).mean(dim=0)).exp()[:, 1:].cpu()


def logits_for(labels: str, asked: int) -> int:
    """Channels that a network ends with: ``asked`` for two classes, else one for each."""
    return asked if len(LABELS[labels].classes) == 2 else len(LABELS[labels].classes)


def make_model(card: Card, weights: Mapping[str, torch.Tensor], device: torch.device) -> NetworkModel:
    """The network of a card with these weights."""
    network = build_network(card.architecture, len(card.bands), card.logits)
    network.load_state_dict({name: value.cpu() for name, value in weights.items()})
    return NetworkModel(network.eval().to(device), card, device)


def save_model(path: Path, model: NetworkModel) -> None:
    """Write the model as tensors and plain types, whole or not at all."""
    weights = {name: value.cpu() for name, value in model.network.state_dict().items()}
    with atomic_output(path) as temporary:
        torch.save({"format": FORMAT, "card": json.dumps(asdict(model.card)), "weights": weights}, temporary)


def load_model(path: Path, device: torch.device) -> NetworkModel:
    """Read a model; raises ModelFileError where it is none, damaged, or its weights are of another architecture."""
    if not path.is_file():
        raise ModelFileError(f"{path}: no such file; give the model.pt that cnn.train wrote.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # torch raises many kinds on damaged files
        raise ModelFileError(f"{path}: cannot be read as a model ({type(problem).__name__}); copy it again.") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ModelFileError(f"{path}: is no model of cnn.train; give the model.pt that it wrote.")
    try:
        card = card_of(state["card"])
        return make_model(card, state["weights"], device)
    except SettingError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError):
        raise ModelFileError(
            f"{path}: its weights are not those of the network that it names; copy it again or train it anew."
        ) from None


def card_of(text: str) -> Card:
    """A card from its JSON; raises KeyError, TypeError or ValueError where that is none."""
    told = json.loads(text)
    scaling = told["normalisation"]
    told["normalisation"] = Normalisation(scaling["kind"], tuple(scaling["first"]), tuple(scaling["second"]))
    told["bands"], told["seen"] = tuple(told["bands"]), tuple(tuple(area) for area in told["seen"])
    return Card(**told)


def check_bands(model: NetworkModel, image: Image, where: Path) -> None:
    """Refuse an image without the model's bands."""
    if image.bands != model.card.bands:
        raise ModelFileError(
            f"{where}: was trained on the {len(model.card.bands)} bands {', '.join(model.card.bands)}, but "
            f"{image.name} has {', '.join(image.bands)}; pick the same ones with --bands."
        )
