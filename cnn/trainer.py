"""Training of any network: the step, the moving average, and a loop that is stopped and goes on.

The trainer knows nothing of tiles or patches. It is given a network, batches that can be drawn again from what a
checkpoint holds, and settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from cnn.curves import draw_curves
from cnn.losses import bce_dice
from errors import TrainingError
from tiles.raster import atomic_output


class Batches(Protocol):
    """What a trainer is fed with.

    The same seed gives the same batches in all processes and after a restart: a batch depends on the seed and its
    step alone, or on a random state that is saved.
    """

    def batch(self, step: int, share: slice) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The samples ``share`` of a step's batch: channels (N, C, H, W), truth and valid (bool), both (N, H, W)."""
        ...

    def state(self) -> str:
        """The random state as text; empty where a batch depends on its step alone."""
        ...

    def restore(self, state: str) -> None:
        """Go on from such a state."""
        ...


@dataclass(frozen=True)
class TrainerSettings:
    """How a network is trained, whatever it is and whatever it sees."""

    steps: int
    learning_rate: float = 1e-3
    warmup: float = 0.15  # share of the steps until the learning rate is reached
    weight_decay: float = 1e-2
    average: float = 0.99  # decay of the moving average of the weights
    mixed_precision: bool = True
    evaluate_every: int = 150
    checkpoint_every: int = 100


class Trainer:
    """One training run: network, moving average, optimiser and batches, saved and resumed together.

    ``stored``: what else a checkpoint holds; its ``settings`` say which run it is.
    """

    def __init__(
        self,
        network: nn.Module,
        batches: Batches,
        settings: TrainerSettings,
        device: torch.device,
        stored: Mapping[str, Any],
    ) -> None:
        self.batches, self.settings, self.device, self.stored = batches, settings, device, dict(stored)
        self.network: nn.Module = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, settings.learning_rate, total_steps=settings.steps, pct_start=settings.warmup
        )
        self.step, self.curves = 0, {"loss": [], "evaluated_at": [], "mcc": []}  # type: tuple[int, dict[str, list[float]]]

    def train_step(self) -> float:
        """One optimiser step; returns the loss."""
        channels, truth, valid = (part.to(self.device) for part in self.batches.batch(self.step, slice(None)))
        self.network.train()
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.settings.mixed_precision):
            outputs = as_list(self.network(channels.to(memory_format=torch.channels_last)))
        loss = torch.stack([bce_dice(logits.float(), truth, valid) for logits in outputs]).mean()
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
        decay = min(self.settings.average, (1 + self.step) / (10 + self.step))
        for name, value in self.network.state_dict().items():
            if value.dtype.is_floating_point:
                self.averaged[name].lerp_(value, 1 - decay)
            else:
                self.averaged[name].copy_(value)

    def save(self, path: Path) -> None:
        """Write a checkpoint from which ``restore`` goes on exactly."""
        state = {
            **self.stored,
            "network": self.network.state_dict(),
            "averaged": self.averaged,
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "step": self.step,
            "curves": self.curves,
            "sampler": self.batches.state(),
            "torch_random": torch.get_rng_state(),
        }
        with atomic_output(path) as temporary:
            torch.save(state, temporary)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint of the same run; raises TrainingError for one of another."""
        state = load_checkpoint(path)
        if state.get("settings") != self.stored["settings"]:
            raise TrainingError(
                f"{path}: was trained with other settings or data; choose another --out or remove the file."
            )
        self.network.load_state_dict(state["network"])
        self.averaged = {name: value.to(self.device) for name, value in state["averaged"].items()}
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.step, self.curves = state["step"], state["curves"]
        self.batches.restore(state["sampler"])
        torch.set_rng_state(state["torch_random"])


def train(trainer: Trainer, checkpoint: Path, evaluate: Callable[[Trainer], float] | None = None) -> None:
    """Take the steps that are left, with the moving average evaluated and a checkpoint written every so often.

    Goes on from ``checkpoint`` if it exists. ``evaluate`` gives an MCC. Writes the checkpoint and, beside it, the
    curves as a figure (.png).
    """
    settings, name = trainer.settings, checkpoint.stem
    if checkpoint.exists():
        trainer.restore(checkpoint)
    curves = trainer.curves
    progress = tqdm(total=settings.steps, initial=trainer.step, desc=name, unit="step", disable=None)
    while trainer.step < settings.steps:
        curves["loss"].append(trainer.train_step())
        progress.update()
        last = trainer.step == settings.steps
        if evaluate and (last or trainer.step % settings.evaluate_every == 0):
            curves["evaluated_at"].append(trainer.step)
            curves["mcc"].append(evaluate(trainer))
            loss, mcc = np.mean(curves["loss"][-50:]), curves["mcc"][-1]
            print(f"{name}: step {trainer.step}, loss {loss:.4f}, held-out MCC {mcc:.4f}", flush=True)
        if last or trainer.step % settings.checkpoint_every == 0:
            trainer.save(checkpoint)
    progress.close()
    draw_curves(curves, checkpoint.with_suffix(".png"))


def as_list(outputs: torch.Tensor | list[torch.Tensor]) -> list[torch.Tensor]:
    """A network's logits, with those of its deep supervision where it has any."""
    return outputs if isinstance(outputs, list) else [outputs]


def load_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint's tensors and plain types; raises TrainingError when it cannot be read."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return state
    except Exception as problem:  # torch raises many kinds on damaged files
        raise TrainingError(
            f"{path}: cannot be read as a checkpoint ({type(problem).__name__}); remove it and train again."
        ) from None
