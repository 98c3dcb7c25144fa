"""Starts the real command on a free port, as an operator would."""

from __future__ import annotations

import http.client
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

KEY = "test-key-0123456789"


@dataclass
class Gateway:
    """A running gateway."""

    host: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    admin_port: int = 0
    key: str = KEY

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}/v1"

    def on_admin_port(self) -> Gateway:
        """The same gateway, to be called at its admin listener."""
        return replace(self, port=self.admin_port)

    def connection(self, timeout: float = 20) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def logged(self) -> str:
        return self.log.read_text()

    def logs(self, words: str, seconds: float = 5) -> bool:
        """Say whether the log holds some words, which a thread of its own writes a moment later."""
        deadline = time.monotonic() + seconds
        while words not in self.logged():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


#: Sockets that keep ports for those they were given to; the last of them, for files are limited.
_RESERVED: list[socket.socket] = []


def free_port() -> int:
    """Find one below those that the system gives to whoever connects somewhere.

    It stays reserved: nobody else who looks like this finds it, whoever listens can still have it,
    and until then it refuses connections.
    """
    while True:
        reserved = socket.socket()
        try:
            reserved.bind(("127.0.0.1", random.SystemRandom().randrange(15_000, 32_000)))
        except OSError:
            reserved.close()
            continue
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _RESERVED.append(reserved)
        if len(_RESERVED) > 50:
            _RESERVED.pop(0).close()
        return reserved.getsockname()[1]


def configuration(
    port: int,
    state: Path,
    rest: str,
    *,
    server: str = "",
    admin: str = "false",
) -> str:
    return f"""
[server]
host = "127.0.0.1"
port = {port}
state = "{state}"
{"" if "drain_delay" in server else "drain_delay = 0"}
{server}

{"" if "[admin]" in rest else f"[admin]{chr(10)}listen = {admin}"}

[keys.test]
secret = "env:ISTHMUS_TEST_KEY"

{rest}
"""


#: Short enough to wait for, long enough for a busy machine.
TIMEOUTS = "{ connect = 0.7, first_byte = 1, first_content = 1.5, stall = 0.6, content_idle = 1.2 }"


def upstream_table(name: str, *urls: str) -> str:
    """Write the table of an upstream that is given up soon."""
    listed = ", ".join(f'"{url}"' for url in urls)
    return f"""
[upstreams.{name}]
kind = "anthropic"
base_urls = [{listed}]
api_key = "env:UPSTREAM_KEY"
timeouts = {TIMEOUTS}
"""


@contextmanager
def running(
    directory: Path,
    rest: str,
    *,
    server: str = "",
    workers: int = 1,
    errors: int | None = None,
    **secrets: str,
) -> Generator[Gateway]:
    """Run ``isthmus serve`` with a configuration whose upstreams are ``rest``.

    ``server``: more settings of that section, and tables below it. ``errors`` is where standard
    error goes instead of the log, ``secrets`` are variables of the environment.
    """
    port, admin_port = free_port(), free_port()
    config, log = directory / "isthmus.toml", directory / "log"
    text = configuration(
        port,
        directory / "state",
        rest,
        server=server,
        admin=f'"127.0.0.1:{admin_port}"',
    )
    config.write_text(text)
    environment = {**os.environ, "ISTHMUS_TEST_KEY": KEY, "UPSTREAM_KEY": "sk-upstream"}
    environment |= {"OTHER_KEY": "sk-other", "SECOND_KEY": "sk-second"}
    environment |= secrets
    command = [sys.executable, "-m", "isthmus", "serve", "--config", str(config)]
    command += ["--workers", str(workers)] if workers > 1 else []
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=errors or output)
    key = environment["ISTHMUS_TEST_KEY"]
    gateway = Gateway("127.0.0.1", port, process, log, admin_port, key)
    try:
        _wait_until_ready(gateway)
        yield gateway
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def _wait_until_ready(gateway: Gateway) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if gateway.process.poll() is not None:
            break
        connection = gateway.connection(1)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.02)
        finally:
            connection.close()
    raise RuntimeError(f"the gateway did not start: {gateway.logged()}")
