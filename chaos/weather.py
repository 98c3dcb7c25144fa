"""How the upstreams are, and when: their moods, their kills and halts, and those of workers.

What was the case is written down in the almanac, by which errors are judged afterwards.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Iterable
from typing import NamedTuple

from child import Child
from gateway import Gateway

#: Seconds an upstream stays calm, and does not.
_CALM, _FOUL = (1.0, 5.0), (1.0, 4.0)
#: What happens to the process in foul weather, and for how many seconds.
_EVENTS = {"mood only": 5, "killed": 2, "stopped": 2, "refusing": 3}
_LASTING = (0.3, 2.5)
#: Seconds between two kills of workers. They end after this share of a run: what a new worker's
#: memory settles at is to be seen in the rest.
_BETWEEN_WORKERS, _WORKERS_SHARE = (3.0, 8.0), 1 / 3
#: The one whose credential is refused now and then.
SHADY = "c"


class Spell(NamedTuple):
    """Something that was the case of an upstream, or of ``worker``. Monotonic seconds."""

    of: str
    what: str
    since: float
    until: float


class Almanac:
    """What was the case and when."""

    def __init__(self) -> None:
        self.spells: list[Spell] = []

    def note(self, of: str, what: str, since: float, until: float | None = None) -> None:
        """Write down what was the case; without an end, until now."""
        self.spells.append(Spell(of, what, since, time.monotonic() if until is None else until))

    def during(
        self, since: float, until: float, of: str | None = None, margin: float = 0.1
    ) -> Iterable[Spell]:
        """Return what was the case at any time between, of one or of all."""
        for spell in self.spells:
            overlaps = spell.since <= until + margin and spell.until >= since - margin
            if overlaps and of in (None, spell.of):
                yield spell


class Weather:
    """Makes the weather of a run until it is over. ``until``: monotonic seconds."""

    def __init__(self, children: list[Child], gateway: Gateway, seed: str, until: float) -> None:
        self.almanac = Almanac()
        self._children = children
        self._gateway = gateway
        self._seed = seed
        self._until = until

    async def make(self, *, workers: bool) -> None:
        """Make weather; everything is calm and running when this returns."""
        async with asyncio.TaskGroup() as group:
            for child in self._children:
                group.create_task(self._around(child))
            if workers:
                group.create_task(self._kill_workers())

    async def _around(self, child: Child) -> None:
        rng = random.Random(f"{self._seed}/weather/{child.name}")
        while await self._pass(rng.uniform(*_CALM)):
            since = time.monotonic()
            mood = "shady" if child.name == SHADY and rng.random() < 0.3 else "stormy"
            await child.tell(mood)
            what = rng.choices(list(_EVENTS), list(_EVENTS.values()))[0]
            await self._pass(rng.uniform(*_FOUL) / 2)
            await self._happen(child, what, rng.uniform(*_LASTING))
            await self._pass(rng.uniform(*_FOUL) / 2)
            await child.tell("calm")
            self.almanac.note(child.name, mood, since)

    async def _happen(self, child: Child, what: str, seconds: float) -> None:
        since = time.monotonic()
        if what == "killed":
            await child.kill()
            await self._pass(seconds)
            await child.start("stormy")
        elif what == "stopped":
            child.stop()
            await self._pass(seconds)
            child.go_on()
            await child.tell("state")
        elif what == "refusing":
            await child.tell("refuse")
            await self._pass(seconds)
            await child.tell("listen")
        if what != "mood only":
            self.almanac.note(child.name, what, since)

    async def _kill_workers(self) -> None:
        rng = random.Random(f"{self._seed}/workers")
        now = time.monotonic()
        last = now + (self._until - now) * _WORKERS_SHARE
        while await self._pass(rng.uniform(*_BETWEEN_WORKERS)) and time.monotonic() < last:
            workers = self._gateway.workers()
            if len(workers) > 1:
                since = time.monotonic()
                os.kill(rng.choice(workers), signal.SIGKILL)
                # Until another has taken its place, connections may be lost on their way.
                await asyncio.sleep(1.0)
                self.almanac.note("worker", "killed", since)

    async def _pass(self, seconds: float) -> bool:
        """Let time pass; say whether the run goes on."""
        left = self._until - time.monotonic()
        await asyncio.sleep(max(0.0, min(seconds, left)))
        return time.monotonic() < self._until
