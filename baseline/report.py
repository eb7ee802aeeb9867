"""The feature-importance report: two tables, a figure and one HTML page."""

from __future__ import annotations

import base64
import csv
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter

from baseline.importance import MEASURES, Importance
from features.channels import TRANSFORMS, parse_channel
from features.indices import INDICES
from figures import PALETTE, write_figure
from tiles.raster import atomic_output

TITLES = {
    "gain": "gain (share)",
    "split": "splits (share)",
    "permutation": "permutation (drop of MCC)",
    "shap": "mean |SHAP| (log-odds)",
}
SHARES = ("gain", "split")
SHOWN = 25
MEASURES_TEXT = (
    "Gain and splits say how the trees were built, on training tiles. Permutation and SHAP are measured on tiles that "
    "each model has not seen: permutation is the drop of MCC, at a threshold chosen on the other folds, when a "
    "channel's values are shuffled between cells of 2x2 pixels, which the trees see; a drop near zero or below it is "
    "chance. Channels that resemble each other stand in for one another, so one alone can seem worthless: a family is "
    "shuffled as a whole."
)
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:80rem;margin:2rem auto;padding:0 1rem;color:#222}
div{overflow-x:auto}table{border-collapse:collapse;margin:.5rem 0 1.5rem}img{max-width:100%}
th,td{padding:.25rem .7rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
th{cursor:pointer;border-bottom:2px solid #888}td.number{text-align:right;font-variant-numeric:tabular-nums}
summary{cursor:pointer}tbody tr:hover{background:#f4f7fa}"""
# A click on a column's title sorts by it, largest number or first word on top; another click turns it round.
SORTING = """for (const title of document.querySelectorAll("th")) title.onclick = () => {
  const body = title.closest("table").tBodies[0], column = title.cellIndex;
  const turn = (title.dataset.turn = title.dataset.turn === "1" ? "-1" : "1");
  const order = (one, other) => {
    const [a, b] = [one, other].map(row => row.cells[column]);
    return a.className && b.className ? b.textContent - a.textContent : a.textContent.localeCompare(b.textContent);
  };
  body.append(...[...body.rows].sort((one, other) => turn * order(one, other)));
};"""


def write_report(
    folder: Path, channels: Sequence[Importance], families: Sequence[Importance], metrics: Mapping[str, Any]
) -> None:
    """Write importance.csv, importance_by_family.csv, importance.png and report.html into ``folder``.

    ``metrics`` is what metrics.json holds; each of its entries is shown, whatever its name.
    Raises OutputError when the folder cannot be written to.
    """
    write_table(folder / "importance.csv", "channel", channels)
    write_table(folder / "importance_by_family.csv", "family", families)
    figure = folder / "importance.png"
    draw(figure, channels, families)
    with atomic_output(folder / "report.html") as temporary:
        temporary.write_text(page(channels, families, metrics, figure.read_bytes()), encoding="utf-8")


def write_table(path: Path, first: str, rows: Sequence[Importance]) -> None:
    """One line a row; channels with their family, formula and reference."""
    of_channels = first == "channel"
    head = [first, "family", *MEASURES, "formula", "reference"] if of_channels else [first, *MEASURES]
    with atomic_output(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(head)
        for row in rows:
            values = [f"{value:.6f}" for value in numbers(row)]
            if of_channels:
                values = [row.family, *values, formula_of(row.name), reference_of(row.name)]
            table.writerow([row.name, *values])


def formula_of(channel: str) -> str:
    """A channel's formula in words and symbols."""
    parsed = parse_channel(channel)
    formula, window = INDICES[parsed.row].formula, parsed.window
    if not parsed.transform:
        return formula
    what = TRANSFORMS[parsed.transform].reference.split(",")[0]
    around = f", {window} x {window} cells" if window else ""
    return f"{what}{around}" if parsed.transform == "share" else f"{what} of {formula}{around}"


def reference_of(channel: str) -> str:
    """Where a channel's index comes from, and its transform where that has a source of its own."""
    parsed = parse_channel(channel)
    source, transform = INDICES[parsed.row].reference, parsed.transform
    named = INDICES.get(source.removeprefix("as "))  # a row may refer to another one: "as blue"
    sources = [] if transform == "share" else [named.reference if named else source]  # a share takes no index
    if transform and "et al." in TRANSFORMS[transform].reference:
        sources.append(TRANSFORMS[transform].reference.split(", ", 1)[1])
    return "; ".join(sources)


def colours(rows: Iterable[Importance]) -> dict[str, str]:
    """One colour a family, the same in every panel."""
    names = sorted({row.family for row in rows})
    return {name: PALETTE[number % len(PALETTE)] for number, name in enumerate(names)}


def draw(path: Path, channels: Sequence[Importance], families: Sequence[Importance]) -> None:
    """Bars of the four measures: the most important channels above, families below."""
    colour = colours([*channels, *families])
    shown = channels[:SHOWN]
    heights = [len(shown) + 2, len(families) + 2]  # two rows' worth for the titles and the axis
    figure = Figure(figsize=(15, 1.2 + 0.27 * sum(heights)), layout="constrained")
    axes = figure.subplots(2, 4, sharey="row", height_ratios=heights)
    for row, entries in zip(axes, (shown, families)):
        for axis, measure in zip(row, MEASURES):
            draw_bars(axis, measure, entries, colour)
    title = f"The {len(shown)} most important of {len(channels)} channels (above) and the families (below)"
    figure.suptitle(f"{title}, ordered by permutation", fontsize=13)
    handles = [Patch(color=shade, label=family) for family, shade in colour.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    write_figure(figure, path)


def draw_bars(axis: Axes, measure: str, entries: Sequence[Importance], colour: Mapping[str, str]) -> None:
    """One panel: a measure's bar for each entry, the first on top."""
    places = range(len(entries))
    axis.barh(places, [MEASURES[measure](one) for one in entries], color=[colour[one.family] for one in entries])
    axis.set_yticks(places, [one.name for one in entries], fontsize=9)
    axis.set_ylim(len(entries) - 0.4, -0.6)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    if measure in SHARES:
        axis.xaxis.set_major_formatter(PercentFormatter(1))
    axis.grid(axis="x", color="#dddddd", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.set_title(TITLES[measure], fontsize=11)


def page(
    channels: Sequence[Importance], families: Sequence[Importance], metrics: Mapping[str, Any], figure: bytes
) -> str:
    """The whole report as one self-contained HTML page."""
    measures = list(TITLES.values())
    by_family = [[one.name, *numbers(one)] for one in families]
    by_channel = [
        [one.name, one.family, *numbers(one), formula_of(one.name), reference_of(one.name)] for one in channels
    ]
    image = base64.b64encode(figure).decode("ascii")
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Baseline report</title>',
            f"<style>{STYLE}</style></head><body><h1>LightGBM baseline</h1>",
            "<h2>Scores</h2><p>Out-of-fold: each model is scored on tiles it has not seen, at a threshold chosen on "
            "the other folds.</p>",
            *(section(name, value) for name, value in metrics.items()),
            f"<h2>Importance</h2><p>{MEASURES_TEXT}</p>",
            f'<img alt="Importance of channels and families" src="data:image/png;base64,{image}">',
            "<h3>By family</h3>",
            html_table(["family", *measures], by_family),
            "<h3>By channel</h3>",
            html_table(["channel", "family", *measures, "formula", "reference"], by_channel),
            f"<script>{SORTING}</script></body></html>\n",
        ]
    )


def numbers(row: Importance) -> list[float]:
    """The four measures."""
    return [value(row) for value in MEASURES.values()]


def section(name: str, value: Any) -> str:
    """One entry of the metrics as a table that folds away: a list or dictionary of records, or a few values."""
    records = value
    if isinstance(value, Mapping) and value and all(isinstance(one, Mapping) for one in value.values()):
        records = [{name.removesuffix("s"): key, **one} for key, one in value.items()]
    if isinstance(records, list) and records and all(isinstance(one, Mapping) for one in records):
        head = list(dict.fromkeys(key for one in records for key in one))  # what any record has, in order
        table = html_table(head, [[one.get(key) for key in head] for one in records])
    else:
        entries = value if isinstance(value, Mapping) else {name: value}
        table = html_table([name, "value"], list(entries.items()))
    unfolded = " open" if name in ("pooled", "folds") else ""
    return f"<details{unfolded}><summary>{escape(name)}</summary>{table}</details>"


def html_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table with a line of titles."""
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    lines = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in rows)
    return f"<div><table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table></div>"


def cell(value: Any) -> str:
    """One cell; numbers are set to the right."""
    if isinstance(value, float):
        small = 0 < abs(value) < 0.0005  # a learning rate, say, is not nothing
        return f'<td class="number">{value:.1e}</td>' if small else f'<td class="number">{value:.4f}</td>'
    if isinstance(value, int) and not isinstance(value, bool):
        return f'<td class="number">{value}</td>'
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    return f"<td>{escape('' if value is None else str(value))}</td>"
