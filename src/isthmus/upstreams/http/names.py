"""Looking names up: each time anew, but where that fails the last good answer holds a while."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any, NamedTuple

#: For how long an answer stands in for one that does not come. Seconds.
_GOOD_FOR = 60.0
#: How long a lookup may take where there is an answer that can stand in. Seconds.
_PATIENCE = 1.0

#: As ``socket.getaddrinfo`` returns it.
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]


class _Answer(NamedTuple):
    found: Sequence[AddressInfo]
    time: float


class Names:
    """Asks the system for addresses, never blocking the event loop. Nothing else is cached."""

    def __init__(self) -> None:
        #: By host and port: as many as the configuration names.
        self._last: dict[tuple[str, int], _Answer] = {}

    async def addresses(self, host: str, port: int) -> Sequence[AddressInfo]:
        """Return the addresses of ``host``.

        Raises:
            OSError: the lookup failed, and none has succeeded for a minute.
        """
        loop = asyncio.get_running_loop()
        last = self._last.get((host, port))
        if last is not None and loop.time() - last.time > _GOOD_FOR:
            last = None
        try:
            async with asyncio.timeout(None if last is None else _PATIENCE):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:  # a TimeoutError is one
            if last is None:
                raise
            return last.found
        self._last[host, port] = _Answer(tuple(found), loop.time())
        return found
