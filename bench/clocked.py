"""Processor time of this process: what a piece of code costs, round after round."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from msgspec import Struct

#: As many requests are under way as there are connections of the load on a running gateway.
AT_ONCE = 32

#: Does something so many times over.
Batch = Callable[[int], Awaitable[None]]


class Part(Struct, frozen=True):
    """One thing that a request costs. ``times`` is how often it is done in a round."""

    name: str
    says: str
    batch: Batch
    times: int = 1000


class Switch(Struct, frozen=True):
    """Something that may be had or not: a request with it, and the same without."""

    name: str
    says: str
    having: Batch
    lacking: Batch
    times: int = 20 * AT_ONCE


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


async def difference_us(switch: Switch) -> float:
    """Return what the one costs more than the other, measured one right after the other."""
    having = await cost_us(switch.having, switch.times)
    return having - await cost_us(switch.lacking, switch.times)
