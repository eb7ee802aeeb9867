"""Results as files: JSON and CSV, and a short table on screen."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tiles.raster import atomic_output

RESULTS_NAME = "cross_validation.json"
COLUMNS = ("MCC, all pixels", "MCC, valid pixels", "MCC, mean of tiles", "IoU", "F1", "precision", "recall")


def row_of(scores: Mapping[str, Any]) -> list[float]:
    """A system's scores in the order of COLUMNS."""
    everywhere = scores["all_pixels"]
    return [
        everywhere["mcc"],
        scores["valid_pixels"]["mcc"],
        scores["tile_mean_mcc"],
        everywhere["iou"],
        everywhere["f1"],
        everywhere["precision"],
        everywhere["recall"],
    ]


def print_table(title: str, scores: Mapping[str, Any]) -> None:
    """A short table on screen, one system a line."""
    print(f"\n{title}\n{'':12s}" + "".join(f"{column:>20s}" for column in COLUMNS))
    for system, one in scores.items():
        print(f"{system:12s}" + "".join(f"{value:20.3f}" for value in row_of(one)))


def write_results(folder: Path, results: Mapping[str, Any]) -> None:
    """``cross_validation.json`` with everything and ``cross_validation.csv`` with one line a system and tile set."""
    with atomic_output(folder / RESULTS_NAME) as temporary:
        temporary.write_text(json.dumps(rounded(results), indent=1) + "\n", encoding="utf-8")
    with (
        atomic_output(folder / "cross_validation.csv") as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        table = csv.writer(file)
        table.writerow(["scored on", "system", *COLUMNS])
        for place in ("next_door", "elsewhere"):
            for system, scores in results.get(place, {}).items():
                table.writerow([place, system, *(f"{value:.4f}" for value in row_of(scores))])


def rounded(value: Any) -> Any:
    """Floats to four digits, so that files compare."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Mapping):
        return {key: rounded(one) for key, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, (list, tuple)) else value
