"""A scene mapped without the command line."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch

from fusion.layout import Layout
from mapping.finish import finish
from mapping.run import job_for, on_threads
from mapping.steps import Postprocess
from scenes.scene import Scene


def map_scene(scene: Scene, layout: Layout, model: Path, out: Path) -> dict[str, Any]:
    """Everything of one scene, on two threads; returns what ``metrics.json`` holds."""
    job = job_for(scene, layout, model, torch.device("cpu"), out)
    [(_, facts)] = on_threads([job], partial(finish, steps=Postprocess()), 2)
    return facts
