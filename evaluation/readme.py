"""The README's tables, made from the results files and never typed.

python -m evaluation.readme --data results --out README.md
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from errors import OutputError, exit_code
from evaluation.results import COLUMNS, RESULTS_NAME, row_of
from tiles.raster import atomic_output

Results = Mapping[str, Any]


def next_door_table(results: Results) -> str:
    """The four systems out-of-fold."""
    rows = []
    for system, scores in results["next_door"].items():
        per_fold = " / ".join(f"{value:.2f}" for value in scores["fold_mcc"])
        error = f"{scores['calibration_error']:.3f}" if "calibration_error" in scores else ""
        rows.append([system, *(f"{value:.3f}" for value in row_of(scores)), per_fold, error])
    told = [
        f"Next door: {len(results['folds'])} contiguous folds, every threshold and the fusion fitted on the other",
        f"folds; {results['extra_tiles']} more tiles of other places were trained on in each and scored in none.",
    ]
    return " ".join(told) + "\n\n" + table(["system", *COLUMNS, "MCC per fold", "calibration error"], rows)


def elsewhere_table(results: Results) -> str:
    """The systems on other mountains, trained on one region alone."""
    tiles = list(results["elsewhere"]["hybrid"]["tiles"])
    rows = []
    for system, scores in results["elsewhere"].items():
        values = [scores["all_pixels"]["mcc"], *(scores["tiles"][tile]["mcc"] for tile in tiles)]
        rows.append([system, *(f"{value:.3f}" for value in values)])
    told = [
        f"Elsewhere: trained on the {sum(map(len, results['folds']))} tiles alone, scored on {len(tiles)} tiles of",
        "other mountains (other sensors, no thermal band); thresholds and fusion weights come from the folds above.",
    ]
    return " ".join(told) + "\n\n" + table(["system", "MCC, all pixels", *tiles], rows)


def cross_validation_block(results: Results) -> str:
    """Both tables of scores and the command that made them."""
    parts = [next_door_table(results)]
    parts += [elsewhere_table(results)] if "elsewhere" in results else []
    return "\n\n".join([*parts, f"Made by `{results['command']}`."])


def inference_block(results: Results) -> str:
    """Seconds of each stage."""
    stages = results["median_s_per_tile"]
    head = ["start-up and load", *stages, "a tile, all in", "peak memory"]
    row = [f"{results['start_up_s']:.2f} s", *(f"{seconds:.3f} s" for seconds in stages.values())]
    row += [f"{results['all_stages_s_per_tile']:.2f} s", f"{results['peak_memory_mib']:.0f} MiB"]
    return (
        f"{results['tiles']} tiles of 512 x 512 pixels on {results['threads']} processor threads "
        f"(Python {results['python']}, torch {results['torch']}).\n\n{table(head, [row])}\n\nMade by `make benchmark`."
    )


BLOCKS: dict[str, tuple[str, Callable[[Results], str]]] = {
    "scores": (RESULTS_NAME, cross_validation_block),
    "inference": ("inference.json", inference_block),
}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def markers(block: str) -> tuple[str, str]:
    """What stands before and after a block in the README."""
    return f"<!-- {block}: made by python -m evaluation.readme -->", f"<!-- end of {block} -->"


def update_readme(readme: Path, folder: Path) -> None:
    """Rewrite every block from its results file; raises OutputError when a marker or a file is missing."""
    text = readme.read_text(encoding="utf-8")
    for block, (name, render) in BLOCKS.items():
        begin, end = markers(block)
        if begin not in text or end not in text:
            raise OutputError(f"{readme}: lacks the marker {begin!r} or {end!r}; put them where the table belongs.")
        if not (folder / name).is_file():
            raise OutputError(f"{folder / name}: no such results file; make it with make model or make benchmark.")
        results = json.loads((folder / name).read_text(encoding="utf-8"))
        text = f"{text.split(begin)[0]}{begin}\n{render(results)}\n{end}{text.split(end)[1]}"
    with atomic_output(readme) as temporary:
        temporary.write_text(text, encoding="utf-8")


def main() -> int:
    """Rewrite the README's tables."""
    parser = argparse.ArgumentParser(
        description="Rewrite the README's tables from the results files.",
        epilog="example: python -m evaluation.readme --data results --out README.md",
    )
    parser.add_argument("--data", type=Path, default=Path("results"), help="folder with the results files")
    parser.add_argument("--out", type=Path, default=Path("README.md"))
    options = parser.parse_args()
    return exit_code(lambda: update_readme(options.out, options.data))


if __name__ == "__main__":
    sys.exit(main())
