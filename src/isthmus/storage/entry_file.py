"""A file of entries that several processes share: names and values, the oldest of which go first.

It knows nothing of what the entries mean. No call waits for another process longer than a few
milliseconds: what it cannot read by then is not found, what it cannot write is not kept.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import TypeVar

from msgspec import Struct

from isthmus.storage.file_lock import Held, locked

log = logging.getLogger("isthmus")

T = TypeVar("T")

#: Seconds a call waits for another process or thread at most.
PATIENCE = 0.005
#: The same at the start, where a file may have to be made; and where a damaged one is replaced.
_AT_START = 1.0
_AT_DAMAGE = 0.1
#: How many expired entries one call removes at most.
_SWEPT = 64
#: Seconds by which a clock may be set back without entries being lost.
_SLACK = 60.0

#: Marks the file as ours ("isth"), in this form.
_APPLICATION, _FORM = 0x69737468, 1
_TABLES = (
    (
        "CREATE TABLE entries (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, "
        "expires REAL NOT NULL, size INTEGER NOT NULL, value BLOB NOT NULL)"
    ),
    "CREATE TABLE total (size INTEGER NOT NULL)",
    "INSERT INTO total VALUES (0)",
    (
        "CREATE TRIGGER added AFTER INSERT ON entries "
        "BEGIN UPDATE total SET size = size + NEW.size; END"
    ),
    (
        "CREATE TRIGGER removed AFTER DELETE ON entries "
        "BEGIN UPDATE total SET size = size - OLD.size; END"
    ),
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_FORM}",
)
# A crash of the machine may cost entries, or the whole file; neither matters.
_SETTINGS = f"""
PRAGMA synchronous = OFF;
PRAGMA journal_size_limit = 4194304;
PRAGMA busy_timeout = {int(PATIENCE * 1000)};
"""

_FIND = "SELECT id, name, expires, CAST(value AS BLOB) FROM entries WHERE name = ?"
_ADD = "INSERT INTO entries (name, expires, size, value) VALUES (?, ?, ?, ?)"

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset(
    {
        *(sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT),
        *(sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH),
    }
)


class Unusable(Exception):
    """The file cannot be opened, made or written."""


class Bounds(Struct, frozen=True):
    """How long entries live, in seconds, and how large all are together, in bytes."""

    lifetime: float
    capacity: int
    #: What an entry takes beside its value, about.
    overhead: int


class EntryFile:
    """The entries in the file at ``path``; ``clock`` returns Unix seconds.

    Raises:
        Unusable: the file cannot be opened, made or written.
    """

    def __init__(self, path: Path, bounds: Bounds, clock: Callable[[], float]) -> None:
        self._path = path
        self._bounds = bounds
        self._clock = clock
        self._turn = Lock()
        self._warned = False
        self._identity = (0, 0)
        self._connection: sqlite3.Connection | None = self._opened(_AT_START)

    def find(self, names: Sequence[bytes]) -> tuple[bytes, bytes] | None:
        """Return name and value of the newest entry that has one of the names."""

        def read(connection: sqlite3.Connection) -> tuple[bytes, bytes] | None:
            rows = [row for name in names if (row := connection.execute(_FIND, (name,)).fetchone())]
            if not rows:
                return None
            _, name, expires, value = max(rows)
            return (name, value) if self._lives(expires) else None

        return self._done(read)

    def write(self, name: bytes, value: bytes, others: Sequence[bytes] = ()) -> None:
        """Keep an entry, in the place of one with this name and of ``others``."""
        size = len(value) + self._bounds.overhead
        row = (name, self._clock() + self._bounds.lifetime, size, value)

        def write(connection: sqlite3.Connection) -> None:
            with _transaction(connection):
                _remove(connection, [name, *others])
                connection.execute(_ADD, row)
                self._sweep(connection)

        self._done(write)

    def remove(self, names: Sequence[bytes]) -> None:
        """Keep the entries with these names no longer."""
        self._done(lambda connection: _remove(connection, names))

    def close(self) -> None:
        """Close the file; from then on nothing is found and nothing kept."""
        with self._turn:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    # Calls ------------------------------------------------------------------------------------

    def _done(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Return what ``work`` does; None where it cannot be done now."""
        if not self._turn.acquire(timeout=PATIENCE):
            return None
        try:
            return work(self._connection) if self._connection is not None else None
        except sqlite3.DatabaseError as error:
            self._failed(error)
            return None
        finally:
            self._turn.release()

    def _failed(self, error: sqlite3.DatabaseError) -> None:
        code = _code(error)
        if code in _DAMAGED:
            self._begin_anew(error)
        elif code not in _BUSY and not self._warned:  # the disk is full, for instance
            log.warning("%s cannot be used at the moment: %s", self._path, error)
            self._warned = True

    def _begin_anew(self, error: sqlite3.DatabaseError) -> None:
        """Replace the file, unless another process already has."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        try:
            self._connection = self._opened(_AT_DAMAGE, damaged=(self._identity, str(error)))
        except Unusable as why:
            log.warning("%s is not used any more: %s", self._path, why)

    def _sweep(self, connection: sqlite3.Connection) -> None:
        """Remove the oldest entries: some of those that expired, and what there is no room for."""
        (total,) = connection.execute("SELECT size FROM total").fetchone()
        last, count = None, 0
        for number, expires, size in connection.execute(
            "SELECT id, expires, size FROM entries ORDER BY id"
        ):
            has_room = total <= self._bounds.capacity
            if has_room and (self._lives(expires) or count >= _SWEPT):
                break
            last, count, total = number, count + 1, total - size
        if last is not None:
            connection.execute("DELETE FROM entries WHERE id <= ?", (last,))

    def _lives(self, expires: float) -> bool:
        """Say whether an entry counts; one from far in the future was written by a wrong clock."""
        now = self._clock()
        return now <= expires <= now + self._bounds.lifetime + _SLACK

    # Opening ----------------------------------------------------------------------------------

    def _opened(
        self, patience: float, damaged: tuple[tuple[int, int], str] | None = None
    ) -> sqlite3.Connection:
        """Open the file; what is ``damaged`` (which file, and why) or foreign is moved aside."""
        try:
            # One process at a time, so that nobody moves aside what another has just made.
            with locked(self._path.with_suffix(".lock"), patience):
                if damaged and damaged[0] == _identity(self._path):
                    self._move_aside(damaged[1])
                try:
                    return self._connected(patience)
                except sqlite3.DatabaseError as error:
                    if _code(error) not in _DAMAGED:
                        raise
                    self._move_aside(str(error))
                return self._connected(patience)
        except Held:
            raise Unusable("another process does not let go of it") from None
        except OSError as error:
            raise Unusable(error.strerror or str(error)) from None
        except sqlite3.Error as error:
            raise Unusable(str(error)) from None

    def _connected(self, patience: float) -> sqlite3.Connection:
        """Open the file as it is and prove that it can be written; make it if it is not there."""
        if not self._path.exists():
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        self._path.chmod(0o600)
        with ExitStack() as undo:
            connection = sqlite3.connect(
                self._path, timeout=patience, isolation_level=None, check_same_thread=False
            )
            undo.callback(connection.close)
            _make(connection)
            with _transaction(connection):
                self._sweep(connection)
            connection.executescript(_SETTINGS)
            self._identity = _identity(self._path)
            undo.pop_all()
        return connection

    def _move_aside(self, why: str) -> None:
        broken = self._path.with_name(self._path.name + ".broken")
        log.warning("%s is not usable and begun anew (%s); see %s", self._path, why, broken)
        for companion in ("", "-wal", "-shm"):
            file = Path(f"{self._path}{companion}")
            if file.exists():
                file.replace(f"{broken}{companion}")


def _make(connection: sqlite3.Connection) -> None:
    """Fill a new file.

    Raises:
        sqlite3.DatabaseError: the file is damaged, or somebody else's.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (form,) = connection.execute("PRAGMA user_version").fetchone()
    (things,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if (application, form, things) == (0, 0, 0):
        connection.execute("PRAGMA journal_mode = WAL")
        with _transaction(connection):
            for statement in _TABLES:
                connection.execute(statement)
    elif (application, form) != (_APPLICATION, _FORM):
        raise _foreign()


def _foreign() -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError("it was not made by this version of the gateway")
    error.sqlite_errorcode = sqlite3.SQLITE_FORMAT
    return error


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[None]:
    connection.execute("BEGIN IMMEDIATE")
    with connection:  # commits, or rolls back
        yield


def _remove(connection: sqlite3.Connection, names: Sequence[bytes]) -> None:
    connection.executemany("DELETE FROM entries WHERE name = ?", [(name,) for name in names])


def _code(error: sqlite3.Error) -> int:
    """Return the primary code of the database's own error."""
    return error.sqlite_errorcode & 0xFF


def _identity(path: Path) -> tuple[int, int]:
    """Return what tells a file from one that took its place."""
    status = path.stat()
    return status.st_dev, status.st_ino
