"""From an upstream's answer to the caller: whole or event by event, until it ends or breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from isthmus.errors import UpstreamBroken
from isthmus.serving.answers import Answer, Reader, Whole, decoded
from isthmus.serving.arrived import is_content
from isthmus.serving.timers import Watch
from isthmus.upstreams import failures
from isthmus.upstreams.transport import TransportError, UpstreamResponse
from isthmus.wire import sse

#: A whole answer is held in memory; no model writes this much.
MAX_ANSWER = 64 * 1024 * 1024
#: A wake-up per token costs more than the answer: a folded stream is read at most this often.
_READS_PER_SECOND = 20
_READS_AT_ONCE = 10
_DRAIN_SECONDS = 1.0


class Listener(Protocol):
    """Whoever takes an answer.

    ``reads_lazily``: it only wants the end, so events need not be read one by one.
    """

    @property
    def reads_lazily(self) -> bool:
        """Whether only the end is wanted."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the answer has ended as its protocol demands; nothing more will come."""
        ...

    def blocked(self) -> bool:
        """Say whether its client takes nothing at the moment."""
        ...

    async def take(self, arrived: list[Any], reader: Reader, /) -> None:
        """Take the events that one read brought; ``reader`` has their bytes."""
        ...

    async def end(self) -> None:
        """Take the end of the stream.

        Raises:
            UpstreamBroken: the answer is not complete.
        """
        ...


async def whole(response: UpstreamResponse, answer: Answer) -> Whole:
    """Read an answer of some kind in one piece.

    Raises:
        UpstreamError: it is a refusal, or of no such kind.
        TransportError: it was cut off.
    """
    await _require_success(response, answer)
    body = await response.read_all(MAX_ANSWER)
    return answer.whole(decoded(body), body)


async def streamed(
    response: UpstreamResponse,
    answer: Answer,
    listener: Listener,
    watch: Watch,
    on_content: Callable[[], None],
) -> None:
    """Hand a stream to ``listener``, from its head to its end.

    Raises:
        UpstreamError: it is a refusal, reports an error, breaks off, or holds what is no event.
    """
    await _require_success(response, answer)
    content_type = response.headers.get("content-type", "")
    if not content_type.startswith("text/event-stream"):
        raise UpstreamBroken(
            "The upstream answered with something other than a stream.", code="invalid_answer"
        )
    await _events(response, answer.reader(), listener, watch, on_content)
    await listener.end()
    await _drain(response)


async def _require_success(response: UpstreamResponse, answer: Answer) -> None:
    if response.status != 200:
        body = await response.read_all(failures.MAX_ERROR_BODY)
        raise answer.refused(response.status, response.headers, body)


async def _events(
    response: UpstreamResponse,
    reader: Reader,
    listener: Listener,
    watch: Watch,
    on_content: Callable[[], None],
) -> None:
    """Read to the end of the answer; hand over the events of each read at once."""
    has_content = False
    pace = _Pace() if listener.reads_lazily else None
    while not listener.complete:
        try:
            chunk = await response.read_some()
            arrived = reader.feed(chunk) if chunk else reader.close()
        except TransportError:
            raise UpstreamBroken("The upstream broke off in the middle of its answer.") from None
        except sse.EventTooLarge as error:
            raise UpstreamBroken(f"The upstream's stream is broken: {error}.") from None
        watch.heard(arrived)
        if not has_content and any(map(is_content, arrived)):
            has_content = True
            watch.content()
            on_content()
        if arrived:
            await listener.take(arrived, reader)
        if reader.failure is not None:
            raise reader.failure
        if not chunk:
            return
        if pace is not None:
            await pace.wait()


async def _drain(response: UpstreamResponse) -> None:
    """Read what frames the end of a whole answer, so that its connection can be used again."""
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while await response.read_some():
                continue
    except (TimeoutError, TransportError):
        return  # the answer is complete; only the connection is lost


class _Pace:
    """Lets a few reads through at once, then one every twentieth of a second."""

    def __init__(self) -> None:
        self._now = asyncio.get_running_loop().time
        self._allowed = float(_READS_AT_ONCE)
        self._at = self._now()

    async def wait(self) -> None:
        now = self._now()
        earned = (now - self._at) * _READS_PER_SECOND
        self._allowed = min(self._allowed + earned, _READS_AT_ONCE) - 1
        self._at = now
        if self._allowed < 0:
            await asyncio.sleep(-self._allowed / _READS_PER_SECOND)
