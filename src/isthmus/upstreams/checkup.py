"""Trying an upstream out: whether it can be reached, takes the credential, and answers.

Asks for the list of models, which costs nothing, and for an answer of one token, which costs next
to nothing and proves what no list can. What the findings mean for an operator is said elsewhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, cast

from msgspec import Struct

from isthmus.errors import UpstreamRefused
from isthmus.upstreams import failures
from isthmus.upstreams.transport import TransportError, UpstreamRequest, UpstreamResponse
from isthmus.upstreams.upstream import Upstream, UpstreamCall
from isthmus.wire import json

#: For everything that is asked of one route. Seconds.
_LIMIT = 20.0
_MAX_PAGES = 10
_MAX_BODY = 4 * 1024 * 1024

#: Chooses a model to be asked, given what the upstream lists; None: it lists nothing.
Choose = Callable[[Sequence[str] | None], str | None]


class Examinable(Upstream, Protocol):
    """An upstream that can be tried out."""

    def listing(self, base_url: str, credential: int, after: str | None, /) -> UpstreamRequest:
        """Ask for the models, a page of them after the id ``after``."""
        ...

    def question(self, model: str) -> UpstreamCall:
        """Ask for an answer of one token."""
        ...

    def is_answer(self, document: object) -> bool:
        """Say whether what came is an answer to that."""
        ...


class Checkup(Struct, kw_only=True):
    """What was found out about one base URL with one credential.

    ``models`` are those it lists, None where it has no list; ``asked`` is the model that was asked
    and ``seconds`` how long its answer took; ``skew`` by how many seconds its clock is ahead.
    ``failure`` says in a few words what went wrong.
    """

    base_url: str
    credential: int
    reachable: bool = False
    authenticated: bool | None = None
    answers: bool = False
    models: list[str] | None = None
    asked: str | None = None
    seconds: float | None = None
    skew: float | None = None
    failure: str | None = None


async def examine(upstream: Examinable, base_url: str, credential: int, choose: Choose) -> Checkup:
    """Try one route out."""
    found = Checkup(base_url=base_url, credential=credential)
    try:
        async with asyncio.timeout(_LIMIT):
            await _list(upstream, found)
            found.asked = choose(found.models)
            if found.asked is None:
                found.failure = "none of the models it lists is configured for it"
                return found
            await _ask(upstream, found, found.asked)
    except TransportError as error:
        found.failure = failures.unavailable(error).message
    except TimeoutError:
        found.failure = f"no answer within {_LIMIT:.0f} seconds"
    except UpstreamRefused as error:
        found.failure = f"{error.upstream_status} {error.upstream_type}: {error.message}"
        if error.upstream_status in (401, 403):
            found.authenticated = False
    return found


async def _list(upstream: Examinable, found: Checkup) -> None:
    """Ask for the list of models, page by page."""
    after: str | None = None
    models: list[str] = []
    for _ in range(_MAX_PAGES):
        request = upstream.listing(found.base_url, found.credential, after)
        status, body = await _answer(upstream, found, request)
        page = _page(body) if status == 200 else None
        if page is None:
            return  # nothing that lists models, which is no sin
        found.authenticated = True
        models += [str(entry["id"]) for entry in page.get("data", []) if "id" in entry]
        after = page.get("last_id")
        if not page.get("has_more") or not isinstance(after, str):
            break
    found.models = models


async def _ask(upstream: Examinable, found: Checkup, model: str) -> None:
    """Ask for an answer of one token."""
    call = upstream.question(model)
    began = time.perf_counter()
    status, answer = await _answer(
        upstream, found, upstream.request(call, found.base_url, found.credential)
    )
    document = _page(answer)
    if status != 200 or not upstream.is_answer(document):
        found.failure = "what it answers is no message"
        return
    found.authenticated = found.answers = True
    found.seconds = time.perf_counter() - began


async def _answer(
    upstream: Examinable, found: Checkup, request: UpstreamRequest
) -> tuple[int, bytes]:
    """Send a request and read its answer.

    Raises:
        UpstreamRefused: the answer is one, other than that there is no such thing.
    """
    timers = upstream.timers
    response = await upstream.transport.send(
        request, connect_timeout=timers.connect, write_timeout=timers.write
    )
    try:
        found.reachable = True
        _note_clock(response, found)
        body = await response.read_all(_MAX_BODY)
        if response.status >= 400 and not (
            request.method == "GET" and response.status in (404, 405)
        ):
            raise failures.refused(response.status, response.headers, body, time.time())
        return response.status, body
    finally:
        response.close()


def _note_clock(response: UpstreamResponse, found: Checkup) -> None:
    date = response.headers.get("date")
    if date is None:
        return
    try:
        found.skew = parsedate_to_datetime(date).timestamp() - time.time()
    except (ValueError, OverflowError):
        return


def _page(body: bytes) -> Mapping[str, Any] | None:
    try:
        document: object = json.decode_tolerantly(body)
    except json.MalformedJSON:
        return None
    return cast("Mapping[str, Any]", document) if isinstance(document, dict) else None
