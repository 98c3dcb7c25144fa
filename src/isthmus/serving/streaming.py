"""Carries a streamed call to its end, while a sign now and then shows that it is alive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from isthmus.call import Outcome
from isthmus.errors import GatewayError
from isthmus.routing.plan import Route
from isthmus.serving.exchange import Caller, Exchange
from isthmus.serving.heartbeat import beat
from isthmus.serving.reply import Reply


class Streamed(Caller, Protocol):
    """A client that reads along."""

    def note_usage(self) -> None:
        """Tell the outcome what was used so far."""
        ...

    async def fail(self, error: GatewayError, /) -> None:
        """Tell the client that the answer is not complete, and make sure that it notices."""
        ...


class Voice(Struct, frozen=True):
    """How a door speaks: what it tells of an error, and the sign that shows a stream is alive."""

    told: Callable[[GatewayError], GatewayError]
    sign: bytes


async def streamed(
    exchange: Exchange,
    routes: Sequence[Route],
    caller: Streamed,
    reply: Reply,
    outcome: Outcome,
    voice: Voice,
) -> None:
    """Serve ``caller`` by the first route that works.

    Raises:
        GatewayError: none did, and nothing has gone out yet.
    """
    failure: GatewayError | None = None
    async with asyncio.TaskGroup() as group:
        heart = group.create_task(beat(reply, voice.sign))
        try:
            await exchange.run(routes, caller, outcome)
        except GatewayError as error:
            failure = voice.told(error).kept()
        finally:
            caller.note_usage()
            heart.cancel()
    if failure is not None:
        await caller.fail(failure)
