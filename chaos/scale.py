"""Scale: the real gateway under a burden of idle connections, and under many streams.

    python chaos/scale.py [--scale 1] [--seconds 10] [--noise 10]

First, good clients must not notice thousands of idle and endlessly slow connections. Then, where
the command can serve with several workers, a rolling restart must not lose any of many streams, nor
refuse a connection. Exits with 1 on a miss.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import uvloop

import gateway as gateways
from burden import Burden
from callers import Waits, steady
from gateway import Gateway
from limits import Sizes, sizes
from report import table
from streams import probed, streamed

CLIENTS = 50
#: How much later one answer in a hundred may be under the burden.
_FACTOR = 2.0
#: Streams: milliseconds between two events; at most so many seconds over which they begin, after
#: which the workers are replaced, and for which it is tried whether connections are accepted then.
_PACE_MS, _RAMP, _RESTART_AFTER, _PROBED = 20, 2.0, 3.0, 5.0
#: Seconds in which workers without a stream have to be gone.
_LEAVING = 10.0


class Plan(NamedTuple):
    """``seconds`` of each measurement; how many milliseconds count as ``noise``."""

    seconds: float
    noise: float


@contextmanager
def upstream(events: int) -> Generator[int]:
    """Run the paced upstream; give its port."""
    port = gateways.free_port()
    program = Path(__file__).with_name("paced.py")
    command = [sys.executable, program, str(port), str(events), str(_PACE_MS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None or not process.stdout.readline():
                raise RuntimeError("the paced upstream did not start")
            yield port
        finally:
            process.kill()


async def burdened(gateway: Gateway, size: Sizes, plan: Plan) -> list[str]:
    """Hold good clients under the burden against good clients without; return the misses."""
    seconds = plan.seconds
    await steady(gateway.port, CLIENTS, min(1.0, seconds))  # connections, caches
    alone = await steady(gateway.port, CLIENTS, seconds)
    memory = gateway.memory()
    burden = Burden(gateway.port, size.idle, size.loris)
    begun = time.monotonic()
    async with asyncio.TaskGroup() as group:
        while_filling = group.create_task(steady(gateway.port, CLIENTS, seconds))
        await burden.fill()
        filled = time.monotonic() - begun
        await while_filling
        holding = group.create_task(burden.hold())
        under = await steady(gateway.port, CLIENTS, seconds)
        holding.cancel()
    rows: list[tuple[object, ...]] = [
        ("idle connections", f"{burden.open['idle']} open, {burden.closed['idle']} were closed"),
        ("slow ones", f"{burden.open['loris']} open, {burden.closed['loris']} were closed"),
        ("made in", f"{filled:.1f} s, {burden.refused} refused"),
        ("memory (PSS)", f"{memory:.0f} MB, then {gateway.memory():.0f} MB"),
        ("p50 alone, burdened", f"{alone.p50:.1f} ms, {under.p50:.1f} ms"),
        ("p99 alone, burdened", f"{alone.p99:.1f} ms, {under.p99:.1f} ms"),
        ("good answers", f"{sum(len(w.seconds) for w in (alone, while_filling.result(), under))}"),
    ]
    burden.close()
    print(table("under a burden", rows))
    return _missed(alone, while_filling.result(), under, plan.noise)


def _missed(alone: Waits, filling: Waits, under: Waits, noise: float) -> list[str]:
    names = {"alone": alone, "while the burden grew": filling, "under the burden": under}
    misses = [
        f"{count} good calls failed {name}: {error}"
        for name, waits in names.items()
        for error, count in waits.errors.items()
    ]
    allowed = max(_FACTOR * alone.p99, noise)
    if under.p99 >= allowed:
        misses.append(f"p99 {under.p99:.1f} ms under the burden, of {allowed:.1f} ms allowed")
    return misses


async def restarted(gateway: Gateway, size: Sizes, seconds: float) -> list[str]:
    """Replace the workers under running streams of so many seconds; return the misses."""
    before = set(gateway.workers())
    begun = time.monotonic()
    ramp = min(_RAMP, seconds / 2)
    async with asyncio.TaskGroup() as group:
        streams = group.create_task(streamed(gateway.port, size.streams, _events(seconds), ramp))
        await asyncio.sleep(min(_RESTART_AFTER, seconds * 0.75))
        os.kill(gateway.process.pid, signal.SIGUSR2)
        probes = group.create_task(probed(gateway.port, min(_PROBED, seconds * 3)))
    took = time.monotonic() - begun
    after = await _replaced(gateway, before)
    rows = [(f"streams {outcome}", count) for outcome, count in streams.result().items()]
    rows += [(f"connections {outcome}", count) for outcome, count in probes.result().items()]
    rows += [("seconds", round(took, 1)), ("memory (PSS), MB", round(gateway.memory()))]
    print(table("through a rolling restart", rows))
    misses = [f"{count} streams: {how}" for how, count in streams.result().items()
              if how != "complete"]  # fmt: skip
    misses += [f"{count} connections: {how}" for how, count in probes.result().items()
               if how != "accepted"]  # fmt: skip
    if len(after) < 2 or before & after:
        misses.append(f"the workers were not replaced: {sorted(before)}, then {sorted(after)}")
    return misses


def _events(seconds: float) -> int:
    return max(1, int(seconds * 1000 / _PACE_MS))


async def _replaced(gateway: Gateway, before: set[int]) -> set[int]:
    """Wait until none of the workers is one of before; return those there are."""
    until = time.monotonic() + _LEAVING
    after = set(gateway.workers())
    while before & after and time.monotonic() < until:
        await asyncio.sleep(0.1)
        after = set(gateway.workers())
    return after


def _measure(size: Sizes, plan: Plan, directory: Path) -> list[str]:
    misses: list[str] = []
    with upstream(_events(plan.seconds)) as port:
        with gateways.running(directory, {"a": port}, patient=True) as gateway:
            misses += uvloop.run(burdened(gateway, size, plan))
        misses += [f"in the log: {line}" for line in gateway.trouble()]
        if not gateways.takes_workers():
            print("through a rolling restart: needs --workers")
            return misses
        with gateways.running(directory, {"a": port}, workers=2, patient=True) as gateway:
            misses += uvloop.run(restarted(gateway, size, plan.seconds))
        misses += [f"in the log: {line}" for line in gateway.trouble()]
    return misses


def main() -> int:
    """Read the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="of all counts")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument(
        "--noise", type=float, default=10.0, help="milliseconds that a busy machine may add"
    )
    options = parser.parse_args()
    size = sizes(options.scale, gateways.raise_file_limit())
    print(f"scale: {size.idle} idle, {size.loris} slow, {size.streams} streams")
    if size.why:
        print(f"fewer than asked for: {size.why}")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="isthmus-scale-") as directory:
        misses = _measure(size, Plan(options.seconds, options.noise), Path(directory))
    print("\n".join(f"MISS: {miss}" for miss in misses) or "no misses")
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
