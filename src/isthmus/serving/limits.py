"""What the server puts up with, and what this machine lets it."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

try:
    import resource
except ImportError:  # Windows knows no such limits
    resource = None

#: Files that are no connections: the log, databases, libraries, the listeners.
_RESERVED_FILES = 64
#: What one call under way may take in memory, in bytes.
_PER_CALL = 256 * 1024
_MEMORY_SHARE = 0.6
_FEWEST = 8
_UNLIMITED_FILES = 1_048_576
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


class Limits(Struct, frozen=True, kw_only=True):
    """Seconds, and how many. What each means is said in the configuration reference."""

    header: float = 10.0
    body: float = 60.0
    queue: float = 1.0
    client_stall: float = 60.0
    keep_alive: float = 75.0
    max_connections: int = 1024
    max_in_flight: int = 1024


DEFAULT_LIMITS = Limits()


def raise_file_limit() -> int:
    """Allow this process as many open files as the system lets it; return how many."""
    if resource is None:
        return _RESERVED_FILES * 8
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _UNLIMITED_FILES if hard == resource.RLIM_INFINITY else hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):  # some systems name a limit that they do not grant
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most


def connections_for(files: int) -> int:
    """Return how many clients fit: each call may need a second connection upstream."""
    reserved = min(_RESERVED_FILES, files // 4)
    return max((files - reserved) // 2, _FEWEST)


def in_flight_for(files: int, memory: float) -> int:
    """Return how many calls fit, with so many open files and so many bytes of memory."""
    by_memory = math.inf if math.isinf(memory) else memory * _MEMORY_SHARE / _PER_CALL
    return max(int(min(files / 3, by_memory)), _FEWEST)


def memory_limit(limits: Sequence[Path] = _CGROUP_LIMITS) -> float:
    """Return how many bytes this process may use: its control group's, else the machine's."""
    found = [_bytes(path) for path in limits]
    try:
        found.append(float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")))
    except (ValueError, OSError, AttributeError):  # a system that does not tell
        found.append(math.inf)
    return min(found)


def _bytes(path: Path) -> float:
    try:
        return float(path.read_text())
    except (OSError, ValueError):  # absent, or "max"
        return math.inf
