"""``isthmus serve``."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

from isthmus.access.keys import KeyRing
from isthmus.cli import setting_up
from isthmus.cli.admin import AdminListener
from isthmus.cli.welcome import welcome
from isthmus.config import Config
from isthmus.gateway import application, secrets_of
from isthmus.serving.server import bound, serve
from isthmus.storage.state import StateInUse
from isthmus.telemetry.records import log_to
from isthmus.telemetry.sink import STDERR, Sink


def run(path: Path | None, host: str | None, port: int | None) -> int:
    """Serve until a signal; return the exit code."""
    config = setting_up.configuration(path, host=host, port=port)
    state, sink = setting_up.state_directory(config), Sink(STDERR)
    log_to(sink, secrets_of(config))
    with ExitStack() as stack:
        stack.callback(sink.flush)
        try:
            stack.enter_context(state.locked())
        except StateInUse as error:
            setting_up.fail(str(error))
        except OSError as error:
            setting_up.warn(f"{state.path} cannot be used ({error.strerror})")
        keys = setting_up.configured_keys(config)
        local = None if keys else setting_up.local_key(state)
        if local is not None:
            keys = {setting_up.LOCAL: local}
        try:
            app = application(config, KeyRing(keys), sink)
        except ValueError as error:
            setting_up.fail(str(error))
        listener = stack.enter_context(_listener(config))
        admin = AdminListener(config, listener.getsockname()[1])
        stack.callback(admin.close)
        return serve(
            app,
            listener,
            drain_delay=config.server.drain_delay,
            on_listening=lambda at: welcome(
                setting_up.listening_on(config, at), local, admin.metrics_url
            ),
            drain=app.drain,
            beside=admin.serving(app),
        )


def _listener(config: Config) -> socket.socket:
    server = config.server
    try:
        return bound(server.host, server.port)
    except OSError as error:
        setting_up.fail(f"cannot listen on {server.host}:{server.port}: {error.strerror}")
