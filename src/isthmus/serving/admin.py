"""The admin listener's application: metrics and health, for operators. It asks for no key."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from isthmus.errors import AccessDenied, GatewayError, InvalidRequest
from isthmus.serving.drain import Drain
from isthmus.serving.request import Request
from isthmus.telemetry.exposition import CONTENT_TYPE
from isthmus.wire import json
from isthmus.wire.chat import errors as chat_errors

#: Every page, and what it is for.
PAGES = {
    "/metrics": "What was counted.",
    "/livez": "Whether the process runs.",
    "/healthz": "The same.",
    "/readyz": "Whether it takes calls.",
}


class _Page(NamedTuple):
    """What is answered."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"


class Admin:
    """Answers requests of the admin listener. ``metrics`` writes all metrics as text.

    Answers only requests that name ``host``, a loopback name or an IP address as their host: a page
    in a browser can make any other name lead here (DNS rebinding), but none of these.
    """

    def __init__(self, metrics: Callable[[], Awaitable[bytes]], drain: Drain, host: str) -> None:
        self._metrics = metrics
        self._drain = drain
        self._host = host.lower()

    async def serve(self, request: Request) -> None:
        """Answer one request."""
        try:
            page = await self._page(request)
        except GatewayError as error:
            page = _Page(json.encode(chat_errors.document(error)), error.status)
        lines = (
            f"content-type: {page.content_type}\r\ncontent-length: {len(page.body)}\r\n"
            "cache-control: no-store\r\n"
        )
        await request.connection.answer(page.status, lines.encode(), page.body)

    async def _page(self, request: Request) -> _Page:
        if not self._is_ours(request.headers.get("host", "")):
            raise AccessDenied(
                "This listener must be called by an IP address, by 'localhost', or by the name "
                "under [admin] listen.",
                status=403,
                code="host_not_allowed",
            )
        if request.path not in PAGES:
            raise InvalidRequest(
                f"There is nothing at {request.path}.", status=404, code="not_found"
            )
        if request.method not in ("GET", "HEAD"):
            raise InvalidRequest(
                f"{request.path} takes GET, not {request.method}.",
                status=405,
                code="method_not_allowed",
            )
        if request.path == "/metrics":
            return _Page(await self._metrics(), content_type=CONTENT_TYPE)
        if request.path == "/readyz" and self._drain.draining:
            return _Page(b'{"status":"draining"}', 503)
        return _Page(b'{"status":"ok"}')

    def _is_ours(self, host: str) -> bool:
        name = _without_port(host.lower())
        return name in ("localhost", self._host) or name.endswith(".localhost") or _is_ip(name)


def _without_port(host: str) -> str:
    """Return the name or address in a Host header, without the brackets of IPv6."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
