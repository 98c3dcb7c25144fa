"""``isthmus usage``: what was used and spent, from the ledger of a gateway."""

from __future__ import annotations

import csv
import json
import re
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal, cast

import click
from msgspec import structs
from rich.console import Console
from rich.table import Table

from isthmus.call import DOLLAR, dollars
from isthmus.cli import setting_up
from isthmus.storage.database import Database, Unavailable, Unusable
from isthmus.storage.ledger_store import By, LedgerStore, Sum
from isthmus.storage.schema import form_of

Form = Literal["table", "json", "csv"]

#: What groups are called on the command line, and in the ledger.
GROUPS: dict[str, By] = {
    "key": "principal",
    "model": "model",
    "upstream": "upstream",
    "day": "day",
    "hour": "hour",
}
_SINCE = re.compile(r"(\d{1,4})([hdw])")
_SECONDS = {"h": 3600, "d": 86_400, "w": 604_800}
_BAR = 20
_WIDE = 200


def run(path: Path | None, by: Sequence[str], since: str, form: Form) -> int:
    """Print what was used; return the exit code."""
    config = setting_up.configuration(path)
    until = time.time()
    begin = until - _seconds(since)
    database = setting_up.database(config, setting_up.state_directory(config))
    try:
        sums = _sums(database, [GROUPS[one] for one in by], begin, until)
    except (Unavailable, Unusable) as error:
        setting_up.complain(f"{database.name} cannot be read: {error}")
        return 1
    match form:
        case "json":
            click.echo(json.dumps([document(one, by) for one in sums]))
        case "csv":
            _print_csv(sums, by)
        case "table":
            _print(sums, by)
    return 0


def document(one: Sum, by: Sequence[str]) -> dict[str, object]:
    """Describe one group; its cost is in dollars, exactly, as text."""
    figures = structs.asdict(one)
    del figures["by"]
    figures["cost"] = dollars(one.cost)
    return {**dict(zip(by, one.by, strict=True)), **figures}


def _seconds(since: str) -> int:
    match = _SINCE.fullmatch(since)
    if match is None:
        raise click.UsageError(f"'{since}' is no time such as 24h, 7d or 4w.")
    return int(match[1]) * _SECONDS[match[2]]


def _sums(database: Database, by: Sequence[By], begin: float, until: float) -> list[Sum]:
    if not database.exists:
        return []
    with closing(database.connect()) as connection:
        if not form_of(connection):
            return []
        return LedgerStore(connection).sums(by, int(begin * 1000), int(until * 1000))


def _print_csv(sums: Sequence[Sum], by: Sequence[str]) -> None:
    names = [*by, *(name for name in Sum.__struct_fields__ if name != "by")]
    writer = csv.DictWriter(sys.stdout, names)
    writer.writeheader()
    writer.writerows(document(one, by) for one in sums)


def _print(sums: Sequence[Sum], by: Sequence[str]) -> None:
    if not sums or not sums[0].attempts:
        click.echo("Nothing was used in that time.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in by:
        table.add_column(name.upper(), no_wrap=True)
    for name in ("CALLS", "INPUT", "CACHED", "OUTPUT", "COST $"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    dearest = max(one.cost for one in sums) or 1
    for one in sums:
        table.add_row(*_cells(one), "\u2588" * round(one.cost / dearest * _BAR))
    if len(sums) > 1:
        table.add_row(*_cells(_added(sums)), "", style="bold")
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)
    unpriced = sum(one.unpriced for one in sums)
    if unpriced:
        click.echo(f"Not counted in dollars, for nobody knows the price: {unpriced} attempts.")


def _cells(one: Sum) -> list[str]:
    names = [str(cast("object", name)) or "-" for name in one.by]
    prompt = one.input + one.cache_write_5m + one.cache_write_1h
    figures = [one.calls, prompt, one.cache_read, one.output]
    return [*names, *(f"{figure:,}" for figure in figures), f"{one.cost / DOLLAR:,.4f}"]


def _added(sums: Sequence[Sum]) -> Sum:
    names = [name for name in Sum.__struct_fields__ if name != "by"]
    totals = {name: sum(int(getattr(one, name)) for one in sums) for name in names}
    return Sum(by=("all", *([""] * (len(sums[0].by) - 1))), **totals)
