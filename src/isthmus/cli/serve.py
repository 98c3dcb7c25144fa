"""``isthmus serve``."""

from __future__ import annotations

import logging
import sys
from contextlib import ExitStack
from pathlib import Path

from isthmus.access.keys import KeyRing
from isthmus.cli import setting_up
from isthmus.cli.remembering import remembering
from isthmus.cli.welcome import welcome
from isthmus.config import Config, ConfigError, files_of
from isthmus.gateway import Fresh, application, limits
from isthmus.serving.server import Hooks, serve
from isthmus.storage.state import StateInUse


def run(path: Path | None, host: str | None, port: int | None) -> int:
    """Serve until a signal; return the exit code."""
    config = setting_up.configuration(path, host=host, port=port)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format=_FORMAT)
    state = setting_up.state_directory(config)
    with ExitStack() as stack:
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
        fresh = _fresh(path, host, port, config, local)
        stash = stack.enter_context(remembering(config, state, shared=False))
        try:
            app = application(config, KeyRing(keys), fresh, stash)
        except ValueError as error:
            setting_up.fail(str(error))
        server = config.server
        try:
            return serve(
                app,
                host=server.host,
                port=server.port,
                drain_delay=server.drain_delay,
                limits=limits(config),
                hooks=Hooks(
                    on_listening=lambda at: welcome(setting_up.listening_on(config, at), local),
                    on_hangup=app.reloading.ask if app.reloading is not None else None,
                    drain=app.drain,
                    pressure=app.pressure,
                ),
            )
        except OSError as error:
            setting_up.fail(f"cannot listen on {server.host}:{server.port}: {error.strerror}")


def _fresh(
    path: Path | None, host: str | None, port: int | None, config: Config, local: str | None
) -> Fresh | None:
    """Say how to read the configuration anew; None where there is no file to be changed."""
    if path is None:
        return None
    files = [path, *files_of(config)]

    def read() -> tuple[Config, KeyRing]:
        config = setting_up.read(path, host=host, port=port)
        keys = setting_up.configured_keys(config)
        if not keys and local is None:
            raise ConfigError(f"{path}: the last of [keys] is gone; a restart would make one")
        files[:] = [path, *files_of(config)]
        return config, KeyRing(keys or {setting_up.LOCAL: local or ""})

    return Fresh(read, lambda: files)


_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
