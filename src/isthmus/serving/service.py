"""What one configuration makes: the doors, who may come in, and what they stand on.

A new configuration makes a new service. Calls end in the one they began in, which is closed after
the last of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from isthmus.access.keys import KeyRing
from isthmus.errors import InvalidRequest
from isthmus.serving.doors import ROUTES, Doors, Endpoint
from isthmus.serving.request import Request


class Service:
    """Finds the endpoint of a request, and counts who is inside."""

    def __init__(self, doors: Doors, keys: KeyRing, close: Callable[[], Awaitable[None]]) -> None:
        """Take what there is; ``close`` closes what it stands on."""
        self._doors = doors
        self._keys = keys
        self._close = close
        self._inside = 0
        self._empty = asyncio.Event()
        self._retired = False
        self._routes: dict[str, dict[str, Endpoint]] = {}
        self._below: dict[tuple[str, str], dict[str, Endpoint]] = {}
        for route in ROUTES:
            start, named, rest = route.path.partition("{id}")
            if named:
                methods = self._below.setdefault((start, rest), {})
            else:
                methods = self._routes.setdefault(start, {})
            methods[route.method] = route.endpoint(doors)

    def __enter__(self) -> None:
        """Keep it open while a request is inside."""
        self._inside += 1

    def __exit__(self, *_: object) -> None:
        """Note that a request has left."""
        self._inside -= 1
        if self._retired and not self._inside:
            self._empty.set()

    async def retire(self) -> None:
        """Wait until the last request has left, then close it."""
        self._retired = True
        if self._inside:
            await self._empty.wait()
        await self._close()

    def endpoint(self, request: Request) -> Endpoint:
        """Return what answers a request.

        Raises:
            AccessDenied: there is nothing at the path, and the caller has no key to be told so.
            InvalidRequest: there is nothing at the path, or nothing that takes the method.
        """
        methods = self._routes.get(request.path)
        if methods is None and (path := _with_version(request.path)) is not None:
            request.path = path
            methods = self._routes.get(path)
        if methods is None:
            methods = self._named(request.path)
        if methods is None and self._doors.passthrough.serves(request.path):
            methods = {"POST": self._doors.passthrough.post}
        if methods is None:
            self._keys.authenticate(
                request.headers.get("authorization"), request.headers.get("x-api-key")
            )
            raise InvalidRequest(
                f"There is nothing at {request.path}.", status=404, code="not_found"
            )
        method = "GET" if request.method == "HEAD" else request.method
        if method not in methods:
            allowed = ", ".join(methods)
            raise InvalidRequest(
                f"{request.path} takes {allowed}, not {request.method}.",
                status=405,
                code="method_not_allowed",
            )
        return methods[method]

    def _named(self, path: str) -> dict[str, Endpoint] | None:
        """Return what takes a path with an id in it, by the longest that follows the id."""
        found = [
            (len(end), methods)
            for (start, end), methods in self._below.items()
            if path.startswith(start) and path.endswith(end)
        ]
        return max(found, key=lambda one: one[0])[1] if found else None


def _with_version(path: str) -> str | None:
    """Return the path that is meant where a base URL had its ``/v1`` twice, or not at all."""
    if path.startswith("/v1/v1/"):
        return path[3:]
    start = path.split("/", 2)[1]
    return f"/v1{path}" if start in ("chat", "messages", "models", "responses") else None
