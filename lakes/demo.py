"""The whole chain on a synthetic Greenland: from mosaics and an elevation model to F1.

    python -m lakes demo --out out/lakes-demo

Two small networks learn the lakes of the northern region and map the southern one on four dates; they stand in for SAM
and DeepLabV3+, which two minutes do not train. What the rules make of both, sinks and colours is scored next to each
part alone and to NDWI for ice alone. Every step is a command, which is shown. Nothing that is trained here ships.
"""

from __future__ import annotations

import argparse
import importlib
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd

from command import add_shared, new_parser, write_json
from errors import exit_code
from lakes.polygons import read_lakes, write_lakes
from lakes.score import judged, score, told
from scenes.vectors import write_geopackage
from simulation.greenland import DATES, write_greenland

LEARNT, SCORED = 1, 2  # region numbers
SMALLEST = 100_000.0  # m2 in EPSG:3857, as in the truth
FIRST, SECOND, COLOURS, NDWI, ALL = "first network", "second network", "colour rule", "NDWI for ice", "combination"
FILES = {
    FIRST: "first/lakes/lakes.gpkg",
    SECOND: "second/lakes/lakes.gpkg",
    COLOURS: "colours.gpkg",
    NDWI: "ndwi.gpkg",
    ALL: "lakes.gpkg",
}
FIGURE_DATE = DATES[2]


def command(name: str, *words: object) -> None:
    """Show and run one command of this room; raises what it raises."""
    given = [str(word) for word in words]
    print(f"\n$ python -m lakes {name} {shlex.join(given)}", flush=True)
    module = importlib.import_module(f"{__package__}.{name}")
    module.run(module.arguments(given))


def known_lakes(scene: Path, region_num: int, path: Path) -> None:
    """The true lakes of one region as a file of their own."""
    table = read_lakes(scene / "lakes.gpkg")
    write_lakes(table[table["region_num"] == region_num], path)


def networks(out: Path, options: argparse.Namespace) -> None:
    """Train two networks on the first region and map the second with each."""
    run = ["--device", options.device, "--jobs", options.jobs]
    words = ["--lakes", out / "known.gpkg", "--patch", 128, "--step", 64]
    command("prepare", out / "regions", *words, "--out", out / "patches")
    for number, name in enumerate(("first", "second")):
        start = ["--weights", "imagenet"] if options.arch == "compact_unet" else []
        words = [*start, "--arch", options.arch, "--fold", -1, "--steps", options.steps, "--batch", 8]
        command("train", out / "patches", *words, "--seed", options.seed + number, "--out", out / name, *run)
        model = ["--model", out / name / "model.pt", "--region", SCORED]
        command("predict", out / "regions", *model, "--out", out / name / "lakes", *run)


def evidence(out: Path, scene: Path) -> None:
    """Sinks, colours, and NDWI for ice; lakes are small here, so that the smoothing is too."""
    words = ["--regions", scene / "regions.gpkg", "--shallowest", 0.25, "--smallest", 10_000, "--jobs", 1]
    command("sinks", scene / "dem.tif", *words, "--out", out / "sinks.gpkg")
    least = ["--smallest", SMALLEST]
    command("colours", out / "regions", "--sigmas", 1, 1.4, *least, "--out", out / "colours.gpkg")
    command("colours", out / "regions", "--ndwi", 0.25, *least, "--out", out / "ndwi.gpkg")


def combination(out: Path, scene: Path) -> None:
    """The candidate rules on all of it."""
    words = ["--sam", out / FILES[FIRST], "--deeplab", out / FILES[SECOND], "--sinks", out / "sinks.gpkg"]
    words += ["--colours", out / "colours.gpkg", "--ice", scene / "ice.gpkg", "--regions", scene / "regions.gpkg"]
    command("combine", *words, "--audit", "--out", out / "lakes.gpkg")


def scores(out: Path, truth: gpd.GeoDataFrame) -> dict[str, dict[str, float]]:
    """Counts and F1 of every part and of the combination in the scored region."""
    found = {}
    for name, file in FILES.items():
        table = read_lakes(out / file)
        found[name] = told(score(table[table["region_num"] == SCORED], truth))
    return found


def print_scores(found: Mapping[str, Mapping[str, float]]) -> None:
    """The table, and where the combination loses."""
    print(f"\n{'':18s}{'right':>7s}{'false':>7s}{'missed':>8s}{'F1':>8s}")
    for name, one in found.items():
        print(f"{name:18s}{one['right']:7.0f}{one['false']:7.0f}{one['missed']:8.0f}{one['f1']:8.3f}")
    best = max((name for name in found if name != ALL), key=lambda name: found[name]["f1"])
    ahead = found[ALL]["f1"] - found[best]["f1"]
    print(f"The combination is {abs(ahead):.3f} {'above' if ahead >= 0 else 'below'} the best part ({best}).")


def run(options: argparse.Namespace) -> None:
    """Make the scene, run the chain, score and draw it."""
    from lakes.figure import draw

    start, out, scene = time.time(), options.out, options.out / "scene"
    mosaics = write_greenland(scene, options.seed, (options.side, options.side), options.basins)
    command("regions", *mosaics, "--regions", scene / "regions.gpkg", "--out", out / "regions", "--jobs", 1)
    known_lakes(scene, LEARNT, out / "known.gpkg")
    known_lakes(scene, SCORED, out / "truth.gpkg")
    networks(out, options)
    evidence(out, scene)
    combination(out, scene)
    truth = read_lakes(out / "truth.gpkg")
    found = scores(out, truth)
    table = judged(read_lakes(out / FILES[ALL]), truth)
    write_geopackage(table, out / "judged.gpkg")
    place = Path(f"greenland_{FIGURE_DATE}") / f"region_{SCORED}"
    draw(out / "regions" / f"{place}.tif", out / "first/lakes" / f"{place}_probability.tif", table, out / "lakes.png")
    words = ["--regions", out / "regions", "--probability", out / "first/lakes", "--sinks", out / "sinks.gpkg"]
    command("report", out / FILES[ALL], *words, "--truth", out / "truth.gpkg", "--out", out / "report.html")
    print_scores(found)
    write_results(out / "lakes.json", options, found, {"lakes": len(truth), "seconds": time.time() - start})
    print(f"Figure: {out / 'lakes.png'}   report: {out / 'report.html'}   scores: {out / 'lakes.json'}")


def write_results(path: Path, options: argparse.Namespace, found: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """What the documents' table is made from."""
    said = {name: getattr(options, name) for name in ("seed", "side", "basins", "arch", "steps")}
    words = " ".join(f"--{name} {value}" for name, value in said.items())
    results = {"command": f"python -m lakes demo {words}", **said, **facts, "dates": list(DATES), "scores": found}
    write_json(path, results)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "The whole chain on a synthetic Greenland, from mosaics to F1.",
        "python -m lakes demo --out out/lakes-demo --seed 0",
        "python -m lakes demo",
    )
    add_shared(parser, "out", default=Path("out/lakes-demo"))
    add_shared(parser, "seed")
    parser.add_argument("--side", type=int, default=1024, help="pixels of the mosaics")
    parser.add_argument("--basins", type=int, default=90, help="at most")
    parser.add_argument("--arch", default="compact_unet", help="of both networks")
    parser.add_argument("--steps", type=int, default=60, help="that each is trained")
    add_shared(parser, "device", "jobs")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
