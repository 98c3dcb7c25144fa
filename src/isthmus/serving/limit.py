"""A time limit on what a task does meanwhile: as `asyncio.timeout_at`, but cheap to move."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from types import TracebackType


class Limit:
    """Cancels the task that has entered it at ``when``, by the loop's clock; then a `TimeoutError`.

    Moving the limit later only changes a number: the timer finds out when it fires. ``excuse`` is
    asked then, and returns for how many more seconds nothing is to be done; 0: it is time.
    """

    __slots__ = ("_at", "_cancelling", "_excuse", "_expired", "_loop", "_task", "_timer", "when")

    def __init__(self, when: float, excuse: Callable[[], float] | None = None) -> None:
        self.when = when
        self._excuse = excuse
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._at = -math.inf
        self._expired = False
        self._cancelling = 0

    def move(self, when: float) -> None:
        """Let it end at another time."""
        self.when = when
        if when < self._at and self._timer is not None:
            self._timer.cancel()
            self._set()

    def __enter__(self) -> None:
        """Begin."""
        task = self._task = asyncio.current_task(self._loop)
        if task is not None:
            self._cancelling = task.cancelling()
        self._set()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """End; the task is not cancelled any more.

        Raises:
            TimeoutError: the limit was reached.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        task, self._task = self._task, None
        self._excuse = None  # whoever gives it may hold this limit: a circle
        if self._expired and task is not None:
            # Somebody else may have cancelled it too; that counts for more.
            alone = task.uncancel() <= self._cancelling
            if alone and kind is not None and issubclass(kind, asyncio.CancelledError):
                raise TimeoutError from error

    def _set(self) -> None:
        self._at = self.when
        self._timer = None if self._at == math.inf else self._loop.call_at(self._at, self._fire)

    def _fire(self) -> None:
        self._timer = None
        now = self._loop.time()
        if self.when <= now and self._excuse is not None:
            self.when = now + self._excuse()
        if self.when > now:
            self._set()
            return
        self._expired = True
        if self._task is not None:
            self._task.cancel()
