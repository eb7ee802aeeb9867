"""The addresses of a session's server: its page, the map's squares, its state, changes, and what was written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from matplotlib import colormaps
from matplotlib.colors import to_hex
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from adapt.changes import in_pixels, read_change
from adapt.finishing import WRITTEN, Finishing
from adapt.guard import refusal
from adapt.pictures import OUTLINE_COLOURS, TEMPERATURE, ZOOMS, Stretch, imagery, layers_of, place_of
from adapt.session import Session
from adapt.store import as_items
from command import without_nan
from errors import GlacierError
from figures import PROBABILITY
from mapping.pictures import png
from tiles.tile import THERMAL_BAND

PAGE = Path(__file__).parent / "page"
LEAFLET = Path(__file__).parents[1] / "mapping" / "leaflet"
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
DRAWN = ("probability", "outline", "before")  # the others are imagery
REPORT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; sandbox allow-scripts"
)
STEPS = 9  # colours of a legend


class Server:
    """What a session's addresses answer with; ``pictures``: the file of its imagery."""

    def __init__(self, session: Session, finishing: Finishing, pictures: Path, stretch: Stretch) -> None:
        self.session, self.finishing, self.pictures, self.stretch = session, finishing, pictures, stretch
        self.grid, self.bands = session.blocks.scene.grid, list(stretch.limits)
        self.layers = layers_of(self.bands)

    def app(self) -> Starlette:
        """The application, to be put behind ``adapt.guard``."""
        routes = [
            *(Route(path, static(file)) for path, file in page_files().items()),
            Route("/scene", self.scene),
            Route("/state", self.state),
            Route("/tiles/{layer}/{zoom}/{x}/{y}.png", self.tile),
            Route("/files/{name}", self.file),
            Route("/change", self.change, methods=["POST"]),
            Route("/finish", self.finish, methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers={GlacierError: told})

    def scene(self, _: Request) -> Response:
        """What does not change: names, sizes, layers and colours."""
        scene = self.session.blocks.scene
        facts = {
            "name": scene.name,
            "date": scene.date,
            "rows": self.grid.height,
            "columns": self.grid.width,
            "pixel_m": self.grid.pixel_side,
            "zooms": ZOOMS,
            "layers": self.layers,
            "outlines": OUTLINE_COLOURS,
            "probability": colours(PROBABILITY),
            "temperature": colours(TEMPERATURE),
            "kelvin": self.stretch.limits.get(THERMAL_BAND),
            "folder": str(self.finishing.out),
        }
        return JSONResponse(facts)

    def state(self, request: Request) -> Response:
        """What changes; marks and edits only where the page has others (``have``)."""
        return JSONResponse(self.state_of(request.query_params.get("have", "")))

    def state_of(self, have: str = "") -> dict[str, Any]:
        """The state in plain types."""
        session = self.session
        content, refit = session.store.content, session.refit()
        fitted, canvas = refit.fitted, session.canvas
        before, now = session.measured[1]
        state: dict[str, Any] = {
            "revision": content.revision,
            "fit": refit.number,
            "settled": not canvas.stale(refit.number) and canvas.complete,
            "drawn": int((canvas.drawn >= refit.number).sum()),
            "squares": canvas.drawn.size,
            "looked": len(session.blocks.known),
            "blocks": len(session.blocks),
            "marks": {"glacier": fitted.glacier, "ground": fitted.ground, "waiting": len(refit.unseen)},
            "km2": [before, now],
            "right": [fitted.right_before, fitted.right],
            "loss": [fitted.loss_before, fitted.loss],
            "notes": list(fitted.notes),
            "problem": session.store.unsaved or session.problem,
            "unsaved": bool(session.store.unsaved),
            "finish": {**asdict(self.finishing.progress), "files": self.written()},
            "suggested": [
                {"geometry": in_pixels(one.geometry, self.grid), "probability": one.probability}
                for one in session.suggested[1]
            ],
        }
        if have != str(content.revision):
            items = as_items(content.marks, content.edits)
            state["items"] = [
                {"id": name, "kind": kind, "geometry": in_pixels(one, self.grid)} for name, kind, one in items
            ]
        return dict(without_nan(state))

    def tile(self, request: Request) -> Response:
        """A square of the map as a PNG."""
        words = request.path_params
        numbers = [words[name] for name in ("zoom", "x", "y")]
        known = words["layer"] in (*self.layers, *DRAWN) and all(re.fullmatch(r"-?\d{1,6}", one) for one in numbers)
        if not known or not ZOOMS[0] <= int(numbers[0]) <= ZOOMS[1]:
            return refusal(404, "There is no such picture.")
        place = place_of(*map(int, numbers))
        inside = 0 <= place.row < self.grid.height and 0 <= place.column < self.grid.width
        if inside and words["layer"] in DRAWN:
            return Response(png(self.session.picture(words["layer"], place)), media_type="image/png")
        picture = imagery(self.pictures, self.bands, words["layer"], place) if inside else None
        if picture is None:
            return refusal(404, "This lies outside the scene.")
        return Response(png(picture), media_type="image/png", headers={"cache-control": "private, max-age=3600"})

    async def change(self, request: Request) -> Response:
        """Add and erase marks and edits; 507 where they cannot be saved, though none is lost."""
        try:
            data = await request.json()
        except (ValueError, RecursionError):
            return refusal(400, "The request is no JSON.")
        return await run_in_threadpool(self.changed, data)

    def changed(self, data: Any) -> Response:
        """The state after a change."""
        session = self.session
        with session.request():
            added, erased = read_change(data, self.grid, self.pieces)
            session.change(added, erased)
            return JSONResponse(self.state_of(), 507 if session.store.unsaved else 200)

    def pieces(self, box: tuple[slice, slice]) -> Any:
        """The ice of a box as it is shown."""
        content = self.session.store.content
        return self.session.canvas.pieces_in(box, self.session.refit().fitted.model, content.edits)

    async def finish(self, _: Request) -> Response:
        """Start to write the results."""
        self.finishing.begin()
        return JSONResponse({"finish": asdict(self.finishing.progress)}, 202)

    def written(self) -> list[str]:
        """The results that there are, once a session was finished."""
        if self.finishing.progress.stage != "done":
            return []
        return [name for name in WRITTEN if (self.finishing.out / name).is_file()]

    def file(self, request: Request) -> Response:
        """One of the results: of all files in the folder, no other is given."""
        name = request.path_params["name"]
        if name not in self.written():
            return refusal(404, "There is no such result.")
        headers = {"content-security-policy": REPORT_POLICY} if name.endswith(".html") else {}
        return FileResponse(self.finishing.out / name, headers=headers)


def told(_: Request, problem: Exception) -> Response:
    """The answer to a user's mistake."""
    return refusal(422, str(problem))


def page_files() -> dict[str, Path]:
    """The page's addresses and files; Leaflet is served from where the report has it."""
    files = {"/": PAGE / "index.html"}
    files.update({f"/{path.name}": path for path in (*sorted(PAGE.glob("*.js")), PAGE / "page.css")})
    files.update({f"/{path.name}": path for path in (LEAFLET / "leaflet.js", LEAFLET / "leaflet.css")})
    return files


def static(path: Path) -> Callable[[Request], Response]:
    """What answers with a file of the page."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".css":
        text = re.sub(r"url\([^)]*\)", "none", text)  # pictures of buttons that the page does not use

    def answer(_: Request) -> Response:
        return Response(text, media_type=KINDS[path.suffix])

    return answer


def colours(name: str) -> list[str]:
    """Colours of a colour map from end to end."""
    return [to_hex(colormaps[name](step / (STEPS - 1))) for step in range(STEPS)]
