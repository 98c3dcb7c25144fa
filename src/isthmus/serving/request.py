"""One HTTP request, as an endpoint sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from isthmus.errors import InvalidRequest
from isthmus.serving.compressed import Gunzip
from isthmus.serving.connection import Connection

#: The Messages API takes no more; neither do we.
MAX_BODY = 32 * 1024 * 1024
#: Seconds for which the rest of a refused body is taken in.
_LINGER = 2.0


class Request:
    """A request whose head has arrived; headers by lower-case name, the last one of a name wins."""

    __slots__ = ("connection", "headers", "method", "path", "query")

    def __init__(
        self, method: str, path: str, headers: Mapping[str, str], connection: Connection
    ) -> None:
        self.method = method
        # A trailing slash means the same thing; a redirect would lose the client's credential.
        self.path = path.rstrip("/") or "/"
        self.query = b""
        self.headers = headers
        self.connection = connection

    @property
    def speaks_messages(self) -> bool:
        """Whether errors are to be told in the words of the Messages protocol."""
        return "anthropic-version" in self.headers or self.path.startswith("/v1/messages")

    async def body(self) -> bytes:
        """Read the whole body.

        Raises:
            InvalidRequest: it is larger than `MAX_BODY` (413), found out as early as possible, or
                of an encoding that is not served (415).
            ClientGone: the client left before it was complete.
        """
        unpacking = self._unpacking()
        declared = self.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > MAX_BODY:
            raise _too_large()
        chunks: list[bytes] = []
        size = 0
        while chunk := await self.connection.receive():
            size += len(chunk)
            if size > MAX_BODY:
                raise _too_large()
            chunks.append(chunk if unpacking is None else unpacking.feed(chunk))
        if unpacking is not None:
            unpacking.close()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def discard(self) -> None:
        """Read what is left of the body and forget it, for a moment.

        A client that is still sending when its connection is closed may never see the answer.
        """
        left = MAX_BODY
        try:
            async with asyncio.timeout(_LINGER):
                while left > 0 and (chunk := await self.connection.receive()):
                    left -= len(chunk)
        except TimeoutError:
            return

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


#: Answers one request.
Handler = Callable[[Request], Awaitable[None]]


def _too_large() -> InvalidRequest:
    return InvalidRequest(
        f"The request body is larger than {MAX_BODY // (1024 * 1024)} MB.",
        status=413,
        code="request_too_large",
    )
