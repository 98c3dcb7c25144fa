"""Starts what is measured, pinned to its core, and reads what it spent."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

HERE = Path(__file__).parent
BIN = HERE / "bin"
KEY = "sk-bench-key-0123456789"
#: Everything measured runs on the first core, the mock and the load client on the second.
MEASURED, OTHERS = map(int, os.environ.get("BENCH_CORES", "0,1").split(","))
NOTHING: Mapping[str, str] = {}


class WrongAnswer(Exception):
    """The load client saw an answer that is not right; says what it saw."""


NGINX = """
worker_processes 1;
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log crit;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  upstream mock {{ server 127.0.0.1:{mock}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    keepalive_requests 100000000;
    location / {{
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""

GATEWAY = """
[server]
host = "127.0.0.1"
port = {port}
state = "{directory}/state"
drain_delay = 0

[upstreams.main]
kind = "anthropic"
base_urls = ["http://127.0.0.1:{mock}"]
api_key = "env:BENCH_KEY"

[keys.bench]
secret = "env:BENCH_KEY"
"""


def missing() -> str | None:
    """Say what has to be installed first; None when all is there."""
    wanted = [
        name for name, command in (("nginx-light", "nginx"), ("gcc", "cc")) if not which(command)
    ]
    return f"make bench needs: apt-get install {' '.join(wanted)}" if wanted else None


def which(command: str) -> str | None:
    """Find a command; servers are often outside of a user's path."""
    return shutil.which(command, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def compile_tools() -> None:
    """Compile the mock and the load client where their source is newer."""
    BIN.mkdir(exist_ok=True)
    for name in ("mock", "load"):
        source, target = HERE / f"{name}.c", BIN / name
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["cc", "-O2", "-o", target, source], check=True)


def free_port() -> int:
    """Return a port of loopback that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def spawned(
    command: list[str | Path], core: int, log: Path, environment: Mapping[str, str] = NOTHING
) -> Generator[subprocess.Popen[bytes]]:
    """Run a command on one core until the block ends; it may not listen yet."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            env={**os.environ, "BENCH_KEY": KEY, **environment},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


@contextmanager
def started(
    command: list[str | Path], core: int, port: int, log: Path
) -> Generator[subprocess.Popen[bytes]]:
    """Run a server on one core until the block ends."""
    with spawned(command, core, log) as process:
        _wait(process, port, log)
        yield process


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process and all it started to leave; insist after ten seconds."""
    for wish in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, wish)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
            return


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.002)
    sys.exit(f"bench: {process.args} did not start: {log.read_text()}")


def ask(
    port: int, *arguments: object, environment: Mapping[str, str] = NOTHING
) -> dict[str, float]:
    """Run the load client; return what it counted. Raises WrongAnswer."""
    command = ["taskset", "-c", str(OTHERS), BIN / "load", str(port), *map(str, arguments)]
    ended = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )
    if ended.returncode:
        raise WrongAnswer(ended.stderr.strip())
    return json.loads(ended.stdout)


def load(port: int, *arguments: object) -> dict[str, float]:
    """Run the load client; return what it counted. A wrong answer ends the run."""
    try:
        return ask(port, *arguments)
    except WrongAnswer as wrong:
        sys.exit(f"bench: {wrong}")


def cpu_us(process: subprocess.Popen[bytes]) -> float:
    """Return the processor time of a process and its children so far, in microseconds."""
    return sum(_thread_us(pid) for pid in _tree(process.pid))


def pss_mb(process: subprocess.Popen[bytes]) -> float:
    """Return the proportional set size of a process and its children, in megabytes."""
    total = 0
    for pid in _tree(process.pid):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _tree(int(child)))]


def _thread_us(pid: int) -> float:
    stats = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(stat.read_text().split()[0]) for stat in stats) / 1000
