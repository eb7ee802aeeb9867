"""Who may ask a session's server for what: this machine's browser, with the token of the address, in small requests.

The server listens on 127.0.0.1 alone. The token keeps other users and pages away; the host's name, a page of another
site whose name was made to point here (DNS rebinding); origin and kind of content, forms of other sites.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST = 2**20  # bytes of a request
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """An ASGI application in front of another: answers what may not pass, and takes the token from the path.

    ``hosts``: names with port, as in ``127.0.0.1:8314``, by which the server may be called.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: Sequence[str]) -> None:
        self.app, self.token, self.hosts = app, token, tuple(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        token, slash, rest = scope["path"][1:].partition("/")
        refused = self.refusal(headers, token + slash, scope["method"])
        if refused is not None:
            await refused(scope, receive, with_headers(send))
            return
        body = await read_body(receive)
        if body is None:
            await refusal(413, f"The request is larger than {LARGEST} bytes.")(scope, receive, with_headers(send))
            return
        await self.app({**scope, "path": f"/{rest}", "root_path": ""}, replayed(body, receive), with_headers(send))

    def refusal(self, headers: dict[str, str], token: str, method: str) -> Response | None:
        """The answer to a request that may not pass; None for one that may. ``token``: with the slash after it."""
        if headers.get("host") not in self.hosts:
            return refusal(403, "This server is called by another name.")
        if not secrets.compare_digest(token.encode(), f"{self.token}/".encode()):
            return refusal(404, "There is nothing here; open the address that the command printed.")
        if method in ("GET", "HEAD"):
            return None
        if headers.get("origin") not in {f"http://{host}" for host in self.hosts}:
            return refusal(403, "Only the session's own page may change it.")
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return refusal(415, "Only JSON is taken.")
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > LARGEST:
            return refusal(413, f"The request is larger than {LARGEST} bytes.")
        return None


def refusal(status: int, sentence: str) -> Response:
    """An answer that says what is wrong."""
    return JSONResponse({"problem": sentence}, status)


async def read_body(receive: Receive) -> bytes | None:
    """The whole body of a request; None where it is longer than LARGEST, whatever its header said."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return body
        body += message.get("body", b"")
        if len(body) > LARGEST:
            return None
        if not message.get("more_body", False):
            return body


def replayed(body: bytes, receive: Receive) -> Receive:
    """What gives the body that was read already, then whatever comes."""
    left = [body]

    async def give() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return give


def with_headers(send: Send) -> Send:
    """What sends an answer with HEADERS, except those that it has already."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            more = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in given]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return sent
