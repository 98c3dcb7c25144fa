"""``GET /v1/usage``: what the caller's own key has used and spent."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from contextlib import closing
from typing import Any
from urllib.parse import parse_qs

from msgspec import structs

from isthmus.call import Outcome, dollars
from isthmus.errors import GatewayBusy, InvalidRequest
from isthmus.serving.gate import Gate
from isthmus.serving.reply import Reply
from isthmus.serving.request import Request
from isthmus.storage.database import Database, Unavailable, Unusable
from isthmus.storage.ledger_store import LedgerStore, Sum
from isthmus.storage.schema import form_of

_DAY = 86_400
_MOST_DAYS = 366
_DEFAULT_DAYS = 7


class Usage:
    """The endpoint. ``database`` is where the books are; None: none are kept."""

    def __init__(self, *, gate: Gate, database: Database | None) -> None:
        self._gate = gate
        self._database = database

    async def get(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Add up by day and model what the key has used, in the last ``days``."""
        principal = await self._gate.identify(request, outcome)
        days = _days(request.query)
        if self._database is None:
            raise InvalidRequest("No ledger is kept here.", status=404, code="not_found")
        until = time.time()
        since = (int(until) // _DAY - days + 1) * _DAY
        try:
            sums = await asyncio.to_thread(_read, self._database, principal.id, since, until)
        except (Unavailable, Unusable):
            raise GatewayBusy("The ledger cannot be read now.", retry_after=1) from None
        document = {
            "object": "usage",
            "key": principal.id,
            "since": _moment(since),
            "until": _moment(until),
            "cost": dollars(sum(one.cost for one in sums)),
            "data": [_entry(one) for one in sums],
        }
        await reply.whole(200, document)


def _read(database: Database, principal: str, since: float, until: float) -> list[Sum]:
    if not database.exists:
        return []
    with closing(database.connect()) as connection:
        if not form_of(connection):
            return []
        begin, end = int(since * 1000), int(until * 1000)
        return LedgerStore(connection).sums(["day", "model"], begin, end, principal)


def _days(query: bytes) -> int:
    asked = parse_qs(query.decode("latin-1")).get("days", [str(_DEFAULT_DAYS)])[-1]
    if not (asked.isascii() and asked.isdecimal() and 1 <= int(asked[:9]) <= _MOST_DAYS):
        raise InvalidRequest(f"'days' must be from 1 to {_MOST_DAYS}.", param="days")
    return int(asked)


def _entry(one: Sum) -> dict[str, Any]:
    day, model = one.by
    figures = structs.asdict(one)
    del figures["by"]
    return {"day": day, "model": model, **figures, "cost": dollars(one.cost)}


def _moment(seconds: float) -> str:
    return dt.datetime.fromtimestamp(int(seconds), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
