"""The HTTP server: uvicorn with our protocol, a socket bound beforehand, and an orderly end.

SIGTERM: ``/readyz`` says 503 at once, new connections are still taken for the drain delay, then
running answers may finish for two minutes. A second one shortens that to five seconds. SIGINT,
which a person sends: two seconds, and none at all the second time. What still runs then is
cancelled, with a moment to say so to its client. Either way the exit code is 0, for stopping is
what was asked for.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import signal
import socket
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from types import FrameType
from typing import Any, Literal

import uvicorn
from uvicorn.server import ServerState

from isthmus.serving.drain import Drain
from isthmus.serving.protocol import IsthmusProtocol

log = logging.getLogger("isthmus")

#: Seconds for which running answers may go on.
GRACE = 120
GRACE_HURRIED = 5
GRACE_AT_TERMINAL = 2
_LAST_WORDS = 0.5
_KEEP_ALIVE = 75
_BACKLOG = 2048


class _Server(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        drain: Drain,
        drain_delay: float,
        on_listening: Callable[[int], None],
        beside: AbstractAsyncContextManager[object],
    ) -> None:
        super().__init__(config)
        self._beside = beside
        self._opened = AsyncExitStack()
        self._drain = drain
        self._drain_delay = drain_delay
        self._on_listening = on_listening
        self._leaves_at = self._gives_up_at = math.inf

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve; what runs beside is closed when all else has ended."""
        async with self._opened:
            await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        await self._opened.enter_async_context(self._beside)
        _settle_memory()
        if self.started and sockets:
            self._on_listening(sockets[0].getsockname()[1])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal. The superclass would raise it once more after the end."""
        again, self._drain.draining = self._drain.draining, True
        now = leaves_at = time.monotonic()
        if sig == signal.SIGINT:
            gives_up_at = now if again else now + GRACE_AT_TERMINAL
        elif again:
            gives_up_at = now + GRACE_HURRIED
        else:
            leaves_at = now + self._drain_delay
            gives_up_at = leaves_at + GRACE
        # Another signal may come while this one is taken: the more impatient one counts.
        self._leaves_at = min(self._leaves_at, leaves_at)
        self._gives_up_at = min(self._gives_up_at, gives_up_at)

    async def on_tick(self, counter: int) -> bool:
        """End the main loop once the drain delay is over."""
        if time.monotonic() >= self._leaves_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def _wait_tasks_to_complete(self) -> None:
        """Let answers finish while there is patience; break off the rest.

        The superclass would close what the answers stand on before they have ended.
        """
        await self._wait_until_idle(lambda: self._gives_up_at)
        running = list(self.server_state.tasks)
        if running:
            log.warning("stopping with %d calls unfinished", len(running))
        for task in running:
            task.cancel()
        last = time.monotonic() + _LAST_WORDS
        await self._wait_until_idle(lambda: last)

    async def _wait_until_idle(self, deadline: Callable[[], float]) -> None:
        state = self.server_state
        while state.connections or state.tasks:
            if time.monotonic() >= deadline():
                return
            await asyncio.sleep(0.02)


def serve(
    app: Any,
    listener: socket.socket,
    *,
    drain_delay: float,
    on_listening: Callable[[int], None],
    drain: Drain | None = None,
    beside: AbstractAsyncContextManager[object] | None = None,
) -> int:
    """Serve an ASGI application until a signal ends it; return the exit code.

    ``listener`` is `bound`; it is closed in the end. ``drain_delay`` is in seconds.
    ``on_listening`` is called with the port, ``drain`` is told when the end has begun. ``beside``
    is open from the start until everything else has ended.
    """
    config = _config(app, lifespan="on")
    server = _Server(config, drain or Drain(), drain_delay, on_listening, beside or nullcontext())
    with listener:
        try:
            server.run(sockets=[listener])
        except SystemExit as end:  # uvicorn's way to say that the lifespan failed
            return end.code if isinstance(end.code, int) else 1
    return 0


@asynccontextmanager
async def also_serving(app: Any, listener: socket.socket) -> AsyncGenerator[None]:
    """Serve another ASGI application on the running loop, without a lifespan, for as long as open.

    ``listener`` is `bound`; it is closed in the end.
    """
    config, state = _config(app, lifespan="off"), ServerState()
    config.load()
    server = await asyncio.get_running_loop().create_server(
        lambda: IsthmusProtocol(config=config, server_state=state, app_state={}), sock=listener
    )
    try:
        yield
    finally:
        server.close()
        for connection in list(state.connections):
            connection.shutdown()


def _config(app: Any, *, lifespan: Literal["on", "off"]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=IsthmusProtocol,
        loop="auto",
        ws="none",
        lifespan=lifespan,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE,
    )


def _settle_memory() -> None:
    """Keep the collector from going through all that stays, and from running for every few calls.

    Modules, tables and the catalog live as long as the process; a call leaves few cycles behind.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def bound(host: str, port: int) -> socket.socket:
    """Bind before anything else starts, so that a taken port is all that is said.

    Raises:
        OSError: the address cannot be bound.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
