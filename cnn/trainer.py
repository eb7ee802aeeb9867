"""Training of any network: the step, the moving average, and a loop that is stopped and goes on.

The trainer knows nothing of tiles or patches. It is given a network, batches that can be drawn again from what a
checkpoint holds, and settings.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from cnn.curves import draw_curves
from cnn.device import fast_bfloat16
from cnn.losses import loss_of
from cnn.processes import agreed, shared, this_process
from cnn.settings import TrainerSettings
from command import hidden
from errors import TrainingError
from tiles.raster import atomic_output

TIMED_STEPS = 3


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


OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": partial(torch.optim.SGD, momentum=0.9),
}
SCHEDULES: dict[str, Callable[[torch.optim.Optimizer, TrainerSettings], Any]] = {
    "one_cycle": lambda optimiser, settings: torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        [group["lr"] for group in optimiser.param_groups],
        total_steps=settings.steps,
        pct_start=settings.warmup,
    ),
    "constant": lambda optimiser, settings: torch.optim.lr_scheduler.ConstantLR(optimiser, 1.0),
    "poly": lambda optimiser, settings: torch.optim.lr_scheduler.PolynomialLR(optimiser, settings.steps, power=0.9),
    "plateau": lambda optimiser, settings: torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, mode="max", factor=0.5, patience=5
    ),  # halved after five evaluations without a better score
}


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
        self.together, self.processes = shared(self.network, device), this_process()
        self.averaged = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        self.best: dict[str, torch.Tensor] = {}
        self.loss = loss_of(settings.loss)
        self.optimiser = OPTIMISERS[settings.optimiser](
            parameter_groups(self.network, settings), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.schedule = SCHEDULES[settings.schedule](self.optimiser, settings)
        self.mixed = settings.mixed_precision and fast_bfloat16(device)
        self.step, self.curves = 0, {"loss": [], "evaluated_at": [], "mcc": []}  # type: tuple[int, dict[str, list[float]]]

    def train_step(self) -> float:
        """One optimiser step; returns the loss. Raises TrainingError where that is no number."""
        batch = self.batches.batch(self.step, self.processes.share)
        channels, truth, valid = (part.to(self.device) for part in batch)
        self.network.train()
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.mixed):
            outputs = as_list(self.together(channels.to(memory_format=torch.channels_last)))
        loss = torch.stack([self.loss(logits.float(), truth, valid) for logits in outputs]).mean()
        if not math.isfinite(float(loss.detach())):
            raise TrainingError(f"step {self.step + 1}: the loss is not finite; lower the learning rate.")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.settings.clip:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip)
        self.optimiser.step()
        if self.settings.schedule != "plateau":
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

    def watch(self, score: float) -> None:
        """Take note of a validation score of the moving average."""
        if self.settings.keep_best and score > max(self.curves["mcc"], default=-math.inf):
            self.best = {name: value.clone() for name, value in self.averaged.items()}
        self.curves["evaluated_at"].append(self.step)
        self.curves["mcc"].append(score)
        if self.settings.schedule == "plateau":
            self.schedule.step(score)

    @property
    def finished(self) -> bool:
        """Whether all steps are taken, or no score has been better for long."""
        waited = len(self.curves["mcc"]) - 1 - int(np.argmax(self.curves["mcc"])) if self.curves["mcc"] else 0
        return self.step >= self.settings.steps or 0 < self.settings.patience <= waited

    @property
    def chosen(self) -> dict[str, torch.Tensor]:
        """The weights that the run ends with."""
        return self.best or self.averaged

    def due(self, every: int) -> bool:
        """Whether something that is done every so many steps, and at the end, is to be done now."""
        return self.finished or self.step % every == 0

    def save(self, path: Path) -> None:
        """Write a checkpoint from which ``restore`` goes on exactly."""
        state = {
            **self.stored,
            **({"best": self.best} if self.best else {}),
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
        self.best = {name: value.to(self.device) for name, value in state.get("best", {}).items()}
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.step, self.curves = state["step"], state["curves"]
        self.batches.restore(state["sampler"])
        torch.set_rng_state(state["torch_random"])


def train(trainer: Trainer, checkpoint: Path, evaluate: Callable[[Trainer], float] | None = None) -> None:
    """Take the steps that are left, with the moving average evaluated and a checkpoint written every so often.

    Goes on from ``checkpoint`` if it exists. ``evaluate`` gives an MCC. Writes the checkpoint and, beside it, the
    curves as a figure (.png). Of several processes the first one evaluates and writes.
    """
    settings, name, first = trainer.settings, checkpoint.stem, trainer.processes.rank == 0
    if checkpoint.exists():
        trainer.restore(checkpoint)
    curves, shown = trainer.curves, hidden() if first else True
    progress = tqdm(total=settings.steps, initial=trainer.step, desc=name, unit="step", disable=shown)
    while not trainer.finished:
        curves["loss"].append(trainer.train_step())
        progress.update()
        if evaluate and trainer.due(settings.evaluate_every):
            trainer.watch(agreed(evaluate(trainer) if first else 0.0, trainer.device))
            loss, mcc = np.mean(curves["loss"][-50:]), curves["mcc"][-1]
            if first:
                print(f"{name}: step {trainer.step}, loss {loss:.4f}, held-out MCC {mcc:.4f}", flush=True)
        if first and trainer.due(settings.checkpoint_every):
            trainer.save(checkpoint)
    progress.close()
    if first:
        draw_curves(curves, checkpoint.with_suffix(".png"))


def parameter_groups(network: nn.Module, settings: TrainerSettings) -> list[dict[str, Any]]:
    """All parameters, in two groups where those of the encoder have a learning rate of their own."""
    if settings.head_factor == 1:
        return [{"params": list(network.parameters())}]
    groups: tuple[list[nn.Parameter], list[nn.Parameter]] = ([], [])
    for name, parameter in network.named_parameters():
        groups[not name.startswith("encoder.")].append(parameter)
    return [{"params": groups[0]}, {"params": groups[1], "lr": settings.learning_rate * settings.head_factor}]


def timed_steps(trainer_for: Callable[[int], Trainer], minutes: float) -> int:
    """How many steps fit in so many minutes, from a few steps of a trainer made for that many, which is thrown away."""
    trainer = trainer_for(TIMED_STEPS + 1)
    trainer.train_step()  # allocates
    start = time.perf_counter()
    for _ in range(TIMED_STEPS):
        trainer.train_step()
    seconds = agreed(time.perf_counter() - start, trainer.device) / TIMED_STEPS
    return max(1, int(minutes * 60 / seconds))


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
