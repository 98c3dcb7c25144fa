"""``isthmus serve``, and what each of its workers runs."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from isthmus.access.keys import KeyRing, VirtualKeys
from isthmus.cli import setting_up
from isthmus.cli.accounting import accounting, budgeting, keeping_keys
from isthmus.cli.admin import AdminListener
from isthmus.cli.remembering import remembering, server_secrets
from isthmus.cli.welcome import welcome
from isthmus.config import Config, ConfigError, files_of
from isthmus.serving.listener import bound
from isthmus.storage.state import StateInUse
from isthmus.telemetry.exposition import written, written_by_all
from isthmus.telemetry.records import log_to
from isthmus.telemetry.sink import STDERR, Sink
from isthmus.telemetry.snapshot import condensed, encoded

# What serves is imported by whoever does: the supervisor of several workers stays small.
if TYPE_CHECKING:
    from isthmus.gateway import Fresh
    from isthmus.serving.app import App


class Given(Struct, frozen=True, kw_only=True):
    """What the command line says."""

    path: Path | None
    host: str | None
    port: int | None
    workers: int = 1


def run(given: Given) -> int:
    """Serve until a signal; return the exit code."""
    config = setting_up.configuration(given.path, host=given.host, port=given.port)
    if given.workers > 1 and config.responses.store:
        setting_up.fail("[responses] store keeps responses in one process: it needs --workers 1")
    state, log = setting_up.state_directory(config), _log()
    with ExitStack() as stack:
        stack.callback(log.flush)
        try:
            stack.enter_context(state.locked())
        except StateInUse as error:
            setting_up.fail(str(error))
        except OSError as error:
            setting_up.warn(f"{state.path} cannot be used ({error.strerror})")
        local = None if config.keys else setting_up.local_key(state)
        server = config.server
        try:
            listener = stack.enter_context(bound(server.host, server.port))
        except OSError as error:
            setting_up.fail(f"cannot listen on {server.host}:{server.port}: {error.strerror}")
        # The port that was taken may not be the one that was asked for.
        admin = AdminListener(config, listener.getsockname()[1])
        stack.callback(admin.close)
        place = _Place(config=config, listener=listener, local=local, metrics_url=admin.metrics_url)
        if given.workers > 1:
            return _supervise(given, place, admin)
        return _serve(given, place, log, admin=admin)


def work(given: Given, listener: int, channel: int) -> int:
    """Serve as one of several workers, on the descriptors that the supervisor has handed down."""
    from isthmus.serving.worker import greeting  # noqa: PLC0415

    with socket.socket(fileno=channel) as above:
        local = greeting(above).decode() or None
        config, log = setting_up.configuration(given.path, host=given.host, port=given.port), _log()
        with socket.socket(fileno=listener) as shared:
            place = _Place(config=config, listener=shared, local=local)
            return _serve(given, place, log, above=above)


class _Place(Struct, frozen=True, kw_only=True):
    """What a serving process stands on. ``local``: the key that was made for this machine."""

    config: Config
    listener: socket.socket
    local: str | None
    metrics_url: str | None = None

    def welcome(self) -> None:
        """Say that it serves, and where."""
        config = setting_up.listening_on(self.config, self.listener.getsockname()[1])
        welcome(config, self.local, self.metrics_url)


def _serve(
    given: Given,
    place: _Place,
    sink: Sink,
    *,
    admin: AdminListener | None = None,
    above: socket.socket | None = None,
) -> int:
    """Serve, with an admin listener beside, or as one of several workers."""
    from isthmus.gateway import Keeping, Log, application, secrets_of  # noqa: PLC0415

    config, local = place.config, place.local
    log = Log(sink, secrets_of(config))
    log_to(sink, log.secrets)
    keys = setting_up.configured_keys(config) or {setting_up.LOCAL: local or ""}
    state = setting_up.state_directory(config)
    with (
        remembering(config, state, shared=above is not None) as stash,
        accounting(config, state) as ledger,
        keeping_keys(config, state) as virtual,
        budgeting(config, state, ledger) as budgets,
    ):
        fresh = _fresh(given, config, local, virtual)
        try:
            app = application(
                config,
                KeyRing(keys, virtual),
                fresh=fresh,
                log=log,
                keeping=Keeping(
                    stash=stash,
                    secrets=server_secrets(config, state),
                    ledger=ledger,
                    database=setting_up.database(config, state),
                    budgets=budgets,
                ),
            )
        except ValueError as error:
            setting_up.fail(str(error))
        return _run(app, place, admin, above)


def _run(app: App, place: _Place, admin: AdminListener | None, above: socket.socket | None) -> int:
    from isthmus.gateway import limits  # noqa: PLC0415
    from isthmus.serving.server import Draining, Hooks, Subordination, serve  # noqa: PLC0415

    config = place.config
    return serve(
        app,
        place.listener,
        draining=Draining(delay=config.server.drain_delay, timeout=config.server.drain_timeout),
        limits=limits(config),
        hooks=Hooks(
            on_listening=lambda _: place.welcome() if above is None else None,
            on_hangup=app.reloading.ask if app.reloading is not None else None,
            drain=app.drain,
            pressure=app.pressure,
            subordination=None
            if above is None
            else Subordination(channel=above, count=lambda: encoded(app.metrics.snapshot())),
            beside=admin.serving(app.drain, partial(written, app.metrics))
            if admin is not None
            else nullcontext(),
        ),
    )


def _supervise(given: Given, place: _Place, admin: AdminListener) -> int:
    from isthmus.serving.control import Patience  # noqa: PLC0415
    from isthmus.serving.drain import Drain  # noqa: PLC0415
    from isthmus.serving.supervisor import Supervisor, Watching  # noqa: PLC0415

    server, drain = place.config.server, Drain()

    async def supervise() -> int:
        supervisor = Supervisor(
            place.listener,
            lambda shared, channel: _command_line(given, shared, channel),
            count=given.workers,
            greeting=(place.local or "").encode(),
            patience=Patience(server.drain_delay, server.drain_timeout),
            hooks=Watching(on_ready=place.welcome, drain=drain, condense=condensed),
        )
        async with admin.serving(drain, partial(written_by_all, supervisor.counts)):
            return await supervisor.run()

    return asyncio.run(supervise())


def _command_line(given: Given, listener: int, channel: int) -> list[str]:
    line = [sys.executable, "-m", "isthmus", "worker", str(listener), str(channel)]
    for option, value in (
        ("--config", given.path),
        ("--host", given.host),
        ("--port", given.port),
        ("--workers", given.workers),
    ):
        if value is not None:
            line += [option, str(value)]
    return line


def _fresh(
    given: Given, config: Config, local: str | None, virtual: VirtualKeys | None
) -> Fresh | None:
    """Say how to read the configuration anew; None where there is no file to be changed."""
    from isthmus.gateway import Fresh  # noqa: PLC0415

    path = given.path
    if path is None:
        return None
    files = [path, *files_of(config)]

    def read() -> tuple[Config, KeyRing]:
        config = setting_up.read(path, host=given.host, port=given.port)
        keys = setting_up.configured_keys(config)
        if not keys and local is None:
            raise ConfigError(f"{path}: the last of [keys] is gone; a restart would make one")
        files[:] = [path, *files_of(config)]
        return config, KeyRing(keys or {setting_up.LOCAL: local or ""}, virtual)

    return Fresh(read, lambda: files)


def _log() -> Sink:
    """Log to standard error, without ever waiting for it."""
    sink = Sink(STDERR)
    log_to(sink)
    return sink
