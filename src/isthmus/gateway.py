"""The composition root: a configuration becomes a gateway, everything constructed once, by hand."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, convert, field, structs

from isthmus.access.budgets import Budgets
from isthmus.access.keys import KeyRing
from isthmus.access.limiter import LocalLimiter
from isthmus.access.limits import Limiter
from isthmus.call import Observer, Outcome
from isthmus.config import Config, ConfigError, UpstreamConfig, needs_restart
from isthmus.config.proxy import proxy
from isthmus.config.proxy import secrets_of as secrets_of_proxy
from isthmus.routing.directory import directory
from isthmus.routing.health import Health
from isthmus.serving.admission import Admission
from isthmus.serving.app import App, Surroundings
from isthmus.serving.chat import ChatCompletions, model_of, parsed
from isthmus.serving.chat_call import ChatCall
from isthmus.serving.chat_passing import PassedChat
from isthmus.serving.doors import ROUTES, Doors
from isthmus.serving.drain import Drain
from isthmus.serving.exchange import Exchange
from isthmus.serving.explanation import Explanation, explain, explain_passed
from isthmus.serving.gate import Controls, Gate
from isthmus.serving.limits import (
    Limits,
    connections_for,
    in_flight_for,
    memory_limit,
    raise_file_limit,
)
from isthmus.serving.messages import Messages
from isthmus.serving.model_call import ModelSettings
from isthmus.serving.models import Models
from isthmus.serving.passthrough import Passthrough
from isthmus.serving.pressure import Pressure
from isthmus.serving.probes import Probes
from isthmus.serving.reloading import CannotReload, Reloading
from isthmus.serving.responses import Responses
from isthmus.serving.service import Service
from isthmus.serving.stored import Custody, Stored
from isthmus.serving.usage import Usage
from isthmus.serving.wishes import Wishes
from isthmus.storage.database import Database
from isthmus.storage.responses import ResponseStore
from isthmus.storage.seal import Seal
from isthmus.storage.secrets import Secrets
from isthmus.storage.stash import MemoryStash, Stash
from isthmus.telemetry.call_metrics import CallMetrics
from isthmus.telemetry.log import CallLog
from isthmus.telemetry.metrics import Metrics
from isthmus.telemetry.observers import Observers
from isthmus.telemetry.sink import STDERR, Sink
from isthmus.translate.chat_over_messages.request import Terms
from isthmus.upstreams.upstream import Timers
from isthmus.wire import json
from isthmus.wire.chat.passed import PassedRequest
from isthmus.wire.chat.shape import checked

if TYPE_CHECKING:
    from isthmus.ledger.ledger import Ledger
    from isthmus.upstreams.anthropic import AnthropicUpstream
    from isthmus.upstreams.openai_compatible import OpenAICompatibleUpstream

logger = logging.getLogger("isthmus")

_SEALED = "thinking that travels with clients"
_SIGNED = "thinking of other models than Claude"


class Fresh(Struct, frozen=True):
    """How to read the configuration anew, and which files it is made of.

    ``read`` raises a `ConfigError` where it cannot be used.
    """

    read: Callable[[], tuple[Config, KeyRing]]
    files: Callable[[], Iterable[Path]]


class Keeping(Struct, frozen=True, kw_only=True):
    """What a gateway keeps, and where.

    ``stash`` is where it remembers thinking; absent: in the memory of this process. With
    ``secrets`` it seals and signs what travels with clients; absent: with some of its own, that
    nobody else knows and no restart survives. ``ledger`` keeps the books, in ``database``; absent:
    nobody does. ``budgets`` are kept by what these books say. ``limiter`` counts calls; absent: in
    this process.
    """

    stash: Stash | None = None
    secrets: Secrets | None = None
    ledger: Ledger | None = None
    database: Database | None = None
    budgets: Budgets | None = None
    limiter: Limiter | None = None


def application(
    config: Config,
    keys: KeyRing,
    *,
    fresh: Fresh | None = None,
    log: Log | None = None,
    keeping: Keeping | None = None,
) -> App:
    """Build the ASGI application that ``config`` describes, for callers who hold ``keys``.

    With ``fresh`` it follows the changes of its configuration while it runs. Its log goes to
    ``log``, or to standard error.

    Raises:
        ValueError: names of the configuration contradict each other or the catalog.
    """
    keeping = keeping or Keeping()
    secrets, ledger = keeping.secrets or Secrets([os.urandom(32)]), keeping.ledger
    log = log or Log(Sink(STDERR))
    metrics, pressure = Metrics(), Pressure()
    metrics.reads("isthmus_log_lines_dropped_total", lambda: log.sink.dropped)
    observer = Observers(
        CallLog(log.sink.write, log.secrets),
        CallMetrics(metrics, [route.path for route in ROUTES]),
        *([] if ledger is None else [ledger]),
    )
    bounds = limits(config)
    lasting = _Lasting(
        drain=Drain(),
        admission=Admission(bounds.max_in_flight, bounds.queue, lambda: pressure.shedding),
        observer=observer,
        health=Health(time.monotonic, observer),
        stash=keeping.stash or MemoryStash(time.monotonic),
        seal=Seal(secrets, _SEALED),
        signing=tuple(secrets.known(_SIGNED)),
        secrets=log.secrets,
        on_begin=_nothing if ledger is None else ledger.began,
        books=None if ledger is None else keeping.database,
        responses=_responses(config),
        controls=Controls(
            limiter=keeping.limiter or LocalLimiter(),
            budgets=keeping.budgets,
            is_kept=lambda: ledger is not None and ledger.is_kept,
        ),
    )
    if ledger is not None:
        metrics.reads("isthmus_ledger_lost_total", lambda: ledger.lost)
    budgets = keeping.budgets
    if budgets is not None:
        metrics.reads("isthmus_budget_overspent_nanodollars_total", lambda: budgets.overspent)
    around = Surroundings(
        drain=lasting.drain,
        observer=observer,
        metrics=metrics,
        pressure=pressure,
        reloading=None if fresh is None else _reloading(config, fresh, lasting),
        at_end=log.sink.flush,
        beside=[] if keeping.budgets is None else [keeping.budgets.look_after],
    )
    return App(_service(config, keys, lasting), around)


class Log(Struct, frozen=True):
    """Where the log goes. ``secrets`` are shown to nobody, and follow the configuration."""

    sink: Sink
    secrets: list[str] = field(default_factory=list[str])


def secrets_of(config: Config) -> list[str]:
    """Return every secret of the configuration, which nobody may be shown."""
    upstreams = config.upstreams.values()
    own = [key.secret for upstream in upstreams for key in upstream.api_keys]
    proxies = [upstream.proxy for upstream in upstreams if upstream.proxy is not None]
    callers = [key.secret for key in config.keys.values()]
    found = {secret.reveal() for secret in (*own, *callers, *config.server.secrets)}
    found.update(secret for url in proxies for secret in secrets_of_proxy(url))
    return sorted(found, key=len, reverse=True)  # one may be the beginning of another


class _Lasting(Struct, frozen=True):
    """What stays when the configuration changes."""

    drain: Drain
    admission: Admission
    observer: Observer
    health: Health
    stash: Stash
    seal: Seal
    signing: tuple[bytes, ...]
    secrets: list[str]
    on_begin: Callable[[Outcome], None]
    books: Database | None
    responses: ResponseStore | None
    controls: Controls


def _responses(config: Config) -> ResponseStore | None:
    """Make the place where responses are kept; None where none are."""
    wanted = config.responses
    if not wanted.store:
        return None
    capacity = wanted.capacity * 1024 * 1024
    return ResponseStore(capacity=capacity, lifetime=wanted.lifetime, clock=time.monotonic)


def _nothing(_: Outcome) -> None:
    """Note nothing: no books are kept."""


def limits(config: Config) -> Limits:
    """Return what the server puts up with: what is configured, else what this machine lets it."""
    server, files = config.server, raise_file_limit()
    return Limits(
        **structs.asdict(server.timeouts),
        max_connections=server.max_connections or connections_for(files),
        max_in_flight=server.max_in_flight or in_flight_for(files, memory_limit()),
    )


def _reloading(config: Config, fresh: Fresh, lasting: _Lasting) -> Reloading:
    def build() -> Service:
        try:
            read, keys = fresh.read()
            service = _service(read, keys, lasting)
        except (ConfigError, ValueError) as error:
            raise CannotReload(str(error)) from None
        for name in needs_restart(config, read):
            logger.warning("a change of %s takes effect at the next start", name)
        return service

    return Reloading(build, fresh.files, lasting.observer)


def _service(config: Config, keys: KeyRing, lasting: _Lasting) -> Service:
    """Build all that depends on the configuration."""
    known = directory(config)
    lasting.secrets[:] = secrets_of(config)
    upstreams = {name: upstream(name, one) for name, one in config.upstreams.items()}
    gate = Gate(keys, lasting.admission, lasting.controls)
    exchange = Exchange(
        upstreams,
        lasting.health,
        lasting.observer,
        secrets=lasting.secrets,
        on_begin=lasting.on_begin,
    )
    doors = Doors(
        chat=ChatCompletions(
            gate=gate,
            router=known.router,
            exchange=exchange,
            settings=_model_settings(config),
            clock=time.time,
            stash=lasting.stash if config.translation.remember_thinking else None,
        ),
        messages=Messages(gate=gate, router=known.router, exchange=exchange, keys=lasting.signing),
        responses=Responses(
            gate=gate,
            router=known.router,
            exchange=exchange,
            settings=_model_settings(config, lasting.signing),
            clock=time.time,
            custody=Custody(lasting.seal, lasting.responses),
        ),
        stored=Stored(gate=gate, store=lasting.responses),
        passthrough=Passthrough(gate=gate, router=known.router, exchange=exchange),
        models=Models(
            gate=gate,
            listing=known.listing,
            anonymous=config.server.anonymous_models,
        ),
        probes=Probes(lasting.drain),
        usage=Usage(gate=gate, database=lasting.books),
    )

    async def close() -> None:
        for one in upstreams.values():
            await one.transport.aclose()

    return Service(doors, keys, close)


def explained(config: Config, body: bytes, model: str | None) -> Explanation:
    """Say what would become of a chat request; ``model`` takes the place of the one it names.

    Raises:
        GatewayError: it would be refused.
        ValueError: names of the configuration contradict each other or the catalog.
    """
    router = directory(config).router
    document = parsed(body, model=model)
    planned = router.plan(model_of(document))
    if planned.plan.routes[0].chat is not None:
        passed = PassedRequest(json.encode(document))
        return explain_passed(PassedChat(passed, planned, Wishes()))
    call = ChatCall(
        checked(document),
        planned,
        wishes=Wishes(),
        created=int(time.time()),
        settings=_model_settings(config),
        recollection=None,
    )
    return explain(call)


def _model_settings(config: Config, signing: tuple[bytes, ...] = ()) -> ModelSettings:
    """Say how requests are translated."""
    return ModelSettings(
        terms=Terms(
            default_max_tokens=config.translation.default_max_tokens,
            caching=config.translation.caching,
            web_search=config.translation.web_search,
        ),
        unary_max_tokens=config.translation.unary_max_tokens,
        signing=signing,
    )


def upstream(name: str, config: UpstreamConfig) -> AnthropicUpstream | OpenAICompatibleUpstream:
    """Make what reaches one upstream. It is to be closed by its transport."""
    timers = convert(config.timeouts, Timers, from_attributes=True)
    # Imported here: a gateway needs one of the two, and each brings a good deal with it.
    if config.kind == "sandbox":
        from isthmus.upstreams.sandbox import sandbox_upstream  # noqa: PLC0415

        return sandbox_upstream(name, timers)
    from isthmus.upstreams.http.transport import HttpTransport  # noqa: PLC0415

    api_keys = [key.secret.reveal() for key in config.api_keys]
    transport = HttpTransport(None if config.proxy is None else proxy(config.proxy))
    if config.kind == "openai_compatible":
        from isthmus.upstreams.openai_compatible import OpenAICompatibleUpstream  # noqa: PLC0415

        return OpenAICompatibleUpstream(
            name,
            api_keys=api_keys,
            timers=timers,
            transport=transport,
            hedge_after=config.hedge_after,
        )
    from isthmus.upstreams.anthropic import AnthropicUpstream  # noqa: PLC0415

    return AnthropicUpstream(
        name,
        api_keys=api_keys,
        timers=timers,
        transport=transport,
        api_version=config.api_version,
        hedge_after=config.hedge_after,
    )
