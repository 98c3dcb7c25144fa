"""A connection to PostgreSQL, by psycopg; see `storage.database`."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

import psycopg

from isthmus.storage.database import Record, Unavailable, Values

#: A server that is gone without a word is noticed after so many seconds.
_CONNECTING: dict[str, int] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
#: Whoever makes tables holds this lock of the database's ("isth").
_ADVISORY = 0x69737468


class PostgresConnection:
    """See `Connection`."""

    locking = " FOR UPDATE"

    def __init__(self, url: str) -> None:
        options = cast("dict[str, Any]", {**_CONNECTING, "application_name": "isthmus"})
        with _told():
            self._connection = psycopg.connect(url, autocommit=True, **options)
        self.run("SET statement_timeout = '60s'")
        self.run("SET lock_timeout = '10s'")

    def run(self, statement: str, values: Values = ()) -> list[Record]:
        """Run a statement; return what it yields."""
        with _told():
            cursor = self._connection.execute(_in_its_words(statement), values)
            return cursor.fetchall() if cursor.description else []

    def change(self, statement: str, values: Values = ()) -> int:
        """Run a statement; return how many rows it has changed."""
        with _told():
            return self._connection.execute(_in_its_words(statement), values).rowcount

    def run_many(self, statement: str, rows: Iterable[Values]) -> None:
        """Run a statement for each of the rows."""
        with _told(), self._connection.cursor() as cursor:
            cursor.executemany(_in_its_words(statement), rows)

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Keep all of it, or nothing."""
        with _told(), self._connection.transaction():
            yield

    def create(self, statements: Iterable[str], number: int) -> None:
        """Run statements that make tables; among all who would, one does."""
        self.run("SELECT pg_advisory_xact_lock(?, ?)", (_ADVISORY, number))
        for statement in statements:
            self.run(statement.removesuffix(" WITHOUT ROWID"))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def _told() -> Generator[None]:
    try:
        yield
    except psycopg.Error as error:
        # The message may hold the host and the user, never the password.
        raise Unavailable(str(error).strip() or type(error).__name__) from error


@lru_cache(maxsize=512)
def _in_its_words(statement: str) -> Any:
    return statement.replace("%", "%%").replace("?", "%s").encode()
