"""When the process says that it has had enough."""

import asyncio
import time
from pathlib import Path

import pytest

from isthmus.serving.limits import (
    connections_for,
    in_flight_for,
    memory_limit,
    raise_file_limit,
)
from isthmus.serving.pressure import Pressure, used_share


def pressed(share: float = 0.0) -> tuple[Pressure, list[None]]:
    relieved: list[None] = []
    pressure = Pressure(lambda: share)
    pressure.relief = lambda: relieved.append(None)
    return pressure, relieved


def test_loop_that_is_late_for_three_seconds_takes_no_more_calls():
    pressure, _ = pressed()
    for _ in range(11):
        pressure.look(0.2)
    assert not pressure.shedding
    pressure.look(0.2)
    assert pressure.shedding
    pressure.look(0.01)
    assert not pressure.shedding


@pytest.mark.parametrize(
    ("share", "tight", "shedding", "relief"),
    [(0.5, False, False, 0), (0.85, True, False, 0), (0.92, True, True, 0), (0.97, True, True, 1)],
)
def test_memory_is_given_up_step_by_step(share, tight, shedding, relief):
    pressure, relieved = pressed(share)
    pressure.look(0.0)
    assert (pressure.tight, pressure.shedding, len(relieved)) == (tight, shedding, relief)


@pytest.mark.anyio
async def test_loop_that_does_not_move_is_asked_what_it_is_doing(caplog):
    pressure, _ = pressed()
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(pressure.watch())
        await asyncio.sleep(0)
        time.sleep(1.6)  # noqa: ASYNC251 - that is the point
        await asyncio.sleep(0.01)
        watching.cancel()
    assert "test_pressure.py" in caplog.text
    assert pressure.lag > 1


def test_limits_follow_from_what_the_machine_gives(tmp_path):
    limit = tmp_path / "memory.max"
    limit.write_text("268435456\n")
    assert memory_limit([limit, Path("/no/such/file")]) == 268435456
    assert in_flight_for(1_000_000, 268435456) == 614
    assert in_flight_for(3000, float("inf")) == 1000
    assert (connections_for(64), connections_for(1024)) == (24, 480)
    assert raise_file_limit() >= 64


def test_memory_that_nobody_tells_counts_as_none(tmp_path):
    assert used_share(1e9, tmp_path / "none")() == 0
    statm = tmp_path / "statm"
    statm.write_text("9 1000 3\n")
    assert used_share(40_960_000, statm)() == 0.1
