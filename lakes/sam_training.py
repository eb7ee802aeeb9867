"""One training run of SAM's mask decoder, from listed patches to a model file."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from cnn.network_model import Card, NetworkModel, save_model
from cnn.network_training import CHECKPOINT, MODEL, Plan, Sampling, card_for, check_plan, identity
from cnn.processes import this_process
from cnn.scoring import mcc_of
from cnn.trainer import Trainer, train
from errors import SettingError
from lakes.embeddings import EmbeddingBatches, embed_patches
from lakes.sam import NORMALISATION, MaskDecoder, SamOfPatches, read_sam
from patches.image import Image


def train_sam(
    training: Sequence[Image],
    held_out: Sequence[Image],
    sampling: Sampling,
    plan: Plan,
    out: Path,
    cache: Path,
    device: torch.device,
    told: Mapping[str, Any],
) -> NetworkModel:
    """Train the mask decoder on embeddings kept in ``cache``; goes on from the checkpoint in ``out``.

    Writes the checkpoint, its curves and model.pt, which holds all of SAM. The regions held out are scored at the end.
    Raises SettingError, PackageError, ModelFileError or TrainingError.
    """
    check_plan(plan, bool(held_out))
    if not plan.weights:
        raise SettingError(
            "--arch sam: needs --weights, the mobile_sam.pt of MobileSAM or the folder of a SAM for transformers."
        )
    torch.manual_seed(plan.seed)
    sam = read_sam(Path(plan.weights))
    network = SamOfPatches(sam)
    told = {**told, "sam": plain(sam.config), "mobile": network.mobile}
    card = card_for(list(training), plan, NORMALISATION, told)
    samples, computed = embed_patches(network, training, sampling.windows, cache, device)
    print(f"embeddings: {computed} computed, {len(samples) - computed} found in {cache}", flush=True)
    side = 4 * int(network.head.places.shape[-1])
    batches = EmbeddingBatches(samples, side, plan.recipe.batch, plan.seed, sampling.weights)
    steps = plan.steps or plan.recipe.steps(len(samples))
    settings = replace(plan.recipe.trainer(steps, len(samples)), evaluate_every=steps)
    stored = {"settings": identity(plan, card, sampling, steps)}
    trainer = Trainer(copy.deepcopy(network.head), batches, settings, device, stored)

    def evaluate(run: Trainer) -> float:
        return mcc_of(with_decoder(network, run.averaged, card, device), held_out)

    train(trainer, out / CHECKPOINT, evaluate if held_out else None)
    model = with_decoder(network, trainer.chosen, card, device)
    if this_process().rank == 0:
        save_model(out / MODEL, model)
    return model


def with_decoder(
    network: SamOfPatches, weights: Mapping[str, torch.Tensor], card: Card, device: torch.device
) -> NetworkModel:
    """SAM with the weights of a trained mask decoder."""
    head: MaskDecoder = network.head
    head.load_state_dict(dict(weights))
    return NetworkModel(network.eval().to(device), card, device)


def plain(config: Any) -> dict[str, Any]:
    """A configuration of transformers as plain types, from which it is made again."""
    told: dict[str, Any] = json.loads(config.to_json_string(use_diff=False))
    return told
