"""What has changed, as files: a table, a GeoPackage, a figure and a page."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Sequence
from pathlib import Path
from string import Template

import geopandas as gpd
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from command import write_json
from figures import BLUE, GREY, VERMILION, write_figure
from mapping.matching import SHARE, Change, summed
from scenes.vectors import driver_output
from tiles.raster import atomic_output

LISTED, BARS = 500, 12  # glaciers on the page and in the figure, at most
PAGE = Path(__file__).parent / "change.html"


def write_change(change: Change, old: gpd.GeoSeries, crs: str, title: str, notes: Sequence[str], out: Path) -> None:
    """Write change.csv, change.gpkg (in ``crs``), change.png, change.json and change.html, each whole or not at all.

    ``old``: the old outlines, in the coordinate system of ``change``.
    """
    with atomic_output(out / "change.csv") as temporary:
        pd.DataFrame(change.glaciers.drop(columns="geometry")).to_csv(temporary, index=False, float_format="%.6g")
    write_layers(change, crs, out / "change.gpkg")
    draw(change, old, title, out / "change.png")
    total = summed(change.glaciers)
    facts = {"title": title, "total": total, "glaciers": counted(change.glaciers), "notes": list(notes)}
    write_json(out / "change.json", facts)
    write_page(change.glaciers, total, title, notes, out)


def counted(glaciers: pd.DataFrame) -> dict[str, int]:
    """How many glaciers were matched, split, merged, regrouped, gone or new."""
    return {str(what): int(count) for what, count in glaciers["what"].value_counts().items()}


def write_layers(change: Change, crs: str, path: Path) -> None:
    """Write the layers ``glaciers``, ``retreat`` and ``advance`` of one GeoPackage."""
    with driver_output(path, ".gpkg") as temporary:
        for layer in ("glaciers", "retreat", "advance"):
            table = getattr(change, layer).to_crs(crs)
            geometry = "MultiPolygon" if not len(table) else None  # which the driver cannot tell from no outline
            table.to_file(temporary, driver="GPKG", layer=layer, engine="pyogrio", geometry_type=geometry)


def draw(change: Change, old: gpd.GeoSeries, title: str, path: Path) -> None:
    """Draw the map of advance and retreat, and then and now of the largest glaciers."""
    figure = Figure(figsize=(13, 6.5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    present = change.glaciers[change.glaciers["what"] != "gone"]
    for table, colour in ((present, "#DCE6EC"), (change.retreat, VERMILION), (change.advance, BLUE)):
        if len(table):
            table.plot(ax=left, color=colour)
    old.boundary.plot(ax=left, color="black", linewidth=0.6)
    left.set_axis_off()
    left.legend(
        handles=[
            Line2D([], [], color="black", linewidth=0.8, label="outline then"),
            Patch(color="#DCE6EC", label="ice now"),
            Patch(color=VERMILION, label="retreat"),
            Patch(color=BLUE, label="advance"),
        ],
        loc="upper left",
        fontsize=8,
    )
    draw_areas(right, change.glaciers.head(BARS))
    figure.suptitle(title)
    write_figure(figure, path)


def draw_areas(axes: Axes, glaciers: pd.DataFrame) -> None:
    """Draw areas then and now with their uncertainty, the largest glacier on top."""
    places = np.arange(len(glaciers))
    for time, colour, shift in (("old", GREY, -0.2), ("new", BLUE, 0.2)):
        off = glaciers[f"uncertainty_{time}_km2"]
        label = "then" if time == "old" else "now"
        axes.barh(places + shift, glaciers[f"area_{time}_km2"], 0.38, xerr=off, color=colour, label=label)
    axes.set_yticks(places, [called(row)[:32] for _, row in glaciers.iterrows()], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("km2")
    axes.legend(fontsize=8)


def called(row: pd.Series) -> str:
    """The name of a glacier, or its ids."""
    return str(row["name"] or row["old_ids"] or row["new_ids"])


def sentence(total: dict[str, float]) -> str:
    """The change of all glaciers in words."""
    text = (
        f"{total['area_old_km2']:.2f} ± {total['uncertainty_old_km2']:.2f} km2 then, {total['area_new_km2']:.2f} ± "
        f"{total['uncertainty_new_km2']:.2f} km2 now: {total['change_km2']:+.2f} ± "
        f"{total['change_uncertainty_km2']:.2f} km2 ({total['change_percent']:+.1f} %)"
    )
    if math.isfinite(total["km2_per_year"]):
        text += f", {total['km2_per_year']:+.3f} km2 and {total['percent_per_year']:+.2f} % a year"
    return f"{text}."


def write_page(glaciers: pd.DataFrame, total: dict[str, float], title: str, notes: Sequence[str], out: Path) -> None:
    """Write the page; it works offline, with the figure within."""
    table = pd.DataFrame(glaciers.drop(columns="geometry")).head(LISTED)
    text = [not pd.api.types.is_numeric_dtype(table[name]) for name in table.columns]
    kinds = ", ".join(f"{count} {what}" for what, count in counted(glaciers).items())
    said = [sentence(total), f"Glaciers: {kinds}.", *notes]
    rows = [
        "<tr>" + "".join(cell(value, words) for value, words in zip(row, text)) + "</tr>"
        for row in table.itertuples(index=False)
    ]
    page = Template(PAGE.read_text(encoding="utf-8")).substitute(
        title=html.escape(title),
        summary="".join(f"<p>{html.escape(one)}</p>" for one in said),
        figure=base64.b64encode((out / "change.png").read_bytes()).decode(),
        shown=f"{len(table)} of {len(glaciers)}, the largest first; all are in change.csv and change.gpkg.",
        head="".join(f"<th{' class=text' if words else ''}>{name}</th>" for name, words in zip(table.columns, text)),
        rows="\n".join(rows),
        share=f"{SHARE:.0%}",
    )
    with atomic_output(out / "change.html") as temporary:
        temporary.write_text(page, encoding="utf-8")


def cell(value: object, words: bool) -> str:
    """A cell of the page's table."""
    if words:
        return f"<td class=text>{html.escape(str(value))}</td>"
    number = float(value)  # type: ignore[arg-type]
    return f"<td>{f'{number:.5g}' if math.isfinite(number) else ''}</td>"
