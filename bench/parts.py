"""The parts of a request that can be done alone, as the gateway does them."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial

from msgspec import Struct

from asked import ANSWER, BODY, MODEL
from clocked import AT_ONCE, Part, over_and_over, side_by_side
from isthmus.access.keys import KeyRing
from isthmus.call import Attempt, Outcome, Usage
from isthmus.config import Config
from isthmus.gateway import upstream
from isthmus.routing.directory import directory
from isthmus.routing.failover import Failover
from isthmus.routing.health import Health
from isthmus.serving.admission import Admission
from isthmus.serving.chat import parsed
from isthmus.serving.doors import ROUTES
from isthmus.telemetry.call_metrics import CallMetrics
from isthmus.telemetry.log import CallLog
from isthmus.telemetry.metrics import Metrics
from isthmus.telemetry.observers import Observers
from isthmus.telemetry.sink import Sink
from isthmus.translate.chat_over_messages.request import translate
from isthmus.translate.chat_over_messages.response import response
from isthmus.translate.remarks import Remarks
from isthmus.upstreams.upstream import UpstreamCall
from isthmus.wire import json
from isthmus.wire.chat.shape import checked

#: Callers that a key is looked for among.
_CALLERS = 1000
_LARGEST_ANSWER = 1024 * 1024
METRICS, LOG_LINE = "metrics", "log line"
#: Parts that every answer has, and not only translated ones.
ON_EVERY_ANSWER = {METRICS, LOG_LINE}


class Ground(Struct, frozen=True, kw_only=True):
    """What the parts stand on: a configuration, and a file descriptor that takes the log."""

    config: Config
    nowhere: int


def before_asking(ground: Ground) -> list[Part]:
    """Return what happens until a request can be sent."""
    keys = KeyRing({f"caller-{number}": f"{number:020}" for number in range(_CALLERS)})
    bearer = f"Bearer {_CALLERS // 2:020}"
    admission = Admission(_CALLERS, 1.0)
    router = directory(ground.config).router
    document, plan = checked(parsed(BODY)), router.plan(MODEL).plan
    route = plan.routes[0]

    async def admitted(times: int) -> None:
        for _ in range(times):
            await admission.enter()
            admission.leave()

    def translated() -> bytes:
        made = translate(document, route.model, route.capabilities, remarks=Remarks())
        return json.encode(made.document)

    return [
        _part(
            "authentication",
            f"a key among {_CALLERS}",
            lambda: keys.authenticate(bearer, None),
        ),
        Part("admission", "a place among the calls under way", admitted),
        _part("validation", "JSON and shape of the request", lambda: checked(parsed(BODY))),
        _part("plan", "from a model's name to its routes", lambda: router.plan(MODEL)),
        _part("translation of the request", "to a Messages request, as JSON", translated),
    ]


def after_asking(ground: Ground) -> list[Part]:
    """Return what happens once an answer has come."""
    plan = directory(ground.config).router.plan(MODEL).plan
    sink = Sink(ground.nowhere)
    log = CallLog(sink.write)
    metrics = CallMetrics(Metrics(), [route.path for route in ROUTES])
    health = Health(time.monotonic, Observers(log, metrics))

    def chosen() -> None:
        failover = Failover(plan.routes, health, clock=time.monotonic, deadline=float("inf"))
        trial = health.trial(failover.first())
        trial.answered()
        trial.completed()
        trial.close()

    def translated() -> bytes:
        return json.encode(response(json.decode(ANSWER), model=MODEL, created=1_795_000_000))

    outcome = _outcome()
    return [
        _part("translation of the answer", "to a chat completion, as JSON", translated),
        _part("failover bookkeeping", "choosing a route, and its health", chosen),
        _part(METRICS, "counting the call", lambda: metrics.ended(outcome)),
        _part(LOG_LINE, "written by a thread", lambda: log.ended(outcome)),
    ]


@asynccontextmanager
async def transport(ground: Ground) -> AsyncGenerator[Part]:
    """Give the way to the upstream and back."""
    (name, one), *_ = ground.config.upstreams.items()
    reached = upstream(name, one)
    call = UpstreamCall(body=BODY, version="2023-06-01")
    request = partial(reached.request, call, one.base_urls[0], 1)

    async def ask() -> None:
        answered = await reached.transport.send(request(), connect_timeout=5)
        await answered.read_all(_LARGEST_ANSWER)
        answered.close()

    says = "to the upstream and back"
    yield Part("HTTP client", says, side_by_side(ask), times=50 * AT_ONCE, waits=True)
    await reached.transport.aclose()


def _part(name: str, says: str, once: Callable[[], object]) -> Part:
    return Part(name, says, over_and_over(once))


def _outcome() -> Outcome:
    return Outcome(
        request_id="req_0123456789abcdef0123",
        endpoint="POST /v1/chat/completions",
        principal="config:bench",
        model=MODEL,
        ending="complete",
        status=200,
        attempts=[
            Attempt(
                upstream="main", model=MODEL, base_url="http://127.0.0.1", status=200, sent="all"
            )
        ],
        usage=Usage(input_tokens=25, output_tokens=40),
        seconds=0.01,
    )
