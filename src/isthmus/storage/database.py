"""A database with tables: SQLite in a file, or PostgreSQL. The same statements run on both.

Statements are constants with ``?`` for each value; nothing that comes from outside is ever part of
one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

Value = str | int | None
Values = Sequence[Value]

#: What stands in tables.
Record = tuple[Any, ...]

_PATIENCE = 5.0
_SQLITE_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
)


class Unavailable(Exception):
    """The database cannot be used now: it is away, locked, full or refuses."""


class Unusable(Exception):
    """What is there is not a database of this program, or one that is newer than it."""


class Connection(Protocol):
    """One connection, for one thread at a time. Whatever it cannot do is `Unavailable`."""

    #: What a statement that reads ends with where others must not change what it has read.
    locking: str

    def run(self, statement: str, values: Values = ()) -> list[Record]:
        """Run a statement; return what it yields."""
        ...

    def change(self, statement: str, values: Values = ()) -> int:
        """Run a statement; return how many rows it has changed."""
        ...

    def run_many(self, statement: str, rows: Iterable[Values]) -> None:
        """Run a statement for each of the rows."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Return a context: all that happens in it is kept, or nothing of it."""
        ...

    def create(self, statements: Iterable[str], number: int) -> None:
        """Run statements that make tables. Within a transaction only one does, among all."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class Database(Struct, frozen=True):
    """Where everything is kept: ``url`` of a PostgreSQL database, else the file at ``path``."""

    path: Path
    url: str | None = None

    def connect(self) -> Connection:
        """Connect. A file is made.

        Raises:
            Unavailable: it cannot be reached or opened.
            Unusable: its driver is not installed.
        """
        if self.url is None:
            return SqliteConnection(self.path)
        # Imported here: whoever keeps everything in a file need not have its driver.
        try:
            from isthmus.storage.postgres import PostgresConnection  # noqa: PLC0415
        except ImportError:
            raise Unusable(
                "PostgreSQL needs a driver: install isthmus with the extra 'postgres'"
            ) from None
        return PostgresConnection(self.url)

    @property
    def exists(self) -> bool:
        """Whether there may be anything to be read."""
        return self.url is not None or self.path.exists()

    @property
    def name(self) -> str:
        """What to call it where people read it."""
        return str(self.path) if self.url is None else "the PostgreSQL database"


class SqliteConnection:
    """See `Connection`. ``patience``: for how many seconds it waits for other writers."""

    locking = ""

    def __init__(self, path: Path, patience: float = _PATIENCE) -> None:
        with _told(), _folder_of(path):
            self._connection = sqlite3.connect(
                path, timeout=patience, isolation_level=None, check_same_thread=False
            )
        try:
            for setting in _SQLITE_SETTINGS:
                self.run(setting)
        except Unavailable:
            self._connection.close()
            raise

    def run(self, statement: str, values: Values = ()) -> list[Record]:
        """Run a statement; return what it yields."""
        with _told():
            return self._connection.execute(statement, values).fetchall()

    def change(self, statement: str, values: Values = ()) -> int:
        """Run a statement; return how many rows it has changed."""
        with _told():
            return self._connection.execute(statement, values).rowcount

    def run_many(self, statement: str, rows: Iterable[Values]) -> None:
        """Run a statement for each of the rows."""
        with _told():
            self._connection.executemany(statement, rows)

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Begin as the only writer; keep all of it, or nothing."""
        self.run("BEGIN IMMEDIATE")
        kept = False
        try:
            yield
            self.run("COMMIT")
            kept = True
        finally:
            if not kept and self._connection.in_transaction:
                self.run("ROLLBACK")

    def create(self, statements: Iterable[str], number: int) -> None:
        """Run statements that make tables."""
        del number  # whoever has begun is the only writer anyway
        for statement in statements:
            self.run(statement)

    def back_up(self, to: Path) -> None:
        """Copy all of it, as it is at one moment, to a file that is made."""
        with _told(), closing(sqlite3.connect(to)) as target:
            self._connection.backup(target)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


@contextmanager
def _told() -> Generator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(str(error)) from error


@contextmanager
def _folder_of(path: Path) -> Generator[None]:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(error.strerror or str(error)) from error
    yield


class Lasting:
    """A connection that is made when it is needed, and anew after it has failed.

    ``prepare`` is called with each that is made.
    """

    def __init__(
        self, database: Database, prepare: Callable[[Connection], object] = lambda _: None
    ) -> None:
        self._database = database
        self._prepare = prepare
        self._connection: Connection | None = None

    @contextmanager
    def connected(self) -> Generator[Connection]:
        """Return the connection, for one thread at a time.

        Raises:
            Unavailable: there is none, or it has failed.
            Unusable: the database is none of this program's.
        """
        try:
            if self._connection is None:
                self._connection = self._made()
            yield self._connection
        except Unavailable:
            self.close()
            raise

    def _made(self) -> Connection:
        connection = self._database.connect()
        try:
            self._prepare(connection)
        except (Unavailable, Unusable):
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close it, if it is open."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


@lru_cache(maxsize=256)
def rows_of(count: int, width: int) -> str:
    """Return the places for so many rows of values: ``(?, ?), (?, ?)``."""
    row = f"({', '.join('?' * width)})"
    return ", ".join([row] * count)
