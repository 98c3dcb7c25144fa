"""Keeps a number of workers running on one listening socket.

It serves nothing itself, so that hardly anything can happen to it. Workers are fresh interpreters:
whatever happens to one, kill -9 included, happens to no other, and the socket stays open all the
while, so that nobody is refused a connection.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from typing import cast

from msgspec import Struct

from isthmus.serving import control
from isthmus.serving.control import Messages, Patience
from isthmus.serving.drain import Drain

log = logging.getLogger("isthmus")

#: A worker that dies sooner than this after its start will probably do so again. Seconds.
_QUICK_DEATH = 5.0
#: Pauses before such a one is replaced: none, then these and twice as long each time. Seconds.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_COUNTS_WITHIN = 0.5
#: What a worker gets beyond its patience before it is killed. Seconds.
_MERCY = 5.0

#: Returns the command line of a worker, given the file descriptors of the listener and the channel.
CommandLine = Callable[[int, int], Sequence[str]]


class _Worker(asyncio.Protocol):
    """One worker, and the channel to it. ``changed`` is called when anything about it does."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.ready = False
        #: It takes no further requests: another has to.
        self.leaving = False
        self.counted = b""
        self.process: asyncio.subprocess.Process | None = None
        self.started = asyncio.get_running_loop().time()
        self.fresh = asyncio.Event()
        self._changed = changed
        self._messages = Messages()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        for kind, payload in self._messages.feed(data):
            if kind == control.READY:
                self.ready = True
            elif kind == control.DRAINING:
                self.leaving = True
            elif kind == control.COUNTED:
                self.counted = payload
                self.fresh.set()
        self._changed()

    def tell(self, message: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(message)

    def leave(self, patience: Patience) -> None:
        """Have it leave; kill it if it does not."""
        self.leaving = True
        self.tell(control.leave(patience))
        limit = patience.taking + patience.finishing + _MERCY
        asyncio.get_running_loop().call_later(limit, self.kill)

    def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Watching(Struct, frozen=True, kw_only=True):
    """Who wants to know, and what is not for a supervisor to know.

    ``on_ready`` is called once, when the first worker takes requests; ``drain`` is told when the
    end has begun; ``condense`` makes one of what several workers have counted.
    """

    on_ready: Callable[[], None]
    drain: Drain
    condense: Callable[[Sequence[bytes]], bytes]


class Supervisor:
    """Runs ``count`` workers until a signal ends it.

    ``greeting`` is what each worker is told first; ``patience`` what SIGTERM leaves them.
    """

    def __init__(
        self,
        listener: socket.socket,
        command_line: CommandLine,
        *,
        count: int,
        greeting: bytes,
        patience: Patience,
        hooks: Watching,
    ) -> None:
        self._listener = listener
        self._command_line = command_line
        self._count = count
        self._greeting = greeting
        self._patience = patience
        self._hooks = hooks
        self._workers: list[_Worker] = []
        self._last_counts = b""
        self._changed = asyncio.Event()
        self._stopping = 0
        self._was_ready = False
        self._failed_with: int | None = None
        self._quick_deaths = 0
        self._not_before = 0.0
        self._rolling = False

    async def run(self) -> int:
        """Run; return the exit code."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            loop.add_signal_handler(signal.SIGTERM, self._terminate)
            loop.add_signal_handler(signal.SIGINT, self._interrupt)
            loop.add_signal_handler(signal.SIGHUP, self._hang_up)
            loop.add_signal_handler(
                signal.SIGUSR2, lambda: group.create_task(self._roll(group)) and None
            )
            while not (self._stopping and not self._workers):
                self._changed.clear()
                await self._fill(group)
                if self._was_ready is False and any(worker.ready for worker in self._workers):
                    self._was_ready = True
                    self._hooks.on_ready()
                await self._changed.wait()
        return self._failed_with or 0

    async def counts(self) -> list[tuple[bool, bytes]]:
        """Return what every worker has counted, and whether it lives; the dead ones' last words."""
        asked = list(self._workers)
        for worker in asked:
            worker.fresh.clear()
            worker.tell(control.message(control.COUNT))
        try:
            async with asyncio.timeout(_COUNTS_WITHIN):
                for worker in asked:
                    await worker.fresh.wait()
        except TimeoutError:
            log.warning("a worker does not say what it has counted")
        living = [(True, worker.counted) for worker in asked if worker.counted]
        return [*living, (False, self._last_counts)] if self._last_counts else living

    # Workers --------------------------------------------------------------------------------

    async def _fill(self, group: asyncio.TaskGroup) -> None:
        """Start as many workers as are missing, unless the last ones died at once."""
        if self._stopping:
            return
        missing = self._count - sum(not worker.leaving for worker in self._workers)
        loop = asyncio.get_running_loop()
        wait = self._not_before - loop.time()
        if missing > 0 and wait > 0:
            loop.call_later(wait, self._changed.set)
            return
        for _ in range(missing):
            await self._start(group)

    async def _start(self, group: asyncio.TaskGroup) -> _Worker:
        ours, theirs = socket.socketpair()
        worker = _Worker(self._changed.set)
        with theirs:
            listener, channel = self._listener.fileno(), theirs.fileno()
            worker.process = await asyncio.create_subprocess_exec(
                *self._command_line(listener, channel), pass_fds=(listener, channel)
            )
        self._workers.append(worker)
        await asyncio.get_running_loop().create_connection(lambda: worker, sock=ours)
        worker.tell(control.message(control.GREETING, self._greeting))
        group.create_task(self._bury(worker, worker.process))
        return worker

    async def _bury(self, worker: _Worker, process: asyncio.subprocess.Process) -> None:
        """Wait for a worker's end, and take note of it."""
        code = await process.wait()
        worker.close()
        self._workers.remove(worker)
        if worker.counted:
            # One sum for all that have ended: workers may come and go for years.
            known = [counted for counted in (self._last_counts, worker.counted) if counted]
            self._last_counts = self._hooks.condense(known)
        if not worker.leaving and not self._stopping:
            self._mourn(worker, code)
        self._changed.set()

    def _mourn(self, worker: _Worker, code: int) -> None:
        """Decide when to replace a worker that nobody told to leave."""
        if not self._was_ready:
            self._failed_with = code or 1
            self._stop(Patience(0, 0))
            return
        now = asyncio.get_running_loop().time()
        quick = now - worker.started < _QUICK_DEATH
        self._quick_deaths = self._quick_deaths + 1 if quick else 0
        pause = 0.0
        if self._quick_deaths > 1:
            pause = min(_FIRST_PAUSE * 2 ** (self._quick_deaths - 2), _LONGEST_PAUSE)
        self._not_before = now + pause
        log.warning("a worker ended with %d; another starts in %.1f s", code, pause)

    async def _roll(self, group: asyncio.TaskGroup) -> None:
        """Replace the workers, one after the other; each leaves when its successor is ready."""
        if self._rolling or self._stopping:
            return
        self._rolling = True
        try:
            for worker in [one for one in self._workers if not one.leaving]:
                successor = await self._start(group)
                while not successor.ready:
                    if successor not in self._workers or self._stopping:
                        log.warning("a new worker did not start; the others stay")
                        return
                    await asyncio.sleep(0.02)
                worker.leave(Patience(0, self._patience.finishing))
        finally:
            self._rolling = False

    # Signals --------------------------------------------------------------------------------

    def _terminate(self) -> None:
        self._stop(Patience(0, 5) if self._stopping else self._patience)

    def _interrupt(self) -> None:
        self._stop(Patience(0, 0 if self._stopping else 2))

    def _hang_up(self) -> None:
        for worker in self._workers:
            if worker.process is not None and worker.ready and worker.process.returncode is None:
                worker.process.send_signal(signal.SIGHUP)

    def _stop(self, patience: Patience) -> None:
        self._stopping += 1
        self._hooks.drain.draining = True
        for worker in self._workers:
            worker.leave(patience)
        self._changed.set()
