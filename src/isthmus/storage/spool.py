"""Records on their way to a database: written to files first, so that no call waits for it.

A process appends to its own folder; a record that was appended survives the end of the process. A
closed segment is read, kept elsewhere and then removed, so each record arrives at least once. What
a process leaves behind is found by the next one: its folder is locked as long as it lives.
"""

from __future__ import annotations

import os
import secrets
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from isthmus.storage.file_lock import Held, locked

_LOCK = "lock"
#: A folder holds no more than this; what would not fit is refused. Bytes.
CAPACITY = 1 << 30


class Full(Exception):
    """There is no room for further records."""


class Spool:
    """The folder of this process below ``folder``, which is made and locked. For one thread.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, folder: Path, capacity: int = CAPACITY) -> None:
        self.owner = secrets.token_hex(8)
        self._folder = folder / self.owner
        self._folder.mkdir(mode=0o700, parents=True)
        self._stack = ExitStack()
        self._stack.enter_context(locked(self._folder / _LOCK))
        self._capacity = capacity
        self._number = 0
        self._descriptor = -1
        self._size = 0
        #: What lies in closed segments, in bytes.
        self._waiting: dict[Path, int] = {}

    def append(self, record: bytes) -> None:
        """Write one record, which holds no line end.

        Raises:
            Full: there is no room.
            OSError: it could not be written.
        """
        line = b"%08x %b\n" % (zlib.crc32(record), record)
        if self._size + sum(self._waiting.values()) + len(line) > self._capacity:
            raise Full
        if self._descriptor < 0:
            self._number += 1
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self._descriptor = os.open(self._segment, flags, 0o600)
        written = os.write(self._descriptor, line)
        self._size += written
        if written < len(line):  # the disk is full; what was begun is no record, and is left out
            os.write(self._descriptor, b"\n")
            raise Full

    def rotate(self) -> list[Path]:
        """Close what was written to; return all closed segments, the oldest first."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._waiting[self._segment] = self._size
            self._descriptor, self._size = -1, 0
        return list(self._waiting)

    def remove(self, segment: Path) -> None:
        """Remove a segment whose records are kept elsewhere."""
        segment.unlink(missing_ok=True)
        self._waiting.pop(segment, None)

    def close(self) -> None:
        """Leave. A folder in which nothing is left goes as well."""
        left = self.rotate()
        if not left:
            (self._folder / _LOCK).unlink()
            self._folder.rmdir()
        self._stack.close()

    @property
    def _segment(self) -> Path:
        return self._folder / f"{self._number:012d}"


class Abandoned:
    """What a process that is gone has left in its folder; held until it is closed."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.owner = folder.name
        self._folder = folder
        self._stack = stack

    def segments(self) -> list[Path]:
        """Return its segments, the oldest first."""
        return sorted(path for path in self._folder.iterdir() if path.name != _LOCK)

    def remove(self) -> None:
        """Remove all of it."""
        for path in self._folder.iterdir():
            path.unlink()
        self._folder.rmdir()
        self.close()

    def close(self) -> None:
        """Let go of it."""
        self._stack.close()


def abandoned(folder: Path) -> Iterator[Abandoned]:
    """Find the folders of processes that are gone."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        stack = ExitStack()
        try:
            stack.enter_context(locked(path / _LOCK))
        except (Held, FileNotFoundError, NotADirectoryError):
            continue  # it lives, or has just tidied up
        yield Abandoned(path, stack)


def records(segment: Path) -> Iterator[bytes]:
    """Read a segment; what is damaged, such as a torn end, is left out."""
    for line in segment.read_bytes().split(b"\n"):
        checksum, _, record = line.partition(b" ")
        if record and checksum == b"%08x" % zlib.crc32(record):
            yield record
