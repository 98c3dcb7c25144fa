"""A server of bytes: what it reads and writes is the test's business."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable

Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """Has a conversation with each client, which ends when the client leaves."""

    def __init__(self, conversation: Conversation) -> None:
        self.port = 0
        #: Set while nobody is connected.
        self.alone = asyncio.Event()
        self.alone.set()
        self._conversation = conversation
        self._talking: set[asyncio.Task[None] | None] = set()
        self._ending = False

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._talking.add(task)
        self.alone.clear()
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._conversation(reader, writer)
            await closed(writer)
        except asyncio.CancelledError:
            # Before Python 3.12 such a server takes a cancelled task for a failure.
            if not self._ending:
                raise
        finally:
            writer.transport.abort()
            self._talking.discard(task)
            if not self._talking:
                self.alone.set()

    async def end(self) -> None:
        self._ending = True
        for task in self._talking:
            if task is not None:
                task.cancel()
        await asyncio.wait_for(self.alone.wait(), 5)
        await asyncio.sleep(0)  # for the sockets to be closed


@contextlib.asynccontextmanager
async def serving(
    conversation: Conversation, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[RawServer]:
    """Run a server until the end of the block."""
    made = RawServer(conversation)
    server = await asyncio.start_server(made.connected, "127.0.0.1", 0, ssl=tls, backlog=1000)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.end()


async def closed(writer: asyncio.StreamWriter) -> None:
    """Close a stream and wait until that is done, in peace or not."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
