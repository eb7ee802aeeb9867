"""The server of a session, request by request: marks, pictures, edits, finishing, and who may ask for what."""

from __future__ import annotations

import io
import json
import os
import socket
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from PIL import Image
from starlette.testclient import TestClient

from adapt import marks as marks_module
from adapt import serve, store
from adapt.app import Server
from adapt.blocks import key_of
from adapt.guard import LARGEST
from errors import OutputError
from mapping.lock import LOCK_NAME
from mapping.run import sample_of
from scenes.products import open_scene
from tests import products
from tests.adapt.serving import HOST, TOKEN, client_of, open_server, point, settle, words, write_place

pytestmark = pytest.mark.usefixtures("narrow_networks", "few_candidates")
WRONG = [("glacier", 60, 140), ("glacier", 90, 110), ("ground", 60, 50), ("ground", 130, 115)]  # columns and rows


@pytest.fixture
def server(place: Path, tmp_path: Path) -> Server:
    return open_server(place, tmp_path / "out")


@pytest.fixture
def client(server: Server) -> TestClient:
    return client_of(server)


def post(client: TestClient, **change: object):
    return client.post(f"/{TOKEN}/change", json=change)


def picture(client: TestClient, layer: str, where: str = "0/0/0") -> np.ndarray:
    answer = client.get(f"/{TOKEN}/tiles/{layer}/{where}.png")
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def wrong_marks() -> list[dict[str, object]]:
    """Marks that say the opposite of what the model says."""
    return [point(f"m{number}", kind, column, row) for number, (kind, column, row) in enumerate(WRONG)]


def test_marks_change_the_map_and_are_saved_at_once(server: Server, client: TestClient, tmp_path: Path, place: Path):
    settle(server)
    before = picture(client, "probability")
    answer = post(client, add=wrong_marks())
    assert answer.status_code == 200
    state = answer.json()
    assert [item["id"] for item in state["items"]] == ["m0", "m1", "m2", "m3"]
    assert (state["marks"]["glacier"], state["marks"]["ground"]) == (2, 2)
    assert state["items"][0]["geometry"] == {"type": "Point", "coordinates": pytest.approx((60, 140))}
    assert (picture(client, "probability") != before).any(), "what is in view is drawn before it is answered"
    table = gpd.read_file(tmp_path / "out" / "marks.gpkg")
    assert list(table["glacier"]) == [1, 1, 0, 0]
    settle(server)
    state = client.get(f"/{TOKEN}/state").json()
    assert state["settled"]
    assert state["km2"][0] > 0
    assert 0 <= state["right"][1] <= 1
    assert len(state["suggested"]) == 8
    again = client_of(open_server(place, tmp_path / "out"))  # as after a crash: nothing was shut down
    assert len(again.get(f"/{TOKEN}/state").json()["items"]) == 4
    assert "items" not in client.get(f"/{TOKEN}/state?have={state['revision']}").json()


def test_erasing_all_marks_brings_the_model_back(server: Server, client: TestClient):
    settle(server)
    before = picture(client, "outline")
    post(client, add=wrong_marks())
    post(client, erase=["m0", "m1", "m2", "m3", "never-there"])
    assert (picture(client, "outline") == before).all()
    assert client.get(f"/{TOKEN}/state").json()["items"] == []


def test_two_pages_do_not_lose_each_others_marks(server: Server):
    one, other = client_of(server), client_of(server)
    post(one, add=[point("one", "glacier", 60, 50)])
    post(other, add=[point("other", "ground", 60, 140)])
    post(one, add=[point("one", "glacier", 60, 50)])  # sent again, as after a lost answer
    assert [item["id"] for item in one.get(f"/{TOKEN}/state").json()["items"]] == ["one", "other"]


