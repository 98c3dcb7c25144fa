"""Clients that leave, crawl, crowd, or come all at once."""

import asyncio
import json
import socket
import time

import pytest

from factories import messages as make
from factories.client import ask
from factories.fake_upstream import STALL, FakeUpstream, events, whole
from factories.gateway import Gateway

GOOD = make.message(make.text("Hello there."))
EVENTS = make.stream(GOOD)
STAGES = {
    "before the head": [STALL],
    "while the head is held": events(EVENTS[:2], STALL),
    "in mid-stream": events(EVENTS[:5], STALL),
}


def asked(gateway: Gateway, *, streams: bool) -> socket.socket:
    """Send a whole request, and leave the answer to whoever wants it."""
    body = json.dumps(
        {
            "model": "claude-sonnet-4-6",
            "max_tokens": 9,
            "messages": [{"role": "user", "content": "Hi"}],
            "stream": streams,
        }
    ).encode()
    connection = socket.create_connection((gateway.host, gateway.port), 10)
    connection.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
        b"authorization: Bearer %s\r\ncontent-length: %d\r\n\r\n%s"
        % (gateway.key.encode(), len(body), body)
    )
    return connection


@pytest.mark.parametrize("streams", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("name", STAGES)
def test_client_that_leaves_ends_the_call_upstream_at_once(start, primary, name, streams):
    gateway = start(primary.url)
    primary.will(STAGES[name])
    connection = asked(gateway, streams=streams)
    (received,) = primary.wait_for(1)
    if streams and name == "in mid-stream":
        assert connection.recv(1000)
    connection.close()
    began = time.monotonic()
    assert received.gone.wait(5)
    assert time.monotonic() - began < 1


def test_client_that_leaves_during_failover_ends_the_second_call_too(start, primary, backup):
    gateway = start(primary.url, backup.url)
    primary.will([*events(EVENTS[:1]), "close"])
    backup.will([STALL])
    connection = asked(gateway, streams=True)
    (received,) = backup.wait_for(1)
    connection.close()
    assert received.gone.wait(1)


async def crowd(gateway: Gateway, count: int, sent: bytes) -> list[asyncio.StreamWriter]:
    """Connect so many clients that never say more than this."""
    writers = []
    for _ in range(count):
        _, writer = await asyncio.open_connection(gateway.host, gateway.port)
        writer.write(sent)
        writers.append(writer)
    return writers


@pytest.mark.parametrize("sent", [b"", b"POST /v1/chat/completions HTTP/1.1\r\nhost: "])
def test_good_traffic_does_not_notice_a_crowd_that_says_nothing(start, primary, sent):
    gateway = start(primary.url, server="timeouts = { header = 3 }")
    primary.otherwise = lambda _: whole(GOOD)

    async def among_the_crowd() -> list[float]:
        writers = await crowd(gateway, 300, sent)
        seconds = [await asyncio.to_thread(timed, gateway) for _ in range(20)]
        for writer in writers:
            writer.close()
        return seconds

    alone = sorted(timed(gateway) for _ in range(20))
    crowded = sorted(asyncio.run(among_the_crowd()))
    assert crowded[10] < 2 * alone[10] + 0.02


def timed(gateway: Gateway) -> float:
    began = time.monotonic()
    question = [{"role": "user", "content": "Hi"}]
    document = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": question}
    assert ask(gateway, document).status == 200
    return time.monotonic() - began


def test_streams_that_begin_all_at_once_are_all_answered(start, primary: FakeUpstream):
    gateway = start(primary.url)
    primary.otherwise = lambda _: events(EVENTS)

    async def everybody() -> list[bytes]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one()) for _ in range(200)]
        return [task.result() for task in tasks]

    async def one() -> bytes:
        with asked(gateway, streams=True) as connection:
            connection.settimeout(0)
            reader, writer = await asyncio.open_connection(sock=connection.dup())
            answer = await reader.readuntil(b"data: [DONE]\n\n")
            writer.close()
            return answer

    assert all(b'"finish_reason":"stop"' in answer for answer in asyncio.run(everybody()))
