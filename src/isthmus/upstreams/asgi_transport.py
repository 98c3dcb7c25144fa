"""The transport into an ASGI application of this process, such as the built-in sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from isthmus.upstreams.transport import TransportError, UpstreamRequest

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Coroutine[Any, Any, None]]

#: Chunks an application may be ahead of its reader.
_AHEAD = 16


class AsgiTransport:
    """Calls ``app`` for every request."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def send(
        self, request: UpstreamRequest, *, connect_timeout: float, write_timeout: float = 30.0
    ) -> AsgiResponse:
        """Call the application and wait for the head of its answer.

        Raises:
            TransportError: it ended without one.
        """
        response = AsgiResponse(self._app, request)
        try:
            await response.wait_for_head()
        except (TransportError, asyncio.CancelledError):
            # Whatever has arrived: a cancellation may come together with the head.
            response.close()
            raise
        return response

    async def aclose(self) -> None:
        """Nothing is kept open between requests."""


class AsgiResponse:
    """An answer, and the task of the application that gives it; `close` ends both."""

    def __init__(self, app: Application, request: UpstreamRequest) -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self._body: bytes | None = request.body
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue(_AHEAD)
        self._head = asyncio.Event()
        self._gone = asyncio.Event()
        self._finished = False
        # No task group can own this task: it lives from `send` to `close`, as a connection does.
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(app(_scope(request), self._receive, self._take))
        self._task.add_done_callback(self._ended)

    async def wait_for_head(self) -> None:
        """Wait until the application has started its answer."""
        await self._head.wait()
        if not self.status:
            raise self._failure()

    async def read_some(self) -> bytes:
        """Wait for the next bytes of the body; b"" at its end."""
        if self._finished and self._chunks.empty():
            return b""
        if self._task.done() and self._chunks.empty():
            raise self._failure()
        chunks = [await self._chunks.get()]
        while not self._chunks.empty():
            chunks.append(self._chunks.get_nowait())
        return b"".join(chunks) or await self.read_some()

    async def read_all(self, limit: int) -> bytes:
        """Read the whole body, up to ``limit`` bytes."""
        body = bytearray()
        while chunk := await self.read_some():
            body += chunk
            if len(body) > limit:
                self.close()
                raise TransportError("the body is too large", reason="protocol", sent="all")
        return bytes(body)

    def close(self) -> None:
        """Let the application know that nobody listens any more."""
        self._gone.set()
        self._task.cancel()

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _take(self, message: Message) -> None:
        if self._gone.is_set():
            return  # an application that ignores its end shall not wait for a reader as well
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in message.get("headers", [])
            }
            self._head.set()
            return
        if message.get("body"):
            await self._chunks.put(message["body"])
        if not message.get("more_body", False):
            self._finished = True
            await self._chunks.put(b"")

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Wake whoever waits; an exception of the application is told as a broken answer."""
        self._head.set()
        if not task.cancelled():
            task.exception()
        if not self._chunks.full():
            self._chunks.put_nowait(b"")

    def _failure(self) -> TransportError:
        failed = not self._task.cancelled() and self._task.done() and self._task.exception()
        reason = "protocol" if failed else "eof"
        return TransportError("the application ended early", reason=reason, sent="all")


def _scope(request: UpstreamRequest) -> Message:
    url = urlsplit(request.url)
    headers = [(b"host", url.netloc.encode())]
    headers += [(name.encode(), value.encode()) for name, value in request.headers.items()]
    headers.append((b"content-length", str(len(request.body)).encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": unquote(url.path),
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "root_path": "",
        "headers": headers,
        "client": None,
        "server": None,
    }
