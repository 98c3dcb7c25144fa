"""A Messages upstream on a real socket that does exactly what a test tells it to.

It is strict where the platform is: wrong path, missing headers or unknown fields are answered with
the platform's error, so a request that got through was a good one. Every byte after that comes from
the test's script, broken ones included.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Self

from factories import messages as make

FIELDS = {
    "model", "max_tokens", "messages", "system", "tools", "tool_choice", "thinking", "stream",
    "output_config", "stop_sequences", "temperature", "top_p", "top_k", "metadata", "service_tier",
    "cache_control",
}  # fmt: skip

PATHS = tuple(
    f"POST /v1/messages{rest} HTTP/1.1"
    for rest in ("", "?beta=true", "/count_tokens", "/count_tokens?beta=true")
)
#: Steps of a script: bytes to send, or what to do with the connection.
CLOSE, RESET, STALL, PAUSE = "close", "reset", "stall", "pause"
#: How long a pause is: time for what was sent before it to be read on its own.
_PAUSE = 0.05


@dataclass
class Received:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    document: dict
    connection: int
    body: bytes = b""
    #: Set when the client closed its connection before the script had ended.
    gone: threading.Event = field(default_factory=threading.Event)


Script = list[bytes | str]


class Harmless(list[bytes | str]):
    """A script after which nobody thinks worse of the upstream."""


#: Refusals that are the caller's fault.
_CALLERS_FAULT = (400, 404, 413, 422)


def head(status: int, content_type: str, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", "request-id: req_up"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def whole(document: dict, status: int = 200, **headers: str) -> Script:
    """Answer with one JSON document."""
    return raw(json.dumps(document).encode(), status, "application/json", **headers)


def raw(body: bytes, status: int, content_type: str, **headers: str) -> Script:
    """Answer with any body."""
    kind = Harmless if status == 200 or status in _CALLERS_FAULT else list
    return kind([head(status, content_type, content_length=str(len(body)), **headers) + body])


def error(status: int, kind: str, message: str = "No.", **headers: str) -> Script:
    """Answer with an error of the platform."""
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_up"}
    return whole(body, status, **headers)


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(body), body)


def event(document: dict) -> bytes:
    """Frame one event as a chunk of its own."""
    return chunk(make.framed([document]))


def events(listed: list[dict], *after: str, end: bool = True) -> Script:
    """Stream events, each as a chunk; ``after`` says what happens instead of the end."""
    script: Script = [head(200, "text/event-stream; charset=utf-8", transfer_encoding="chunked")]
    script += [event(document) for document in listed]
    if after or not end:
        return [*script, *after]
    return Harmless([*script, b"0\r\n\r\n"])


class FakeUpstream:
    """Serves scripts, one for each request, on a thread of its own. Use as a context manager."""

    #: What answers a request that nobody has thought of.
    unscripted = error(500, "api_error")

    def __init__(self, key: str = "sk-upstream", port: int = 0) -> None:
        self.requests: list[Received] = []
        #: The keys it knows. Whoever comes with one that has a script is always answered by that.
        self.keys: dict[str, Script | None] = {key: None}
        self.scripts: list[Script] = []
        self.otherwise: Callable[[dict], Script] | None = None
        #: Fields that it knows beside the usual ones.
        self.fields: set[str] = set()
        #: Whether it was told to do what a client may remember it for.
        self.hurt = False
        #: The models it lists, and what time it says it is then.
        self.listing: list[str] | None = None
        self.date = formatdate(usegmt=True)
        self.arrived = threading.Condition()
        self._connections = 0
        self._socket = socket.create_server(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def will(self, *scripts: Script) -> None:
        """Forget what was, and answer the next requests by these scripts."""
        self.hurt |= any(not isinstance(script, Harmless) for script in scripts)
        self.requests.clear()
        self.scripts[:] = scripts

    @property
    def used(self) -> list[str]:
        """The keys that were used, in order."""
        return [self.key_of(received) for received in self.requests]

    def wait_for(self, count: int, timeout: float = 5.0) -> list[Received]:
        """Wait until so many requests have arrived."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= count, timeout)
        return self.requests

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._stop = asyncio.Event()
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, sock=self._socket)
        await self._stop.wait()
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        number = self._connections
        try:
            while await self._exchange(reader, writer, number):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> bool:
        received = await _read_request(reader, number)
        with self.arrived:
            self.requests.append(received)
            self.arrived.notify_all()
        script = self._listed(received) or self.objection(received)
        script = script or self.keys.get(self.key_of(received))
        if script is None and self.scripts:
            script = self.scripts.pop(0)
        if script is None:
            script = self.otherwise(received.document) if self.otherwise else self.unscripted
        try:
            return await self._play(script, reader, writer, received)
        except ConnectionError:  # the client left while it was being sent to
            received.gone.set()
            raise

    def key_of(self, received: Received) -> str:
        """Return the key that a request came with."""
        return received.headers.get("x-api-key", "")

    def objection(self, received: Received) -> Script | None:
        """Return the platform's error for a request that it would refuse."""
        return _objection(received, self.keys, FIELDS | self.fields)

    def _listed(self, received: Received) -> Script | None:
        """Answer a question for the models, where there is a list and the key is right."""
        if self.listing is None or not received.path.startswith("GET /v1/models"):
            return None
        if self.key_of(received) not in self.keys:
            return error(401, "authentication_error", "invalid x-api-key")
        data = [{"type": "model", "id": model} for model in self.listing]
        return whole({"data": data, "has_more": False, "last_id": None}, date=self.date)

    async def _play(
        self,
        script: Script,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        received: Received,
    ) -> bool:
        """Play one script; say whether the connection can serve another request."""
        for step in script:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif step == PAUSE:
                await asyncio.sleep(_PAUSE)
            elif step == STALL:
                await reader.read(1)
                received.gone.set()
                return False
            else:
                _end(writer, step)
                return False
        return True


def _end(writer: asyncio.StreamWriter, how: str) -> None:
    if how == RESET:
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
    else:
        writer.close()


async def _read_request(reader: asyncio.StreamReader, number: int) -> Received:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(lines[0], headers, json.loads(body or b"{}"), number, body)


def _objection(received: Received, keys: Container[str], fields: set[str]) -> Script | None:
    if received.path not in PATHS:
        return error(404, "not_found_error", f"no such path: {received.path}")
    if received.headers.get("anthropic-version") not in ("2023-06-01", "2026-10-21"):
        return error(400, "invalid_request_error", "anthropic-version: header is required")
    if received.headers.get("x-api-key") not in keys:
        return error(401, "authentication_error", "invalid x-api-key")
    extra = sorted(received.document.keys() - fields)
    if extra:
        return error(400, "invalid_request_error", f"{extra[0]}: Extra inputs are not permitted")
    return None
