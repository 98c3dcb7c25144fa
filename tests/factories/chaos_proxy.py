"""A TCP proxy on loopback that does to a connection what networks do.

What it does may be changed while it runs, and holds for bytes that come after that.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit


@dataclass
class Weather:
    """``latency`` in seconds before each piece; ``slice``: the largest piece; ``bandwidth`` in
    bytes per second. ``blackhole``: nothing goes through; ``rst``: connections are reset as soon as
    the far side answers; ``half_close``: the answer's direction ends, the other stays open."""

    latency: float = 0.0
    slice: int = 65536
    bandwidth: float = 0.0
    blackhole: bool = False
    rst: bool = False
    half_close: bool = False


@dataclass
class ChaosProxy:
    """Passes connections on to the host of ``target``. Use as a context manager."""

    target: str
    weather: Weather = field(default_factory=Weather)
    connections: int = 0
    #: Connections that did not end in peace.
    broken: int = 0

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

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
        self.connections += 1
        to = urlsplit(self.target)
        try:
            far_reader, far_writer = await asyncio.open_connection(to.hostname, to.port)
        except OSError:
            _reset(writer)
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, far_writer, answers=False))
                group.create_task(self._pass(far_reader, writer, answers=True))
        except* (OSError, asyncio.IncompleteReadError):
            self.broken += 1
        finally:
            for one in (writer, far_writer):
                one.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        while piece := await reader.read(self.weather.slice):
            if self.weather.rst and answers:
                _reset(writer)
                return
            await asyncio.sleep(self.weather.latency)
            if self.weather.bandwidth:
                await asyncio.sleep(len(piece) / self.weather.bandwidth)
            if self.weather.blackhole:
                await asyncio.sleep(3600)
            writer.write(piece)
            await writer.drain()
            if self.weather.half_close and answers:
                writer.write_eof()
                await asyncio.sleep(3600)
        if writer.can_write_eof():
            writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
