"""The last good answer stands in for a lookup that fails, for a minute; nothing else is kept."""

import asyncio
import socket

import pytest

from isthmus.upstreams.http import names as module
from isthmus.upstreams.http.names import Names

pytestmark = pytest.mark.anyio
HOST = ("origin.example", 443)
FIRST, SECOND = (
    ((socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{n}", 443)),) for n in (1, 2)
)
FAILURE = socket.gaierror(socket.EAI_AGAIN, "later")
UNKNOWN = socket.gaierror(socket.EAI_NONAME, "no such name")
NEVER = "never"


@pytest.fixture
def anyio_backend():
    return "asyncio"  # whose lookups can be replaced


class Resolver:
    """Answers each lookup by the next of its answers, and has a time of its own."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.answers: list = []
        self.lookups = 0

    async def getaddrinfo(self, host, port, **_):
        self.lookups += 1
        answer = self.answers.pop(0)
        if answer is NEVER:
            await asyncio.Event().wait()
        if isinstance(answer, OSError):
            raise answer
        return list(answer)


@pytest.fixture
async def resolver(monkeypatch):
    made, loop = Resolver(), asyncio.get_running_loop()
    began = loop.time()
    monkeypatch.setattr(loop, "getaddrinfo", made.getaddrinfo)
    monkeypatch.setattr(loop, "time", lambda now=loop.time: made.now + now() - began)
    yield made
    monkeypatch.undo()


async def test_every_connection_looks_its_name_up(resolver):
    names = Names()
    resolver.answers = [FIRST, SECOND]
    assert await names.addresses(*HOST) == list(FIRST)
    assert await names.addresses(*HOST) == list(SECOND)


@pytest.mark.parametrize("failure", [FAILURE, UNKNOWN])
async def test_last_good_answer_stands_in_for_a_failure(resolver, failure):
    names = Names()
    resolver.answers = [FIRST, SECOND, failure, failure]
    for _ in range(2):
        await names.addresses(*HOST)
    for _ in range(2):
        assert tuple(await names.addresses(*HOST)) == SECOND
    assert resolver.lookups == 4


async def test_last_good_answer_stands_in_for_a_lookup_that_takes_too_long(resolver, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    names = Names()
    resolver.answers = [FIRST, NEVER]
    await names.addresses(*HOST)
    async with asyncio.timeout(1):
        assert tuple(await names.addresses(*HOST)) == FIRST


async def test_good_answer_is_good_for_a_minute_from_when_it_was_given(resolver):
    names = Names()
    resolver.answers = [FIRST, FAILURE, FAILURE]
    await names.addresses(*HOST)
    resolver.now += 55
    await names.addresses(*HOST)
    resolver.now += 10
    with pytest.raises(socket.gaierror):
        await names.addresses(*HOST)


async def test_without_a_good_answer_a_failure_is_one(resolver):
    names = Names()
    resolver.answers = [FIRST, FAILURE]
    await names.addresses("other.example", 443)
    with pytest.raises(socket.gaierror):
        await names.addresses(*HOST)


async def test_lookup_that_is_given_up_is_not_answered_by_an_older_one(resolver):
    names = Names()
    resolver.answers = [FIRST, NEVER]
    await names.addresses(*HOST)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await names.addresses(*HOST)
