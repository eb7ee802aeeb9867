"""Fuzz the tile reader guided by coverage, with atheris (https://github.com/google/atheris), for long runs.

    pip install atheris
    python tools/fuzz_guided.py --seconds 600 --out out/fuzz

The corpus starts with the good files of ``tools/fuzz.py`` and stays in ``--out`` for the next run. A case that ends
otherwise than in a result or a named error, or takes over two seconds or 1.5 GB, is written there and ends the run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from command import add_shared, new_parser
from errors import PackageError, exit_code


def run(options: argparse.Namespace) -> None:
    """Fuzz until the time is over or a case is wrong; libFuzzer then sets the exit code."""
    try:
        import atheris
    except ImportError:
        raise PackageError("the package atheris is missing; run `pip install atheris`.") from None
    with atheris.instrument_imports(include=["tifffile", "tiles"]):
        from tiles.raster import read_raster
        from tools.fuzz import MOST_SECONDS, good_tiffs, run_case

    corpus = options.out / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, good in enumerate(good_tiffs()):
        (corpus / f"good_{number}").write_bytes(good)
    case = options.out / "case.tif"

    def one_case(raw: bytes) -> None:
        case.write_bytes(raw)
        ending = run_case(lambda: read_raster(case))
        if ending.startswith("WRONG"):
            raise RuntimeError(ending)

    limits = [f"-timeout={int(MOST_SECONDS) + 1}", "-rss_limit_mb=1536", f"-max_total_time={options.seconds}"]
    words = [*limits, f"-seed={options.seed}", "-max_len=65536", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *words, f"-artifact_prefix={options.out}/wrong_", str(corpus)], one_case)
    atheris.Fuzz()


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser("Fuzz the tile reader guided by coverage.", "python tools/fuzz_guided.py --seconds 600")
    parser.add_argument("--seconds", type=int, default=600, help="how long it looks (default: %(default)s)")
    add_shared(parser, "seed", help="0: another one each time")
    add_shared(parser, "out", default=Path("out/fuzz"))
    return parser.parse_args()


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