def test_outlines_are_deleted_kept_and_drawn_and_survive_a_refit(server: Server, client: TestClient, tmp_path: Path):
    settle(server)
    square = {"type": "Polygon", "coordinates": [[[30, 80], [60, 80], [60, 130], [30, 130], [30, 80]]]}  # touches k
    edits = [
        point("d", "deleted", 130, 115),
        point("k", "kept", 70, 50),
        {"id": "p", "kind": "drawn", "geometry": square},
    ]
    answer = post(client, add=edits)
    assert answer.status_code == 200, answer.text
    nowhere = post(client, add=[point("x", "deleted", 130, 115)])
    assert nowhere.status_code == 422
    assert "no outline here" in nowhere.json()["problem"]
    post(client, add=[point("m", "ground", 60, 50), point("n", "glacier", 130, 115)])
    server.finishing.begin()
    server.finishing.wait()
    assert server.finishing.progress.stage == "done", server.finishing.progress.said
    with rasterio.open(tmp_path / "out" / "mask.tif") as source:
        mask = source.read(1)
    assert not (mask[102:128, 112:148] == 1).any(), "deleted"
    assert (mask[25:75, 45:95] == 1).all(), "kept"
    assert (mask[81:129, 31:59] == 1).all(), "drawn"
    found = gpd.read_file(tmp_path / "out" / "outlines.gpkg", layer="outlines").set_index("edited").geometry
    wanted = gpd.read_file(tmp_path / "out" / "edits.gpkg").set_index("edited").geometry
    assert found["kept"].symmetric_difference(wanted["kept"]).area == 0, "one of its own, though another touches it"
    post(client, add=[point("again", "deleted", 45, 100)])
    again = {item["id"]: item["geometry"] for item in client.get(f"/{TOKEN}/state").json()["items"]}["again"]
    assert min(row for _, row in again["coordinates"][0]) == pytest.approx(80), "what is kept is not deleted with it"
    assert set(gpd.read_file(tmp_path / "out" / "edits.gpkg")["edited"]) == {"deleted", "kept", "drawn"}
    files = client.get(f"/{TOKEN}/state").json()["finish"]["files"]
    assert {"marks.gpkg", "edits.gpkg", "adapted.pth", "mask.tif", "outlines.gpkg", "report.html"} <= set(files)
    report = client.get(f"/{TOKEN}/files/report.html")
    assert "sandbox" in report.headers["content-security-policy"]


@pytest.mark.parametrize("layer", ["false", "true", "thermal", "probability", "outline", "before"])
@pytest.mark.parametrize("where", ["0/0/0", "2/1/1", "-2/0/0"])
def test_every_layer_at_every_zoom(shown: TestClient, layer: str, where: str):
    found = picture(shown, layer, where)
    assert found.shape == (256, 256, 4)
    assert found[..., 3].any()


