"""The program whose instructions are counted: runs the loops and marks where each begins and ends.

    valgrind --tool=callgrind --instr-atstart=no python loops.py MARKS

Prints a line for each loop: its name, and the number of iterations of its shorter run. ``MARKS`` is
the compiled `mark.c`, by which valgrind is told to write down what it has counted since the last
mark. There are four of them for each loop: before and after a run, and before and after one that is
twice as long.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json as plain_json
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import documents
import lockstep
import uvloop
from lockstep import Client, Upstream

from isthmus.access.keys import KeyRing
from isthmus.config import Config, load
from isthmus.gateway import Log, application
from isthmus.routing.directory import directory
from isthmus.serving.server import also_serving
from isthmus.translate.chat_over_messages.request import translate
from isthmus.translate.chat_over_messages.response import response
from isthmus.translate.remarks import Remarks
from isthmus.wire import json
from isthmus.wire.chat.shape import checked

KEY = "bench-key-0123456789"
CONFIGURATION = """
[server]
state = "{state}"

[upstreams.main]
kind = "anthropic"
base_urls = ["http://127.0.0.1:{port}"]
api_key = "env:BENCH_KEY"
"""
BURST = 64


class Loop(NamedTuple):
    """What is repeated: ``run`` takes how often, ``times`` is how often in the shorter run."""

    name: str
    times: int
    run: Callable[[int], Awaitable[object]]


class Nowhere:
    """Where log lines go: made as always, and written by no thread whose turns differ."""

    dropped = 0

    def write(self, line: str) -> None:
        """Take a line."""

    def flush(self) -> bool:
        """Say that all is written."""
        return True


async def go_by_the_yardstick(times: int) -> None:
    """Do something of everything in Python, by which one interpreter is told from another."""
    for _ in range(times):
        words = {f"{number:x}": [number, -number] for number in range(50)}
        found = sorted(words.items(), key=lambda item: item[1][1])
        "".join(word for word, (number, _) in found if number % 3).partition("f")


async def translate_requests(times: int) -> None:
    """Translate the request of an agent, from bytes to bytes."""
    body = plain_json.dumps(documents.agent_request()).encode()
    config = load(None, {})
    [route, *_] = directory(config).router.plan(documents.MODEL).plan.routes
    for _ in range(times):
        request = checked(json.decode(body))
        translated = translate(request, route.model, route.capabilities, remarks=Remarks())
        json.encode(translated.document)


async def translate_answers(times: int) -> None:
    """Translate a whole answer, from bytes to bytes."""
    body = plain_json.dumps(documents.answer()).encode()
    for _ in range(times):
        message = cast("Any", json.decode_tolerantly(body))
        json.encode(response(message, model=documents.MODEL, created=0))


class Calls:
    """Calls by HTTP to a gateway in this process."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def whole(self, times: int) -> None:
        """Ask for short answers in one piece."""
        request, writes = (
            _post(documents.short_request(max_tokens=500)),
            lockstep.whole(documents.answer()),
        )
        for _ in range(times):
            await self._ask(request, writes, b"tool_calls")

    async def agent(self, times: int) -> None:
        """Stream thinking and calls of tools, all of an answer in one read."""
        request = _post(documents.short_request(stream=True, thinking={"type": "adaptive"}))
        writes = lockstep.streamed([documents.thought_and_calls()])
        for _ in range(times):
            await self._ask(request, writes, b"[DONE]")

    async def paced(self, times: int) -> None:
        """Stream so many pieces of text, one with each read."""
        await self._text(times, 1)

    async def burst(self, times: int) -> None:
        """Stream so many bursts of pieces of text, each with one read."""
        await self._text(times, BURST)

    async def _text(self, reads: int, size: int) -> None:
        opening = [*documents.opening(), documents.begun(0, type="text", text="")]
        piece = [documents.text_piece()] * size
        last = [documents.ended(0), *documents.closing("end_turn")]
        writes = lockstep.streamed([opening + piece, *[piece] * reads, last])
        await self._ask(_post(documents.short_request(stream=True)), writes, b"[DONE]")

    async def _ask(self, request: bytes, writes: list[bytes], expected: bytes) -> None:
        got = await self._client.ask(request, writes)
        if expected not in got:
            sys.exit(f"loops: not the answer that was asked for: {got.decode(errors='replace')}")


@asynccontextmanager
async def calls() -> AsyncGenerator[Calls]:
    """Run an upstream, a gateway and a client."""
    loop, upstream = asyncio.get_running_loop(), Upstream()
    server = await loop.create_server(lambda: upstream, sock=_listener())
    config = _configuration(server.sockets[0].getsockname()[1])
    app = application(config, KeyRing({"bench": KEY}), log=Log(cast("Any", Nowhere())))
    listener = _listener()
    address = listener.getsockname()
    async with also_serving(app.serve, listener):
        transport, client = await loop.create_connection(lambda: Client(upstream), *address)
        yield Calls(client)
        transport.close()
    await app.aclose()
    server.close()


def _configuration(port: int) -> Config:
    with tempfile.TemporaryDirectory() as state:
        file = Path(state, "isthmus.toml")
        file.write_text(CONFIGURATION.format(state=state, port=port))
        return load(file, {"BENCH_KEY": KEY})


def _listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def _post(document: dict[str, Any]) -> bytes:
    body = plain_json.dumps(document).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n"
        f"authorization: Bearer {KEY}\r\ncontent-type: application/json\r\n"
        f"user-agent: OpenAI/Python 3.54.0\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def count(loop: Loop, mark: Callable[[], object]) -> None:
    """Run a loop between marks; the interpreter has specialized its code by then.

    The garbage collector does not run meanwhile: one collection more or less would be seen.
    """
    await loop.run(loop.times)
    for times in (loop.times, 2 * loop.times):
        gc.collect()
        gc.freeze()
        gc.disable()
        mark()
        await loop.run(times)
        mark()
        gc.enable()
    print(loop.name, loop.times, flush=True)


async def main(marks: str) -> None:
    """Count every loop."""
    valgrind = ctypes.CDLL(marks)
    async with calls() as http:
        loops = (
            Loop("yardstick", 200, go_by_the_yardstick),
            Loop("request", 50, translate_requests),
            Loop("answer", 200, translate_answers),
            Loop("whole", 50, http.whole),
            Loop("paced", 200, http.paced),
            Loop("burst", 20, http.burst),
            Loop("agent", 20, http.agent),
        )
        valgrind.begin()
        for loop in loops:
            await count(loop, valgrind.mark)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
