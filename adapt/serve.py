"""Mark a scene in the browser, see the mask change, and finish.

    python -m adapt serve scene.tif --bands blue=1,green=2,red=3,swir1=4 --out out/adapted

The page works offline and is served on 127.0.0.1 alone, at an address with a token. Marks lie in the folder ``--out``
after every click; the same command goes on with them.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import sys
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from adapt.fit_command import add_shared_options
from command import add_shared, new_parser
from errors import OutputError, SettingError, exit_code
from mapping.lock import only_run
from scenes.options import opening

if TYPE_CHECKING:
    from adapt.app import Server

HOST = "127.0.0.1"
SEEN, IMAGERY = ".seen", "imagery.tif"  # in the session's folder
MOST_CONNECTIONS = 100


def run(options: argparse.Namespace) -> None:
    """Serve until the user stops it."""
    import uvicorn  # with all that needs much else here, so that --help need not wait

    from adapt.guard import Guard

    with listening(options.port) as held, only_run(options.out):
        port, token = held.getsockname()[1], secrets.token_urlsafe(24)
        server = server_of(options)
        app = Guard(server.app(), token, [f"{HOST}:{port}", f"localhost:{port}"])
        address = f"http://{HOST}:{port}/{token}/"
        print(f"Open {address} in a browser of this machine; Ctrl-C stops the server.", flush=True)
        if options.browser:
            webbrowser.open(address)
        server.session.start()
        settings = uvicorn.Config(
            app, log_level="warning", access_log=False, lifespan="off", ws="none", limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=5, server_header=False,
        )  # fmt: skip
        with suppress(KeyboardInterrupt):
            uvicorn.Server(settings).run(sockets=[held])
        stop(server)


def stop(server: Server) -> None:
    """Stop after what is being written; what was seen of the scene is of no use once the session is finished."""
    server.finishing.wait()
    server.session.stop()
    saved = server.session.store.save()
    if server.finishing.progress.stage == "done":
        server.session.blocks.remove()
    if not saved:
        raise OutputError(server.session.store.unsaved)


def server_of(options: argparse.Namespace) -> Server:
    """Open scene, model and folder, and draw the imagery where an earlier session has not."""
    from adapt.app import Server
    from adapt.blocks import Blocks, key_of
    from adapt.finishing import Finishing
    from adapt.marks import read_marks
    from adapt.pictures import stretch_of, write_imagery
    from adapt.session import Session
    from adapt.store import Store
    from cnn.device import choose_device
    from fusion.model_file import load_model
    from mapping.run import sample_of
    from scenes.products import open_scene

    device = choose_device(options.device)
    model = load_model(options.model, device)
    scene = open_scene(options.scene, **opening(options))
    sample = sample_of(scene)
    marks = read_marks(options.marks, scene.grid.crs) if options.marks else []
    store = Store(options.out, scene.grid.crs, marks)
    jobs, seen = options.jobs or os.cpu_count() or 1, options.out / SEEN
    key = key_of(scene, sample, options.model)
    blocks, stretch = Blocks(model, scene, sample, key, seen, device, jobs), stretch_of(sample)
    if not (seen / IMAGERY).is_file():
        write_imagery(scene, stretch, seen / IMAGERY)
    session = Session(model, blocks, store)
    return Server(session, Finishing(session, options.out, device, options.jobs), seen / IMAGERY, stretch)


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket on a port of this machine that nobody else reaches; 0 takes any that is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as held:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((HOST, port))
            held.listen()
        except OSError as problem:
            raise SettingError(
                f"--port {port}: cannot be used ({problem.strerror or problem}); give another one, or 0 for any free."
            ) from None
        yield held


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Mark a scene in the browser, see the mask change, and finish.",
        "python -m adapt serve scene.tif --bands blue=1,green=2,red=3,swir1=4 --out out/adapted",
        "python -m adapt serve",
    )
    parser.add_argument("scene", type=Path, help="anything that python -m mapping takes")
    parser.add_argument("--marks", type=Path, help="marks to begin with, besides those in --out")
    parser.add_argument("--port", type=int, default=8314, help="of 127.0.0.1; 0: any free (default: %(default)s)")
    parser.add_argument("--browser", action="store_true", help="open the page in the usual browser")
    add_shared_options(parser)
    add_shared(parser, "out", default=Path("out/adapted"))
    options = parser.parse_args(argv)
    if not 0 <= options.port < 2**16:
        raise SettingError(f"--port {options.port}: is no port; give a number from 0 to 65535.")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
