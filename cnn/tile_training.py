"""Training of the compact U-Net on tiles: channel statistics, batches of crops, the network's start, its run."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cnn.augment import CropSampler, TrainingTile, prepare
from cnn.imagenet import start_from_imagenet
from cnn.settings import TrainingConfig
from cnn.tile_probability import UNetModel, unet_probability
from cnn.trainer import Trainer, load_checkpoint, train
from cnn.unet import CompactUNet, place
from errors import TrainingError
from features.stack import build_stack
from scores.confusion import Confusion, confusion
from simulation.draw import simulated_tiles
from tiles.folder import LabelledTile
from tiles.tile import Tile


def channel_statistics(tiles: Sequence[LabelledTile], names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel over the valid pixels (every seventh), float32 (C,)."""
    samples = np.concatenate([build_stack(tile, names).array[:, tile.valid][:, ::7] for tile, _ in tiles], axis=1)
    known = np.isfinite(samples).any(axis=1)
    mean, std = np.zeros(len(names), np.float32), np.ones(len(names), np.float32)
    mean[known] = np.nanmean(samples[known], axis=1)
    std[known] = np.maximum(np.nanstd(samples[known], axis=1), 1e-3)
    return mean, std


class TileBatches:
    """Batches of crops for the trainer, drawn one after the other: their random state is saved with the run."""

    def __init__(self, sampler: CropSampler, size: int) -> None:
        self.sampler, self.size = sampler, size

    def batch(self, step: int, share: slice) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """This process's ``share`` of the next batch; the whole of it is drawn, so that all processes agree."""
        channels, truth, valid = self.sampler.batch(self.size)
        return channels[share], truth[share], valid[share]

    def state(self) -> str:
        """The random state, as text."""
        return json.dumps(self.sampler.random.bit_generator.state)

    def restore(self, state: str) -> None:
        """Go on from a random state."""
        self.sampler.random.bit_generator.state = json.loads(state)


def tile_trainer(
    tiles: Sequence[LabelledTile],
    extra: Sequence[LabelledTile],
    config: TrainingConfig,
    device: torch.device,
    after: Sequence[Mapping[str, Any]] = (),
    chips: Sequence[Tile] = (),
    drawn: Sequence[LabelledTile] = (),
) -> Trainer:
    """A training run of the compact U-Net at its first step; raises TrainingError where there is no glacier.

    It starts from the mean of the averaged networks of the finished runs ``after``, given as their checkpoints' states,
    each with its own weight, if there are any. ``chips``: unlabelled ones, in whose colours ``config`` may ask for
    copies; ``drawn``: those that somebody has drawn glaciers on, which it may ask for as well.
    """
    if not any(truth.any() for _, truth in tiles):
        raise TrainingError("the training tiles: hold no glacier pixel at all; give tiles with labels.")
    mean, std = channel_statistics(tiles, config.channels)
    torch.manual_seed(config.seed)
    network = CompactUNet(len(config.channels) + 1, config.encoder)
    if after:
        network.load_state_dict(mean_weights([state["averaged"] for state in after], [weight_of(one) for one in after]))
    elif config.imagenet:
        start_from_imagenet(network, (*config.channels, "valid"))
    batches = TileBatches(crop_sampler(tiles, extra, config, mean, std, chips, drawn), config.batch)
    stored = {
        "settings": settings_of(config, tiles, extra, after, chips, drawn),
        "mean": torch.from_numpy(mean),
        "std": torch.from_numpy(std),
    }
    return Trainer(network, batches, config.trainer, device, stored)


def crop_sampler(
    tiles: Sequence[LabelledTile],
    extra: Sequence[LabelledTile],
    config: TrainingConfig,
    mean: np.ndarray,
    std: np.ndarray,
    chips: Sequence[Tile] = (),
    drawn: Sequence[LabelledTile] = (),
) -> CropSampler:
    """Draws from the tiles, the extra ones, simulated copies of both, and chips drawn on, each group with its share.

    There are no copies of the last ones, which would be many of few; their share is half the tiles' and half the
    copies', for snow is forgotten where the extra ones have less.
    """
    copies: list[LabelledTile] = []
    if config.simulated_share:
        copies = simulated_tiles(
            [*tiles, *extra], config.simulation, config.seed, chips=chips, coloured=config.coloured
        )
    share = config.drawn_share if drawn else 0.0
    groups = [tiles, extra, copies, drawn if share else ()]
    prepared = [[prepare(tile, truth, config.channels) for tile, truth in group] for group in groups]
    shares = (config.extra_share, max(config.simulated_share - share / 2, 0.0), share)
    return CropSampler(
        [tile for group in prepared for tile in group],
        sample_weights(prepared, shares),
        config.channels,
        config.crop,
        config.augmentation,
        mean,
        std,
        config.seed,
    )


