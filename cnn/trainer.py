"""One training run of the U-Net: network, moving average, optimiser and batches, saved and resumed together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cnn.augment import Augmentation, CropSampler, TrainingTile, prepare
from cnn.imagenet import start_from_imagenet
from cnn.losses import bce_dice
from cnn.predict import UNetModel
from cnn.unet import CompactUNet, place
from errors import TrainingError
from features.stack import build_stack
from simulation.draw import Simulation, simulated_tiles
from tiles.folder import LabelledTile
from tiles.raster import atomic_output

# fmt: off
CHANNELS = ("blue", "green", "red", "swir1", "ndsi", "ndglai", "blue_red",
            "thermal.scene", "thermal.diff61",
            "green.diff21", "green.diff61", "swir1.diff21", "green.std7")
# fmt: on


@dataclass(frozen=True)
class TrainingConfig:
    """All settings of a training run; stored in its checkpoint and in the model."""

    channels: tuple[str, ...] = CHANNELS
    steps: int = 1200
    batch: int = 8
    crop: int = 256
    learning_rate: float = 1e-3
    warmup: float = 0.15
    weight_decay: float = 1e-2
    average: float = 0.99
    imagenet: bool = True
    mixed_precision: bool = True
    seed: int = 0
    extra_share: float = 0.3  # of the samples, where there are extra tiles
    simulated_share: float = 0.4  # of the samples: the training tiles as other scenes would show them
    simulation: Simulation = field(default_factory=Simulation)
    evaluate_every: int = 300
    checkpoint_every: int = 100
    augmentation: Augmentation = field(default_factory=Augmentation)


def channel_statistics(tiles: Sequence[LabelledTile], names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel over the valid pixels (every seventh), float32 (C,)."""
    samples = np.concatenate([build_stack(tile, names).array[:, tile.valid][:, ::7] for tile, _ in tiles], axis=1)
    known = np.isfinite(samples).any(axis=1)
    mean, std = np.zeros(len(names), np.float32), np.ones(len(names), np.float32)
    mean[known] = np.nanmean(samples[known], axis=1)
    std[known] = np.maximum(np.nanstd(samples[known], axis=1), 1e-3)
    return mean, std


