"""Measures what each part of a request costs the gateway, and writes it into docs/performance.md.

    python bench/features.py [--quick]

A whole answer and a bare one are measured at a running gateway, everything else in this process:
parts that can be done alone, and calls with a feature and without it, in interleaved rounds.
``--quick`` measures little and writes nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import uvloop
from msgspec import Struct

import page
import processes
from clocked import AT_ONCE
from parts import ON_EVERY_ANSWER
from rounds import Cost, Found, in_process
from stage import Server, Stage
from switches import variants

_ROUNDS = 15
_SERVED_ROUNDS = 5
_SECONDS = 1.5


class Served(Struct, frozen=True):
    """Microseconds per answer of a running gateway: a translated one, and a bare one."""

    whole: float
    bare: float


def served(gateway: Server, rounds: int, seconds: float) -> Served:
    """Measure a running gateway under load."""
    gateway.warm_up()
    whole: list[float] = []
    bare: list[float] = []
    for _ in range(rounds):
        for dialect, cost in (("chat", whole), ("probe", bare)):
            spent, counted = gateway.speaking(dialect).spent("whole", AT_ONCE, seconds)
            cost.append(spent / counted["answers"])
    return Served(median(whole), median(bare))


def tables(whole: Served, found: Found) -> str:
    """Draw what was measured, for the page."""
    observed = sum(cost.us for cost in found.parts if cost.name in ON_EVERY_ANSWER)
    exchange = found.call - sum(cost.us for cost in found.parts)
    listed = [
        Cost("HTTP server", "`/livez`, less metrics and log line", whole.bare - observed),
        Cost("exchange", "all between these: tasks, timers, attempts, headers", exchange),
        *found.parts,
    ]
    listed.sort(key=lambda cost: -cost.us)
    rest = whole.whole - sum(cost.us for cost in listed)
    listed += [
        Cost("the rest", "what the whole costs more than its parts", rest),
        Cost("**all**", f"a whole answer, over {AT_ONCE} connections", whole.whole),
    ]
    heads = ("part of every request", "what is measured", "us", "alone")
    optional = ("feature", "a call with it, less one without", "us")
    return "\n\n".join(
        (
            f"{page.circumstances()}; microseconds of processor time per request:",
            page.table(heads, [cost.cells for cost in listed]),
            page.table(optional, [cost.cells[:3] for cost in found.features]),
        )
    )


def measured(stage: Stage, directory: Path, *, quick: bool) -> str:
    """Measure everything; return the tables."""
    rounds = 1 if quick else _ROUNDS
    whole = served(stage.gateway(), 1 if quick else _SERVED_ROUNDS, 0.3 if quick else _SECONDS)
    made = variants(directory, f"http://127.0.0.1:{stage.mock.port}")
    # What runs in this process is measured where the gateway was.
    os.sched_setaffinity(0, {processes.MEASURED})
    with Path(os.devnull).open("wb") as nowhere:
        found = uvloop.run(in_process(made, nowhere.fileno(), rounds))
    return tables(whole, found)


def main() -> int:
    """Run the bench; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, nothing written")
    given = parser.parse_args()
    wanted = processes.missing()
    if wanted:
        print(wanted)
        return 2
    processes.compile_tools()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = measured(Stage(stack, directory), directory, quick=given.quick)
    print(found)
    if not given.quick:
        page.PAGE.write_text(page.written(page.PAGE.read_text(), found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
