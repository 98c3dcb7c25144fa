"""A gateway whose log nobody reads serves as ever."""

import asyncio
import json
import os
import time
from contextlib import aclosing

import pytest

from factories.client import HELLO, stream
from factories.gateway import running
from isthmus.access.keys import KeyRing
from isthmus.config import Config, UpstreamConfig
from isthmus.gateway import Log, application
from isthmus.serving.app import App
from isthmus.telemetry.sink import Sink

KEY = "a-key-of-some-length"


def full_pipe() -> tuple[int, int]:
    """Make a pipe into which not one byte more goes."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for size in (4096, 1):
        try:
            while os.write(writer, b"x" * size):
                continue
        except BlockingIOError:
            continue
    os.set_blocking(writer, True)
    return reader, writer


def test_streams_and_the_end_do_not_wait_for_a_log_that_nobody_reads(tmp_path):
    reader, writer = full_pipe()
    with running(tmp_path, '[upstreams.box]\nkind = "sandbox"\n', errors=writer) as gateway:
        for _ in range(20):
            started = time.monotonic()
            assert stream(gateway, model="claude-sonnet-4-6").done
            assert time.monotonic() - started < 2
        ended = time.monotonic()
        gateway.process.terminate()
        assert gateway.process.wait(8) == 0
        assert time.monotonic() - ended < 6
    os.close(reader)
    os.close(writer)


async def streamed(app: App) -> bytes:
    """Ask the application for a stream."""
    body = [{"type": "http.request", "body": json.dumps(HELLO | {"stream": True}).encode()}]
    sent: list[bytes] = []

    async def receive():
        return body.pop() if body else await asyncio.Event().wait()

    async def send(message):
        sent.append(message.get("body", b""))

    headers = [(b"authorization", f"Bearer {KEY}".encode())]
    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers}
    await app(scope, receive, send)
    return b"".join(sent)


def lines_of_calls(reader: int, count: int) -> list[bytes]:
    """Read past what filled the pipe, then so many lines of calls and one more."""
    with os.fdopen(reader, "rb") as log:
        while b" call " not in (line := log.readline()):
            continue
        return [line, *[log.readline() for _ in range(count)]]


@pytest.mark.anyio
async def test_reader_that_comes_late_is_told_how_many_lines_it_missed():
    reader, writer = full_pipe()
    sink = Sink(writer, max_lines=10)
    box, aliases = UpstreamConfig(kind="sandbox"), {"only-main": "claude-opus-5"}
    config = Config(upstreams={"box": box}, aliases=aliases)
    app = application(config, KeyRing({"me": KEY}), log=Log(sink))
    async with aclosing(app):
        for _ in range(25):
            assert b"[DONE]" in await streamed(app)
        assert sink.dropped == 15
        counted = app.metrics.snapshot().counters["isthmus_log_lines_dropped_total"]
        assert counted == {(): 15}
        lines = await asyncio.to_thread(lines_of_calls, reader, 10)
    (told,) = (line for line in lines if b" call " not in line)
    assert told.endswith(b" dropped=15\n")
    os.close(writer)
