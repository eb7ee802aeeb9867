"""SAM's embeddings of patches: computed once, kept on disk, and the batches that its mask decoder learns from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from command import hidden
from errors import TrainingError
from lakes.sam import NORMALISATION, SamOfPatches
from patches.batches import order_of
from patches.image import Image, Patch
from patches.windows import Window
from tiles.raster import atomic_output

TOGETHER = 4  # patches that go through the encoder at once


class Embedded(NamedTuple):
    """What the decoder learns from: an embedding's file, truth and valid pixels of the logits' size as bits."""

    path: Path
    truth: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True)
class EmbeddingBatches:
    """Embeddings drawn by weights; a batch depends on the seed and its step alone.

    ``side``: of the logits.
    """

    samples: Sequence[Embedded]
    side: int
    size: int
    seed: int
    weights: tuple[float, ...]

    def batch(self, step: int, share: slice) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Embeddings float32 (N, C, h, w), truth int64 and valid bool (N, 4 h, 4 w) of the samples ``share``."""
        chosen = [self.sample(step * self.size + place) for place in range(self.size)[share]]
        embeddings = np.stack([read_embedding(one.path) for one in chosen])
        truth, valid = (
            np.stack([self.unpacked(mask) for mask in masks])
            for masks in zip(*((one.truth, one.valid) for one in chosen))
        )
        return torch.from_numpy(embeddings), torch.from_numpy(truth).long(), torch.from_numpy(valid)

    def sample(self, number: int) -> Embedded:
        """The sample that is drawn at this number, counted from the first step."""
        epoch, place = divmod(number, len(self.samples))
        return self.samples[order_of(self.seed, epoch, len(self.samples), self.weights)[place]]

    def unpacked(self, packed: np.ndarray) -> np.ndarray:
        """bool (side, side)."""
        return np.unpackbits(packed, count=self.side**2).reshape(self.side, self.side).astype(bool)

    def state(self) -> str:
        """Nothing: a batch depends on its step alone."""
        return ""

    def restore(self, state: str) -> None:
        """Nothing to restore."""


def embed_patches(
    network: SamOfPatches, images: Sequence[Image], windows: Sequence[Window], folder: Path, device: torch.device
) -> tuple[list[Embedded], int]:
    """Every window's embedding, computed unless ``folder`` has it, and how many were computed.

    Files are float16 ``.npy``, named by the patch's content, in a folder named by the encoder's weights.
    """
    folder, side = folder / weights_key(network.vision), 4 * int(network.head.places.shape[-1])
    network = network.to(device).eval()
    found: list[Embedded] = []
    made: set[Path] = set()
    waiting: list[tuple[Path, Patch]] = []
    for window in tqdm(windows, desc="embeddings", unit="patch", disable=hidden()):
        patch = window.patch(images)
        path = folder / f"{content_key(patch)}.npy"
        found.append(Embedded(path, packed(patch.truth > 0, side), packed(patch.valid, side)))
        if not path.exists() and path not in made:
            made.add(path)
            waiting.append((path, patch))
        if len(waiting) == TOGETHER:
            write_embeddings(network, waiting, device)
            waiting = []
    write_embeddings(network, waiting, device)
    return found, len(made)


def write_embeddings(network: SamOfPatches, waiting: Sequence[tuple[Path, Patch]], device: torch.device) -> None:
    """Embed some patches and write each whole or not at all."""
    if not waiting:
        return
    inputs = np.stack([NORMALISATION.apply(patch.array, patch.valid) for _, patch in waiting])
    with torch.inference_mode():
        embeddings = network.embed(torch.from_numpy(inputs).to(device)).cpu().numpy().astype(np.float16)
    for (path, _), embedding in zip(waiting, embeddings):
        with atomic_output(path) as temporary, open(temporary, "wb") as file:
            np.save(file, embedding)


def read_embedding(path: Path) -> np.ndarray:
    """An embedding as float32, read through a memory map; raises TrainingError where the file is damaged or gone."""
    try:
        return np.asarray(np.load(path, mmap_mode="r"), np.float32)
    except (OSError, ValueError):
        raise TrainingError(f"{path}: cannot be read as an embedding; remove it and train again.") from None


def packed(mask: np.ndarray, side: int) -> np.ndarray:
    """A mask (H, W) at another size, true where half of it is, as bits."""
    shares = functional.interpolate(torch.from_numpy(mask)[None, None].float(), (side, side), mode="area")
    return np.packbits(shares[0, 0].numpy() >= 0.5)


def content_key(patch: Patch) -> str:
    """A name for what the encoder sees of a patch."""
    seen = np.where(patch.valid, patch.array, 0).astype(np.float32)
    return hashlib.sha256(repr(seen.shape).encode() + seen.tobytes()).hexdigest()[:32]


def weights_key(network: nn.Module) -> str:
    """A name for a network's weights."""
    told = hashlib.sha256()
    for piece in pieces_of(network):
        told.update(piece)
    return told.hexdigest()[:16]


def pieces_of(network: nn.Module) -> Iterator[bytes]:
    """Names and weights, in order."""
    for name, value in sorted(network.state_dict().items()):
        yield name.encode()
        yield value.detach().cpu().contiguous().numpy().tobytes()
