"""Measures what the gateway costs, and holds it against `budgets.toml`.

    python bench/run.py [--quick]

Everything that is compared is measured in the same run, in interleaved rounds, and every answer is
checked by the load client. ``--quick`` runs one short round and judges nothing.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import processes
from beside import Beside, Latency
from budget import Row, budgets, exceeded, table
from crowding import Crowding
from encrypted import Encrypted
from footprint import Footprint
from stage import Stage

_ROUNDS = 5
#: Files of a process that are no streams, each of which takes the gateway two.
_OTHER_FILES = 200


def streams_allowed() -> int:
    """Allow this process, and so those it starts, as many files as may be; return what fits."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most = 1_000_000 if hard == resource.RLIM_INFINITY else hard
    return (most - _OTHER_FILES) // 3


def measured(stage: Stage, *, quick: bool) -> list[Row]:
    """Measure everything; return the rows of the table."""
    streams, scale = streams_allowed(), 0.3 if quick else 1.0
    footprint = Footprint(stage, streams, quick=quick)
    gateway, nginx = stage.gateway(), stage.nginx()
    several = (
        Beside(gateway, nginx),
        Latency(gateway, nginx, stage.mock),
        Encrypted(stage),
        Crowding(gateway, streams, quick=quick),
    )
    for _ in range(1 if quick else _ROUNDS):
        for one in several:
            one.round(scale)
    return [row for one in (*several, footprint) for row in one.rows()]


def main() -> int:
    """Run the bench; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, nothing judged")
    given = parser.parse_args()
    wanted = processes.missing()
    if wanted:
        print(wanted)
        return 2
    processes.compile_tools()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        rows = measured(Stage(stack, directory), quick=given.quick)
    bounds = budgets()
    print(table(rows, bounds, judged=not given.quick))
    return 0 if given.quick else int(exceeded(rows, bounds))


if __name__ == "__main__":
    sys.exit(main())
