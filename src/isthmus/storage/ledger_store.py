"""The tables of the books: a row for each attempt, sums by the hour, and calls that have not ended.

Rows may arrive more than once and count once. Sums, and what is spent of budgets, grow in the same
transaction, and only by rows that are new, so they are always those of the rows.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from isthmus.storage.database import Connection, Value, rows_of
from isthmus.storage.spending import charge, give_up_leases

_HOUR = 3_600_000
_TOKENS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "thinking")
_COUNTED = (*_TOKENS, "web_searches")
#: What sums are kept by, and what is summed.
_BY = ("hour", "principal", "model", "upstream")
_SUMS = ("calls", "attempts", *_COUNTED, "cost", "unpriced")
#: So many rows are written by one statement.
_AT_ONCE = 200
By = Literal["principal", "model", "upstream", "day", "hour"]
#: A budget, and the period of it that a call falls in.
Charge = tuple[str, str]


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
    queue_ms: int = 0


class Intent(Struct, frozen=True, kw_only=True, array_like=True):
    """A call that is about to go upstream.

    ``reserved`` is what it is charged if nobody ever learns how it ended, in nano-dollars;
    ``charges``: the budgets that pay.
    """

    request_id: str
    at: int
    principal: str
    endpoint: str
    model: str
    reserved: int = 0
    charges: tuple[Charge, ...] = ()


class Settled(Struct, frozen=True, kw_only=True, array_like=True):
    """A call that has ended and is paid for by budgets.

    ``reserved`` is what an attempt is charged that has used what nobody knows the price of.
    """

    rows: list[Row]
    charges: tuple[Charge, ...]
    reserved: int


class Batch(Struct, kw_only=True):
    """What is to be kept in one step. ``ended``: calls that are over, whatever rows they have."""

    intents: list[Intent] = []
    rows: list[Row] = []
    settled: list[Settled] = []
    ended: list[str] = []
    #: Lists of prices by version, as JSON.
    prices: dict[str, str] = {}


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
_WIDTH = len(_FIELDS)
# Values travel as parameters; what is put together here are the names of our own columns.
_SELECT = f"SELECT {', '.join(_FIELDS)} FROM attempts "  # noqa: S608
_SUM = (
    f"INSERT INTO hours VALUES ({', '.join('?' * (len(_BY) + len(_SUMS)))}) "  # noqa: S608
    f"ON CONFLICT ({', '.join(_BY)}) DO UPDATE SET "
    + ", ".join(f"{name} = hours.{name} + excluded.{name}" for name in _SUMS)
)
_INTEND = (
    "INSERT INTO intents SELECT CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS TEXT), "
    "CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT) "
    "WHERE NOT EXISTS (SELECT 1 FROM attempts WHERE request_id = ?) ON CONFLICT DO NOTHING"
)
_UNDER_WAY = (
    "SELECT request_id, at, principal, endpoint, model, reserved, charges FROM intents "
    "WHERE owner = ?"
)
_PRICES = "INSERT INTO prices VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_GROUPS = {
    "principal": "principal",
    "model": "model",
    "upstream": "upstream",
    "day": "hour / 24",
    "hour": "hour",
}


class LedgerStore:
    """The books on one connection, for one thread at a time. Every call may wait for others."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # Writing --------------------------------------------------------------------------------

    def keep(self, batch: Batch, owner: str) -> int:
        """Keep a batch in one transaction; return how many rows of it were new."""
        rows = [*batch.rows, *(row for one in batch.settled for row in one.rows)]
        with self._connection.transaction():
            self._connection.run_many(_INTEND, [_values(intent, owner) for intent in batch.intents])
            added = self._added(rows)
            self._sum_up(added)
            charge(self._connection, owner, _charges(batch.settled, added))
            over = {row.request_id for row in rows if row.last} | {*batch.ended}
            self._connection.run_many(
                "DELETE FROM intents WHERE request_id = ?", [(one,) for one in sorted(over)]
            )
            at = rows[0].at if rows else 0
            self._connection.run_many(
                _PRICES, [(version, told, at) for version, told in batch.prices.items()]
            )
        return len(added)

    def give_up(self, owner: str) -> int:
        """Note that the calls of a process that is gone have ended nobody knows how."""
        with self._connection.transaction():
            found = self._connection.run(_UNDER_WAY, (owner,))
            left = [_intent(one) for one in found]
            added = self._added([_unknown(one) for one in left])
            self._sum_up(added)
            settled = [
                Settled(rows=[_unknown(one)], charges=one.charges, reserved=one.reserved)
                for one in left
            ]
            charge(self._connection, owner, _charges(settled, added))
            give_up_leases(self._connection, owner)
            self._connection.change("DELETE FROM intents WHERE owner = ?", (owner,))
        return len(left)

    def _added(self, rows: Sequence[Row]) -> list[Row]:
        """Write rows; return those that were not there."""
        new: set[tuple[str, int]] = set()
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            values = [_plain(value) for row in part for value in msgspec.structs.astuple(row)]
            told = self._connection.run(_insertion(len(part)), values)
            new.update((name, number) for name, number in told)
        added: list[Row] = []
        for row in rows:
            if (row.request_id, row.attempt) in new:
                new.remove((row.request_id, row.attempt))
                added.append(row)
        return added

    def _sum_up(self, rows: Iterable[Row]) -> None:
        sums: defaultdict[tuple[int, str, str, str], list[int]] = defaultdict(
            lambda: [0] * len(_SUMS)
        )
        for row in rows:
            figures = sums[row.at // _HOUR, row.principal, row.model, row.upstream]
            for place, figure in enumerate(_figures(row)):
                figures[place] += figure
        # In one order everywhere: of two who add to the same sums, one waits for the other.
        self._connection.run_many(_SUM, [(*by, *sums[by]) for by in sorted(sums)])

    # Reading --------------------------------------------------------------------------------

    def sums(
        self, by: Sequence[By], since: int, until: int, principal: str | None = None
    ) -> list[Sum]:
        """Add up what was used from ``since`` up to before ``until``, whole hours, in Unix ms.

        The dearest group first; those by time in their order.
        """
        groups = ", ".join(_GROUPS[one] for one in by)
        columns = f"{groups}, " if by else ""
        totals = ", ".join(f"CAST(SUM({name}) AS BIGINT)" for name in _SUMS)
        whose = "" if principal is None else "AND principal = ? "
        timed = any(one in ("day", "hour") for one in by)
        grouped = f"GROUP BY {groups} ORDER BY {groups if timed else f'SUM(cost) DESC, {groups}'}"
        query = (
            f"SELECT {columns}{totals} FROM hours WHERE hour >= ? AND hour < ? {whose}"  # noqa: S608
            f"{grouped if by else 'HAVING COUNT(*) > 0'}"
        )
        bounds: list[Value] = [since // _HOUR, -(-until // _HOUR)]
        found = self._connection.run(query, [*bounds, *([principal] if principal else [])])
        return [_sum(by, row) for row in found]

    def rows(self, limit: int = 100) -> list[Row]:
        """Return the newest rows."""
        found = self._connection.run(
            _SELECT + "ORDER BY at DESC, request_id, attempt LIMIT ?", (limit,)
        )
        return [_row(one) for one in found]

    def open_calls(self) -> int:
        """Return how many calls have begun and not ended."""
        return int(self._connection.run("SELECT COUNT(*) FROM intents")[0][0])


def _insertion(count: int) -> str:
    places = rows_of(count, _WIDTH)
    return (
        f"INSERT INTO attempts VALUES {places} ON CONFLICT DO NOTHING "  # noqa: S608
        "RETURNING request_id, attempt"
    )


def _plain(value: Any) -> Value:
    return int(value) if isinstance(value, bool) else value


def _values(intent: Intent, owner: str) -> list[Value]:
    *plain, charges = msgspec.structs.astuple(intent)
    return [*plain, msgspec.json.encode(charges).decode(), owner, intent.request_id]


def _intent(record: Sequence[Any]) -> Intent:
    *plain, charges = record
    return msgspec.convert([*plain, msgspec.json.decode(charges)], Intent)


def _row(record: Sequence[Any]) -> Row:
    return msgspec.convert(list(record), Row, strict=False)


def _charges(settled: Iterable[Settled], added: Iterable[Row]) -> Mapping[Charge, int]:
    """Return what each budget pays for the rows that are new."""
    costs: defaultdict[str, list[Row]] = defaultdict(list)
    for row in added:
        costs[row.request_id].append(row)
    sums: defaultdict[Charge, int] = defaultdict(int)
    for one in settled:
        for row in costs.pop(one.rows[0].request_id, []) if one.rows else []:
            unknown = one.reserved if row.used else 0
            for budget in one.charges:
                sums[budget] += unknown if row.cost is None else row.cost
    return sums


def _figures(row: Row) -> list[int]:
    unpriced = int(row.used and row.cost is None)
    counted = [int(getattr(row, name)) for name in _COUNTED]
    return [int(row.last), 1, *counted, row.cost or 0, unpriced]


def _sum(by: Sequence[By], record: Sequence[Any]) -> Sum:
    names = tuple(_named(one, value) for one, value in zip(by, record, strict=False))
    return Sum(by=names, **dict(zip(_SUMS, record[len(by) :], strict=True)))


def _named(by: By, value: Any) -> str:
    if by == "day":
        return dt.datetime.fromtimestamp(value * 86_400, dt.UTC).strftime("%Y-%m-%d")
    if by == "hour":
        return dt.datetime.fromtimestamp(value * 3600, dt.UTC).strftime("%Y-%m-%dT%H:00Z")
    return value


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
        cost=intent.reserved or None,
        estimated=True,
    )
