"""Good clients that call at a steady pace, and how long they wait for their answers."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field

from caller import Heard, connect
from gateway import KEY
from paced import TICK
from question import request

#: Seconds between two calls of one client.
_PERIOD = 0.2


@dataclass
class Waits:
    """What the calls of a while came to. ``seconds``: of the good ones; ``errors`` by kind."""

    seconds: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def p50(self) -> float:
        """The median, in milliseconds."""
        return statistics.median(self.seconds) * 1000

    @property
    def p99(self) -> float:
        """What one in a hundred is over, in milliseconds."""
        return statistics.quantiles(self.seconds, n=100)[98] * 1000


async def steady(port: int, clients: int, seconds: float) -> Waits:
    """Let so many clients call for so long."""
    document = {
        "model": "first-a",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Tick?"}],
    }
    asked = request(document, KEY)
    waits = Waits()
    until = time.monotonic() + seconds

    async def one(number: int) -> None:
        due = time.monotonic() + _PERIOD * number / clients
        line = None
        while due < until:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due = max(due + _PERIOD, time.monotonic())
            try:
                line = line or await connect(port)
            except OSError as error:
                waits.errors[f"not connected: {error.strerror}"] += 1
                continue
            heard = await line.ask(asked)
            wrong = _wrong(heard)
            if wrong:
                waits.errors[wrong] += 1
                line.abort()
                line = None
            else:
                waits.seconds.append(heard.seconds)
        if line is not None:
            line.close()

    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(one(number))
    return waits


def _wrong(heard: Heard) -> str:
    """Say what is wrong with an answer, if anything."""
    if heard.status != 200 or heard.end != "framed":
        return f"{heard.status} ({heard.end})"
    text = json.loads(heard.body)["choices"][0]["message"]["content"]
    return "" if text == TICK else f"answered {text!r}"
