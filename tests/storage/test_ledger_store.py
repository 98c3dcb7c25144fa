"""Rows count once, sums are those of the rows, and no call is forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.books import books, tables
from isthmus.storage.ledger_store import Batch, Intent, LedgerStore, Row

HOUR = 3_600_000


def row(request: str = "r1", attempt: int = 1, **more) -> Row:
    known = {"at": 5 * HOUR, "principal": "config:a", "endpoint": "POST /v1/x", "asked": "m"}
    known |= {"model": "m", "upstream": "main", "upstream_model": "m", "credential": 1}
    known |= {"last": True, "ending": "complete", "status": 200, "error": "", "used": True}
    return Row(request_id=request, attempt=attempt, **{**known, **more})


def intent(request: str = "r1") -> Intent:
    return Intent(request_id=request, at=5 * HOUR, principal="config:a", endpoint="e", model="m")


@pytest.fixture
def ledger(database):
    with tables(database) as connection:
        yield LedgerStore(connection)


def everything(ledger: LedgerStore, *by):
    return ledger.sums(by, 0, 10**15)


def test_rows_come_back_as_they_were_kept(ledger):
    kept = row(cost=5, prices="v", first_ms=3, total_ms=9, input=7)
    ledger.keep(Batch(rows=[kept]), "me")
    assert ledger.rows() == [kept]


def test_row_that_arrives_twice_counts_once(ledger):
    assert ledger.keep(Batch(rows=[row(cost=5, input=7)]), "me") == 1
    assert ledger.keep(Batch(rows=[row(cost=5, input=7)] * 2), "me") == 0
    [total] = everything(ledger)
    assert (total.calls, total.attempts, total.cost, total.input) == (1, 1, 5, 7)


def test_calls_are_counted_by_their_last_attempt(ledger):
    first = row(last=False, upstream="main", ending="overloaded", used=False)
    ledger.keep(Batch(rows=[first, row(attempt=2, upstream="spare", cost=5)]), "me")
    found = {one.by: (one.calls, one.attempts, one.cost) for one in everything(ledger, "upstream")}
    assert found == {("spare",): (1, 1, 5), ("main",): (0, 1, 0)}


def test_what_nobody_knows_the_price_of_is_counted_as_such(ledger):
    ledger.keep(Batch(rows=[row("a", cost=None), row("b", cost=None, used=False)]), "me")
    assert everything(ledger)[0].unpriced == 1


def test_sums_are_grouped_bounded_and_whose(ledger):
    rows = [row("a", cost=1), row("b", cost=2, at=30 * HOUR, principal="config:b")]
    ledger.keep(Batch(rows=rows), "me")
    assert [one.by for one in everything(ledger, "day", "principal")] == [
        ("1970-01-01", "config:a"),
        ("1970-01-02", "config:b"),
    ]
    assert ledger.sums([], 6 * HOUR, 40 * HOUR)[0].cost == 2
    assert ledger.sums(["model"], 0, 40 * HOUR, "config:a")[0].cost == 1
    assert ledger.sums(["model"], 0, 40 * HOUR, "nobody") == []


def test_call_that_has_ended_is_open_no_more(ledger):
    ledger.keep(Batch(intents=[intent("a"), intent("b")]), "me")
    assert ledger.open_calls() == 2
    ledger.keep(Batch(rows=[row("a")], ended=["b"]), "me")
    assert ledger.open_calls() == 0


def test_intent_that_arrives_again_after_its_end_is_no_open_call(ledger):
    ledger.keep(Batch(rows=[row("a")]), "me")
    ledger.keep(Batch(intents=[intent("a")]), "me")
    assert ledger.open_calls() == 0


def test_calls_of_a_process_that_is_gone_have_ended_nobody_knows_how(ledger):
    ledger.keep(Batch(intents=[intent("a")]), "gone")
    ledger.keep(Batch(intents=[intent("b")]), "alive")
    assert ledger.give_up("gone") == 1
    [unknown] = ledger.rows()
    assert (unknown.request_id, unknown.ending, unknown.estimated) == ("a", "unknown", True)
    assert (everything(ledger)[0].unpriced, ledger.open_calls()) == (1, 1)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3), st.integers(0, 9)), max_size=20))
def test_sums_are_always_those_of_the_rows(tmp_path_factory, told):
    path = tmp_path_factory.mktemp("ledger") / "file"
    with books(path) as store:
        for request, attempt, cost in told:
            store.keep(Batch(rows=[row(f"r{request}", attempt, cost=cost)]), "me")
        kept = store.rows()
        sums = everything(store)
        total = sums[0].cost if kept else 0
    assert total == sum(one.cost for one in kept)
    assert len(kept) == len({(request, attempt) for request, attempt, _ in told})


def test_two_processes_write_in_turn(database):
    with tables(database) as first, tables(database) as second:
        one, two = LedgerStore(first), LedgerStore(second)
        one.keep(Batch(rows=[row("a")]), "one")
        two.keep(Batch(rows=[row("b")]), "two")
        assert everything(one)[0].calls == 2
