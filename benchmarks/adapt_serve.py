"""Time from a mark in the browser's page to the map that it changes, through the server and as the page asks for it.

    python benchmarks/adapt_serve.py --out out/benchmark
    python benchmarks/adapt_serve.py --side 1536          # larger than the screen, and seen in blocks

The scene is synthetic. The marks are short drags, every second one on glacier. Each time one more mark is sent, and
when its answer has come, all squares of the map in view are asked for at once, as a browser does. Seconds are those
that the user waits; those of the server's processors until the last square is there, Linux alone tells.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import rasterio
from tqdm import tqdm

if __package__ in (None, ""):  # run as a script: the rooms lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from command import add_shared, hidden, new_parser, write_json
from errors import GlacierError, exit_code
from evaluation.results import rounded
from simulation.synthetic import write_sample

COUNTS = (5, 20, 40)
REPEATS = 5
LAYERS = ("outline", "probability")  # that a re-fit changes; a page shows the second where the user wants it
VIEW, SQUARE = (1280, 800), 256  # pixels of the screen across and down, and of a square a side
CONNECTIONS = 6  # of a browser to one server
DRAG = 8  # pixels

Marks = list[dict[str, Any]]


class Page:
    """What the page in a browser asks of a server."""

    def __init__(self, address: str, pid: int, side: int) -> None:
        """Take the address with its token, the server's process, and the side of its scene in pixels."""
        parts = urlsplit(address)
        self.host, self.root, self.pid = parts.netloc, parts.path, pid
        across, down = (-(-min(side, most) // SQUARE) for most in VIEW)
        self.squares = [f"0/{x}/{y}.png" for x in range(across) for y in range(down)]

    def ask(self, path: str, body: Any = None) -> bytes:
        """The answer to a request, a POST where there is something to send."""
        connection = http.client.HTTPConnection(self.host, timeout=600)
        headers = {"Origin": f"http://{self.host}", "Content-Type": "application/json"}
        text = None if body is None else json.dumps(body)
        connection.request("GET" if body is None else "POST", self.root + path, text, headers)
        answer = connection.getresponse()
        found = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {found[:200]!r}")
        return found

    def settled(self) -> dict[str, Any]:
        """The state once the server rests: the whole scene is drawn, and places to mark next are chosen."""
        while True:
            state: dict[str, Any] = json.loads(self.ask("state"))
            if state["settled"] and state["suggested"]:
                return state
            time.sleep(0.2)

    def draw(self) -> None:
        """Ask for all squares in view at once."""
        with ThreadPoolExecutor(CONNECTIONS) as browser:
            list(browser.map(self.ask, [f"tiles/{layer}/{one}" for layer in LAYERS for one in self.squares]))

    def processor_seconds(self) -> float:
        """What the server has used of the processors; told by Linux alone, and 0 elsewhere."""
        path = Path(f"/proc/{self.pid}/stat")
        if not path.exists():
            return 0.0
        user, system = path.read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(folder: Path, side: int, jobs: int) -> Iterator[Page]:
    """The page of a session on the scene in a folder."""
    from solution import HERE

    words = [sys.executable, "-m", "adapt", "serve", str(folder / "scene"), "--out", str(folder / "out")]
    words += ["--port", "0", "--jobs", str(jobs), "--device", "cpu"]
    with subprocess.Popen(words, cwd=HERE, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            address = next((word for word in line.split() if word.startswith("http")), "")
            if not address:
                raise GlacierError("adapt serve: does not start, for the reason above.")
            yield Page(address, process.pid, side)
        finally:
            process.terminate()


def marks_on(folder: Path, count: int) -> Marks:
    """Short lines from valid pixels of the scene at random, every second one on glacier, as the page sends them."""
    with rasterio.open(next((folder / "label").iterdir())) as label:
        glacier = label.read(1) > 0
    with rasterio.open(next((folder / "Band4").iterdir())) as band:
        valid = band.read(1) > 0
    random, marks = np.random.default_rng(0), []
    inner = np.zeros_like(valid)
    inner[: VIEW[1], : VIEW[0] - DRAG] = True
    places = [random.permutation(np.argwhere(valid & inner & (glacier == kind))) for kind in (False, True)]
    for number in range(count):
        row, column = (places[number % 2][number] + 0.5).tolist()
        line = {"type": "LineString", "coordinates": [[column, row], [column + DRAG, row]]}
        marks.append({"id": f"m{number}", "kind": ("ground", "glacier")[number % 2], "geometry": line})
    return marks


def redrawn(page: Page, mark: dict[str, Any]) -> tuple[float, float, float]:
    """Seconds from a mark to its answer, to the last square in view, and of the processors until then."""
    used, start = page.processor_seconds(), time.perf_counter()
    page.ask("change", {"add": [mark]})
    answered = time.perf_counter()
    page.draw()
    return answered - start, time.perf_counter() - start, page.processor_seconds() - used


def measure(page: Page, marks: Marks) -> dict[str, float]:
    """Medians over marks that are the last one in turn, each beside the same others."""
    others, found = marks[:-REPEATS], []
    page.ask("change", {"add": others})
    for mark in marks[-REPEATS:]:
        state = page.settled()
        found.append(redrawn(page, mark))
        page.ask("change", {"erase": [mark["id"]]})
    page.ask("change", {"erase": [one["id"] for one in others]})
    names = ("answered_s", "redrawn_s", "processors_s")
    told = dict(zip(names, np.median(found, axis=0).tolist()))
    kinds = state["marks"]["glacier"], state["marks"]["ground"]
    return {"marks": sum(kinds) + 1, **told, "slowest_redrawn_s": max(one[1] for one in found)}


def run(options: argparse.Namespace) -> None:
    """Measure, print and write adapt_serve.json."""
    jobs = options.jobs or os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_sample(folder / "scene", seed=0, tiles=1, shape=(options.side, options.side))
        with served(folder, options.side, jobs) as page:
            page.settled()
            rows = [
                measure(page, marks_on(folder / "scene", count - 1 + REPEATS))
                for count in tqdm(COUNTS, desc="marks", disable=hidden())
            ]
    print("".join(f"{name:>19s}" for name in rows[0]))
    for row in rows:
        print(f"{row['marks']:19.0f}" + "".join(f"{value:19.2f}" for value in list(row.values())[1:]))
    results = {
        "command": f"python benchmarks/adapt_serve.py --side {options.side}",
        "threads": jobs,
        "side": options.side,
        "squares": len(page.squares) * len(LAYERS),
        "rows": rows,
    }
    write_json(options.out / "adapt_serve.json", rounded(results))


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    parser = new_parser(
        "Time from a mark in the page of adapt serve to the map that it changes.",
        "python benchmarks/adapt_serve.py --out out/benchmark",
    )
    parser.add_argument("--side", type=int, default=512, help="of the scene, pixels (default: %(default)s)")
    add_shared(parser, "jobs")
    add_shared(parser, "out", default=Path("out/benchmark"))
    return exit_code(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