class UNetTrainer:
    """One training run: network, moving average, optimiser and batches, saved and resumed together."""

    def __init__(
        self,
        tiles: Sequence[LabelledTile],
        extra: Sequence[LabelledTile],
        config: TrainingConfig,
        device: torch.device,
    ) -> None:
        if not any(truth.any() for _, truth in tiles):
            raise TrainingError("the training tiles: hold no glacier pixel at all; give tiles with labels.")
        torch.manual_seed(config.seed)
        self.config, self.device = config, device
        self.settings = settings_of(config, tiles, extra)
        self.mean, self.std = channel_statistics(tiles, config.channels)
        drawn = simulated_tiles([*tiles, *extra], config.simulation, config.seed) if config.simulated_share else []
        groups = [tiles, extra, drawn]
        prepared = [[prepare(tile, truth, config.channels) for tile, truth in group] for group in groups]
        self.sampler = CropSampler(
            [tile for group in prepared for tile in group],
            sample_weights(prepared, (config.extra_share, config.simulated_share)),
            config.channels,
            config.crop,
            config.augmentation,
            self.mean,
            self.std,
            config.seed,
        )
        self.network = CompactUNet(len(config.channels) + 1)
        if config.imagenet:
            start_from_imagenet(self.network, (*config.channels, "valid"))
        self.network = place(self.network, device)
        self.averaged = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), config.learning_rate, weight_decay=config.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, config.learning_rate, total_steps=config.steps, pct_start=config.warmup
        )
        self.step, self.curves = 0, {"loss": [], "evaluated_at": [], "mcc": []}  # type: tuple[int, dict[str, list[float]]]

    def train_step(self) -> float:
        """One optimiser step; returns the loss."""
        channels, truth, valid = (part.to(self.device) for part in self.sampler.batch(self.config.batch))
        self.network.train()
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.config.mixed_precision):
            logits = self.network(channels.to(memory_format=torch.channels_last))
        loss = bce_dice(logits.float(), truth, valid)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.schedule.step()
        self.step += 1
        self.update_average()
        return float(loss.detach())

    def update_average(self) -> None:
        """Exponential moving average of weights and normalisation statistics, faster at the start."""
        decay = min(self.config.average, (1 + self.step) / (10 + self.step))
        for name, value in self.network.state_dict().items():
            if value.dtype.is_floating_point:
                self.averaged[name].lerp_(value, 1 - decay)
            else:
                self.averaged[name].copy_(value)

    def model(self) -> UNetModel:
        """The averaged network, ready to predict."""
        network = CompactUNet(len(self.config.channels) + 1)
        network.load_state_dict({name: value.cpu() for name, value in self.averaged.items()})
        return UNetModel(place(network.eval(), self.device), self.config.channels, self.mean, self.std)

    def save(self, path: Path) -> None:
        """Write a checkpoint from which ``restore`` goes on exactly."""
        state = {
            "network": self.network.state_dict(),
            "averaged": self.averaged,
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "step": self.step,
            "curves": self.curves,
            "mean": torch.from_numpy(self.mean),
            "std": torch.from_numpy(self.std),
            "settings": self.settings,
            "sampler": json.dumps(self.sampler.random.bit_generator.state),
            "torch_random": torch.get_rng_state(),
        }
        with atomic_output(path) as temporary:
            torch.save(state, temporary)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint of the same configuration and tiles; raises TrainingError for another one."""
        state = load_checkpoint(path)
        if state.get("settings") != self.settings:
            raise TrainingError(
                f"{path}: was trained with other settings or tiles; choose another --out or remove the file."
            )
        self.network.load_state_dict(state["network"])
        self.averaged = {name: value.to(self.device) for name, value in state["averaged"].items()}
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.step, self.curves = state["step"], state["curves"]
        self.sampler.random.bit_generator.state = json.loads(state["sampler"])
        torch.set_rng_state(state["torch_random"])


def settings_of(config: TrainingConfig, tiles: Sequence[LabelledTile], extra: Sequence[LabelledTile]) -> str:
    """What a run is recognised by: its configuration and the ids of its tiles."""
    return json.dumps({"config": asdict(config), "tiles": [tile.tile_id for tile, _ in [*tiles, *extra]]})


def sample_weights(groups: Sequence[Sequence[TrainingTile]], shares: Sequence[float]) -> list[float]:
    """How often each tile is drawn: the later groups have ``shares`` of the draws, the first one the rest.

    Within a group by valid area; by its root among the extra tiles and the copies, of which some are small.
    """
    given = [share if group else 0.0 for group, share in zip(groups[1:], shares)]
    weights: list[float] = []
    for group, share, power in zip(groups, [1 - sum(given), *given], (1.0, 0.5, 0.5)):
        area = [float(tile.valid.sum()) ** power for tile in group]
        weights += [value * share / max(sum(area), 1.0) for value in area]
    return weights


def finished_model(path: Path, settings: str, config: TrainingConfig, device: torch.device) -> UNetModel | None:
    """The network of a checkpoint that has taken all its steps with these settings, else None."""
    state = load_checkpoint(path) if path.exists() else {}
    if state.get("settings") != settings or state["step"] < config.steps:
        return None
    network = CompactUNet(len(config.channels) + 1)
    network.load_state_dict(state["averaged"])
    return UNetModel(place(network.eval(), device), config.channels, state["mean"].numpy(), state["std"].numpy())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint's tensors and plain types; raises TrainingError when it cannot be read."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return state
    except Exception as problem:  # torch raises many kinds on damaged files
        raise TrainingError(
            f"{path}: cannot be read as a checkpoint ({type(problem).__name__}); remove it and train again."
        ) from None
