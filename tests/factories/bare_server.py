"""Our HTTP server with an application that does next to nothing, in a process of its own.

Its standard output tells what happens, one line each, so that a test can wait for it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isthmus.serving import server
from isthmus.serving.connection import offered
from isthmus.serving.drain import Drain


@dataclass
class BareServer:
    """A running server."""

    process: subprocess.Popen[str]
    host: str
    port: int
    log: Path

    def connect(self, sent: bytes = b"") -> socket.socket:
        connection = socket.create_connection((self.host, self.port), 10)
        connection.sendall(sent)
        return connection

    def ask(self, sent: bytes) -> bytes:
        """Send bytes and read until the server closes."""
        with self.connect(sent) as connection:
            return read_to_end(connection)

    def wait_for(self, line: str) -> None:
        """Wait until the application has said this."""
        assert self.process.stdout is not None
        for said in self.process.stdout:
            if said.strip() == line:
                return
        raise AssertionError(f"the server ended without saying {line!r}")


def read_to_end(connection: socket.socket) -> bytes:
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received


@contextmanager
def serving(*options: str, host: str = "127.0.0.1") -> Generator[BareServer]:
    """Start the server; ``options`` are told to `main`."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "factories.bare_server", host, *options]
    with tempfile.NamedTemporaryFile() as log:
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
        assert process.stdout is not None
        with process, process.stdout as said:
            said.readline()  # that it is not draining
            port = int(said.readline().removeprefix("listening ") or 0)
            try:
                yield BareServer(process, host, port, Path(log.name))
            finally:
                process.kill()


async def app(scope, receive, send) -> None:
    """Do what the path says; anything that ends a call early is said on standard output."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    path, task = scope["path"], asyncio.current_task()
    connection = offered(scope)
    connection.on_disconnect(lambda: (_say(f"left {path}"), task.cancel()))
    _say(f"called {path}")
    try:
        await PATHS[path](scope, receive, send, connection)
    except asyncio.CancelledError:
        if not connection.disconnected:
            _say(f"ended {path}")
            connection.abort()
        task.uncancel()


async def _live(receive, send) -> None:
    await receive()
    if "broken" in sys.argv:
        await send({"type": "lifespan.startup.failed", "message": "there is no database"})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _echo(scope, receive, send, _) -> None:
    """Answer with the names of the headers and the body."""
    body, more = b" ".join(name for name, _ in scope["headers"]) + b"|", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await _start(send, (b"content-length", b"%d" % len(body)))
    await _body(send, body, more=False)


async def _stream(_, __, send, ___) -> None:
    """Send pieces until the client asks for the end by another request, or leaves."""
    await _start(send)
    for _ in range(3):
        await _body(send, b"piece")
        await asyncio.sleep(0.05)
    await _body(send, b"last", more=False)


async def _break(_, __, send, connection) -> None:
    await _start(send)
    await _body(send, b"piece")
    connection.abort()


async def _hang(*_) -> None:
    await asyncio.Event().wait()


PATHS = {"/echo": _echo, "/stream": _stream, "/break": _break, "/hang": _hang}


async def _start(send, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": list(headers)})


async def _body(send, data: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})


def _say(what: str) -> None:
    os.write(1, f"{what}\n".encode())  # may be called by a signal while something is said


class _SpokenDrain(Drain):
    """Says when it is told something."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        _say(f"{name} {value}")


def main() -> int:
    """Serve on the host that is named; ``hurried`` shortens the patience of a second signal."""
    if "hurried" in sys.argv:
        server.GRACE_HURRIED = 0.2
    return server.serve(
        app,
        server.bound(sys.argv[1], 0),
        drain_delay=0,
        on_listening=lambda port: _say(f"listening {port}"),
        drain=_SpokenDrain(),
    )


if __name__ == "__main__":
    sys.exit(main())
