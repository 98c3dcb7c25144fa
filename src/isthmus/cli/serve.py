"""``isthmus serve``, and what each of its workers runs."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from isthmus.access.keys import KeyRing
from isthmus.cli import setting_up
from isthmus.cli.welcome import welcome
from isthmus.config import Config, ConfigError, files_of
from isthmus.serving.listener import bound
from isthmus.storage.state import StateInUse

# What serves is imported by whoever does: the supervisor of several workers stays small.
if TYPE_CHECKING:
    from isthmus.gateway import Fresh


class Given(Struct, frozen=True, kw_only=True):
    """What the command line says."""

    path: Path | None
    host: str | None
    port: int | None
    workers: int = 1


def run(given: Given) -> int:
    """Serve until a signal; return the exit code."""
    config = setting_up.configuration(given.path, host=given.host, port=given.port)
    _log()
    state = setting_up.state_directory(config)
    with ExitStack() as stack:
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
        if given.workers > 1:
            return _supervise(given, config, listener, local)
        return _serve(given, config, listener, local)


def work(given: Given, listener: int, channel: int) -> int:
    """Serve as one of several workers, on the descriptors that the supervisor has handed down."""
    from isthmus.serving.worker import greeting  # noqa: PLC0415

    with socket.socket(fileno=channel) as above:
        local = greeting(above).decode() or None
        config = setting_up.configuration(given.path, host=given.host, port=given.port)
        _log()
        with socket.socket(fileno=listener) as shared:
            return _serve(given, config, shared, local, above)


def _serve(
    given: Given,
    config: Config,
    listener: socket.socket,
    local: str | None,
    above: socket.socket | None = None,
) -> int:
    from isthmus.gateway import application, limits  # noqa: PLC0415
    from isthmus.serving.server import Draining, Hooks, Subordination, serve  # noqa: PLC0415

    keys = setting_up.configured_keys(config) or {setting_up.LOCAL: local or ""}
    try:
        app = application(config, KeyRing(keys), _fresh(given, config, local))
    except ValueError as error:
        setting_up.fail(str(error))

    def on_listening(port: int) -> None:
        if above is None:
            welcome(setting_up.listening_on(config, port), local)

    return serve(
        app,
        listener,
        draining=Draining(delay=config.server.drain_delay, timeout=config.server.drain_timeout),
        limits=limits(config),
        hooks=Hooks(
            on_listening=on_listening,
            on_hangup=app.reloading.ask if app.reloading is not None else None,
            drain=app.drain,
            pressure=app.pressure,
            subordination=None if above is None else Subordination(channel=above, count=bytes),
        ),
    )


def _supervise(given: Given, config: Config, listener: socket.socket, local: str | None) -> int:
    from isthmus.serving.control import Patience  # noqa: PLC0415
    from isthmus.serving.supervisor import Supervisor  # noqa: PLC0415

    server = config.server
    # The port that was taken may not be the one that was asked for.
    port = listener.getsockname()[1]

    async def supervise() -> int:
        return await Supervisor(
            listener,
            lambda shared, channel: _command_line(given, shared, channel),
            count=given.workers,
            greeting=(local or "").encode(),
            patience=Patience(server.drain_delay, server.drain_timeout),
            on_ready=lambda: welcome(setting_up.listening_on(config, port), local),
        ).run()

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


def _fresh(given: Given, config: Config, local: str | None) -> Fresh | None:
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
        return config, KeyRing(keys or {setting_up.LOCAL: local or ""})

    return Fresh(read, lambda: files)


def _log() -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format=_FORMAT)


_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
