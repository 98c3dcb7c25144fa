"""One HTTP request, as an endpoint sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from isthmus.errors import InvalidRequest
from isthmus.serving.compressed import Gunzip

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

#: The Messages API takes no more; neither do we.
MAX_BODY = 32 * 1024 * 1024
#: Seconds for which the rest of a refused body is taken in.
_LINGER = 2.0


class Request:
    """Wraps an ASGI scope; headers by lower-case name, the last one of a name wins."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        path: str = scope["path"]
        # A trailing slash means the same thing; a redirect would lose the client's credential.
        self.path = path.rstrip("/") or "/"
        self.query: bytes = scope.get("query_string", b"")
        self.headers: Mapping[str, str] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        self._receive = receive
        self._more = True

    async def body(self) -> bytes:
        """Read the whole body.

        Raises:
            InvalidRequest: it is larger than `MAX_BODY` (413), found out as early as possible, or
                of an encoding that is not served (415).
        """
        unpacking = self._unpacking()
        declared = self.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > MAX_BODY:
            raise _too_large()
        chunks: list[bytes] = []
        size = 0
        while self._more:
            chunk = await self._read()
            size += len(chunk)
            if size > MAX_BODY:
                raise _too_large()
            chunks.append(chunk if unpacking is None else unpacking.feed(chunk))
        if unpacking is not None:
            unpacking.close()
        return b"".join(chunks)

    async def discard(self) -> None:
        """Read what is left of the body and forget it, for a moment.

        A client that is still sending when its connection is closed may never see the answer.
        """
        left = MAX_BODY
        try:
            async with asyncio.timeout(_LINGER):
                while self._more and left > 0:
                    left -= len(await self._read())
        except TimeoutError:
            return

    async def _read(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._more = False
            raise ClientGone
        self._more = message.get("more_body", False)
        return message.get("body", b"")

    def _unpacking(self) -> Gunzip | None:
        """Return what unpacks the body; None where it is not packed."""
        content_type = self.headers.get("content-type", "application/json")
        if "json" not in content_type.lower():
            raise InvalidRequest(
                "The header 'content-type' must be 'application/json'.",
                status=415,
                code="unsupported_media_type",
            )
        coding = self.headers.get("content-encoding", "identity").strip().lower()
        if coding == "identity":
            return None
        if coding in ("gzip", "x-gzip"):
            return Gunzip(MAX_BODY)
        raise InvalidRequest(
            "The header 'content-encoding' must be 'gzip' or absent.",
            status=415,
            code="request_body_encoding_unsupported",
        )


class ClientGone(Exception):
    """The client left before its request was complete: nobody is there to be answered."""


def _too_large() -> InvalidRequest:
    return InvalidRequest(
        f"The request body is larger than {MAX_BODY // (1024 * 1024)} MB.",
        status=413,
        code="request_too_large",
    )
