"""The options that say how a scene is opened, the same for every command that opens one."""

from __future__ import annotations

import argparse
from typing import Any

from tiles.coding import TEMPERATURES


def add_scene_options(parser: argparse.ArgumentParser) -> None:
    """Add what ``scenes.products.open_scene`` asks for beside the place."""
    parser.add_argument("--bands", help="of a GeoTIFF: blue=1,green=2,red=3,swir1=4,thermal=5")
    parser.add_argument("--thermal", choices=tuple(TEMPERATURES), help="unit of a GeoTIFF's thermal band")
    parser.add_argument("--date", help="YYYY-MM-DD of a scene that does not state it")
    parser.add_argument("--clouds", action="store_true", help="map pixels flagged as cloud or cloud shadow too")


def opening(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments of ``scenes.products.open_scene`` but the place."""
    return {name: getattr(options, name) for name in ("bands", "clouds", "thermal", "date")}
