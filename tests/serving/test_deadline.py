"""One timer, however often the deadline moves."""

import asyncio

import pytest

from isthmus.serving.deadline import Deadline

pytestmark = pytest.mark.anyio


async def test_deadline_moved_later_expires_once_and_later():
    loop, expired = asyncio.get_running_loop(), []
    deadline = Deadline(loop, lambda: expired.append(loop.time()))
    began = loop.time()
    deadline.set(0.02)
    deadline.set(0.1)
    await asyncio.sleep(0.2)
    assert [at - began >= 0.1 for at in expired] == [True]


async def test_deadline_moved_earlier_expires_earlier():
    expired = asyncio.Event()
    deadline = Deadline(asyncio.get_running_loop(), expired.set)
    deadline.set(60)
    deadline.set(0.01)
    async with asyncio.timeout(5):
        await expired.wait()


async def test_deadline_that_was_cleared_does_not_expire_but_may_be_set_again():
    expired = asyncio.Event()
    deadline = Deadline(asyncio.get_running_loop(), expired.set)
    deadline.set(0.01)
    deadline.clear()
    await asyncio.sleep(0.05)
    assert not expired.is_set()
    deadline.set(0.01)
    async with asyncio.timeout(5):
        await expired.wait()
