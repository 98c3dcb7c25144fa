"""Installs, measures and compares gateways; writes the table and the picture of the docs.

    PYTHONPATH=bench python -m peers [--quick] [--only KEY ...] [--redraw]

`--quick` runs one short round, and `--only` some of the servers; both print the table and leave
the docs alone. `--redraw` writes the docs again from the last whole run, measuring nothing.
`BENCH_CORES` names two cores: one for the servers, one for the rest.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import sys
from pathlib import Path

import marked
import processes
from peers import figures, plot, table
from peers.roster import ABSENT, PEERS
from peers.rounds import measure

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "results" / "peers.json"
PICTURE = ROOT / "docs" / "assets" / "performance.svg"
ROUNDS = 3


def machine() -> str:
    """Return what this runs on: the processor, cores, and the versions that matter."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    name = models[0] if models else platform.machine()
    return f"{name} with {len(models)} cores, Python {platform.python_version()}"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, docs left alone")
    parser.add_argument("--only", nargs="+", default=[], metavar="KEY", help="some servers only")
    parser.add_argument("--redraw", action="store_true", help="write the docs from the last run")
    return parser.parse_args()


def measured(options: argparse.Namespace) -> figures.Run:
    """Measure what the command line asks for."""
    processes.compile_tools()
    chosen = [peer for peer in PEERS if not options.only or peer.key in options.only]
    rounds = 1 if options.quick else ROUNDS
    load = round(os.getloadavg()[0], 1)
    entries = measure(chosen, rounds, 0.3 if options.quick else 1.0)
    day = dt.datetime.now(dt.UTC).date().isoformat()
    return figures.Run(day, machine(), rounds, tuple(entries), load)


def main() -> int:
    """Run the comparison; return the exit code."""
    options = arguments()
    if wanted := processes.missing():
        print(wanted)
        return 2
    run = figures.load(RESULTS) if options.redraw else measured(options)
    text = table.markdown(run, ABSENT)
    print(text)
    if not options.quick and not options.only:
        figures.save(run, RESULTS)
        marked.write("peers", text)
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(plot.svg(run))
    return 0


if __name__ == "__main__":
    sys.exit(main())
