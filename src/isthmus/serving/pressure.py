"""How hard the process is pressed: by its event loop, and by its memory.

An event loop that comes late for everything serves nobody; a process that is out of memory is
killed with all its calls. Before that new calls are turned away, and connections not kept.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path

from isthmus.serving.limits import memory_limit

log = logging.getLogger("isthmus")

#: Seconds between two looks, and how many looks in a row must be bad: three seconds.
_INTERVAL = 0.25
_LOOKS = 12
#: A loop that comes so much too late every time is overloaded. Seconds.
_LATE = 0.1
#: A loop that does not move for so long is asked what it is doing. Seconds.
_STUCK = 1.0
#: Shares of the memory that may be used, from which connections are not kept, calls are turned
#: away, and the stream with the most unsent bytes is broken off.
_KEEP_NONE, _TURN_AWAY, _BREAK_OFF = 0.85, 0.92, 0.97


class Pressure:
    """Looks four times a second. ``memory`` returns the share of the memory that is in use.

    ``relief`` is called where there is hardly any left: it ends the stream that holds the most.
    """

    def __init__(self, memory: Callable[[], float] | None = None) -> None:
        self.lag = 0.0
        #: Connections are not kept for another request.
        self.tight = False
        self.relief: Callable[[], object] = lambda: None
        self._memory = memory or used_share(memory_limit())
        self._lags: deque[float] = deque(maxlen=_LOOKS)
        self._full = False
        self._alive = 0.0

    @property
    def shedding(self) -> bool:
        """Whether new calls are to be turned away."""
        return self._full or (len(self._lags) == _LOOKS and min(self._lags) > _LATE)

    async def watch(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        main, stop = threading.get_ident(), threading.Event()
        self._alive = time.monotonic()
        watchdog = threading.Thread(target=self._guard, args=(main, stop), daemon=True)
        watchdog.start()
        try:
            while True:
                due = loop.time() + _INTERVAL
                await asyncio.sleep(_INTERVAL)
                self.look(loop.time() - due)
        finally:
            stop.set()

    def look(self, lag: float) -> None:
        """Take how many seconds too late the loop was, and look at the memory."""
        self._alive = time.monotonic()
        self.lag = lag
        self._lags.append(lag)
        used = self._memory()
        self.tight, self._full = used >= _KEEP_NONE, used >= _TURN_AWAY
        if used >= _BREAK_OFF:
            self.relief()

    def _guard(self, main: int, stop: threading.Event) -> None:
        """Say once what keeps the loop from moving, from outside of it."""
        told = 0.0
        while not stop.wait(_INTERVAL):
            alive = self._alive
            if time.monotonic() - alive < _STUCK or told == alive:
                continue
            told = alive
            frames = sys._current_frames()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            frame = frames.get(main)
            stack = "".join(traceback.format_stack(frame, limit=8)) if frame is not None else ""
            log.warning("the event loop has not moved for a second:\n%s", stack)


def used_share(limit: float, statm: Path = Path("/proc/self/statm")) -> Callable[[], float]:
    """Return what tells how much of ``limit`` bytes this process uses; nothing where unknown."""
    page = 4096

    def share() -> float:
        try:
            resident = int(statm.read_text().split()[1]) * page
        except (OSError, ValueError, IndexError):
            return 0.0
        return resident / limit

    return share
