"""The sites that are left out of training together, by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """Scenes that are left out of training together, by id, and those of them that are scored."""

    held_out: tuple[str, ...]
    scored: tuple[str, ...]


SNOW_WEST = ("83_01", "83_02", "83_03", "83_04", "83_05", "83_06")
SNOW_EAST = ("83_07", "83_08", "83_10", "83_11", "83_13")  # the last three show ground of the summer sites
SWISS = ("80_01", "80_02", "80_03")
HOME = "the tiles of --data"
SITES = {
    "half of the snow": Site(SNOW_WEST, SNOW_WEST),
    "Swiss Alps": Site((*SWISS, *SNOW_WEST, *SNOW_EAST, "84_06", "84_07"), SWISS),
    "Athabasca": Site(("80_04", "80_05"), ("80_04", "80_05")),
    HOME: Site((), ()),  # whatever their ids
}
