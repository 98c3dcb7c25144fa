"""How many calls get in, and who is next."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from factories import messages as make
from factories.client import HELLO, ask, call
from factories.fake_upstream import PAUSE, FakeUpstream, whole
from factories.gateway import Gateway, running
from isthmus.errors import GatewayBusy
from isthmus.serving.admission import Admission


@asynccontextmanager
async def admitted(admission: Admission) -> AsyncGenerator[None]:
    await admission.enter()
    try:
        yield
    finally:
        admission.leave()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Queueing:
    """Callers that note in which order they got in, and stay until they are told to go."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self.order: list[int] = []
        self.refused: list[int] = []
        self.go = asyncio.Event()

    async def come(self, number: int) -> None:
        try:
            async with admitted(self.admission):
                self.order.append(number)
                await self.go.wait()
        except GatewayBusy:
            self.refused.append(number)


@pytest.mark.anyio
async def test_as_many_as_allowed_get_in_and_others_wait_their_turn():
    async with asyncio.TaskGroup() as group:
        callers = Queueing(Admission(2, 5))
        for number in range(3):
            group.create_task(callers.come(number))
        await settle()
        assert callers.order == [0, 1]
        callers.go.set()
    assert callers.order == [0, 1, 2]
    assert callers.admission.in_flight == 0


@pytest.mark.anyio
async def test_newest_goes_first_once_the_queue_is_more_than_half_full():
    async with asyncio.TaskGroup() as group:
        admission = Admission(4, 5)
        stack = AsyncExitStack()
        for _ in range(4):
            await stack.enter_async_context(admitted(admission))
        callers = Queueing(admission)
        callers.go.set()
        for number in range(4):
            group.create_task(callers.come(number))
        await settle()
        await stack.aclose()
    assert callers.order[0] == 3
    assert set(callers.order) == {0, 1, 2, 3}


@pytest.mark.anyio
async def test_who_waits_too_long_is_told_when_to_come_again():
    admission = Admission(1, 0.01)
    async with admitted(admission):
        with pytest.raises(GatewayBusy) as caught:
            async with admitted(admission):
                pass
    assert (caught.value.status, caught.value.retry_after) == (503, 1)
    assert admission.in_flight == 0


@pytest.mark.anyio
async def test_no_more_wait_than_may_be_under_way():
    async with asyncio.TaskGroup() as group:
        callers = Queueing(Admission(2, 5))
        for number in range(5):
            group.create_task(callers.come(number))
        await settle()
        assert callers.refused == [4]
        callers.go.set()


@pytest.mark.anyio
async def test_who_leaves_the_queue_takes_no_place():
    admission = Admission(1, 5)
    async with asyncio.TaskGroup() as group, admitted(admission):
        waiting = [group.create_task(Queueing(admission).come(n)) for n in range(1)]
        await settle()
        waiting[0].cancel()
        await settle()
    async with admitted(admission):
        assert admission.in_flight == 1
    assert admission.in_flight == 0


@pytest.mark.anyio
async def test_place_handed_to_one_who_is_leaving_goes_on_to_the_next():
    admission = Admission(2, 5)
    stack = AsyncExitStack()
    for _ in range(2):
        await stack.enter_async_context(admitted(admission))
    async with asyncio.TaskGroup() as group:
        leaving, next_one = Queueing(admission), Queueing(admission)
        next_one.go.set()
        task = group.create_task(leaving.come(0))
        await settle()
        group.create_task(next_one.come(1))
        await settle()
        await stack.aclose()
        task.cancel()
    assert (leaving.order, next_one.order) == ([], [1])
    assert admission.in_flight == 0


@pytest.mark.anyio
async def test_nobody_gets_in_while_load_is_shed():
    admission = Admission(10, 5, lambda: True)
    with pytest.raises(GatewayBusy):
        async with admitted(admission):
            pass


@pytest.fixture
def occupied(tmp_path) -> Generator[Gateway]:
    """A gateway that may have one call under way, and has."""
    slow = [*[PAUSE] * 30, *whole(make.message(make.text("Hello.")))]
    with FakeUpstream() as upstream:
        upstream.otherwise = lambda _: slow
        rest = (
            f'[upstreams.main]\nkind = "anthropic"\nbase_urls = ["{upstream.url}"]\n'
            'api_key = "env:UPSTREAM_KEY"\n[models.only-main]\n'
            'targets = [{ upstream = "main", model = "claude-sonnet-4-6" }]\n'
        )
        server = "max_in_flight = 1\ntimeouts = { queue = 0.1 }"
        with running(tmp_path, rest, server=server) as gateway, ThreadPoolExecutor() as threads:
            occupant = threads.submit(ask, gateway, {**HELLO, "max_tokens": 9})
            upstream.wait_for(1)
            yield gateway
            assert occupant.result().status == 200


def test_call_too_many_is_told_in_each_protocol(occupied):
    answer = ask(occupied, HELLO)
    assert (answer.status, answer.error["code"]) == (503, "overloaded")
    assert answer.headers["retry-after"] == "1"
    answer = ask(occupied, HELLO, anthropic_version="2023-06-01")
    assert (answer.status, answer.error["type"]) == (529, "overloaded_error")


def test_what_is_no_call_is_not_counted(occupied):
    assert call(occupied, "GET", "/livez").status == 200
    assert call(occupied, "GET", "/v1/models").status == 200
    assert ask(occupied, HELLO, authorization="Bearer wrong").status == 401
