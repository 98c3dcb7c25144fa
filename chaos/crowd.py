"""The clients: some fifty at once, each asking one question after another until time is up."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from caller import Heard, Line, connect, refused
from gateway import KEY
from marker import is_slow
from question import Question, drawn
from verdict import Verdict, judged
from weather import Almanac

#: Seconds between two questions of one client.
_THINKING = 0.3
#: A loop that runs so many seconds late makes whatever it heard late.
_TICK, _LATE = 0.1, 0.4


@dataclass
class Told:
    """One question, what was heard, and what that is worth. ``heard`` has a body if it matters."""

    question: Question
    heard: Heard
    verdict: Verdict


@dataclass
class Tally:
    """All that the clients heard. ``latencies``: of complete answers, in seconds."""

    told: list[Told] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)

    def take(self, question: Question, heard: Heard) -> None:
        """Judge and count one answer; keep the bytes of those that were not as they should be."""
        verdict = judged(question, heard)
        self.kinds[verdict.kind, verdict.label if verdict.kind != "finding" else ""] += 1
        if verdict.kind == "complete":
            if question.manner == "plain" and not is_slow(question.marker):
                self.latencies.append(heard.seconds)
            heard.chunks.clear()
        self.told.append(Told(question, heard, verdict))


class Crowd:
    """The clients of a run. ``until``: monotonic seconds."""

    def __init__(self, port: int, seed: str, until: float, almanac: Almanac) -> None:
        self.tally = Tally()
        self._port = port
        self._seed = seed
        self._until = until
        self._almanac = almanac
        self._number = 0
        self._lines: set[Line] = set()

    async def ask(self, clients: int) -> None:
        """Let so many clients ask until time is up and all have been answered."""
        async with asyncio.TaskGroup() as group:
            clock = group.create_task(self._watch_the_clock())
            async with asyncio.TaskGroup() as callers:
                for number in range(clients):
                    callers.create_task(self._client(random.Random(f"{self._seed}/{number}")))
            clock.cancel()
        for line in self._lines:
            line.close()

    async def _client(self, rng: random.Random) -> None:
        line: Line | None = None
        while time.monotonic() < self._until:
            self._number += 1
            question = drawn(self._number, self._seed, rng)
            if line is not None and (question.manner == "slow" or not line.reusable):
                line.close()
                self._lines.discard(line)
                line = None
            if line is None:
                try:
                    line = await connect(self._port, slow=question.manner == "slow")
                except OSError:
                    self.tally.take(question, refused())
                    await asyncio.sleep(rng.random() * _THINKING)
                    continue
                self._lines.add(line)
            self.tally.take(question, await _asked(line, question))
            if question.manner != "plain" or not question.keep_alive:
                line.abort() if rng.random() < 0.5 else line.close()
                self._lines.discard(line)
                line = None
            await asyncio.sleep(rng.random() * _THINKING)

    async def _watch_the_clock(self) -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(_TICK)
            now = time.monotonic()
            if now - before > _TICK + _LATE:
                self._almanac.note("clients", "late", before, now)
            before = now


async def _asked(line: Line, question: Question) -> Heard:
    request = question.written(KEY)
    match question.manner:
        case "half":
            half = request[: max(1, int(len(request) * question.half))]
            return await line.ask(half, max(0.05, question.leaves_after))
        case "leaves":
            return await line.ask(request, question.leaves_after)
        case _:
            return await line.ask(request)
