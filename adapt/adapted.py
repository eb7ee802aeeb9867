"""The adapted model as a file, with what its provenance says of the marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapt.fit import Fitted
from errors import OutputError
from fusion.hybrid import HybridModel
from fusion.model_file import save_model
from tiles.raster import one_line


def facts_of(fitted: Fitted, scenes: Sequence[str], marks: Sequence[Path]) -> dict[str, Any]:
    """What an adapted model's provenance says of the marks, in plain types."""
    return {
        "scenes": list(scenes),
        "marks": [path.name for path in marks],
        "glacier_marks": fitted.glacier,
        "ground_marks": fitted.ground,
        "chosen": fitted.chosen,
        "left_out_right": [fitted.right_before, fitted.right],
        "left_out_loss": [fitted.loss_before, fitted.loss],
    }


def write_adapted(fitted: Fitted, out: Path, facts: dict[str, Any]) -> HybridModel:
    """Write the adapted model with ``facts`` added to its provenance, whole or not at all; returns it."""
    earlier = fitted.model.provenance.get("adapted", [])
    model = replace(fitted.model, provenance={**fitted.model.provenance, "adapted": [*earlier, facts]})
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        save_model(model, out)
    except (OSError, RuntimeError) as problem:  # torch's writer raises the latter where a disk is full
        raise OutputError(f"{out}: cannot be written ({one_line(problem)}); choose another --out.") from None
    return model
