"""The books: nothing waits for the database, and nothing is lost or counted twice."""

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

from factories import messages as make
from factories.books import FILE, books
from factories.client import ask, call
from factories.fake_upstream import CLOSE, STALL, FakeUpstream, error, events, whole
from factories.gateway import running, upstream_table
from isthmus.call import Attempt, Outcome, Usage
from isthmus.ledger.ledger import Ledger
from isthmus.storage.database import Database

GOOD = make.message(make.text("Hello."))
ASKED = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "Hi"}],
}
NANO = 138_000


def outcome(request: str = "r1", cost: int | None = 5) -> Outcome:
    attempt = Attempt(upstream="main", model="m", base_url="", usage=Usage(input_tokens=1))
    attempt.cost = cost
    made = Outcome(request_id=request, endpoint="POST /v1/x", model="m", attempts=[attempt])
    made.began = True
    return made


def kept_in(folder):
    return Ledger(Database(folder / FILE), folder / "spool")


def kept(folder):
    with books(folder / FILE) as file:
        return file.rows(1000), file.open_calls()


def serve(tmp_path, *urls):
    return running(tmp_path, upstream_table("main", *urls))


def rows_of_gateway(tmp_path, count: int):
    """Wait until the running gateway has kept so many rows."""
    deadline = time.monotonic() + 5
    while True:
        rows, open_calls = kept(tmp_path / "state")
        if len(rows) >= count or time.monotonic() > deadline:
            return rows, open_calls
        time.sleep(0.02)


def test_call_is_kept_when_it_has_ended(tmp_path):
    ledger = kept_in(tmp_path)
    ledger.began(outcome())
    ledger.ended(outcome())
    ledger.close()
    [row], still_open = kept(tmp_path)
    assert (row.request_id, row.cost, row.input, still_open) == ("r1", 5, 1, 0)


def test_call_that_never_went_upstream_is_no_business_of_the_books(tmp_path):
    ledger = kept_in(tmp_path)
    ledger.ended(Outcome(request_id="r", endpoint="e"))
    ledger.close()
    assert kept(tmp_path) == ([], 0)


def test_database_that_is_locked_delays_nobody_and_loses_nothing(tmp_path):
    with books(tmp_path / FILE):
        ledger = kept_in(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.perf_counter()
        for number in range(200):
            ledger.began(outcome(f"r{number}"))
            ledger.ended(outcome(f"r{number}"))
        assert time.perf_counter() - began < 1
        other.execute("ROLLBACK")
    ledger.close()
    rows, still_open = kept(tmp_path)
    assert (len(rows), still_open, ledger.lost) == (200, 0, 0)


def test_folder_that_cannot_be_written_is_counted_and_told(tmp_path, caplog):
    ledger = kept_in(tmp_path)
    shutil.rmtree(tmp_path / "spool")
    ledger.ended(outcome())
    assert ledger.lost == 1
    assert "the ledger loses records" in caplog.text


KILLED = """
import os, sys
from pathlib import Path
from isthmus.call import Attempt, Outcome, Usage
from isthmus.ledger.ledger import Ledger
from isthmus.storage.database import Database

folder = Path(sys.argv[1])
ledger = Ledger(Database(folder / "isthmus.sqlite3"), folder / "spool")
for number in range(2000):
    made = Outcome(request_id=f"{sys.argv[2]}-{number}", endpoint="e", model="m", began=True)
    ledger.began(made)
    made.attempts.append(Attempt(upstream="u", model="m", base_url="", usage=Usage(), cost=1))
    ledger.ended(made)
    if number == int(sys.argv[3]):
        os.kill(os.getpid(), 9)
"""


def test_killed_processes_lose_nothing_that_was_acknowledged(tmp_path):
    fates = [300, 700, 1500, 40, 1999]
    for turn, fate in enumerate(fates):
        arguments = [str(tmp_path), str(turn), str(fate)]
        subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False, timeout=30)
    survivor = kept_in(tmp_path)
    time.sleep(0.6)
    survivor.close()
    with books(tmp_path / FILE) as file:
        [total] = file.sums([], 0, 10**15)
        assert total.cost == total.calls == sum(fate + 1 for fate in fates)
        assert file.open_calls() == 0


def test_gateway_keeps_every_attempt(tmp_path):
    with (
        FakeUpstream() as primary,
        FakeUpstream() as backup,
        serve(tmp_path, primary.url, backup.url) as gateway,
    ):
        primary.will(error(529, "overloaded_error"))
        backup.will(whole(GOOD))
        ask(gateway, ASKED)
        rows, _ = rows_of_gateway(tmp_path, 2)
    last, first = sorted(rows, key=lambda row: -row.attempt)
    assert (first.ending, first.status, first.cost) == ("upstream_refused", 529, None)
    assert (last.ending, last.last, last.cost, last.output) == ("complete", True, NANO, 7)
    assert (last.principal, last.endpoint) == ("config:test", "POST /v1/chat/completions")


def test_stream_that_breaks_is_charged_what_was_seen(tmp_path):
    with FakeUpstream() as upstream, serve(tmp_path, upstream.url) as gateway:
        upstream.will(events(make.stream(GOOD)[:5], CLOSE))
        ask(gateway, {**ASKED, "stream": True})
        [row], _ = rows_of_gateway(tmp_path, 1)
    assert (row.ending, row.input, row.output) == ("failed", 11, 1)
    assert row.cost == 11 * 3000 + 15000


def test_call_under_way_when_the_gateway_dies_is_found_by_the_next(tmp_path):
    with FakeUpstream() as upstream:
        with serve(tmp_path, upstream.url) as gateway:
            upstream.will([STALL])
            connection = gateway.connection()
            headers = {"authorization": f"Bearer {gateway.key}"}
            body = json.dumps(ASKED)
            connection.request("POST", "/v1/chat/completions", body, headers)
            upstream.wait_for(1)
            gateway.process.kill()
            connection.close()
        with serve(tmp_path, upstream.url) as gateway:
            [row], still_open = rows_of_gateway(tmp_path, 1)
            assert gateway.logs("1 calls were under way")
    assert (row.ending, row.asked, still_open) == ("unknown", "claude-sonnet-4-6", 0)


def test_key_sees_its_own_usage(tmp_path):
    with FakeUpstream() as upstream, serve(tmp_path, upstream.url) as gateway:
        upstream.will(whole(GOOD))
        ask(gateway, ASKED)
        rows_of_gateway(tmp_path, 1)
        told = call(gateway, "GET", "/v1/usage?days=1").document
        assert call(gateway, "GET", "/v1/usage?days=0").error["param"] == "days"
        assert call(gateway, "GET", "/v1/usage", authorization="").status == 401
    assert (told["key"], told["cost"]) == ("config:test", "0.000138000")
    [entry] = told["data"]
    assert (entry["model"], entry["calls"], entry["output"]) == ("claude-sonnet-4-6", 1, 7)


def test_books_can_be_switched_off(tmp_path):
    with FakeUpstream() as upstream:
        rest = upstream_table("main", upstream.url) + "\n[ledger]\nenabled = false\n"
        with running(tmp_path, rest) as gateway:
            upstream.will(whole(GOOD))
            assert ask(gateway, ASKED).status == 200
            assert call(gateway, "GET", "/v1/usage").status == 404
    assert not (tmp_path / "state" / "spool").exists()
