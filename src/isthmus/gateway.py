"""The composition root: a configuration becomes a gateway, everything constructed once, by hand."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

from isthmus.access.keys import KeyRing
from isthmus.config import Config, UpstreamConfig
from isthmus.routing.directory import directory
from isthmus.serving.app import ROUTES, App, Doors
from isthmus.serving.chat import ChatCompletions, parsed
from isthmus.serving.chat_call import ChatCall, ChatSettings, Wishes
from isthmus.serving.discreet_exchange import DiscreetExchange
from isthmus.serving.drain import Drain
from isthmus.serving.explanation import Explanation, explain
from isthmus.serving.health import Health
from isthmus.serving.models import Models
from isthmus.storage.stash import Stash
from isthmus.telemetry.call_metrics import CallMetrics
from isthmus.telemetry.log import CallLog
from isthmus.telemetry.metrics import Metrics
from isthmus.telemetry.observers import Observers
from isthmus.telemetry.sink import STDERR, Sink
from isthmus.translate.chat_over_messages.request import Terms
from isthmus.upstreams.upstream import Timers, Upstream


def application(config: Config, keys: KeyRing, sink: Sink | None = None) -> App:
    """Build the ASGI application that ``config`` describes, for callers who hold ``keys``.

    Its log goes to ``sink``, or to standard error. Connections are opened and closed by the
    application's lifespan.

    Raises:
        ValueError: names of the configuration contradict each other or the catalog.
    """
    known = directory(config)
    upstreams: dict[str, Upstream] = {}
    drain = Drain()
    secrets = secrets_of(config)
    doors = Doors(
        chat=ChatCompletions(
            keys=keys,
            router=known.router,
            exchange=DiscreetExchange(upstreams, secrets),
            settings=_chat_settings(config),
            clock=time.time,
            stash=Stash(time.monotonic) if config.translation.remember_thinking else None,
        ),
        models=Models(
            keys=keys,
            listing=known.listing,
            anonymous=config.server.anonymous_models,
        ),
        health=Health(drain),
    )
    sink, metrics = sink or Sink(STDERR), Metrics()
    metrics.reads("isthmus_log_lines_dropped_total", lambda: sink.dropped)
    observer = Observers(
        CallLog(sink.write, secrets),
        CallMetrics(metrics, [route.path for route in ROUTES]),
    )
    opened = _opened(config.upstreams.items(), upstreams, sink)
    return App(doors, keys, drain=drain, resources=opened, observer=observer, metrics=metrics)


def secrets_of(config: Config) -> list[str]:
    """Return every secret of the configuration, which nobody may be shown."""
    own = [upstream.api_key for upstream in config.upstreams.values()]
    callers = [key.secret for key in config.keys.values()]
    found = {secret.reveal() for secret in (*own, *callers) if secret is not None}
    return sorted(found, key=len, reverse=True)  # one may be the beginning of another


def explained(config: Config, body: bytes, model: str | None) -> Explanation:
    """Say what would become of a chat request; ``model`` takes the place of the one it names.

    Raises:
        GatewayError: it would be refused.
        ValueError: names of the configuration contradict each other or the catalog.
    """
    router = directory(config).router
    document = parsed(body, model=model)
    call = ChatCall(
        document,
        router.plan(document["model"]),
        wishes=Wishes(),
        created=int(time.time()),
        settings=_chat_settings(config),
        recollection=None,
    )
    return explain(call)


def _chat_settings(config: Config) -> ChatSettings:
    """Say how chat requests are translated."""
    return ChatSettings(
        terms=Terms(
            default_max_tokens=config.translation.default_max_tokens,
            caching=config.translation.caching,
            web_search=config.translation.web_search,
        ),
        unary_max_tokens=config.translation.unary_max_tokens,
    )


@asynccontextmanager
async def _opened(
    configured: Iterable[tuple[str, UpstreamConfig]],
    upstreams: dict[str, Upstream],
    sink: Sink,
) -> AsyncGenerator[None]:
    """Open every upstream while the application lives."""
    upstreams.update({name: _upstream(name, config) for name, config in configured})
    try:
        yield
    finally:
        for upstream in upstreams.values():
            await upstream.transport.aclose()
        sink.flush()


def _upstream(name: str, config: UpstreamConfig) -> Upstream:
    timers = Timers(
        connect=config.timeouts.connect,
        first_byte=config.timeouts.first_byte,
        first_content=config.timeouts.first_content,
        stall=config.timeouts.stall,
        total=config.timeouts.total,
        unary_total=config.timeouts.unary_total,
    )
    # Imported here: a gateway needs one of the two, and each brings a good deal with it.
    if config.kind == "sandbox":
        from isthmus.upstreams.sandbox import sandbox_upstream  # noqa: PLC0415

        return sandbox_upstream(name, timers)
    from isthmus.upstreams.anthropic import AnthropicUpstream  # noqa: PLC0415
    from isthmus.upstreams.http.transport import HttpTransport  # noqa: PLC0415

    api_key = config.api_key.reveal() if config.api_key is not None else ""
    return AnthropicUpstream(name, api_key=api_key, timers=timers, transport=HttpTransport())
