"""How many calls may be under way at once, and how long others wait to be among them.

Whoever waits does so for a moment only: a client is better served by a refusal that it can act on
than by an answer that comes when nobody waits for it any more. Once the queue is half full the
newest go first, for the oldest will have given up by the time it is their turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from isthmus.errors import GatewayBusy

_RETRY_AFTER = 1


class Admission:
    """Lets calls in. ``wait``: for how many seconds one waits; ``shedding``: whether none may."""

    def __init__(
        self, most: int, wait: float, shedding: Callable[[], bool] = lambda: False
    ) -> None:
        self.in_flight = 0
        self._most = most
        self._wait = wait
        self._shedding = shedding
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def has_place(self) -> bool:
        """Whether a call need not wait."""
        return self.in_flight < self._most

    async def enter(self) -> None:
        """Take a place for a call. It must be given back by `leave`.

        Raises:
            GatewayBusy: there is none.
        """
        if self._shedding():
            raise _busy("The gateway is overloaded.")
        if self.in_flight >= self._most:
            await self._place()
        else:
            self.in_flight += 1

    async def _place(self) -> None:
        """Wait for somebody to leave, who hands over the place."""
        if len(self._queue) >= self._most:
            raise _busy("The gateway has too many calls under way, and waiting.")
        waiting = asyncio.get_running_loop().create_future()
        self._queue.append(waiting)
        try:
            async with asyncio.timeout(self._wait):
                await waiting
        except TimeoutError:
            if not _was_given(waiting):
                raise _busy("The gateway has too many calls under way.") from None
        except asyncio.CancelledError:
            if _was_given(waiting):
                self.leave()
            raise
        finally:
            if waiting in self._queue:
                self._queue.remove(waiting)

    def leave(self) -> None:
        """Hand the place to whoever is next, if anybody is."""
        while self._queue:
            newest_first = len(self._queue) * 2 > self._most
            following = self._queue.pop() if newest_first else self._queue.popleft()
            if not following.done():
                following.set_result(None)
                return
        self.in_flight -= 1


def _was_given(waiting: asyncio.Future[None]) -> bool:
    return waiting.done() and not waiting.cancelled()


def _busy(message: str) -> GatewayBusy:
    return GatewayBusy(message, retry_after=_RETRY_AFTER)
