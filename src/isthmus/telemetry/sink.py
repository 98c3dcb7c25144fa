"""Where log lines go: a bounded queue, and a thread that may block on its way out.

A pipe that nobody reads, or a terminal that was stopped, holds up whoever writes to it. That must
not be the event loop.
"""

from __future__ import annotations

import os
import threading
import time

from isthmus.telemetry.line import utc_now

#: Lines are written together, a moment after the first came. Seconds.
_DELAY = 0.05
#: How long a descriptor that takes nothing now, and does not block, is left alone. Seconds.
_PAUSE = 0.1
MAX_LINES = 10_000
STDERR = 2
MAX_SIZE = 8 * 1024 * 1024


class Sink:
    """Writes lines to a file descriptor, without ever making their authors wait.

    Lines that wait or are being written count against the bounds, ``max_size`` in characters; what
    is over is dropped, and a line of its own says how much once something is taken again.
    ``dropped`` is how many lines were lost so far. May be used from any thread; its own starts with
    the first line, so a process that was forked before that has one of its own.
    """

    def __init__(
        self, descriptor: int, *, max_lines: int = MAX_LINES, max_size: int = MAX_SIZE
    ) -> None:
        self.dropped = 0
        self._told = 0
        self._descriptor = descriptor
        self._max_lines = max_lines
        self._max_size = max_size
        # Re-entrant, because a signal may be handled, and logged, in the middle of `write`.
        self._lock = threading.RLock()
        self._lines: list[str] = []
        self._size = 0
        #: Lines that the thread has taken and not yet written, and their size.
        self._writing = self._writing_size = 0
        self._idle = threading.Event()
        self._idle.set()
        self._ready = threading.Event()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None

    def write(self, line: str) -> None:
        """Take one line, without its end; it is written soon, or dropped."""
        with self._lock:
            size = self._size + len(line) + 1
            if size > self._max_size or len(self._lines) + self._writing >= self._max_lines:
                self.dropped += 1
                return
            self._lines.append(line)
            self._size = size
            if self._idle.is_set():
                self._wake()

    def flush(self, timeout: float = 1.0) -> bool:
        """Wait until everything is written, at most ``timeout`` seconds; say whether it is."""
        self._hurry.set()
        try:
            return self._idle.wait(timeout)
        finally:
            self._hurry.clear()

    def _wake(self) -> None:
        self._idle.clear()
        self._ready.set()
        if self._thread is None:
            # A daemon: the process ends although the thread may be blocked forever.
            self._thread = threading.Thread(target=self._run, name="isthmus-log", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while self._ready.wait():
            self._ready.clear()
            self._hurry.wait(_DELAY)
            while lines := self._taken():
                if self._put(lines):
                    self._tell()

    def _taken(self) -> list[str]:
        """Take all lines there are; none means that the thread has to be woken for the next."""
        with self._lock:
            lines, self._lines = self._lines, []
            self._writing, self._writing_size = len(lines), self._size
            if not lines:
                self._idle.set()
            return lines

    def _put(self, lines: list[str]) -> bool:
        written = _written(self._descriptor, "\n".join(lines))
        with self._lock:
            if not written:
                self.dropped += self._writing
            self._size -= self._writing_size
            self._writing = 0
        return written

    def _tell(self) -> None:
        """Say how many lines were lost, now that something can be said."""
        dropped = self.dropped
        if dropped > self._told and _written(self._descriptor, _lost(dropped - self._told)):
            self._told = dropped


def _written(descriptor: int, text: str) -> bool:
    """Write all of it and a line's end, however long that takes; say whether it could be."""
    data = f"{text}\n".encode("utf-8", "backslashreplace")
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # somebody else made the descriptor non-blocking
            time.sleep(_PAUSE)
        except OSError:  # the other end is gone, the disk is full
            return False
    return True


def _lost(count: int) -> str:
    return f"{utc_now()} log level=warning logger=isthmus dropped={count}"
