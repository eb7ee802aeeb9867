"""The README's tables, made from the results files and never typed.

python -m evaluation.readme --data results --out .
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from command import add_shared, new_parser
from errors import OutputError, exit_code
from evaluation.adaptation_tables import ADAPTATION, adaptation_block, adaptation_summary_block
from evaluation.generalisation_tables import (
    ablation_block,
    mosaic_block,
    scores_block,
    shifts_table,
    strata_table,
    tried_block,
)
from evaluation.lakes_tables import lakes_block, lakes_speed_block
from evaluation.markdown import Results
from evaluation.networks_table import bands_block, networks_block
from evaluation.results import RESULTS_NAME
from evaluation.speed_tables import inference_block, marking_block, scale_block, scenes_block
from tiles.raster import atomic_output

BLOCKS: dict[str, tuple[str, Callable[[Results], str]]] = {
    "scores": (RESULTS_NAME, scores_block),
    "shifts": (RESULTS_NAME, shifts_table),
    "strata": (RESULTS_NAME, strata_table),
    "ablation": ("ablation.json", ablation_block),
    "tried": ("tried.json", tried_block),
    "inference": ("inference.json", inference_block),
    "scenes": ("scenes.json", scenes_block),
    "scale": ("scenes.json", scale_block),
    "mosaic": ("mosaic.json", mosaic_block),
    "adaptation": (ADAPTATION, adaptation_summary_block),
    "adaptation_all": (ADAPTATION, adaptation_block),
    "marking": ("adapt_serve.json", marking_block),
    "bands": ("bands.json", bands_block),
    "networks": ("networks.json", networks_block),
    "lakes": ("lakes.json", lakes_block),
    "lakes_speed": ("lakes_speed.json", lakes_speed_block),
}
DOCUMENTS = {
    "README.md": ("scores", "inference", "adaptation", "networks", "lakes"),
    "docs/adapt.md": ("marking", "adaptation_all"),
    "docs/generalisation.md": ("shifts", "strata", "ablation", "tried"),
    "docs/lakes.md": ("lakes_speed",),
    "docs/mapping.md": ("mosaic", "scenes"),
    "docs/networks.md": ("bands",),
    "docs/scale.md": ("scale",),
}


def markers(block: str) -> tuple[str, str]:
    """What stands before and after a block in a document."""
    return f"<!-- {block}: made by python -m evaluation.readme -->", f"<!-- end of {block} -->"


def update_document(document: Path, blocks: Sequence[str], folder: Path) -> None:
    """Rewrite the blocks from their results files; raises OutputError when a marker or a file is missing."""
    if not document.is_file():
        raise OutputError(f"{document}: no such document; give the project's folder as --out.")
    text = document.read_text(encoding="utf-8")
    for block in blocks:
        name, render = BLOCKS[block]
        begin, end = markers(block)
        if begin not in text or end not in text:
            raise OutputError(f"{document}: lacks the marker {begin!r} or {end!r}; put them where the table belongs.")
        if not (folder / name).is_file():
            raise OutputError(f"{folder / name}: no such results file; make it with make generalise or make benchmark.")
        results = json.loads((folder / name).read_text(encoding="utf-8"))
        text = f"{text.split(begin)[0]}{begin}\n{render(results)}\n{end}{text.split(end)[1]}"
    with atomic_output(document) as temporary:
        temporary.write_text(text, encoding="utf-8")


def update_documents(root: Path, folder: Path) -> None:
    """Rewrite the tables of every document under ``root``."""
    for name, blocks in DOCUMENTS.items():
        update_document(root / name, blocks, folder)


def main() -> int:
    """Rewrite the tables of the documents."""
    parser = new_parser(
        "Rewrite the tables of README.md and docs/ from the results files.",
        "python -m evaluation.readme --data results --out .",
    )
    add_shared(parser, "data", default=Path("results"), help="folder with the results files")
    add_shared(parser, "out", default=Path("."), help="the project's folder")
    options = parser.parse_args()
    return exit_code(lambda: update_documents(options.out, options.data))


if __name__ == "__main__":
    sys.exit(main())
