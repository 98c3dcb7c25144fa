"""The admin listener of ``isthmus serve``: where it listens, and what it serves there."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from isthmus.cli import setting_up
from isthmus.config import Config
from isthmus.config.address import Address, address
from isthmus.serving.drain import Drain
from isthmus.serving.listener import bound

_LOOPBACK = "127.0.0.1"
_LAST_PORT = 65535


class AdminListener:
    """Binds at once. An address that was configured and is taken ends the process with 2.

    ``port`` is the server's own, which decides where none was configured. ``metrics_url`` is None
    where there is no listener.
    """

    def __init__(self, config: Config, port: int) -> None:
        self.metrics_url: str | None = None
        self._host = _LOOPBACK
        self._socket: socket.socket | None = None
        listen = config.admin.listen
        if listen is False:
            return
        where = address(listen) if listen else _beside(config.server.port, port)
        try:
            self._socket = bound(*where)
        except OSError as error:
            if listen:
                setting_up.fail(f"admin.listen: cannot listen on {where}: {error.strerror}")
            setting_up.warn(f"no metrics: cannot listen on {where} ({error.strerror})")
            return
        self._host = where.host
        taken = Address(setting_up.callable_at(where.host), self._socket.getsockname()[1])
        self.metrics_url = f"http://{taken}/metrics"

    def close(self) -> None:
        """Let go of the address."""
        if self._socket is not None:
            self._socket.close()

    def serving(
        self, drain: Drain, metrics: Callable[[], Awaitable[bytes]]
    ) -> AbstractAsyncContextManager[object]:
        """Return a context in which ``metrics`` are served, as they are written then."""
        if self._socket is None:
            return nullcontext()
        # Imported when there is a loop to serve on: a supervisor has nothing else to serve.
        from isthmus.serving.admin import Admin  # noqa: PLC0415
        from isthmus.serving.server import also_serving  # noqa: PLC0415

        return also_serving(Admin(metrics, drain, self._host).serve, self._socket)


def _beside(configured: int, port: int) -> Address:
    """Return the port after the server's; any, if the server's was to be any as well."""
    return Address(_LOOPBACK, port + 1 if configured and port < _LAST_PORT else 0)
