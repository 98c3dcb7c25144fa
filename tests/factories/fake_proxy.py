"""A proxy that takes CONNECT and does what a test tells it to; every name is this machine to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from factories.raw_server import RawServer, closed, serving

OK = b"HTTP/1.1 200 Connection established\r\n\r\n"


class FakeProxy:
    """Says ``answer`` to whoever connects; after `OK` it passes bytes on."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        #: What it was asked, one head for each connection.
        self.heads: list[str] = []
        self.server: RawServer

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        if self.answer.startswith(OK):
            await self._pass_on(int(head.split()[1].rpartition(":")[2]), reader, writer)
        elif self.answer:
            writer.write(self.answer)
            await reader.read()  # closing is left to the client

    async def _pass_on(
        self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(self.answer)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pipe(reader, far_writer))
                group.create_task(_pipe(far_reader, writer))
        finally:
            far_writer.transport.abort()


@contextlib.asynccontextmanager
async def proxying(answer: bytes = OK) -> AsyncGenerator[FakeProxy]:
    """Run a proxy until the end of the block."""
    fake = FakeProxy(answer)
    async with serving(fake.converse) as fake.server:
        yield fake


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    await closed(writer)
