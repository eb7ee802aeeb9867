"""The candidate rules: which polygons of two networks are lakes, by sinks, colours and ice.

The rules are those of an entry to the ACM SIGSPATIAL Cup 2023. Where its text leaves something open, our choice is in
the docstring of the rule. Polygons are object arrays of shapely polygons in EPSG:3857, all of one image and region.
"Touch" means a point in common, "overlap" an area.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from lakes.overlap import any_touching, area_in, merged, overlapping, touching

NONE = np.zeros(0, dtype=object)
BEST_OF_SINK, WITH_EVIDENCE, BACK, ADDED, ALONE = "i", "ii", "iii", "iv", "DeepLab alone"


@dataclass(frozen=True)
class Rules:
    """The rules' parameters."""

    smallest: float = 0.7  # area of a polygon in that of its colour polygon or sink, rules (iii) and (iv)
    largest: float = 1.4
    ice_share: float = 0.5  # share of a lake's area that lies on the ice, rule (v)


@dataclass(frozen=True)
class Evidence:
    """What is known of one image and region beside the networks' polygons; ``ice`` None: rule (v) is left out."""

    sinks: np.ndarray
    colours: np.ndarray
    ice: np.ndarray | None = None


def best_of_sinks(sam: np.ndarray, sinks: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Rule (i): of the SAM polygons that touch one sink, the one that overlaps colour polygons most stays; bool (N,).

    Ours: of equal ones the larger stays, and one that touches several sinks stays where it is the best of any. Those
    that touch no sink stay.
    """
    first, sink = touching(sam, sinks)
    order = np.lexsort((-shapely.area(sam)[first], -area_in(sam, colours)[first], sink))
    _, best = np.unique(sink[order], return_index=True)
    stays = np.ones(len(sam), bool)
    stays[first] = False
    stays[first[order][best]] = True
    return stays


def with_evidence(sam: np.ndarray, sinks: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Rule (ii): the SAM polygons that touch a sink or a colour polygon, bool (N,)."""
    return any_touching(sam, sinks) | any_touching(sam, colours)


def of_similar_area(shapes: np.ndarray, others: np.ndarray, rules: Rules) -> np.ndarray:
    """Rule (iii): polygons whose area is within the bounds of another's that they overlap (ours), bool (N,).

    Of a dropped SAM polygon, ``others`` are the colour polygons.
    """
    first, second, _ = overlapping(shapes, others)
    area, other = shapely.area(shapes)[first], shapely.area(others)[second]
    similar = (rules.smallest * other < area) & (area < rules.largest * other)
    return np.bincount(first[similar], minlength=len(shapes)) > 0


def added(deeplab: np.ndarray, sam: np.ndarray, evidence: Evidence, rules: Rules) -> np.ndarray:
    """Rule (iv): DeepLab polygons that touch no SAM polygon, dropped ones included (ours), and are of a similar area
    as a sink or colour polygon that they overlap; bool (N,)."""
    similar = of_similar_area(deeplab, evidence.sinks, rules) | of_similar_area(deeplab, evidence.colours, rules)
    return similar & ~any_touching(deeplab, sam)


def on_ice(shapes: np.ndarray, ice: np.ndarray, rules: Rules) -> np.ndarray:
    """Rule (v): polygons with at least the share ``rules.ice_share`` (ours) of their area on the ice, bool (N,)."""
    return np.asarray(area_in(shapes, ice) >= rules.ice_share * shapely.area(shapes))


def combine(
    sam: np.ndarray,
    deeplab: np.ndarray,
    evidence: Evidence,
    rules: Rules = Rules(),  # noqa: B008  (frozen)
) -> tuple[np.ndarray, list[str]]:
    """All rules: the lakes, none of which overlap, and of each the rule that kept it.

    Polygons of one network that overlap each other become one. If SAM found nothing, DeepLab's stand, but for rule (v).
    """
    sam, deeplab = merged(sam), merged(deeplab)
    if len(sam):
        best = best_of_sinks(sam, evidence.sinks, evidence.colours)
        proven = with_evidence(sam, evidence.sinks, evidence.colours)
        stays = best & proven
        back = ~stays & of_similar_area(sam, evidence.colours, rules)
        more = added(deeplab, sam, evidence, rules)
        first = np.where(any_touching(sam, evidence.sinks), BEST_OF_SINK, WITH_EVIDENCE)
        names = np.concatenate([np.where(back, BACK, first)[stays | back], np.full(int(more.sum()), ADDED)])
        shapes = np.concatenate([sam[stays | back], deeplab[more]])
    else:
        shapes, names = deeplab, np.full(len(deeplab), ALONE)
    if evidence.ice is not None:
        kept = on_ice(shapes, evidence.ice, rules)
        shapes, names = shapes[kept], names[kept]
    return shapes, [str(name) for name in names]
