"""A peer on a thread of its own that says one thing, and then only watches for the end."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from typing import Self

#: The other side ended, in peace or not; seen although what came before was not read.
_END = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)


class WatchingPeer:
    """Takes one client. Use as a context manager.

    With an ``answer`` it reads the head of a request and answers, in TLS if there is a context;
    without one it reads nothing.
    """

    def __init__(self, answer: bytes = b"", tls: ssl.SSLContext | None = None) -> None:
        #: Set when something has come and the answer, if any, has gone.
        self.ready = threading.Event()
        self.ended = threading.Event()
        self.ended_at = 0.0
        self._answer = answer
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(5)
        self._socket.close()

    def _run(self) -> None:
        taken, _ = self._socket.accept()
        with taken:
            wire = self._tls.wrap_socket(taken, server_side=True) if self._tls else taken
            with wire:
                self._wait_for(wire, select.POLLIN)
                if self._answer:
                    wire.recv(65536)
                    wire.sendall(self._answer)
                self.ready.set()
                self._wait_for(wire, 0)
                self.ended_at = time.monotonic()
                self.ended.set()

    def _wait_for(self, wire: socket.socket, event: int) -> None:
        poll = select.poll()
        poll.register(wire, event | (0 if event else _END))
        poll.poll(5000)
