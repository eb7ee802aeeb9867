"""One training run of any architecture on patches, from images to a model file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch

from cnn.architectures import build_network
from cnn.network_model import Card, NetworkModel, logits_for, make_model, save_model
from cnn.pretrained import start_from
from cnn.processes import this_process
from cnn.recipes import Recipe
from cnn.scoring import mcc_of
from cnn.trainer import Trainer, load_checkpoint, timed_steps, train
from errors import SettingError, TrainingError
from patches.batches import Changes, PatchBatches
from patches.image import Image
from patches.normalise import Normalisation, measure
from patches.split import Split
from patches.windows import Window, training_windows

CHECKPOINT, MODEL = "run.ckpt", "model.pt"
SMALLEST_PATCH = 16


@dataclass(frozen=True)
class Plan:
    """What is trained and how. ``steps``: 0 for the recipe's epochs; ``minutes``: as many steps as fit, if above 0."""

    architecture: str
    recipe: Recipe
    labels: str = "binary"
    steps: int = 0
    minutes: float = 0.0
    weights: str = ""
    seed: int = 0
    split: Split = field(default_factory=Split)


@dataclass(frozen=True)
class Sampling:
    """The windows to train on; ``weights``: how often each is drawn, none: each once an epoch."""

    windows: Sequence[Window]
    weights: tuple[float, ...] = ()


def train_network(
    subsets: Mapping[str, list[Image]],
    plan: Plan,
    out: Path,
    device: torch.device,
    told: Mapping[str, Any],
    sampling: Sampling | None = None,
) -> NetworkModel:
    """Train on ``subsets["training"]``; goes on from the checkpoint in ``out``, and writes it, its curves and model.pt.

    Early stopping and the choice of an epoch look at ``subsets["validation"]``; ``subsets["test"]`` is not looked at.
    ``told``: what else the card says of the training. ``sampling``: the windows to train on (default: the recipe's,
    each once an epoch). Raises SettingError or TrainingError.
    """
    check_plan(plan, bool(subsets["validation"]))
    recipe, images = plan.recipe, subsets["training"]
    sampling = sampling or Sampling(training_windows(images, recipe.patch, recipe.overlap))
    windows = sampling.windows
    normalisation = measure(images, windows, recipe.normalisation)
    card = card_for(images, plan, normalisation, told)
    network_of = network_maker(plan, card)
    batches = PatchBatches(images, windows, normalisation, recipe.batch, plan.seed, recipe.changes, sampling.weights)

    def trainer_for(steps: int) -> Trainer:
        settings = recipe.trainer(steps, len(windows))
        return Trainer(network_of(), batches, settings, device, {"settings": identity(plan, card, sampling, steps)})

    checkpoint, watched = out / CHECKPOINT, replace(card, views=1)  # one view tells epochs apart
    trainer = trainer_for(steps_of(plan, windows, checkpoint, trainer_for))
    validation = subsets["validation"]
    evaluate = (lambda run: mcc_of(make_model(watched, run.averaged, device), validation)) if validation else None
    train(trainer, checkpoint, evaluate)
    model = make_model(card, trainer.chosen, device)
    if this_process().rank == 0:
        save_model(out / MODEL, model)
    return model


def check_plan(plan: Plan, has_validation: bool) -> None:
    """Refuse settings that mean nothing."""
    recipe, processes = plan.recipe, this_process().size
    if recipe.patch < SMALLEST_PATCH or recipe.patch % 2:
        raise SettingError(f"--patch {recipe.patch}: is odd or below {SMALLEST_PATCH}; give for example 128.")
    if recipe.batch < 2 * processes:
        raise SettingError(
            f"--batch {recipe.batch}: is below two patches for each of {processes} process(es), which batch "
            "normalisation needs; give more."
        )
    if recipe.loss == "bce_dice":
        raise SettingError(
            "--loss bce_dice: is for the hybrid's U-Net; use ce_dice, which is the same for any classes."
        )
    if (recipe.select or recipe.patience) and not has_validation:
        raise TrainingError(
            "early stopping: has no validation data to look at; set --validation above 0, or use --recipe ours."
        )


def card_for(images: list[Image], plan: Plan, normalisation: Normalisation, told: Mapping[str, Any]) -> Card:
    """What the model file will say."""
    recipe = plan.recipe
    return Card(
        plan.architecture,
        images[0].bands,
        plan.labels,
        logits_for(plan.labels, recipe.logits),
        recipe.patch,
        recipe.views,
        recipe.blend,
        normalisation,
        tuple(image.area for image in images),
        {**told, **asdict(plan)},
    )


def plan_of(card: Card) -> Plan:
    """The plan that a model was trained by."""
    told = {one.name: card.training[one.name] for one in fields(Plan)}
    recipe = {**told["recipe"], "changes": Changes(**told["recipe"]["changes"])}
    return Plan(**{**told, "recipe": Recipe(**recipe), "split": Split(**told["split"])})


def network_maker(plan: Plan, card: Card) -> Callable[[], torch.nn.Module]:
    """Makes the network as it starts; the same one each time."""

    def make() -> torch.nn.Module:
        torch.manual_seed(plan.seed)
        network = build_network(card.architecture, len(card.bands), card.logits)
        if plan.weights:
            start_from(network, plan.weights, card.bands)
        return network

    return make


def identity(plan: Plan, card: Card, sampling: Sampling, steps: int) -> str:
    """What a run is recognised by: its settings and what it trains on."""
    settings = asdict(replace(plan, steps=steps, minutes=0.0))
    sampled = hashlib.sha256(repr(sampling).encode()).hexdigest()
    return json.dumps({"plan": settings, "bands": card.bands, "areas": card.seen, "sampled": sampled})


def steps_of(plan: Plan, windows: Sequence[Window], checkpoint: Path, trainer_for: Callable[[int], Trainer]) -> int:
    """How many steps are taken; with ``minutes`` as many as fit, timed here, or as a checkpoint has it."""
    if not plan.minutes:
        return plan.steps or plan.recipe.steps(len(windows))
    if checkpoint.exists():
        return int(json.loads(load_checkpoint(checkpoint)["settings"])["plan"]["steps"])
    return timed_steps(trainer_for, plan.minutes)
