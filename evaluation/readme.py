"""The README's tables, made from the results files and never typed.

python -m evaluation.readme --data results --out .
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from command import add_shared, new_parser
from errors import OutputError, exit_code
from evaluation.adaptation_tables import ADAPTATION, adaptation_block, adaptation_summary_block
from evaluation.lakes_tables import lakes_block, lakes_speed_block
from evaluation.markdown import Results, table
from evaluation.networks_table import bands_block, networks_block
from evaluation.results import COLUMNS, RESULTS_NAME, row_of
from tiles.raster import atomic_output


def next_door_table(results: Results) -> str:
    """The systems out-of-fold."""
    rows = []
    for system, scores in results["next_door"].items():
        per_fold = " / ".join(f"{value:.2f}" for value in scores["fold_mcc"])
        error = f"{scores['calibration_error']:.3f}" if "calibration_error" in scores else ""
        rows.append([system, *(f"{value:.3f}" for value in row_of(scores)), per_fold, error])
    told = [
        f"Next door: {len(results['folds'])} contiguous folds, trained on the other folds alone, every threshold and",
        "the fusion fitted on the other folds.",
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


def both_pixels(scores: Results) -> str:
    """MCC over all pixels and, in brackets, over the valid ones."""
    return f"{scores['all_pixels']['mcc']:.3f} ({scores['valid_pixels']['mcc']:.3f})"


def snow_table(results: Results) -> str:
    """The systems on other mountains under snow, trained on one region alone."""
    rows = [
        [
            system,
            f"{one['valid_pixels']['mcc']:.3f}",
            f"{one['all_pixels']['mcc']:.3f}",
            *(f"{one['valid_pixels'][name]:.3f}" for name in ("iou", "f1", "precision", "recall")),
        ]
        for system, one in results["snow"].items()
    ]
    told = (
        f"Snow: trained on the {sum(map(len, results['folds']))} tiles alone, scored on "
        f"{len(results['snow']['hybrid']['tiles'])} chips of the Alps under snow."
    )
    head = ["system", "MCC, valid pixels", "MCC, all pixels", "IoU, valid", "F1, valid", "precision, valid"]
    return told + "\n\n" + table([*head, "recall, valid"], rows)


def sites_table(results: Results) -> str:
    """One mountain left out at a time."""
    sites = results["leave_one_site_out"]
    systems = list(next(iter(sites.values())))
    rows = [[site, *(both_pixels(one[system]) for system in systems)] for site, one in sites.items()]
    told = (
        "Leave one site out: trained on everything labelled but one mountain, scored on it (MCC over all pixels, in "
        "brackets over the valid ones)."
    )
    return told + "\n\n" + table(["left out", *systems], rows)


def groups_table(results: Results) -> str:
    """Every group that the recipe is judged by, and their mean."""
    groups = results["groups"]
    rows = [[group, *(f"{mcc:.3f}" for mcc in systems.values())] for group, systems in groups.items()]
    told = (
        "What the recipe is judged by, MCC in every group of scenes and their mean (under snow over the valid pixels, "
        "for nodata flatters small chips; the worst shift is that of docs/generalisation.md):"
    )
    return told + "\n\n" + table(["group", *groups["mean"]], rows)


def shifts_table(results: Results) -> str:
    """What each change of the scored tiles costs."""
    before = {system: scores["all_pixels"]["mcc"] for system, scores in results["next_door"].items()}
    rows = [["as they are", *(f"{mcc:.3f}" for mcc in before.values())]]
    for shift, systems in results["shifted"].items():
        rows.append([shift, *(f"{systems[system]:.3f} ({systems[system] - before[system]:+.3f})" for system in before)])
    told = (
        "Shifted: the folds again, with the scored tiles changed as other scenes are (MCC, all pixels, and the change)."
    )
    return told + "\n\n" + table(["scored tiles", *before], rows)


def strata_table(results: Results) -> str:
    """Where the hybrid's errors are."""
    tables = []
    for place, title in (("next_door", "next door"), ("elsewhere", "elsewhere")):
        rows = [
            [row["stratum"], *(f"{row[f'share of {name}']:.0%}" for name in ("valid pixels", "misses", "false alarms"))]
            + [f"{row['recall']:.2f}", f"{row['mcc']:.2f}" if row["group"] in ("light", "distance") else ""]
            for row in results["strata"][place]
        ]
        head = [f"hybrid, {title}", "share of valid pixels", "of misses", "of false alarms", "recall", "MCC there"]
        tables.append(table(head, rows))
    return "\n\n".join(tables)


def scores_block(results: Results) -> str:
    """The tables of scores and the command that made them."""
    made = [groups_table, next_door_table, elsewhere_table, *([snow_table] if "snow" in results else []), sites_table]
    tables = [make(results) for make in made]
    return "\n\n".join([*tables, f"Made by `{results['command']}`."])


def ablation_block(results: Results) -> str:
    """One line a variant of the recipe."""
    rows = []
    for name, one in results.items():
        measured = [one.get(place, {}) for place in PLACES]
        cells = [f"{at[system]['mcc']:.3f}" if at else "" for system in ("GBM", "U-Net", "hybrid") for at in measured]
        rows.append([name, *cells, one.get("verdict", "")])
    systems = ("GBM", "U-Net", "mean of both")
    head = ["variant", *(f"{system}, {told}" for system in systems for told in PLACES.values()), "verdict"]
    made = [f"- {name}: {one['command']}" for name, one in results.items()]
    return "\n".join([table(head, rows), "", "How each line was made:", "", *made])


