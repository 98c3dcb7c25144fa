"""Computes what many streams need from the figures in `sizing.toml`, and writes it into the docs.

    PYTHONPATH=bench python bench/sizing.py [--measure]

`--measure` first measures this machine and puts what it finds into `sizing.toml`.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import marked

INPUTS = Path(__file__).with_name("sizing.toml")

TEMPLATE = """\
| input | figures |
|---|---|
| expected | {streams:,.0f} streams of {events_per_second:g} events a second, \
{stream_seconds:g} s each |
| measured | {cpu_us_per_event:g} us of CPU for an event, {cpu_us_per_answer:g} us for an answer; \
{heap_kb_per_stream:g} kB for a stream, {memory_mb_per_process:g} MB for a process |
| chosen | cores {utilisation:.0%} busy at the peak; at most {connections_per_process:,} \
connections for a process; {processes_per_pod} processes in a pod; {spare:.0%} more pods \
than the load needs |
| assumed | {limit_operations_per_stream:g} limit operations and {ledger_rows_per_stream:g} ledger \
row for a stream; a Redis primary does {redis_operations_per_second:,.0f} operations a second; a \
PostgreSQL primary writes {postgres_rows_per_second:,.0f} rows of {ledger_row_bytes:g} bytes a \
second, kept {ledger_days:g} days |

| what | formula | figure |
|---|---|--:|
| streams that begin | streams / seconds | {starts_per_second:,.0f} a second |
| events | streams x events | {all_events:,.0f} a second |
| streams for a core | utilisation / (events x CPU for an event + CPU for an answer / seconds) | \
{streams_by_cpu:,} |
| streams for a process | the lesser of that and connections / 2 | {streams_per_process:,} |
| processes | streams / streams for a process | **{processes:,}** |
| pods | processes x {pods_for_all:g} / processes in a pod | **{pods:,}** |
| memory of a process | its own + streams x memory for a stream | {process_mb:,.0f} MB |
| memory of all | processes x memory of a process | {memory_gb:,.0f} GB |
| limit operations | streams that begin x operations | {limit_operations:,.0f} a second |
| Redis primaries (planned) | operations / (capacity x utilisation) | **{redis_primaries}** |
| ledger rows | streams that begin x rows | {ledger_rows:,.0f} a second |
| PostgreSQL primaries (planned) | rows / (capacity x utilisation) | **{postgres_primaries}** |
| ledger on disk (planned) | rows x days x bytes | {ledger_tb:,.0f} TB |
"""


class Inputs(NamedTuple):
    """What a plan is computed from; `sizing.toml` says what each figure is."""

    streams: float
    events_per_second: float
    stream_seconds: float
    cpu_us_per_event: float
    cpu_us_per_answer: float
    heap_kb_per_stream: float
    memory_mb_per_process: float
    utilisation: float
    connections_per_process: int
    processes_per_pod: int
    spare: float
    limit_operations_per_stream: float
    redis_operations_per_second: float
    ledger_rows_per_stream: float
    ledger_row_bytes: float
    postgres_rows_per_second: float
    ledger_days: float


class Plan(NamedTuple):
    """What is needed. Memory in megabytes for a process, else in gigabytes; disk in terabytes."""

    starts_per_second: float
    all_events: float
    streams_by_cpu: int
    streams_by_connections: int
    streams_per_process: int
    processes: int
    pods: int
    process_mb: float
    memory_gb: float
    limit_operations: float
    redis_primaries: int
    ledger_rows: float
    postgres_primaries: int
    ledger_tb: float


def read(file: Path = INPUTS) -> Inputs:
    """Read the inputs; all of them have to be there, and nothing else."""
    tables = tomllib.loads(file.read_text())
    return Inputs(**{name: value for table in tables.values() for name, value in table.items()})


def plan(given: Inputs) -> Plan:
    """Return what the streams need."""
    starts = given.streams / given.stream_seconds
    # A stream's share of a core: its events, and its beginning spread over the time it lasts.
    share = (
        given.events_per_second * given.cpu_us_per_event
        + given.cpu_us_per_answer / given.stream_seconds
    ) / 1e6
    by_cpu = math.floor(given.utilisation / share)
    by_connections = given.connections_per_process // 2
    each = min(by_cpu, by_connections)
    processes = math.ceil(given.streams / each)
    process_mb = given.memory_mb_per_process + each * given.heap_kb_per_stream / 1024
    operations = starts * given.limit_operations_per_stream
    rows = starts * given.ledger_rows_per_stream
    return Plan(
        starts_per_second=starts,
        all_events=given.streams * given.events_per_second,
        streams_by_cpu=by_cpu,
        streams_by_connections=by_connections,
        streams_per_process=each,
        processes=processes,
        pods=math.ceil(processes * (1 + given.spare) / given.processes_per_pod),
        process_mb=process_mb,
        memory_gb=processes * process_mb / 1024,
        limit_operations=operations,
        redis_primaries=_servers(operations, given.redis_operations_per_second, given),
        ledger_rows=rows,
        postgres_primaries=_servers(rows, given.postgres_rows_per_second, given),
        ledger_tb=rows * 86_400 * given.ledger_days * given.ledger_row_bytes / 1e12,
    )


def _servers(load: float, capacity: float, given: Inputs) -> int:
    return math.ceil(load / (capacity * given.utilisation))


def markdown(given: Inputs) -> str:
    """Return the part of the page that the inputs fill."""
    need = plan(given)
    return TEMPLATE.format(**given._asdict(), **need._asdict(), pods_for_all=1 + given.spare)


def updated(text: str, figures: dict[str, float]) -> str:
    """Return the inputs' file with other figures; comments stay. Raises ValueError."""
    for name, value in figures.items():
        found = re.findall(rf"(?m)^{name} = [\d._]+ *", text)
        if len(found) != 1:
            raise ValueError(f"the inputs do not name {name} once")
        text = text.replace(found[0], f"{name} = {value:g}".ljust(len(found[0])))
    return text


def main() -> int:
    """Compute the plan and write it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", action="store_true", help="measure this machine first")
    if parser.parse_args().measure:
        # The plan alone needs neither a compiler nor a gateway that runs.
        from density import measured  # noqa: PLC0415

        INPUTS.write_text(updated(INPUTS.read_text(), measured()))
    text = markdown(read())
    marked.write("sizing", text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
