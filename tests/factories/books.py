"""The database of a gateway, as a test looks into it."""

import secrets
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from isthmus.storage.database import Connection, Database
from isthmus.storage.ledger_store import LedgerStore
from isthmus.storage.schema import upgrade

FILE = "isthmus.sqlite3"


@contextmanager
def books(path: Path) -> Generator[LedgerStore]:
    """Open the database at ``path``, which is made."""
    with tables(Database(path)) as connection:
        yield LedgerStore(connection)


@contextmanager
def tables(database: Database) -> Generator[Connection]:
    """Connect to a database that has all tables."""
    with closing(database.connect()) as connection:
        upgrade(connection)
        yield connection


def new_database(url: str) -> Database:
    """Make an empty database on a PostgreSQL server."""
    name = f"test_{secrets.token_hex(6)}"
    with closing(Database(Path(), url).connect()) as connection:
        connection.change(f"CREATE DATABASE {name}")
    return Database(Path(), url.rpartition("/")[0] + f"/{name}")