def tried_block(results: Results) -> str:
    """What was tried beside the variants of the U-Net."""
    rows = [list(row.values()) for row in results["rows"]]
    return table(list(results["rows"][0]), rows) + f"\n\nMCC; {results['command']}."


def inference_block(results: Results) -> str:
    """Seconds of each stage, of whole runs, and of the classic U-Net on the same machine."""
    stages = results["median_s_per_tile_one_thread"]
    whole = {
        "a tile among many": f"{results['steady_s_per_tile']:.2f} s",
        "classic U-Net, its network alone": f"{results['yardstick_s']:.2f} s",
        "start-up with the first tile": f"{results['start_up_s']:.1f} s",
        "of it `import torch`": f"{results['import_torch_s']:.1f} s",
        "peak memory": f"{results['peak_memory_mib']:.0f} MiB",
    }
    told = (
        f"{results['tiles']} tiles ({results['data']}) of 512 x 512 pixels on {results['threads']} processor threads "
        f"(Python {results['python']}, torch {results['torch']})"
    )
    each = "Stages of a tile on one thread: " + ", ".join(f"{name} {value:.3f} s" for name, value in stages.items())
    lines = [f"{told}:", table(list(whole), [list(whole.values())]), f"{each}. Made by `make benchmark`."]
    if "growth" in results:
        lines.append(growth_told(results["growth"]))
    return "\n\n".join(lines)


def growth_told(growth: Results) -> str:
    """Seconds and memory as tiles become more, and larger."""
    counts = [
        f"{int(count)} tiles {one['seconds'] / int(count):.3f} s each ({one['peak_memory_mib']:.0f} MiB)"
        for count, one in growth["tiles"].items()
    ]
    sides = [
        f"{side} pixels a side {one['seconds'] / (int(side) / 512) ** 2:.3f} s ({one['peak_memory_mib']:.0f} MiB)"
        for side, one in growth["sides"].items()
    ]
    pixels = {int(side) ** 2: one["seconds"] for side, one in growth["sides"].items()}
    return (
        f"As the work grows, start-up included: {', '.join(counts)}; the straight line closest to them misses none by "
        f"more than {departure({int(count): one['seconds'] for count, one in growth['tiles'].items()}):.0%}. One tile, "
        f"for each 512 x 512 of it: {', '.join(sides)}; here the closest line misses none by more than "
        f"{departure(pixels):.0%}."
    )


def departure(seconds: Mapping[int, float]) -> float:
    """Largest relative distance of the times from the straight line, in the amount of work, that is closest to them."""
    work, times = np.array(list(seconds), float), np.array(list(seconds.values()))
    bases = np.stack([np.ones(len(work)), work], axis=1) / times[:, None]
    line = bases @ np.linalg.lstsq(bases, np.ones(len(work)), rcond=None)[0]
    return float(np.abs(line - 1).max())


def scenes_block(results: Results) -> str:
    """Time and memory of whole scenes."""
    rows = [
        [
            name,
            f"{one['valid_pixels'] / 1e6:.1f} million",
            f"{one['seconds']:.0f} s",
            f"{one['predicted_by_tiles_s']:.0f} s",
            f"{one['seconds'] / one['predicted_by_tiles_s']:.2f}",
            f"{one['peak_memory_mib']:.0f} MiB",
        ]
        for name, one in results.items()
    ]
    head = ["scene", "valid pixels", "time, all in", "the tile benchmark predicts", "ratio", "peak memory"]
    threads = next(iter(results.values()))["threads"]
    return f"On {threads} processor threads:\n\n{table(head, rows)}\n\nMade by `python benchmarks/scene.py`."


def scale_block(results: Results) -> str:
    """What a mountain range costs, from the largest scene that was measured."""
    name, one = max(results.items(), key=lambda item: (item[1]["valid_pixels"], item[1]["overlap"]))
    scenes = HIMALAYA_PIXELS / one["valid_pixels"]
    parts, rest = one["parts_thread_seconds"], one["seconds"] - one["parts_thread_seconds"] / one["threads"]
    rows = []
    for workers in (1, 10, 100):
        hours = (scenes * (parts + rest) / workers + rest * (workers > 1)) / 3600
        rows.append([str(workers), f"{hours:.1f} h", f"{HIMALAYA_PIXELS / 1e6 / (hours * 3600):.1f} Mpx/s"])
    told = (
        f"Measured ({name}): {one['valid_pixels'] / 1e6:.1f} million valid pixels in {parts:.0f} s of parts on one "
        f"thread and {rest:.0f} s of all the rest. The range is {scenes:.0f} such scenes; the last one is finished "
        "when there are no more parts to share out:"
    )
    return told + "\n\n" + table(["workers of one thread", "time", "speed"], rows)


def mosaic_block(results: Results) -> str:
    """The tiles as one mosaic and one by one."""
    rows = [[name, f"{mcc:.4f}"] for name, mcc in results["mcc"].items()]
    return table(["the tiles, out-of-fold", "MCC, all pixels"], rows) + f"\n\nMade by `{results['command']}`."


HIMALAYA_PIXELS = 4.7e9
PLACES = {"next_door": "next door", "elsewhere": "elsewhere", "snow": "snow"}
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
    "bands": ("bands.json", bands_block),
    "networks": ("networks.json", networks_block),
    "lakes": ("lakes.json", lakes_block),
    "lakes_speed": ("lakes_speed.json", lakes_speed_block),
}
DOCUMENTS = {
    "README.md": ("scores", "inference", "adaptation", "networks", "lakes"),
    "docs/adapt.md": ("adaptation_all",),
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
