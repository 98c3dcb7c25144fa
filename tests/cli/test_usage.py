"""``isthmus usage``: the ledger as a table, as JSON and as CSV."""

import csv
import io
import json
import subprocess
import sys
import time

import pytest

from factories.books import FILE, books
from isthmus.storage.ledger_store import Batch, Row


def row(request: str, model: str, key: str, cost: int | None) -> Row:
    return Row(
        request_id=request,
        attempt=1,
        at=int(time.time() * 1000),
        principal=key,
        endpoint="e",
        asked=model,
        model=model,
        upstream="main",
        upstream_model=model,
        credential=1,
        last=True,
        ending="complete",
        status=200,
        error="",
        input=1_000,
        output=20,
        used=True,
        cost=cost,
    )


@pytest.fixture
def usage(tmp_path):
    file = tmp_path / "isthmus.toml"
    file.write_text(f'[server]\nstate = "{tmp_path}/state"\n[upstreams.box]\nkind = "sandbox"\n')

    def run(*options: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "isthmus", "usage", "--config", str(file), *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)

    return run


@pytest.fixture
def used(tmp_path):
    rows = [row("a", "opus", "config:ann", 3 * 10**9), row("b", "opus", "config:bob", 10**9)]
    rows.append(row("c", "nova", "config:bob", None))
    with books(tmp_path / "state" / FILE) as ledger:
        ledger.keep(Batch(rows=rows), "me")


def test_nothing_was_used_where_there_are_no_books(usage):
    ended = usage()
    assert (ended.returncode, ended.stdout) == (0, "Nothing was used in that time.\n")


def test_table_shows_the_dearest_first_with_a_bar_and_a_total(usage, used):
    lines = usage("--by", "key").stdout.splitlines()
    assert lines[0].split()[:2] == ["KEY", "CALLS"]
    assert lines[1].split() == ["config:ann", "1", "1,000", "0", "20", "3.0000", "█" * 20]
    assert lines[2].split()[-1] == "█" * 7
    assert lines[3].split()[0] == "all"
    assert "nobody knows the price: 1 attempts" in lines[-1]


def test_json_is_exact(usage, used):
    told = json.loads(usage("--by", "model", "--json").stdout)
    assert [(one["model"], one["cost"], one["unpriced"]) for one in told] == [
        ("opus", "4.000000000", 0),
        ("nova", "0.000000000", 1),
    ]


def test_csv_has_a_line_for_each_group(usage, used):
    told = list(csv.DictReader(io.StringIO(usage("--by", "key", "--by", "model", "--csv").stdout)))
    assert {(one["key"], one["model"]) for one in told} == {
        ("config:ann", "opus"),
        ("config:bob", "opus"),
        ("config:bob", "nova"),
    }


def test_time_that_is_none_is_a_usage_error(usage):
    ended = usage("--since", "soon")
    assert (ended.returncode, "24h, 7d or 4w" in ended.stderr) == (2, True)
