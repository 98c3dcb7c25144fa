"""Processor time of this process: what a piece of code costs, round after round."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable

from msgspec import Struct

#: As many requests are under way as there are connections of the load on a running gateway.
AT_ONCE = 32

#: Does something so many times over.
Batch = Callable[[int], Awaitable[None]]


class Part(Struct, frozen=True):
    """One thing that a request costs. ``times`` is how often it is done in a round.

    ``waits``: for somebody else, so that it can be measured only where many are under way.
    """

    name: str
    says: str
    batch: Batch
    times: int = 1000
    waits: bool = False


class Switch(Struct, frozen=True):
    """Something that may be had or not: a request with it, and the same without."""

    name: str
    says: str
    having: Batch
    lacking: Batch
    times: int = 5 * AT_ONCE


def over_and_over(once: Callable[[], object]) -> Batch:
    """Make a batch of something that waits for nothing."""

    async def batch(times: int) -> None:
        for _ in range(times):
            once()

    return batch


def side_by_side(once: Callable[[], Awaitable[None]]) -> Batch:
    """Make a batch of something that waits, many of it at a time."""

    async def repeated(times: int) -> None:
        for _ in range(times):
            await once()

    async def batch(times: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(repeated(times // AT_ONCE))

    return batch


async def cost_us(batch: Batch, times: int) -> float:
    """Return the processor time that each costs, in microseconds; all threads count."""
    begun = time.process_time_ns()
    await batch(times)
    return (time.process_time_ns() - begun) / times / 1000


async def once_us(batch: Batch) -> float:
    """Return how long it takes to do it once, in microseconds; the clock's own share is left out.

    This is elapsed time, which is finer; a median is not disturbed by what comes in between.
    """
    begun = time.perf_counter_ns()
    await _nothing(1)
    between = time.perf_counter_ns()
    await batch(1)
    return (time.perf_counter_ns() - between - (between - begun)) / 1000


async def difference_us(switch: Switch) -> float:
    """Return what the one costs more than the other, measured right before and after it."""
    having = await cost_us(switch.having, switch.times)
    lacking = await cost_us(switch.lacking, switch.times)
    lacking += await cost_us(switch.lacking, switch.times)
    return (having + await cost_us(switch.having, switch.times) - lacking) / 2


_nothing = over_and_over(lambda: None)


def settle_memory() -> None:
    """Have the collector run as seldom as it does in a gateway that serves."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
