"""Chaos: the real gateway between clients and upstreams that both behave as badly as they can.

    python chaos/run.py [--seconds 300] [--seed SEED] [--clients 50] [--keep DIRECTORY]

Every answer must be complete and right, or an honest error for which there was a cause. At the end
nothing may be left over. Exits with 1 if anything was found, 0 if nothing was.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

import gateway as gateways
import report
from cause import EXCUSED, FINE, Inquiry
from child import Child
from crowd import Crowd, Told
from gateway import Gateway
from journal import Journals
from weather import Weather

UPSTREAMS = ("a", "b", "c")
#: Seconds in which everything has to come to rest, and between two looks at it.
_QUIET, _LOOK = 15.0, 0.1
#: Seconds without a new file after which all workers have started.
_STARTING = 2.0
#: How much the memory may grow in the second half; shorter runs are not judged by it.
_GROWTH, _LONG_ENOUGH = 1.05, 120.0

Finding = tuple[str, Told | None]


class Run:
    """One run, from start to judgement."""

    def __init__(
        self, gateway: Gateway, children: list[Child], seed: str, *, seconds: float, files: int
    ) -> None:
        self.start = time.monotonic()
        self.gateway = gateway
        self.children = children
        self.seconds = seconds
        self.weather = Weather(children, gateway, seed, self.start + seconds)
        almanac = self.weather.almanac
        self.crowd = Crowd(gateway.port, seed, self.start + seconds, almanac)
        self.memory: list[float] = []
        self.files = files
        self.findings: list[Finding] = []

    async def through(self, clients: int, *, workers: bool) -> None:
        """Let clients and weather loose, then wait for quiet."""
        async with asyncio.TaskGroup() as group:
            sampling = group.create_task(self._sample())
            async with asyncio.TaskGroup() as busy:
                busy.create_task(self.weather.make(workers=workers))
                busy.create_task(self.crowd.ask(clients))
            sampling.cancel()
        await self._settle()

    def judge(self, journals: Journals) -> int:
        """Judge every answer; return how many errors are excused."""
        inquiry = Inquiry(self.weather.almanac, journals, UPSTREAMS)
        excused = 0
        for told in self.crowd.tally.told:
            what = inquiry.into(told.question, told.heard, told.verdict)
            excused += what is EXCUSED
            if what not in (FINE, EXCUSED):
                self.findings.append((what, told))
        self.findings += [(objection, None) for objection in journals.objections]
        if self.seconds >= _LONG_ENOUGH and self._grown() > _GROWTH:
            self._find(f"memory grew {self._grown():.2f} times in the second half")
        return excused

    def memory_line(self) -> str:
        """Say how much memory the gateway had at the start, in the middle and at the end."""
        if not self.memory:
            return "memory: not measured"
        start, half, end = self.memory[0], *self._halves()
        judged = "" if self.seconds >= _LONG_ENOUGH else " (not judged: the run is too short)"
        return f"memory (PSS): {start:.1f}, {half:.1f}, {end:.1f} MB{judged}"

    def _halves(self) -> tuple[float, float]:
        """Return the memory after the middle and at the end: the least in a fifth of the run.

        What a large answer takes while it is under way is not what the gateway keeps.
        """
        size = max(1, len(self.memory) // 5)
        middle = len(self.memory) // 2
        return min(self.memory[middle : middle + size]), min(self.memory[-size:])

    def _grown(self) -> float:
        half, end = self._halves()
        return end / half if half else 1.0

    async def _sample(self) -> None:
        while True:
            self.memory.append(self.gateway.memory())
            await asyncio.sleep(max(0.2, self.seconds / 300))

    async def _settle(self) -> None:
        """Wait until nothing is under way; what is still there then is left over."""
        if not self.gateway.alive:
            self._find(f"the gateway ended with {self.gateway.process.returncode}")
            return
        deadline = time.monotonic() + _QUIET
        left = "never looked"
        while left and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK)
            left = await self._left_over()
        if left:
            self._find(f"left over after {_QUIET:.0f} s: {left}")

    async def _left_over(self) -> str:
        states = [await child.tell("state") for child in self.children]
        busy = sum(state["busy"] for state in states)
        pool = sum(state["open"] for state in states)
        files = self.gateway.files() - self.files
        under_way = self.gateway.in_flight()
        left = [f"{busy} requests at the upstreams"] if busy else []
        if files > pool:
            left.append(f"{files} files, of which the pool has {pool}")
        if under_way:
            left.append(f"{under_way:.0f} calls under way by its metrics")
        return ", ".join(left)

    def _find(self, what: str) -> None:
        self.findings.append((what, None))


@asynccontextmanager
async def upstreams(directory: Path, seed: str) -> AsyncGenerator[list[Child]]:
    """Run the upstreams, each with its journal; none is left, whatever happens."""
    children = [
        Child(name, gateways.free_port(), seed, directory / f"{name}.journal") for name in UPSTREAMS
    ]
    try:
        for child in children:
            await child.start()
        yield children
    finally:
        for child in children:
            await child.kill()


async def chaos(options: argparse.Namespace, directory: Path) -> int:
    """Run; return the exit code."""
    seed: str = options.seed
    workers = gateways.takes_workers()
    async with upstreams(directory, seed) as children:
        ports = {child.name: child.port for child in children}
        with gateways.running(directory, ports, workers=2 if workers else 1) as gateway:
            files = await gateway.settled_files(_STARTING if workers else _LOOK)
            run = Run(gateway, children, seed, seconds=options.seconds, files=files)
            await run.through(options.clients, workers=workers)
    if gateway.process.returncode:
        run.findings.append((f"the gateway ended with {gateway.process.returncode}", None))
    run.findings += [(f"in the log: {line}", None) for line in gateway.trouble()]
    journals = Journals()
    for name in UPSTREAMS:
        journals.read(directory / f"{name}.journal")
    excused = run.judge(journals)
    (directory / "memory").write_text("".join(f"{sample:.1f}\n" for sample in run.memory))
    (directory / "failures").write_text(report.failures(run.crowd.tally, journals, run.start))
    print(report.answers(run.crowd.tally, excused))
    print(report.faults(journals, run.weather.almanac))
    print(report.latencies(run.crowd.tally))
    print(run.memory_line())
    print(report.findings(run.findings, journals, run.start))
    print(f"seed {seed}")
    return 1 if run.findings else 0


def main() -> int:
    """Read the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seed", default=f"{random.randrange(16**6):06x}")
    parser.add_argument(
        "--keep", type=Path, help="keep log, journals and the like in this directory"
    )
    options = parser.parse_args()
    gateways.raise_file_limit()
    print(f"chaos: {options.seconds:.0f} s, {options.clients} clients, seed {options.seed}")
    sys.stdout.flush()
    directory = Path(tempfile.mkdtemp(prefix="isthmus-chaos-"))
    try:
        return uvloop.run(chaos(options, directory))
    finally:
        if options.keep:
            shutil.copytree(directory, options.keep, dirs_exist_ok=True)
        shutil.rmtree(directory)


if __name__ == "__main__":
    sys.exit(main())
