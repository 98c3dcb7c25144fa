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
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from types import FrameType
from typing import Any, Protocol, cast

import uvicorn
from msgspec import Struct, field

from isthmus.serving.control import Patience
from isthmus.serving.crowd import Crowd
from isthmus.serving.drain import Drain
from isthmus.serving.limits import DEFAULT_LIMITS, Limits
from isthmus.serving.pressure import Pressure
from isthmus.serving.protocol import Hall, IsthmusProtocol
from isthmus.serving.request import Handler, Request
from isthmus.serving.worker import Orders

log = logging.getLogger("isthmus")

#: Seconds for which running answers may go on.
GRACE = 120
GRACE_HURRIED = 5
GRACE_AT_TERMINAL = 2
_LAST_WORDS = 0.5
#: Connections to what is served beside, for which some files are reserved.
_MOST_BESIDE = 16


class Hooks(Struct, frozen=True, kw_only=True):
    """Who wants to know of the server's life.

    ``on_listening`` is called with the port, ``on_hangup`` on SIGHUP, which is otherwise left to
    the system; ``drain`` is told when the end has begun.
    """

    on_listening: Callable[[int], None]
    on_hangup: Callable[[], None] | None = None
    drain: Drain = field(default_factory=Drain)
    pressure: Pressure | None = None
    subordination: Subordination | None = None
    #: Open from the start until everything else has ended.
    beside: AbstractAsyncContextManager[object] = field(default_factory=nullcontext[None])


class Subordination(Struct, frozen=True, kw_only=True):
    """The supervisor of this process: the channel to it, and what it wants to know."""

    channel: socket.socket
    count: Callable[[], bytes]


class Draining(Struct, frozen=True, kw_only=True):
    """Seconds. ``delay``: how long requests are still taken; ``timeout``: how long they may run."""

    delay: float = 5.0
    timeout: float = GRACE


DEFAULT_DRAINING = Draining()


class _Server(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        draining: Draining,
        hooks: Hooks,
        hall: Hall,
    ) -> None:
        super().__init__(config)
        self._hooks = hooks
        self._hall = hall
        # What the superclass wants to know of connections and calls.
        self.server_state.connections = cast("Any", hall.connections)
        self.server_state.tasks = hall.calls
        self._drain = hooks.drain
        self._draining = draining
        self._orders: Orders | None = None
        self._opened = AsyncExitStack()
        self._leaves_at = self._gives_up_at = math.inf
        self._said_draining = False

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve; what runs beside is closed when all else has ended."""
        async with self._opened:
            await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        await self._opened.enter_async_context(self._hooks.beside)
        _settle_memory()
        if self._hooks.pressure is not None:
            self._hooks.pressure.relief = self._relieve
        if self._hooks.on_hangup is not None and hasattr(signal, "SIGHUP"):
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hooks.on_hangup)
        await self._report()
        if self.started and sockets:
            self._hooks.on_listening(sockets[0].getsockname()[1])

    async def _report(self) -> None:
        """Take orders from the supervisor, if there is one."""
        above = self._hooks.subordination
        if above is None:
            return
        self._orders = Orders(self._leave, above.count, Patience(0, self._draining.timeout))
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: cast("Orders", self._orders), sock=above.channel)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, and say so last of all."""
        await super().shutdown(sockets)
        if self._orders is not None:
            self._orders.close()

    def _relieve(self) -> None:
        """Break off the stream for which the most bytes wait, before memory runs out."""
        largest = max(self._hall.connections, key=lambda one: one.unsent, default=None)
        if largest is not None and largest.unsent:
            log.error("memory is running out: breaking off the stream with the most unsent bytes")
            largest.break_off()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal. The superclass would raise it once more after the end."""
        again = self._drain.draining
        if sig == signal.SIGINT:
            if self._hooks.subordination is None:  # else the terminal means the supervisor
                self._leave(Patience(0, 0 if again else GRACE_AT_TERMINAL))
        elif again:
            self._leave(Patience(0, GRACE_HURRIED))
        else:
            # Others listen at the same socket where there is a supervisor.
            alone = self._hooks.subordination is None
            self._leave(Patience(self._draining.delay if alone else 0, self._draining.timeout))

    def _leave(self, patience: Patience) -> None:
        self._drain.draining = True
        self._hall.crowd.keeps = False
        leaves_at = time.monotonic() + patience.taking
        # Another signal may come while one is taken: the more impatient one counts.
        self._leaves_at = min(self._leaves_at, leaves_at)
        self._gives_up_at = min(self._gives_up_at, leaves_at + patience.finishing)

    async def on_tick(self, counter: int) -> bool:
        """End the main loop once the drain delay is over."""
        tight = self._hooks.pressure is not None and self._hooks.pressure.tight
        self._hall.crowd.keeps = not (tight or self._drain.draining)
        if self._orders is not None and self._drain.draining and not self._said_draining:
            self._said_draining = True
            self._orders.draining()
        if time.monotonic() >= self._leaves_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def _wait_tasks_to_complete(self) -> None:
        """Let answers finish while there is patience; break off the rest.

        The superclass would close what the answers stand on before they have ended.
        """
        await self._wait_until_idle(lambda: self._gives_up_at)
        running = list(self._hall.calls)
        if running:
            log.warning("stopping with %d calls unfinished", len(running))
        for task in running:
            task.cancel()
        last = time.monotonic() + _LAST_WORDS
        await self._wait_until_idle(lambda: last)

    async def _wait_until_idle(self, deadline: Callable[[], float]) -> None:
        hall = self._hall
        while hall.connections or hall.calls:
            if time.monotonic() >= deadline():
                return
            await asyncio.sleep(0.02)


class Application(Protocol):
    """What can be served: `serve` answers a request, calling it lives through ASGI's lifespan."""

    async def serve(self, request: Request) -> None:
        """Answer one request."""
        ...

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take ASGI's messages about the life of the server."""
        ...


def serve(
    app: Application,
    listener: socket.socket,
    *,
    hooks: Hooks,
    draining: Draining = DEFAULT_DRAINING,
    limits: Limits = DEFAULT_LIMITS,
) -> int:
    """Serve an application on a bound socket until a signal ends it; return the exit code."""
    hall = Hall(app.serve, limits, Crowd(limits.max_connections))
    server = _Server(_config(app, hall), draining, hooks, hall)
    with listener:
        try:
            server.run(sockets=[listener])
        except SystemExit as end:  # uvicorn's way to say that the lifespan failed
            return end.code if isinstance(end.code, int) else 1
    return 0


@asynccontextmanager
async def also_serving(handler: Handler, listener: socket.socket) -> AsyncGenerator[None]:
    """Let ``handler`` answer requests on the running loop, too, for as long as open.

    ``listener`` is bound; it is closed in the end.
    """
    hall = Hall(handler, DEFAULT_LIMITS, Crowd(_MOST_BESIDE))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: IsthmusProtocol(hall), sock=listener)
    try:
        yield
    finally:
        server.close()
        for connection in list(hall.connections):
            connection.shutdown()


def _config(app: Application, hall: Hall) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=lambda **_: IsthmusProtocol(hall),  # type: ignore[arg-type]
        loop="auto",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
    )


def _settle_memory() -> None:
    """Keep the collector from going through all that stays, and from running for every few calls.

    Modules, tables and the catalog live as long as the process; a call leaves few cycles behind.
    Those of a call that took long are found by the last threshold alone: not too rarely.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 5)
