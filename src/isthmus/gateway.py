"""The composition root: a configuration becomes a gateway, everything constructed once, by hand."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

from msgspec import convert

from isthmus.access.keys import KeyRing
from isthmus.config import Config, UpstreamConfig
from isthmus.routing.directory import directory
from isthmus.routing.health import Health
from isthmus.serving.app import App, Doors
from isthmus.serving.chat import ChatCompletions, parsed
from isthmus.serving.chat_call import ChatCall, ChatSettings
from isthmus.serving.drain import Drain
from isthmus.serving.exchange import Exchange
from isthmus.serving.explanation import Explanation, explain
from isthmus.serving.health import Probes
from isthmus.serving.models import Models
from isthmus.serving.wishes import Wishes
from isthmus.storage.stash import Stash
from isthmus.telemetry.log import CallLog
from isthmus.translate.chat_over_messages.request import Terms
from isthmus.upstreams.upstream import Timers, Upstream


def application(config: Config, keys: KeyRing) -> App:
    """Build the ASGI application that ``config`` describes, for callers who hold ``keys``.

    Connections are opened and closed by the application's lifespan.

    Raises:
        ValueError: names of the configuration contradict each other or the catalog.
    """
    known = directory(config)
    upstreams: dict[str, Upstream] = {}
    drain = Drain()
    calls = CallLog(sys.stderr)
    health = Health(time.monotonic, calls)
    doors = Doors(
        chat=ChatCompletions(
            keys=keys,
            router=known.router,
            exchange=Exchange(upstreams, health, calls),
            settings=_chat_settings(config),
            clock=time.time,
            stash=Stash(time.monotonic) if config.translation.remember_thinking else None,
        ),
        models=Models(
            keys=keys,
            listing=known.listing,
            anonymous=config.server.anonymous_models,
        ),
        health=Probes(drain),
    )
    opened = _opened(config.upstreams.items(), upstreams, calls)
    return App(doors, keys, drain=drain, resources=opened, observer=calls)


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
    calls: CallLog,
) -> AsyncGenerator[None]:
    """Open every upstream while the application lives."""
    upstreams.update({name: _upstream(name, config) for name, config in configured})
    try:
        yield
    finally:
        for upstream in upstreams.values():
            await upstream.transport.aclose()
        calls.flush()


def _upstream(name: str, config: UpstreamConfig) -> Upstream:
    timers = convert(config.timeouts, Timers, from_attributes=True)
    # Imported here: a gateway needs one of the two, and each brings a good deal with it.
    if config.kind == "sandbox":
        from isthmus.upstreams.sandbox import sandbox_upstream  # noqa: PLC0415

        return sandbox_upstream(name, timers)
    from isthmus.upstreams.anthropic import AnthropicUpstream  # noqa: PLC0415
    from isthmus.upstreams.http.transport import HttpTransport  # noqa: PLC0415

    return AnthropicUpstream(
        name,
        api_keys=[key.secret.reveal() for key in config.api_keys],
        timers=timers,
        transport=HttpTransport(),
        api_version=config.api_version,
    )
