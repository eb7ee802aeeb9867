"""A session on a small scene with a small model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.testclient import TestClient

from adapt import serve
from adapt.app import Server
from adapt.guard import Guard
from fusion.model_file import save_model
from tests import products
from tests.examples import example_model

TOKEN = "a-token"
HOST = "127.0.0.1:8314"
ORIGIN = f"http://{HOST}"


def write_place(folder: Path, shape: tuple[int, int] = (150, 170)) -> Path:
    """A folder with a Landsat product and a small model."""
    tile, _ = products.blocky_tile(shape)
    products.landsat(folder, tile)
    save_model(example_model(), folder / "model.pth")
    return folder


def words(place: Path, out: Path, *more: object) -> list[str]:
    """The words of the command line."""
    given = [place / products.PRODUCT, "--out", out, "--model", place / "model.pth", "--device", "cpu", "--jobs", 1]
    return [str(word) for word in (*given, *more)]


def open_server(place: Path, out: Path, *more: object) -> Server:
    """A server whose background is not running."""
    return serve.server_of(serve.arguments(words(place, out, *more)))


def client_of(server: Server, host: str = HOST) -> TestClient:
    """A browser's page, as far as requests go."""
    guarded = Guard(server.app(), TOKEN, [HOST])
    return TestClient(guarded, base_url=f"http://{host}", headers={"origin": ORIGIN}, raise_server_exceptions=False)


@contextmanager
def running(server: Server) -> Iterator[str]:
    """A session's server on a free port, as the command starts it; gives its address."""
    with serve.listening(0) as held:
        host = f"127.0.0.1:{held.getsockname()[1]}"
        app = uvicorn.Server(uvicorn.Config(Guard(server.app(), TOKEN, [host]), log_level="warning", lifespan="off"))
        thread = threading.Thread(target=app.run, kwargs={"sockets": [held]})
        thread.start()
        server.session.start()
        try:
            yield f"http://{host}/{TOKEN}/"
        finally:
            app.should_exit = True
            thread.join()
            serve.stop(server)


def settle(server: Server) -> None:
    """Do all of the background's work."""
    server.session.changed = 0.0
    while server.session.step():
        pass


def point(name: str, kind: str, column: float, row: float) -> dict[str, object]:
    """A mark as the page sends it."""
    return {"id": name, "kind": kind, "geometry": {"type": "Point", "coordinates": [column, row]}}
