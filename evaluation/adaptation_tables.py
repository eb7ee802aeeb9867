"""What ``evaluation.adaptation`` measured, as a summary and the documents' table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from evaluation.markdown import Results, table

ADAPTATION = "adaptation.json"
RANDOM, SUGGESTED = "random", "suggested"
SHOWN = (0, 5, 10, 20, 40)  # marks in the documents' table
AWAY, HOME_UNSEEN, NEXT_DOOR = "elsewhere and snow", "home, by a model of all else", "next door"
MAIN = (AWAY, HOME_UNSEEN, NEXT_DOOR)  # groups of the README's table


def summary_of(groups: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One line for every group, way, share of wrong marks and number of marks.

    Mean MCC over sites, its change from no mark, and the site that gained least; every site is the mean of its draws.
    The last group is all sites that lie away from home.
    """
    away = {site: one for name in ("elsewhere", "snow") for site, one in groups.get(name, {}).items()}
    lines = []
    for name, sites in {**groups, **({AWAY: away} if away else {})}.items():
        first = next(iter(sites.values()))
        for way in (RANDOM, SUGGESTED):
            for wrong, counts in first[way].items():
                lines += [line_of(name, sites, way, wrong, count) for count in counts]
    return lines


def line_of(group: str, sites: Mapping[str, Any], way: str, wrong: str, count: str) -> dict[str, Any]:
    """One line of the summary."""
    reached = {site: float(np.mean(one[way][wrong][count])) for site, one in sites.items()}
    change = {site: mcc - sites[site]["start"] for site, mcc in reached.items()}
    worst = min(change, key=lambda site: change[site])
    return {
        "group": group,
        "way": way,
        "wrong": float(wrong),
        "marks": int(count),
        "sites": len(sites),
        "start": float(np.mean([one["start"] for one in sites.values()])),
        "mcc": float(np.mean(list(reached.values()))),
        "change": float(np.mean(list(change.values()))),
        "worst_site": worst,
        "worst_change": change[worst],
    }


def adaptation_summary_block(results: Results) -> str:
    """The table without the groups that another one holds, and without wrong marks."""
    return adaptation_block(results, [one for one in results["summary"] if one["group"] in MAIN and not one["wrong"]])


def adaptation_block(results: Results, lines: list[dict[str, Any]] | None = None) -> str:
    """MCC against the number of marks, with the change at the worst site in brackets; of all lines, or of these."""
    summary = results["summary"] if lines is None else lines
    keys = dict.fromkeys((one["group"], one["way"], one["wrong"]) for one in summary)
    rows = []
    for key in keys:
        lines = [one for one in summary if (one["group"], one["way"], one["wrong"]) == key]
        cells = {one["marks"]: f"{one['mcc']:.3f} ({one['worst_change']:+.3f})" for one in lines}
        cells[0] = f"{lines[0]['start']:.3f}"
        told = f"{key[1]}, {key[2]:.0%} wrong" if key[2] else key[1]
        rows.append([f"{key[0]} ({lines[0]['sites']} sites)", told, *(cells.get(count, "") for count in SHOWN)])
    told = (
        "MCC on valid pixels of sites that the model has not seen, against the number of marks in all (half on glacier "
        f"and half on ground where they are random), mean over sites and {results['draws']} draws; in brackets the "
        "change of the site that gained least:"
    )
    head = ["sites", "marks", *(f"{count} marks" if count else "no mark" for count in SHOWN)]
    return "\n\n".join([told, table(head, rows), f"Made by `{results['command']}` in {results['seconds']:.0f} s."])