@pytest.fixture(scope="module")
def shown(place: Path, tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """A session that was marked and drawn, to look at."""
    server = open_server(place, tmp_path_factory.mktemp("shown"))
    post(client_of(server), add=[point("m", "glacier", 45, 25)])
    settle(server)
    return client_of(server)


def test_the_page_asks_for_nothing_from_elsewhere(shown: TestClient):
    for name in ("", "page.js", "map.js", "panel.js", "server.js", "page.css", "leaflet.js", "leaflet.css"):
        answer = shown.get(f"/{TOKEN}/{name}")
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "//" not in shown.get(f"/{TOKEN}/").text.replace("<!--", "")


@pytest.mark.parametrize(
    "path",
    ["/", "/wrong/", "/wrong/state", "/a-token", f"/{TOKEN}/nothing", f"/{TOKEN}/files/report.html",
     f"/{TOKEN}/files/..%2F..%2Fmodel.pth", f"/{TOKEN}/files/marks.gpkg", f"/{TOKEN}/../model.pth",
     f"/{TOKEN}/tiles/false/9/0/0.png", f"/{TOKEN}/tiles/false/0/-1/0.png", f"/{TOKEN}/tiles/false/0/9/9.png",
     f"/{TOKEN}/tiles/none/0/0/0.png", f"/{TOKEN}/tiles/false/0/x/0.png"],
)  # fmt: skip
def test_no_other_path_is_served(shown: TestClient, path: str):
    assert shown.get(path).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 403),
        ({"host": "evil.example:8314"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_no_other_page_can_post(shown: TestClient, headers: dict[str, str], status: int):
    given = {"content-type": "application/json", **headers}
    answer = shown.post(f"/{TOKEN}/change", content=json.dumps({"erase": ["m"]}), headers=given)
    assert answer.status_code == status
    assert len(shown.get(f"/{TOKEN}/state").json()["items"]) == 1


def test_a_post_without_origin_is_refused(shown: TestClient):
    del shown.headers["origin"]
    try:
        assert post(shown, erase=["m"]).status_code == 403
    finally:
        shown.headers["origin"] = f"http://{HOST}"


BAD = [
    b"", b"{", b"[" * 100_000, b"\xff\xfe", b"null", b"[]", b"7", b'{"other": 1}', b'{"add": {}}', b'{"add": [1]}',
    b'{"erase": [1]}', b'{"erase": ["../x"]}', b'{"add": [{"id": "a"}]}',
    b'{"add": [{"id": "a", "kind": "lake", "geometry": {"type": "Point", "coordinates": [1, 1]}}]}',
    b'{"add": [{"id": "a", "kind": ["glacier"], "geometry": {"type": "Point", "coordinates": [1, 1]}}]}',
    b'{"add": [{"id": "a", "kind": "glacier", "geometry": {"type": "Point", "coordinates": [1, NaN]}}]}',
    b'{"add": [{"id": "a", "kind": "glacier", "geometry": {"type": "Point", "coordinates": [1, "1"]}}]}',
    b'{"add": [{"id": "a", "kind": "glacier", "geometry": {"type": "Point", "coordinates": [1e300, 1]}}]}',
    b'{"add": [{"id": "a", "kind": "glacier", "geometry": {"type": "Point"}}]}',
    b'{"add": [{"id": "a", "kind": "glacier", "geometry": {"type": ["Point"], "coordinates": [1, 1]}}]}',
    b'{"add": [{"id": "a", "kind": "glacier", "geometry": {"type": "LineString", "coordinates": [[1, 1]]}}]}',
    b'{"add": [{"id": "a", "kind": "glacier", "geometry": {"type": "LineString", "coordinates": 3}}]}',
    b'{"add": [{"id": "a", "kind": "drawn", "geometry": {"type": "Polygon", "coordinates": [[[1, 1], [2, 2]]]}}]}',
    b'{"add": [{"id": "a", "kind": "drawn", "geometry": {"type": "Polygon", "coordinates": [[[1,1],[2,2],[1,1]]]}}]}',
    b'{"add": [{"id": "a", "kind": "deleted", "geometry": {"type": "Point", "coordinates": [-5, 1]}}]}',
]  # fmt: skip


@pytest.mark.parametrize("body", BAD, ids=range(len(BAD)))
def test_bad_requests_get_one_sentence_and_the_server_lives_on(shown: TestClient, body: bytes):
    answer = shown.post(f"/{TOKEN}/change", content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["problem"].endswith(".")
    assert len(shown.get(f"/{TOKEN}/state").json()["items"]) == 1


def test_large_requests_are_refused_whatever_their_header_says(shown: TestClient):
    headers = {"content-type": "application/json"}
    assert shown.post(f"/{TOKEN}/change", content=b" " * (LARGEST + 1), headers=headers).status_code == 413
    pieces = (b" " * 2**16 for _ in range(20))
    assert shown.post(f"/{TOKEN}/change", content=pieces, headers=headers).status_code == 413
    assert shown.put(f"/{TOKEN}/change", json={}).status_code == 405


def test_a_full_disk_loses_no_mark(
    server: Server, client: TestClient, tmp_path: Path, monkeypatch, capsys, one_sentence
):
    def full(*_: object) -> None:
        raise OutputError(
            f"{tmp_path / 'out' / 'marks.gpkg'}: cannot be written (No space left on device); free space."
        )

    with monkeypatch.context() as patch:
        patch.setattr(store, "write_marks", full)
        answer = post(client, add=[point("m", "glacier", 60, 140)])
        assert answer.status_code == 507
        assert answer.json()["unsaved"]
        one_sentence(answer.json()["problem"], "marks.gpkg")
        assert post(client, add=[point("n", "ground", 60, 50)]).status_code == 507
        assert capsys.readouterr().err.count("No space left") == 1, "told once on the screen"
        assert len(client.get(f"/{TOKEN}/state").json()["items"]) == 2
    server.session.step()
    assert not client.get(f"/{TOKEN}/state").json()["unsaved"]
    assert len(marks_module.read_marks(tmp_path / "out" / "marks.gpkg", "EPSG:32643")) == 2


def test_a_port_in_use_is_one_sentence(place: Path, tmp_path: Path, capsys, one_sentence):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        assert serve.main(words(place, tmp_path, "--port", port)) == 2
    one_sentence(capsys.readouterr().err.removeprefix("error: ").strip(), str(port))


def test_a_folder_has_one_session(tmp_path: Path, place: Path, capsys):
    (tmp_path / LOCK_NAME).write_text(f"{socket.gethostname()} {os.getppid()}")
    assert serve.main(words(place, tmp_path, "--port", 0)) == 2
    assert "another run is at work" in capsys.readouterr().err


def test_a_large_scene_is_looked_at_block_by_block(tmp_path: Path, monkeypatch):
    for name in ("LARGE", "SIDE"):
        monkeypatch.setattr(f"adapt.blocks.{name}", 256)
    place = write_place(tmp_path, (270, 300))
    server = open_server(place, tmp_path / "out")
    client = client_of(server)
    assert len(server.session.blocks) == 4
    assert not picture(client, "outline").any(), "nobody has seen it yet, and nobody waits"
    state = post(client, add=wrong_marks()).json()
    assert state["marks"] == {"glacier": 0, "ground": 0, "waiting": 1}
    settle(server)
    state = client.get(f"/{TOKEN}/state").json()
    assert state["settled"]
    assert state["marks"] == {"glacier": 2, "ground": 2, "waiting": 0}
    assert picture(client, "outline").any()
    now = server.session.canvas.now.copy()
    again = open_server(place, tmp_path / "out")
    assert len(again.session.blocks.known) == 4, "an earlier session has looked at them"
    settle(again)
    assert np.array_equal(again.session.canvas.now, now, equal_nan=True)


def test_marks_made_while_it_is_finished_are_kept(server: Server, client: TestClient, tmp_path: Path, monkeypatch):
    post(client, add=wrong_marks())
    real = server.finishing.refit_of_all

    def marks_meanwhile():
        assert post(client, add=[point("late", "ground", 70, 50)]).status_code == 200
        return real()

    monkeypatch.setattr(server.finishing, "refit_of_all", marks_meanwhile)
    server.finishing.run()
    assert server.finishing.progress.stage == "done", server.finishing.progress.said
    named = [mark.mark_id for mark in marks_module.read_marks(tmp_path / "out" / "marks.gpkg", "EPSG:32643")]
    assert named == ["m0", "m1", "m2", "m3", "late"]
    assert (tmp_path / "out" / "edits.gpkg").is_file()


def test_what_is_kept_of_another_scene_of_the_same_name_is_not_used(place: Path, tmp_path: Path):
    scene = tmp_path / "scene.tif"
    keys = []
    for shift in (0, 20):
        tile, _ = products.blocky_tile((150, 170))
        bands = {name: np.roll(band, shift, 1) for name, band in tile.bands.items()}
        products.five_bands(scene, type(tile)("scene", bands, np.roll(tile.valid, shift, 1)))
        opened = open_scene(scene, products.FIVE_BANDS)
        keys.append(key_of(opened, sample_of(opened), place / "model.pth"))
    assert keys[0] != keys[1]
