"""What is spent of budgets, and what of them is leased to processes.

A process may spend what it has leased without asking anybody. What it has not yet accounted for
stays leased, so spent and leased together are never less than what was really spent; if it dies,
its lease counts as spent until its books have come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from isthmus.call import DOLLAR
from isthmus.storage.database import Connection

#: A budget's id, and the period of it.
Account = tuple[str, str]

#: Beyond what is needed, a lease is this part of what is left, and no more than this.
_SHARE, _MOST = 50, DOLLAR

_OPEN = "INSERT INTO spending VALUES (?, ?, 0, 0) ON CONFLICT DO NOTHING"
_LEFT = (
    "SELECT b.amount, s.spent, s.leased FROM spending s JOIN budgets b ON b.id = s.budget "
    "WHERE s.budget = ? AND s.period = ?"
)
_LEASE = "UPDATE spending SET leased = leased + ? WHERE budget = ? AND period = ?"
_HOLD = (
    "INSERT INTO leases VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT (owner, budget, period) DO UPDATE "
    "SET amount = leases.amount + excluded.amount, renewed = excluded.renewed"
)
_HELD = "SELECT amount, lost FROM leases WHERE owner = ? AND budget = ? AND period = ?"
_LOWER = "UPDATE leases SET amount = amount - ? WHERE owner = ? AND budget = ? AND period = ?"
_SPEND = (
    "UPDATE spending SET spent = spent + ?, leased = leased - ? WHERE budget = ? AND period = ?"
)
_STANDS = "SELECT spent, leased FROM spending WHERE budget = ? AND period = ?"
_SILENT = (
    "SELECT owner, budget, period, amount FROM leases WHERE renewed < ? AND lost = 0 "
    "ORDER BY budget, period, owner"
)
_FOUND = "UPDATE leases SET lost = 0 WHERE owner = ? AND budget = ? AND period = ?"
_LOSE = (
    "UPDATE leases SET lost = 1 WHERE owner = ? AND budget = ? AND period = ? AND renewed < ? "
    "AND lost = 0"
)


class Refused(Exception):
    """The budget ``account`` cannot pay: ``left`` nano-dollars of it are free."""

    def __init__(self, account: Account, left: int) -> None:
        super().__init__(account, left)
        self.account = account
        self.left = left


class Spent(Struct, frozen=True, kw_only=True):
    """What a budget stands at in one period, in nano-dollars."""

    budget: str
    period: str
    spent: int
    leased: int


def lease(
    connection: Connection, owner: str, needs: Mapping[Account, int], now: int
) -> dict[Account, int]:
    """Lease of each budget what is needed at least; return how much. All of them, or none.

    ``now`` is in Unix milliseconds.

    Raises:
        Refused: one of them cannot pay.
    """
    leased: dict[Account, int] = {}
    with connection.transaction():
        # In one order everywhere, so that no two processes wait for each other.
        for account in sorted(needs):
            _reach(connection, account)
            _find_again(connection, owner, account)
            found = connection.run(_LEFT, account)
            amount, spent, lent = found[0] if found else (0, 0, 0)
            left = amount - spent - lent
            if needs[account] > left:
                raise Refused(account, max(left, 0))
            leased[account] = min(left, max(needs[account], min(left // _SHARE, _MOST)))
            connection.change(_LEASE, (leased[account], *account))
            connection.change(_HOLD, (owner, *account, leased[account], now))
    return leased


def give_back(connection: Connection, owner: str, amounts: Mapping[Account, int]) -> None:
    """Return what was leased and is not needed."""
    with connection.transaction():
        for account in sorted(amounts):
            _reach(connection, account)
            _find_again(connection, owner, account)
            free = _taken_off(connection, owner, account, amounts[account])[0]
            connection.change(_SPEND, (0, free, *account))


def charge(connection: Connection, owner: str, costs: Mapping[Account, int]) -> None:
    """Note what was spent, within a transaction: it is leased no more."""
    for account in sorted(costs):
        _reach(connection, account)
        held, lost = _taken_off(connection, owner, account, costs[account])
        # What was lost has been counted as spent before.
        spent, freed = (costs[account] - held, 0) if lost else (costs[account], held)
        connection.change(_SPEND, (spent, freed, *account))


def renew(connection: Connection, owner: str, now: int) -> None:
    """Say that a process lives."""
    connection.change("UPDATE leases SET renewed = ? WHERE owner = ? AND lost = 0", (now, owner))


def give_up_leases(connection: Connection, owner: str) -> None:
    """Return all that a process has leased that is gone and accounted for, in a transaction."""
    query = "SELECT budget, period, amount, lost FROM leases WHERE owner = ? ORDER BY 1, 2"
    for budget, period, amount, lost in connection.run(query, (owner,)):
        spent, freed = (-amount, 0) if lost else (0, amount)
        connection.change(_SPEND, (spent, freed, budget, period))
    connection.change("DELETE FROM leases WHERE owner = ?", (owner,))


def write_off(connection: Connection, before: int) -> int:
    """Count as spent what processes have leased that nobody has heard of since ``before``.

    Returns how many leases those were. What their books tell later is not counted again.
    """
    lost = 0
    with connection.transaction():
        for owner, budget, period, amount in connection.run(_SILENT, (before,)):
            _reach(connection, (budget, period))
            if connection.change(_LOSE, (owner, budget, period, before)):
                connection.change(_SPEND, (amount, amount, budget, period))
                lost += 1
    return lost


def spending(connection: Connection, accounts: Sequence[Account]) -> dict[Account, Spent]:
    """Return what budgets stand at."""
    stands: dict[Account, Spent] = {}
    for account in accounts:
        found = connection.run(_STANDS, account)
        spent, leased = found[0] if found else (0, 0)
        stands[account] = Spent(budget=account[0], period=account[1], spent=spent, leased=leased)
    return stands


def _reach(connection: Connection, account: Account) -> None:
    """Be the only one at a budget: before its leases, always, so that nobody waits in a circle."""
    connection.change(_OPEN, account)
    connection.run(_STANDS + connection.locking, account)


def _find_again(connection: Connection, owner: str, account: Account) -> None:
    """Note that a process lives after all, whose lease was counted as spent."""
    found = connection.run(_HELD, (owner, *account))
    if found and found[0][1]:
        amount = found[0][0]
        connection.change(_SPEND, (-amount, -amount, *account))
        connection.change(_FOUND, (owner, *account))


def _taken_off(
    connection: Connection, owner: str, account: Account, amount: int
) -> tuple[int, bool]:
    """Lower a lease as far as it goes; return by how much, and whether it was lost."""
    found = connection.run(_HELD + connection.locking, (owner, *account))
    held, lost = found[0] if found else (0, 0)
    taken = min(held, amount)
    if taken:
        connection.change(_LOWER, (taken, owner, *account))
    return taken, bool(lost)
