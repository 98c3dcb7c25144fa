"""The ledger in SQLite: a row for each attempt, sums by the hour, and calls that have not ended.

Rows may arrive more than once and count once. Sums grow in the same transaction, and only by rows
that are new, so they are always those of the rows.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

#: Marks the file as ours ("islg"), in this form.
_APPLICATION, _FORM = 0x69736C67, 1
_HOUR = 3_600_000
_TOKENS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "thinking")
_COUNTED = (*_TOKENS, "web_searches")
#: What sums are kept by, and what is summed.
_BY = ("hour", "principal", "model", "upstream")
_SUMS = ("calls", "attempts", *_COUNTED, "cost", "unpriced")
By = Literal["principal", "model", "upstream", "day", "hour"]


class Row(Struct, frozen=True, kw_only=True, array_like=True):
    """One attempt. Times are Unix milliseconds, durations milliseconds, ``cost`` nano-dollars.

    ``last``: it ended its call. ``ending`` is that of the call for the last attempt, else what the
    attempt failed of. A ``cost`` of None: nobody knows the price. ``estimated``: figures that the
    upstream did not tell.
    """

    request_id: str
    attempt: int
    at: int
    principal: str
    endpoint: str
    asked: str
    model: str
    upstream: str
    upstream_model: str
    credential: int
    last: bool
    ending: str
    status: int
    error: str
    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    thinking: int = 0
    web_searches: int = 0
    used: bool = False
    cost: int | None = None
    prices: str = ""
    estimated: bool = False
    first_ms: int | None = None
    total_ms: int = 0


class Intent(Struct, frozen=True, kw_only=True, array_like=True):
    """A call that is about to go upstream."""

    request_id: str
    at: int
    principal: str
    endpoint: str
    model: str


class Batch(Struct, kw_only=True):
    """What is to be kept in one step. ``ended``: calls that are over, whatever rows they have."""

    intents: list[Intent] = []
    rows: list[Row] = []
    ended: list[str] = []


class Sum(Struct, frozen=True, kw_only=True):
    """What calls add up to. ``unpriced``: attempts whose cost nobody knows."""

    by: tuple[str | int, ...]
    calls: int
    attempts: int
    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int
    thinking: int
    web_searches: int
    cost: int
    unpriced: int


_FIELDS = Row.__struct_fields__
_COLUMNS = {
    "request_id": "TEXT", "principal": "TEXT", "endpoint": "TEXT", "asked": "TEXT",
    "model": "TEXT", "upstream": "TEXT", "upstream_model": "TEXT", "ending": "TEXT",
    "error": "TEXT", "prices": "TEXT",
}  # fmt: skip
_ATTEMPTS = ", ".join(
    f"{name} {_COLUMNS.get(name, 'INTEGER')}{'' if name in ('cost', 'first_ms') else ' NOT NULL'}"
    for name in _FIELDS
)
_INTENTS = (
    "CREATE TABLE intents (request_id TEXT PRIMARY KEY, at INTEGER NOT NULL, "
    "principal TEXT NOT NULL, endpoint TEXT NOT NULL, model TEXT NOT NULL, owner TEXT NOT NULL) "
    "WITHOUT ROWID"
)
_HOURS = (
    "CREATE TABLE hours (hour INTEGER NOT NULL, principal TEXT NOT NULL, model TEXT NOT NULL, "
    "upstream TEXT NOT NULL, "
    + ", ".join(f"{name} INTEGER NOT NULL" for name in _SUMS)
    + f", PRIMARY KEY ({', '.join(_BY)})) WITHOUT ROWID"
)
_TABLES = (
    f"CREATE TABLE attempts ({_ATTEMPTS}, PRIMARY KEY (request_id, attempt)) WITHOUT ROWID",
    "CREATE INDEX attempts_at ON attempts (at)",
    _INTENTS,
    _HOURS,
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_FORM}",
)
_SETTINGS = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL")
# Values travel as parameters; what is put together here are the names of our own columns.
_ADD = f"INSERT OR IGNORE INTO attempts VALUES ({', '.join('?' * len(_FIELDS))})"  # noqa: S608
_SUM = (
    f"INSERT INTO hours VALUES ({', '.join('?' * (len(_BY) + len(_SUMS)))}) "  # noqa: S608
    f"ON CONFLICT ({', '.join(_BY)}) DO UPDATE SET "
    + ", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMS)
)
_INTEND = (
    "INSERT OR IGNORE INTO intents SELECT ?, ?, ?, ?, ?, ? "
    "WHERE NOT EXISTS (SELECT 1 FROM attempts WHERE request_id = ?)"
)
_GROUPS: dict[str, str] = {
    "principal": "principal",
    "model": "model",
    "upstream": "upstream",
    "day": "strftime('%Y-%m-%d', hour * 3600, 'unixepoch')",
    "hour": "strftime('%Y-%m-%dT%H:00Z', hour * 3600, 'unixepoch')",
}


class Unusable(Exception):
    """The file is no ledger, or one of a newer form than this program knows."""


class LedgerFile:
    """The ledger at ``path``, which is made. Every call may wait for other processes.

    Raises:
        Unusable: what is there is no ledger that could be used.
        sqlite3.Error: it cannot be opened or made.
    """

    def __init__(self, path: Path, patience: float = 5.0) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            path, timeout=patience, isolation_level=None, check_same_thread=False
        )
        with ExitStack() as stack:
            stack.callback(self._connection.close)
            for setting in _SETTINGS:
                self._connection.execute(setting)
            self._prepare()
            stack.pop_all()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # Writing --------------------------------------------------------------------------------

    def keep(self, batch: Batch, owner: str) -> int:
        """Keep a batch in one transaction; return how many rows of it were new."""
        with _Transaction(self._connection):
            for intent in batch.intents:
                values = msgspec.structs.astuple(intent)
                self._connection.execute(_INTEND, (*values, owner, intent.request_id))
            added = [row for row in batch.rows if self._added(row)]
            self._sum_up(added)
            over = {row.request_id for row in batch.rows if row.last} | {*batch.ended}
            self._connection.executemany(
                "DELETE FROM intents WHERE request_id = ?", [(one,) for one in over]
            )
        return len(added)

    def give_up(self, owner: str) -> int:
        """Note that the calls of a process that is gone have ended nobody knows how."""
        with _Transaction(self._connection):
            left = self._connection.execute(
                "SELECT request_id, at, principal, endpoint, model FROM intents WHERE owner = ?",
                (owner,),
            ).fetchall()
            rows = [_unknown(msgspec.convert(list(one), Intent)) for one in left]
            self._sum_up([row for row in rows if self._added(row)])
            self._connection.execute("DELETE FROM intents WHERE owner = ?", (owner,))
        return len(left)

    def _added(self, row: Row) -> bool:
        values = msgspec.structs.astuple(row)
        return self._connection.execute(_ADD, values).rowcount == 1

    def _sum_up(self, rows: Iterable[Row]) -> None:
        sums: defaultdict[tuple[int, str, str, str], list[int]] = defaultdict(
            lambda: [0] * len(_SUMS)
        )
        for row in rows:
            figures = sums[row.at // _HOUR, row.principal, row.model, row.upstream]
            for place, figure in enumerate(_figures(row)):
                figures[place] += figure
        self._connection.executemany(_SUM, [(*by, *figures) for by, figures in sums.items()])

    # Reading --------------------------------------------------------------------------------

    def sums(
        self, by: Sequence[By], since: int, until: int, principal: str | None = None
    ) -> list[Sum]:
        """Add up what was used from ``since`` up to before ``until``, whole hours, in Unix ms.

        The dearest group first; those by time in their order.
        """
        groups = ", ".join(_GROUPS[one] for one in by) or "1"
        totals = ", ".join(f"SUM({name})" for name in _SUMS)
        whose = "" if principal is None else "AND principal = ? "
        order = groups if any(one in ("day", "hour") for one in by) else "SUM(cost) DESC, 1"
        query = (
            f"SELECT {groups}, {totals} FROM hours WHERE hour >= ? AND hour < ? {whose}"  # noqa: S608
            f"GROUP BY {groups} ORDER BY {order}"
        )
        bounds: list[Any] = [since // _HOUR, -(-until // _HOUR)]
        rows = self._connection.execute(query, [*bounds, *([principal] if principal else [])])
        width = max(len(by), 1)
        return [
            Sum(by=tuple(row[: len(by)]), **dict(zip(_SUMS, row[width:], strict=True)))
            for row in rows
        ]

    def rows(self, limit: int = 100) -> list[Row]:
        """Return the newest rows."""
        query = f"SELECT {', '.join(_FIELDS)} FROM attempts ORDER BY at DESC, request_id, attempt LIMIT ?"  # noqa: S608, E501
        found = self._connection.execute(query, (limit,)).fetchall()
        return [msgspec.convert(list(row), Row, strict=False) for row in found]

    def open_calls(self) -> int:
        """Return how many calls have begun and not ended."""
        return int(self._connection.execute("SELECT COUNT(*) FROM intents").fetchone()[0])

    def _prepare(self) -> None:
        """Make the tables, unless somebody has."""
        with _Transaction(self._connection):
            (form,) = self._connection.execute("PRAGMA user_version").fetchone()
            (application,) = self._connection.execute("PRAGMA application_id").fetchone()
            if form == 0 and application == 0:
                for statement in _TABLES:
                    self._connection.execute(statement)
            elif application != _APPLICATION:
                raise Unusable("the file is no ledger of Isthmus")
            elif form > _FORM:
                raise Unusable(f"the ledger has form {form}, this program knows {_FORM}")


class _Transaction:
    """Begins as the only writer; keeps all of it, or nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._connection.execute("COMMIT" if kind is None else "ROLLBACK")


def read(path: Path) -> LedgerFile | None:
    """Open a ledger to look at; None where there is none yet.

    Raises:
        Unusable, sqlite3.Error: it cannot be read.
    """
    return LedgerFile(path) if path.exists() else None


def backup(path: Path, to: Path) -> None:
    """Copy a ledger that may be in use.

    Raises:
        sqlite3.Error: it cannot be read, or the copy not be written.
    """
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def _figures(row: Row) -> list[int]:
    unpriced = int(row.used and row.cost is None)
    counted = [int(getattr(row, name)) for name in _COUNTED]
    return [int(row.last), 1, *counted, row.cost or 0, unpriced]


def _unknown(intent: Intent) -> Row:
    return Row(
        request_id=intent.request_id,
        attempt=0,
        at=intent.at,
        principal=intent.principal,
        endpoint=intent.endpoint,
        asked=intent.model,
        model=intent.model,
        upstream="",
        upstream_model="",
        credential=0,
        last=True,
        ending="unknown",
        status=0,
        error="",
        used=True,
        estimated=True,
    )
