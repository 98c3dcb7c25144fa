"""A file that one holder at a time may lock, among all processes of the machine."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows has no such locks: others are not noticed there
    fcntl = None

_PAUSE = 0.002


class Held(Exception):
    """Somebody else holds the lock."""


@contextmanager
def locked(path: Path, patience: float = 0) -> Generator[None]:
    """Hold the lock at ``path``, which is made; wait for it for ``patience`` seconds at most.

    Raises:
        Held: somebody else holds it.
        OSError: the file cannot be made or written.
    """
    deadline = time.monotonic() + patience
    with path.open("a") as file:
        while not _taken(file):
            if time.monotonic() >= deadline:
                raise Held(str(path))
            time.sleep(_PAUSE)
        yield


def _taken(file: IO[str]) -> bool:
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
