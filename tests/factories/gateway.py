"""Starts the real command on a free port, as an operator would."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KEY = "test-key-0123456789"


@dataclass
class Gateway:
    """A running gateway."""

    host: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    key: str = KEY

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}/v1"

    def connection(self, timeout: float = 20) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def logged(self) -> str:
        return self.log.read_text()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def configuration(port: int, state: Path, rest: str, drain_delay: float = 0) -> str:
    return f"""
[server]
host = "127.0.0.1"
port = {port}
state = "{state}"
drain_delay = {drain_delay}

[keys.test]
secret = "env:ISTHMUS_TEST_KEY"

{rest}
"""


@contextmanager
def running(directory: Path, rest: str, drain_delay: float = 0) -> Generator[Gateway]:
    """Run ``isthmus serve`` with a configuration whose upstreams are ``rest``."""
    port = free_port()
    config, log = directory / "isthmus.toml", directory / "log"
    config.write_text(configuration(port, directory / "state", rest, drain_delay))
    keys = {"UPSTREAM_KEY": "sk-upstream", "SECOND_KEY": "sk-second"}
    environment = {**os.environ, **keys, "ISTHMUS_TEST_KEY": KEY}
    command = [sys.executable, "-m", "isthmus", "serve", "--config", str(config)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    gateway = Gateway("127.0.0.1", port, process, log)
    try:
        _wait_until_ready(gateway)
        yield gateway
    finally:
        process.terminate()
        process.wait(10)


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
