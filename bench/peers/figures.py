"""What was measured of one server, and the file in which a whole run is kept."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Figures(NamedTuple):
    """One server's figures; None where its answers were wrong.

    Processor time in microseconds: per answer under full load (`whole_us`) and at 20 requests a
    second (`rated_us`), per streamed event in bursts (`burst_us`) and at 500 events a second
    (`paced_us`). Delays of answers at 20 requests a second in milliseconds. Memory in megabytes
    after the loads (PSS). Seconds from the start to the first answer.
    """

    whole_us: float | None = None
    rated_us: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    burst_us: float | None = None
    paced_us: float | None = None
    memory_mb: float | None = None
    start_s: float | None = None


class Entry(NamedTuple):
    """One server's line: `failures` say which answers were wrong, and how."""

    key: str
    name: str
    version: str
    made_of: str
    figures: Figures = Figures()
    failures: tuple[str, ...] = ()


class Run(NamedTuple):
    """A whole run: the day it was made (ISO), on what machine, with how many rounds.

    `load` is the machine's load average before the run began: what else it had to do.
    """

    day: str
    machine: str
    rounds: int
    entries: tuple[Entry, ...]
    load: float = 0.0


def median(rounds: Iterable[Figures]) -> Figures:
    """Return the median of each figure over the rounds that have it."""
    columns = zip(*rounds, strict=True)
    kept = ([value for value in column if value is not None] for column in columns)
    return Figures(*(statistics.median(column) if column else None for column in kept))


def save(run: Run, file: Path) -> None:
    """Write a run to a file."""
    entries = [{**entry._asdict(), "figures": entry.figures._asdict()} for entry in run.entries]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**run._asdict(), "entries": entries}, indent=2) + "\n")


def load(file: Path) -> Run:
    """Read a run from a file."""
    kept = json.loads(file.read_text())
    entries = (
        Entry(
            **{
                **entry,
                "figures": Figures(**entry["figures"]),
                "failures": tuple(entry["failures"]),
            }
        )
        for entry in kept.pop("entries")
    )
    return Run(**kept, entries=tuple(entries))
