"""Results as files: JSON, CSV and the README's table."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from errors import GlacierError, OutputError
from tiles.raster import atomic_output

RESULTS_NAME = "cross_validation.json"
BEGIN, END = "<!-- results: begin (python -m evaluation.results) -->", "<!-- results: end -->"
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


def markdown(results: Mapping[str, Any]) -> str:
    """The README's tables."""
    folds = len(results["folds"])
    lines = [
        f"Next door: {folds} contiguous folds, every threshold and the fusion fitted on the other folds.",
        "",
        table_head(["system", *COLUMNS, "per fold", "calibration error"]),
    ]
    for system, scores in results["next_door"].items():
        per_fold = " / ".join(f"{value:.2f}" for value in scores["fold_mcc"])
        error = f"{scores['calibration_error']:.3f}" if "calibration_error" in scores else ""
        lines.append("| " + " | ".join([system, *(f"{value:.3f}" for value in row_of(scores)), per_fold, error]) + " |")
    if "elsewhere" in results:
        tiles = list(results["elsewhere"]["hybrid"]["tiles"])
        lines += [
            "",
            "Elsewhere: trained on the 20 tiles alone, scored on five tiles of other mountains "
            "(other sensors, no thermal band).",
            "",
            table_head(["system", "MCC, all pixels", *tiles]),
        ]
        for system, scores in results["elsewhere"].items():
            values = [scores["all_pixels"]["mcc"], *(scores["tiles"][tile]["mcc"] for tile in tiles)]
            lines.append("| " + " | ".join([system, *(f"{value:.3f}" for value in values)]) + " |")
    return "\n".join([*lines, "", f"Made by `{results['command']}`."])


def table_head(columns: list[str]) -> str:
    """A Markdown table's first two lines."""
    return "| " + " | ".join(columns) + " |\n|" + "---|" * len(columns)


def update_readme(readme: Path, results: Mapping[str, Any]) -> None:
    """Replace what stands between the markers; raises OutputError when they are missing."""
    text = readme.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise OutputError(f"{readme}: lacks the markers {BEGIN!r} and {END!r}; put them where the table belongs.")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    with atomic_output(readme) as temporary:
        temporary.write_text(f"{before}{BEGIN}\n{markdown(results)}\n{END}{after}", encoding="utf-8")


def main() -> int:
    """Rewrite the README's table from a results file."""
    parser = argparse.ArgumentParser(
        description="Rewrite the README's table from a results file.",
        epilog="example: python -m evaluation.results --data results/cross_validation.json --out README.md",
    )
    parser.add_argument("--data", type=Path, default=Path("results") / RESULTS_NAME)
    parser.add_argument("--out", type=Path, default=Path("README.md"))
    options = parser.parse_args()
    try:
        if not options.data.is_file():
            raise OutputError(f"{options.data}: no such results file; make it with make model.")
        update_readme(options.out, json.loads(options.data.read_text(encoding="utf-8")))
    except GlacierError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
