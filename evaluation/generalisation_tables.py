"""The tables of scores: next door, elsewhere, under snow, shifted, where the errors are, and what was tried."""

from __future__ import annotations

from evaluation.markdown import Results, table
from evaluation.results import COLUMNS, row_of

PLACES = {"next_door": "next door", "elsewhere": "elsewhere", "snow": "snow"}


def next_door_table(results: Results) -> str:
    """The systems out-of-fold, pooled and per fold."""
    told = (
        f"Next door: {len(results['folds'])} contiguous folds, trained on the other folds and on the tiles of other "
        "mountains; every threshold and the fusion fitted on the other folds and, by the training below, elsewhere."
    )
    rows = []
    for system, scores in results["next_door"].items():
        per_fold = " / ".join(f"{value:.2f}" for value in scores["fold_mcc"])
        error = f"{scores['calibration_error']:.3f}" if "calibration_error" in scores else ""
        rows.append([system, *(f"{value:.3f}" for value in row_of(scores)), per_fold, error])
    return told + "\n\n" + table(["system", *COLUMNS, "MCC per fold", "calibration error"], rows)


def elsewhere_table(results: Results) -> str:
    """The systems on other mountains, trained on one region alone."""
    tiles = list(results["elsewhere"]["hybrid"]["tiles"])
    rows = []
    for system, scores in results["elsewhere"].items():
        values = [scores["all_pixels"]["mcc"], *(scores["tiles"][tile]["mcc"] for tile in tiles)]
        rows.append([system, *(f"{value:.3f}" for value in values)])
    told = [
        f"Elsewhere: trained on the {sum(map(len, results['folds']))} tiles alone, scored on {len(tiles)} tiles of",
        "other mountains (other sensors, no thermal band); thresholds and fusion weights come from the folds and snow.",
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


def mosaic_block(results: Results) -> str:
    """The tiles as one mosaic and one by one."""
    rows = [[name, f"{mcc:.4f}"] for name, mcc in results["mcc"].items()]
    return table(["the tiles, out-of-fold", "MCC, all pixels"], rows) + f"\n\nMade by `{results['command']}`."
