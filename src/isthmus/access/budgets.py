"""Budgets: what a call may cost is reserved before it goes upstream, and settled when it has ended.

A process pays from what it has leased, in memory; the database is asked when a lease does not
suffice, and told by the books what was spent.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from msgspec import Struct

from isthmus.call import dollars
from isthmus.errors import GatewayBusy, LimitReached
from isthmus.storage import spending
from isthmus.storage.access_records import Budget, Period
from isthmus.storage.database import Connection, Database, Lasting, Unavailable, Unusable
from isthmus.storage.schema import upgrade
from isthmus.storage.spending import Account, Refused

log = logging.getLogger("isthmus")

#: A call waits no longer for the database than this, in seconds. A database that is merely busy
#: answers in a fraction; one that is away must not hold calls up.
_WITHIN = 0.05
#: How often leases are looked after, and for how long one may lie idle. Seconds.
_EVERY, _IDLE = 10.0, 30.0
#: After which an empty lease is forgotten: no call takes so long. Seconds.
_FORGOTTEN = 2 * 3600.0
#: A process that has not been heard of for so long is gone, and its lease is spent. Milliseconds.
_SILENCE = (3600 + 60) * 1000

T = TypeVar("T")


class Reservation(Struct, frozen=True):
    """What was put aside for one call, of each budget that pays, in nano-dollars.

    ``accounts`` are all that pay; those of soft budgets are not reserved from.
    """

    accounts: tuple[Account, ...]
    hard: tuple[Account, ...]
    amount: int


class _Lease(Struct):
    """What of a budget is free to be spent here."""

    free: int
    used_at: float


class Budgets:
    """The leases of this process, of name ``owner``. ``clock`` returns Unix seconds."""

    def __init__(
        self, database: Database, owner: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.overspent = 0
        self._owner = owner
        self._clock = clock
        self._lasting = Lasting(database, upgrade)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="budgets")
        self._leases: dict[Account, _Lease] = {}
        self._turn = asyncio.Lock()

    async def reserve(self, budgets: Sequence[Budget], amount: int) -> Reservation:
        """Put aside what a call may cost, of all its budgets or of none.

        Raises:
            LimitReached: a hard budget cannot pay.
            GatewayBusy: what is left of one cannot be found out.
        """
        now = self._clock()
        accounts = tuple((one.id, period_of(one.period, now)) for one in budgets)
        hard = tuple(account for account, one in zip(accounts, budgets, strict=True) if one.hard)
        while True:
            missing = [account for account in hard if self._free(account) < amount]
            if not missing:
                break
            await self._lease(missing, amount, budgets)
        for account in hard:
            lease = self._leases[account]
            lease.free -= amount
            lease.used_at = time.monotonic()
        return Reservation(accounts, hard, amount)

    def settle(self, reservation: Reservation, cost: int) -> None:
        """Pay what a call did cost; the rest is free again."""
        if cost > reservation.amount:
            self.overspent += cost - reservation.amount
        for account in reservation.hard:
            lease = self._leases.get(account)
            if lease is not None:
                # Never below nothing: what it cost beyond is in the books.
                lease.free = max(lease.free + reservation.amount - cost, 0)

    async def left(self, budgets: Sequence[Budget]) -> int:
        """Return how much of the tightest of the hard budgets is free, in nano-dollars.

        Raises:
            GatewayBusy: that cannot be found out.
        """
        now = self._clock()
        accounts = {(one.id, period_of(one.period, now)): one for one in budgets if one.hard}
        stands = await self._ask(lambda database: spending.spending(database, [*accounts]))
        return min(
            max(one.amount - stands[account].spent - stands[account].leased, 0)
            + self._free(account)
            for account, one in accounts.items()
        )

    async def look_after(self) -> None:
        """Return what lies idle, now and then, and say that this process lives."""
        while True:
            await asyncio.sleep(_EVERY)
            if self._leases:
                await self._tidy(self._idle())

    async def _tidy(self, idle: Mapping[Account, int]) -> None:
        loop, now = asyncio.get_running_loop(), int(self._clock() * 1000)
        try:
            if idle:
                back = partial(spending.give_back, owner=self._owner, amounts=idle)
                await loop.run_in_executor(self._thread, self._asked_of, back)
        except (Unavailable, Unusable) as error:
            log.warning("leases of budgets cannot be returned now: %s", error)
            for account, amount in idle.items():
                self._enlarge(account, amount)
            return
        try:
            lost = await loop.run_in_executor(self._thread, self._asked_of, self._live(now))
        except (Unavailable, Unusable) as error:
            log.warning("leases of budgets cannot be renewed now: %s", error)
            return
        if lost:
            log.warning("%d leases of processes that are gone count as spent", lost)

    def _live(self, now: int) -> Callable[[Connection], int]:
        def live(database: Connection) -> int:
            spending.renew(database, self._owner, now)
            return spending.write_off(database, now - _SILENCE)

        return live

    def close(self) -> None:
        """End. What is leased is given up with the books of this process."""
        self._leases.clear()
        self._thread.shutdown(wait=True)
        self._lasting.close()

    # Leases ---------------------------------------------------------------------------------

    def _free(self, account: Account) -> int:
        lease = self._leases.get(account)
        return 0 if lease is None else lease.free

    def _enlarge(self, account: Account, amount: int) -> None:
        lease = self._leases.setdefault(account, _Lease(0, time.monotonic()))
        lease.free += amount

    async def _lease(
        self, accounts: Sequence[Account], amount: int, budgets: Sequence[Budget]
    ) -> None:
        """Lease what is missing; one call does for all that wait."""
        async with self._turn:
            needs = {account: amount - self._free(account) for account in accounts}
            needs = {account: need for account, need in needs.items() if need > 0}
            if not needs:
                return
            now = int(self._clock() * 1000)
            try:
                leased = await self._ask(
                    lambda database: spending.lease(database, self._owner, needs, now),
                    late=self._came_late,
                )
            except Refused as refused:
                raise _exhausted(refused, budgets) from None
            for account, more in leased.items():
                self._enlarge(account, more)

    def _came_late(self, leased: Mapping[Account, int]) -> None:
        """Take what was leased for a call that has not waited for it."""
        for account, amount in leased.items():
            self._enlarge(account, amount)

    def _idle(self) -> dict[Account, int]:
        """Take what has not been used for a while out of the leases."""
        now = time.monotonic()
        before = now - _IDLE
        old = [one for one, lease in self._leases.items() if lease.used_at < now - _FORGOTTEN]
        for account in old:
            if not self._leases[account].free:
                del self._leases[account]
        idle = {
            account: lease.free
            for account, lease in self._leases.items()
            if lease.free and lease.used_at < before
        }
        for account in idle:
            self._leases[account].free = 0
        return idle

    # The database ---------------------------------------------------------------------------

    async def _ask(
        self,
        question: Callable[[Connection], T],
        *,
        within: float = _WITHIN,
        late: Callable[[T], object] = lambda _: None,
    ) -> T:
        """Ask the database, in its thread. What comes too late is handed to ``late``.

        Raises:
            GatewayBusy: it does not answer in time, or not at all.
        """
        loop = asyncio.get_running_loop()
        answer = loop.run_in_executor(self._thread, self._asked_of, question)
        try:
            async with asyncio.timeout(within):
                return await asyncio.shield(answer)
        except (TimeoutError, asyncio.CancelledError) as error:
            answer.add_done_callback(lambda done: _hand_over(done, late))
            if isinstance(error, asyncio.CancelledError):
                raise
            raise _away() from None
        except (Unavailable, Unusable) as error:
            log.warning("budgets cannot be read: %s", error)
            raise _away() from None

    def _asked_of(self, question: Callable[[Connection], T]) -> T:
        with self._lasting.connected() as connection:
            return question(connection)


def period_of(period: Period, now: float) -> str:
    """Return which day, week or month a moment falls in (UTC); one word for `total`."""
    at = dt.datetime.fromtimestamp(now, dt.UTC)
    match period:
        case "day":
            return at.strftime("%Y-%m-%d")
        case "week":
            return at.strftime("%G-W%V")
        case "month":
            return at.strftime("%Y-%m")
        case "total":
            return "all"


def _hand_over(done: asyncio.Future[T], late: Callable[[T], object]) -> None:
    if not done.cancelled() and done.exception() is None:
        late(done.result())


def _exhausted(refused: Refused, budgets: Sequence[Budget]) -> LimitReached:
    budget = next(one for one in budgets if one.id == refused.account[0])
    words = {"day": "today's", "week": "this week's", "month": "this month's", "total": "the"}
    return LimitReached(
        f"This call may cost more than what is left of {words[budget.period]} budget of "
        f"${dollars(budget.amount)}: ${dollars(refused.left)}.",
        code="insufficient_quota",
        should_retry=False,
    )


def _away() -> GatewayBusy:
    return GatewayBusy(
        "What is left of this key's budget cannot be found out now.",
        code="budget_unavailable",
        retry_after=1,
    )