def settings_of(
    config: TrainingConfig,
    tiles: Sequence[LabelledTile],
    extra: Sequence[LabelledTile],
    after: Sequence[Mapping[str, Any]] = (),
    chips: Sequence[Tile] = (),
    drawn: Sequence[LabelledTile] = (),
) -> str:
    """What a run is recognised by: its configuration, the ids of tiles and chips, and the runs that it starts from."""
    told = {
        "config": asdict(config),
        "tiles": [tile.tile_id for tile, _ in [*tiles, *extra]],
        "chips": [chip.tile_id for chip in chips] if config.coloured else [],
        "drawn": [tile.tile_id for tile, _ in drawn] if config.drawn_share else [],
        "after": [sha256(state["settings"].encode()).hexdigest() for state in after],
    }
    return json.dumps(told)


def sample_weights(groups: Sequence[Sequence[TrainingTile]], shares: Sequence[float]) -> list[float]:
    """How often each tile is drawn: the later groups have ``shares`` of the draws, the first one the rest.

    Within the first group by valid area; by its root in the others, of which some are small.
    """
    given = [share if group else 0.0 for group, share in zip(groups[1:], shares)]
    weights: list[float] = []
    for number, (group, share) in enumerate(zip(groups, [1 - sum(given), *given])):
        power = 0.5 if number else 1.0
        area = [float(tile.valid.sum()) ** power for tile in group]
        weights += [value * share / max(sum(area), 1.0) for value in area]
    return weights


def model_of(trainer: Trainer, config: TrainingConfig) -> UNetModel:
    """The averaged network of a run, ready to predict."""
    return unet_model({**trainer.stored, "averaged": trainer.averaged}, config, trainer.device)


def finished_model(path: Path, settings: str, config: TrainingConfig, device: torch.device) -> UNetModel | None:
    """The network of a checkpoint that has taken all its steps with these settings, else None."""
    state = load_checkpoint(path) if path.exists() else {}
    if state.get("settings") != settings or state["step"] < config.steps:
        return None
    return unet_model(state, config, device)


def unet_model(state: Mapping[str, Any], config: TrainingConfig, device: torch.device) -> UNetModel:
    """The network with the averaged weights, mean and standard deviation of a checkpoint's state."""
    network = CompactUNet(len(config.channels) + 1, config.encoder)
    network.load_state_dict({name: value.cpu() for name, value in state["averaged"].items()})
    return UNetModel((place(network.eval(), device),), config.channels, state["mean"].numpy(), state["std"].numpy())


def mean_network(models: Sequence[UNetModel], say: Sequence[float]) -> UNetModel:
    """The mean of the weights of rounds of one training, as one model; ``say``: how much each round counts.

    It keeps what a later round forgets of scenes unlike those of training (Wortsman et al. 2022, arXiv:2109.01903; mean
    of the ends of rounds: Izmailov et al. 2018, arXiv:1803.05407).
    """
    network = copy.deepcopy(models[-1].networks[0])
    network.load_state_dict(mean_weights([model.networks[0].state_dict() for model in models], say))
    return replace(models[-1], networks=(network,))


def mean_weights(states: Sequence[Mapping[str, torch.Tensor]], say: Sequence[float]) -> dict[str, torch.Tensor]:
    """The mean of networks' weights and normalisation statistics by ``say``; counts are those of the last one."""
    shares = [one / sum(say) for one in say]

    def mean(name: str) -> torch.Tensor:
        return torch.stack([share * state[name] for share, state in zip(shares, states)]).sum(dim=0)

    return {name: mean(name) if value.is_floating_point() else value for name, value in states[-1].items()}


def weight_of(state: Mapping[str, Any]) -> float:
    """How much a finished run counts in the mean of a network's rounds, from its checkpoint's state."""
    return float(json.loads(state["settings"])["config"]["weight"])


def score_tiles(model: UNetModel, tiles: Sequence[LabelledTile], device: torch.device) -> float:
    """MCC at probability 0.5, pooled over all pixels of the tiles."""
    total = Confusion(0, 0, 0, 0)
    for tile, truth in tiles:
        probability = unet_probability(model, build_stack(tile, model.channel_names), device)
        total = total + confusion(truth, probability > 0.5)
    return total.mcc


def train_unet(
    tiles: Sequence[LabelledTile],
    held_out: Sequence[LabelledTile],
    config: TrainingConfig,
    checkpoint: Path,
    device: torch.device,
    extra: Sequence[LabelledTile] = (),
    after: Sequence[Path] = (),
    chips: Sequence[Tile] = (),
    drawn: Sequence[LabelledTile] = (),
) -> UNetModel:
    """Train on ``tiles`` (and ``extra``), report on ``held_out``; resumes from ``checkpoint`` if it exists.

    ``after``: the checkpoints of finished runs; this one starts from the mean of their averaged networks instead of
    ImageNet's. ``chips`` and ``drawn``: as for ``tile_trainer``.
    Writes the checkpoint and, beside it, the curves as a figure (.png).
    """
    begun = [load_checkpoint(path) for path in after]
    finished = finished_model(checkpoint, settings_of(config, tiles, extra, begun, chips, drawn), config, device)
    if finished:
        return finished
    trainer = tile_trainer(tiles, extra, config, device, begun, chips, drawn)
    train(trainer, checkpoint, (lambda run: score_tiles(model_of(run, config), held_out, device)) if held_out else None)
    return model_of(trainer, config)
