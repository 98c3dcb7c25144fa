"""What is spent and leased together is never less than what was really spent, nor over a budget."""

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from isthmus.call import DOLLAR
from isthmus.storage.database import Database
from isthmus.storage.ledger_store import Batch, Intent, LedgerStore, Row, Settled
from isthmus.storage.schema import upgrade
from isthmus.storage.spending import (
    Refused,
    charge,
    give_back,
    give_up_leases,
    lease,
    spending,
    write_off,
)

JULY = ("b", "2026-07")
INSERT = "INSERT INTO budgets VALUES ('b', 'k', '*', 'month', 1, ?, NULL, 1)"


def connected(database, amount=100):
    connection = database.connect()
    upgrade(connection)
    connection.change(INSERT, (amount,))
    return connection


@pytest.fixture
def tables(database):
    with closing(connected(database)) as connection:
        yield connection


def stands(connection):
    one = spending(connection, [JULY])[JULY]
    return one.spent, one.leased


def test_lease_is_what_is_needed_or_a_share_of_the_rest(database):
    with closing(connected(database, 100 * DOLLAR)) as connection:
        assert lease(connection, "me", {JULY: 5}, 0) == {JULY: DOLLAR}
        assert lease(connection, "me", {JULY: 3 * DOLLAR}, 0) == {JULY: 3 * DOLLAR}
        assert stands(connection) == (0, 4 * DOLLAR)


def test_budget_that_cannot_pay_refuses_and_others_are_left_as_they_were(tables):
    tables.change("INSERT INTO budgets VALUES ('a', 'k', '*', 'month', 1, 1000, NULL, 1)")
    with pytest.raises(Refused) as refused:
        lease(tables, "me", {("a", "2026-07"): 500, JULY: 101}, 0)
    assert (refused.value.account, refused.value.left) == (JULY, 100)
    assert spending(tables, [("a", "2026-07")])["a", "2026-07"].leased == 0


def test_what_was_spent_is_leased_no_more(tables):
    lease(tables, "me", {JULY: 60}, 0)
    with tables.transaction():
        charge(tables, "me", {JULY: 20})
    assert stands(tables) == (20, 40)
    give_back(tables, "me", {JULY: 40})
    assert stands(tables) == (20, 0)


def test_bill_beyond_the_lease_counts_whole(tables):
    lease(tables, "me", {JULY: 10}, 0)
    with tables.transaction():
        charge(tables, "me", {JULY: 25})
    assert stands(tables) == (25, 0)


def test_lease_of_the_dead_counts_as_spent_until_their_books_come(tables):
    lease(tables, "dead", {JULY: 60}, now=5)
    assert write_off(tables, before=5) == 0
    assert write_off(tables, before=6) == 1
    assert stands(tables) == (60, 0)
    with tables.transaction():
        charge(tables, "dead", {JULY: 45})
        give_up_leases(tables, "dead")
    assert stands(tables) == (45, 0)


def row(request, cost):
    return Row(
        request_id=request, attempt=1, at=0, principal="k", endpoint="e", asked="m", model="m",
        upstream="u", upstream_model="m", credential=1, last=True, ending="complete", status=200,
        error="", used=True, cost=cost,
    )  # fmt: skip


def test_rows_pay_once_however_often_they_arrive(tables):
    ledger = LedgerStore(tables)
    lease(tables, "me", {JULY: 60}, 0)
    settled = Settled(rows=[row("r", 25)], charges=(JULY,), reserved=50)
    for _ in range(3):
        ledger.keep(Batch(settled=[settled]), "me")
    assert stands(tables) == (25, 35)


def test_row_without_a_price_pays_what_was_reserved(tables):
    settled = Settled(rows=[row("r", None)], charges=(JULY,), reserved=50)
    LedgerStore(tables).keep(Batch(settled=[settled]), "me")
    assert stands(tables) == (50, 0)


def test_call_of_the_dead_pays_for_its_prompt_and_the_rest_is_free_again(tables):
    ledger = LedgerStore(tables)
    lease(tables, "dead", {JULY: 60}, 0)
    intent = Intent(
        request_id="r", at=0, principal="k", endpoint="e", model="m", reserved=7, charges=(JULY,)
    )
    ledger.keep(Batch(intents=[intent]), "dead")
    assert ledger.give_up("dead") == 1
    assert stands(tables) == (7, 0)


class Spending(RuleBasedStateMachine):
    """Processes lease, spend, give back, die and are accounted for, in any order."""

    amount = 1000

    def __init__(self):
        super().__init__()
        self.database = connected(Database(Path(":memory:")), self.amount)
        self.free = {}
        self.unsettled = []
        self.paid = 0
        self.number = 0

    def teardown(self):
        self.database.close()

    @rule(owner=st.sampled_from("abc"), need=st.integers(1, 400))
    def take(self, owner, need):
        try:
            leased = lease(self.database, owner, {JULY: need}, 0)[JULY]
        except Refused as refused:
            assert refused.left < need
        else:
            self.free[owner] = self.free.get(owner, 0) + leased

    @rule(owner=st.sampled_from("abc"), share=st.floats(0, 1))
    def spend(self, owner, share):
        cost = int(self.free.get(owner, 0) * share)
        self.free[owner] = self.free.get(owner, 0) - cost
        self.number += 1
        self.unsettled.append((owner, row(f"r{self.number}", cost)))
        self.paid += cost

    @rule(times=st.integers(1, 2))
    def settle(self, times):
        for owner, one in self.unsettled[:3]:
            settled = Settled(rows=[one], charges=(JULY,), reserved=0)
            for _ in range(times):
                LedgerStore(self.database).keep(Batch(settled=[settled]), owner)
        del self.unsettled[:3]

    @rule(owner=st.sampled_from("abc"))
    def return_what_is_free(self, owner):
        give_back(self.database, owner, {JULY: self.free.pop(owner, 0)})

    @rule()
    def nobody_is_heard_of(self):
        write_off(self.database, 1)

    @rule(owner=st.sampled_from("abc"))
    def die_and_be_accounted_for(self, owner):
        left = [one for one in self.unsettled if one[0] == owner]
        self.unsettled = [one for one in self.unsettled if one[0] != owner]
        settled = [Settled(rows=[one], charges=(JULY,), reserved=0) for _, one in left]
        LedgerStore(self.database).keep(Batch(settled=settled), owner)
        LedgerStore(self.database).give_up(owner)
        self.free.pop(owner, None)

    @invariant()
    def nothing_is_overspent(self):
        spent, leased = stands(self.database)
        assert self.paid <= spent + leased <= self.amount
        assert spent + leased == self.paid + sum(self.free.values())


TestSpending = Spending.TestCase
TestSpending.settings = settings(stateful_step_count=30)
