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
from isthmus.serving.connection import ClientGone
from isthmus.serving.drain import Drain
from isthmus.serving.listener import bound


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


class App:
    """Does what the path says; anything that ends a call early is said on standard output."""

    async def __call__(self, _scope, receive, send) -> None:
        await receive()
        if "broken" in sys.argv:
            await send({"type": "lifespan.startup.failed", "message": "there is no database"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def serve(self, request) -> None:
        connection, task = request.connection, asyncio.current_task()
        connection.on_disconnect(lambda: (_say(f"left {request.path}"), task.cancel()))
        _say(f"called {request.path}")
        try:
            await PATHS[request.path](request, connection)
        except (asyncio.CancelledError, ClientGone):
            if not connection.disconnected:
                _say(f"ended {request.path}")
                connection.abort()
            task.uncancel()


async def _echo(request, connection) -> None:
    """Answer with the names of the headers and the body."""
    body = " ".join(request.headers).encode() + b"|"
    while chunk := await connection.receive():
        body += chunk
    await connection.start(200, b"content-length: %d\r\n" % len(body))
    await connection.finish(body)


async def _stream(_, connection) -> None:
    """Send pieces until the client asks for the end by another request, or leaves."""
    await connection.start(200, b"")
    for _ in range(3):
        await connection.send(b"piece")
        await asyncio.sleep(0.05)
    await connection.finish(b"last")


async def _break(_, connection) -> None:
    await connection.start(200, b"")
    await connection.send(b"piece")
    connection.abort()


async def _hang(*_) -> None:
    await asyncio.Event().wait()


PATHS = {"/echo": _echo, "/stream": _stream, "/break": _break, "/hang": _hang}


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
        App(),
        bound(sys.argv[1], 0),
        draining=server.Draining(delay=0),
        hooks=server.Hooks(
            on_listening=lambda port: _say(f"listening {port}"), drain=_SpokenDrain()
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
