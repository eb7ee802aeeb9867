"""Results as files: JSON and CSV, kept from a run that was stopped; and a short table on screen."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from command import write_json
from tiles.raster import atomic_output

RESULTS_NAME = "generalisation.json"
ROOT = Path(__file__).resolve().parents[1]
SCORING_ROOMS = ("baseline", "cnn", "features", "fusion", "scores", "simulation", "tiles")
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


def print_groups(groups: Mapping[str, Mapping[str, float]]) -> None:
    """MCC of every group and its mean on screen, one group a line."""
    print(f"\nMCC by group\n{'':28s}" + "".join(f"{system:>12s}" for system in groups["mean"]))
    for group, systems in groups.items():
        print(f"{group:28s}" + "".join(f"{mcc:12.3f}" for mcc in systems.values()))


def write_results(folder: Path, results: Mapping[str, Any]) -> None:
    """``generalisation.json`` with everything; the CSVs with one line a measure, place, group, shift or stratum."""
    write_json(folder / RESULTS_NAME, rounded(results))
    lines = [
        [measure, place, system, *(f"{value:.4f}" for value in row_of(scores))]
        for measure, place, systems in scored_places(results)
        for system, scores in systems.items()
    ]
    write_csv(folder / "generalisation.csv", ["measure", "scored on", "system", *COLUMNS], lines)
    shifts = [
        [shift, system, f"{mcc:.4f}", f"{mcc - results['next_door'][system]['all_pixels']['mcc']:.4f}"]
        for shift, systems in results["shifted"].items()
        for system, mcc in systems.items()
    ]
    write_csv(folder / "shifts.csv", ["shift", "system", "MCC, all pixels", "change"], shifts)
    lines = [[group, system, f"{mcc:.4f}"] for group, ones in results["groups"].items() for system, mcc in ones.items()]
    write_csv(folder / "groups.csv", ["group", "system", "MCC"], lines)
    strata = [[place, *row.values()] for place, rows in rounded(results["strata"]).items() for row in rows]
    names = list(results["strata"]["next_door"][0])
    write_csv(folder / "strata.csv", ["measure", *names], strata)


def scored_places(results: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Measure, place and the systems' scores there."""
    places = [
        ("next door", "all folds", results["next_door"]),
        ("elsewhere", "all sites", results["elsewhere"]),
    ]
    places += [("snow", "all sites", results["snow"])] if "snow" in results else []
    return [*places, *(("leave one site out", site, one) for site, one in results["leave_one_site_out"].items())]


def write_csv(path: Path, head: Sequence[str], lines: Sequence[Sequence[Any]]) -> None:
    """A table as CSV, whole or not at all."""
    with atomic_output(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(head)
        table.writerows(lines)


def rounded(value: Any) -> Any:
    """Floats to four digits, so that files compare."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Mapping):
        return {key: rounded(one) for key, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, (list, tuple)) else value


def code_digest(root: Path = ROOT) -> str:
    """SHA-256 of the modules that scores come from, so that results kept by another version are not taken for ours."""
    paths = sorted(path for room in SCORING_ROOMS for path in (root / room).rglob("*.py"))
    return sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def stage(path: Path, key: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What ``compute`` gives, kept under its key in a file so that a run which was stopped need not do it again."""
    if path.exists():
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["key"] == key:
            results: dict[str, Any] = stored["results"]
            return results
    results = rounded(compute())
    write_json(path, {"key": key, "results": results}, indent=None)
    return results
