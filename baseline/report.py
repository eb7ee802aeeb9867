"""The feature-importance report: two tables, a figure and one HTML page."""

from __future__ import annotations

import base64
import csv
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no screen is needed to write a file
import matplotlib.pyplot as plt

from baseline.importance import MEASURES, Importance
from features.indices import INDICES
from features.stack import TRANSFORMS, parse_channel
from tiles.raster import atomic_output

TITLES = {
    "gain": "gain (share)",
    "split": "splits (share)",
    "permutation": "permutation (drop of MCC)",
    "shap": "mean |SHAP| (log-odds)",
}
SHOWN = 25
PALETTE = ("#1b6ca8", "#d1495b", "#66a182", "#edae49", "#8d6cab", "#5c5c5c", "#2e8b8b")
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}th,td{padding:.25rem .7rem;border-bottom:1px solid #ddd;text-align:left}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}img{max-width:100%}code{background:#f3f3f3}"""


def write_report(
    folder: Path, channels: Sequence[Importance], families: Sequence[Importance], metrics: Mapping[str, Any]
) -> None:
    """Write importance.csv, importance_by_family.csv, importance.png and report.html into ``folder``."""
    write_table(folder / "importance.csv", "channel", channels)
    write_table(folder / "importance_by_family.csv", "family", families)
    figure = folder / "importance.png"
    draw(figure, channels, families)
    with atomic_output(folder / "report.html") as temporary:
        temporary.write_text(page(channels, families, metrics, figure.read_bytes()), encoding="utf-8")


def write_table(path: Path, first: str, rows: Sequence[Importance]) -> None:
    """One line a row; channels with their family, formula and reference."""
    of_channels = first == "channel"
    with atomic_output(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([first, *(["family"] if of_channels else []), *MEASURES, *(["formula"] if of_channels else [])])
        for row in rows:
            values = [f"{value(row):.6f}" for value in MEASURES.values()]
            described = [formula_of(row.name)] if of_channels else []
            table.writerow([row.name, *([row.family] if of_channels else []), *values, *described])


def formula_of(channel: str) -> str:
    """A channel's formula in words and symbols."""
    base, transform, window = parse_channel(channel)
    formula = INDICES[base].formula
    if not transform:
        return formula
    around = f", {window} x {window} pixels" if window else ""
    return f"{TRANSFORMS[transform].reference.split(',')[0]} of {formula}{around}"


def reference_of(channel: str) -> str:
    """Where a channel's index comes from."""
    return INDICES[parse_channel(channel)[0]].reference


def colours(families: Sequence[Importance]) -> dict[str, str]:
    """One colour a family, the same in every panel."""
    names = sorted({row.family for row in families})
    return {name: PALETTE[number % len(PALETTE)] for number, name in enumerate(names)}


def draw(path: Path, channels: Sequence[Importance], families: Sequence[Importance]) -> None:
    """Bars of the four measures: the most important channels above, families below."""
    colour = colours(families)
    figure, axes = plt.subplots(
        2, 4, figsize=(15, 9.5), layout="constrained", height_ratios=[min(len(channels), SHOWN), len(families) + 1]
    )
    for row, (names, entries) in zip(axes, (("channels", channels[:SHOWN]), ("families", families))):
        for axis, (measure, value) in zip(row, MEASURES.items()):
            places = range(len(entries))
            axis.barh(places, [value(one) for one in entries], color=[colour[one.family] for one in entries])
            axis.set_yticks(places, [one.name for one in entries] if measure == "gain" else [], fontsize=8)
            axis.invert_yaxis()
            axis.set_title(f"{names}: {TITLES[measure]}", fontsize=9)
            axis.tick_params(axis="x", labelsize=8)
            axis.spines[["top", "right"]].set_visible(False)
    with atomic_output(path) as temporary:
        figure.savefig(temporary, dpi=110)
    plt.close(figure)


def page(
    channels: Sequence[Importance], families: Sequence[Importance], metrics: Mapping[str, Any], figure: bytes
) -> str:
    """The whole report as one self-contained HTML page."""
    measures = list(TITLES.values())
    pooled = [[name, f"{value:.3f}"] for name, value in metrics["pooled"].items()]
    folds = [
        [str(fold["fold"]), ", ".join(fold["tiles"]), f"{fold['threshold']:.3f}", f"{fold['mcc']:.3f}"]
        for fold in metrics["folds"]
    ]
    by_family = [[one.name, *numbers(one)] for one in families]
    by_channel = [
        [one.name, one.family, *numbers(one), formula_of(one.name), reference_of(one.name)] for one in channels
    ]
    image = base64.b64encode(figure).decode("ascii")
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Baseline report</title>',
            f"<style>{STYLE}</style></head><body><h1>LightGBM baseline</h1>",
            "<p>All figures are out-of-fold: each model is judged on tiles it has not seen, at a threshold chosen on "
            "the other folds.</p><h2>Scores</h2>",
            html_table(["pooled over all pixels", "value"], pooled),
            html_table(["fold", "tiles", "threshold", "MCC"], folds),
            f'<h2>Importance</h2><img alt="Importance of channels and families" src="data:image/png;base64,{image}">',
            "<h3>By family</h3>",
            html_table(["family", *measures], by_family),
            "<h3>By channel</h3>",
            html_table(["channel", "family", *measures, "formula", "reference"], by_channel),
            "</body></html>\n",
        ]
    )


def numbers(row: Importance) -> list[str]:
    """The four measures as text."""
    return [f"{value(row):.4f}" for value in MEASURES.values()]


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; cells that are numbers are set to the right."""
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    lines = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in rows)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table>"


def cell(text: str) -> str:
    """One cell."""
    is_number = text.replace(".", "", 1).replace("-", "", 1).isdigit()
    return f'<td class="number">{escape(text)}</td>' if is_number else f"<td>{escape(text)}</td>"
