"""A browser that disappears: while a re-fit runs, while a picture is drawn, in the middle of a request."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np
import pytest

from adapt.fit import Fitted, fit
from adapt.marks import read_marks
from adapt.store import MARKS
from tests.adapt.serving import client_of, open_server, point, running, settle

pytestmark = pytest.mark.usefixtures("few_candidates")
GONE = struct.pack("ii", 1, 0)  # SO_LINGER: closed at once, and what is on its way is lost
MARKED = [point("m", "glacier", 60, 140), point("n", "ground", 60, 50)]


class SlowFit:
    """A re-fit on marks that tells when it has begun, and goes on when it may."""

    def __init__(self) -> None:
        self.begun, self.may_go_on = Event(), Event()

    def __call__(self, model: Any, evidence: Any) -> Fitted:
        if evidence.mark.size:
            self.begun.set()
            assert self.may_go_on.wait(30)
        return fit(model, evidence)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SlowFit:
    found = SlowFit()
    monkeypatch.setattr("adapt.refit.fit", found)
    return found


def leave(address: str, path: str, body: bytes | None, sent: int | None, until: Callable[[], object]) -> None:
    """Ask for something, sending so many bytes of the body, and disappear without reading an answer."""
    parts = urlsplit(address)
    lines = [f"{'GET' if body is None else 'POST'} {parts.path}{path} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"Origin: http://{parts.netloc}", "Content-Type: application/json", f"Content-Length: {len(body or b'')}"]
    with socket.create_connection((str(parts.hostname), int(parts.port or 0))) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, GONE)
        held.sendall("\r\n".join([*lines, "", ""]).encode() + (body or b"")[:sent])
        until()


def state_of(address: str, told: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
    """The state, once it is so."""
    for _ in range(600):
        with urlopen(f"{address}state", timeout=30) as answer:
            state: dict[str, Any] = json.load(answer)
        if told(state):
            return state
        time.sleep(0.05)
    raise AssertionError(state)


def test_no_mark_is_lost_in_mid_fit_and_the_fit_is_as_if_nobody_had_left(
    place: Path, tmp_path: Path, slow: SlowFit, capfd: pytest.CaptureFixture[str]
):
    undisturbed = open_server(place, tmp_path / "other")
    slow.may_go_on.set()
    client_of(undisturbed).post("/a-token/change", json={"add": MARKED})
    settle(undisturbed)
    slow.begun.clear()
    slow.may_go_on.clear()
    server = open_server(place, tmp_path / "out")
    with running(server) as address:
        state_of(address, lambda state: state["settled"])
        before = server.session.last
        leave(address, "change", json.dumps({"add": MARKED}).encode(), None, lambda: slow.begun.wait(30))
        assert len(read_marks(tmp_path / "out" / MARKS, server.grid.crs)) == 2, "saved before the fit has ended"
        assert server.session.last is before, "the last whole fit is there until the next one is whole"
        with urlopen(f"{address}page.js", timeout=30) as answer:
            assert answer.status == 200, "others are answered in mid-fit"
        slow.may_go_on.set()
        leave(address, "tiles/outline/0/0/0.png", None, None, lambda: None)
        state = state_of(address, lambda state: state["settled"])
        assert [item["id"] for item in state["items"]] == ["m", "n"]
        assert state["marks"] == {"glacier": 1, "ground": 1, "waiting": 0}
        assert not state["problem"]
        assert np.array_equal(server.session.canvas.now, undisturbed.session.canvas.now, equal_nan=True)
    assert "Traceback" not in capfd.readouterr().err


def test_half_a_request_changes_nothing(place: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    body = json.dumps({"add": MARKED}).encode()
    with running(open_server(place, tmp_path / "out")) as address:
        leave(address, "change", body, len(body) // 2, lambda: state_of(address))
        assert state_of(address, lambda state: state["settled"])["items"] == []
        assert not (tmp_path / "out" / MARKS).exists()
    assert "Traceback" not in capfd.readouterr().err
