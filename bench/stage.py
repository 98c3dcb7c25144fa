"""The servers of a run: the mock, nginx before it, and gateways, each on its core."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import trustme
from msgspec import Struct, structs

import processes
from configurations import GATEWAY, NGINX, NGINX_TLS
from processes import KEY, MEASURED, OTHERS, Process

ISTHMUS = Path(__file__).parents[1] / ".venv" / "bin" / "isthmus"


class Server(Struct, frozen=True, kw_only=True):
    """A running server. ``dialect`` is what it speaks: chat or messages.

    ``start_seconds`` is how long it took until it was ready.
    """

    process: Process
    port: int
    dialect: str
    start_seconds: float
    tls_port: int = 0

    def load(self, mode: str, connections: int, seconds: float, *rest: object) -> dict[str, float]:
        """Put a load on it, checking every answer; return what was counted."""
        given = (mode, self.dialect, connections, seconds, KEY, *rest)
        return processes.load(self.port, *given)

    def spent(
        self, mode: str, connections: int, seconds: float, *rest: object
    ) -> tuple[float, dict[str, float]]:
        """Put a load on it; return the microseconds it spent, and what was counted."""
        before = processes.cpu_us(self.process)
        counted = self.load(mode, connections, seconds, *rest)
        return processes.cpu_us(self.process) - before, counted

    def speaking(self, dialect: str) -> Server:
        """Return the same server, to be spoken to otherwise."""
        return structs.replace(self, dialect=dialect)

    def warm_up(self) -> None:
        """Let it open its connections and fill its caches."""
        self.load("whole", 16, 0.5)
        self.load("burst", 8, 0.3, 200)


class Stage:
    """Starts servers, each until ``stack`` ends unless another one is given."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self.directory = directory
        self._stack = stack
        self._count = 0
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(directory / "authority.pem"))
        issued = authority.issue_cert("127.0.0.1")
        issued.private_key_pem.write_to_path(str(directory / "key.pem"))
        for pem in issued.cert_chain_pems:
            pem.write_to_path(str(directory / "chain.pem"), append=True)
        port = processes.free_port()
        command: list[str | Path] = [processes.BIN / "mock", str(port)]
        self.mock = self._server("mock", command, _Role(port, "messages", OTHERS))

    def nginx(self, *, measured: bool = True) -> Server:
        """Start nginx before the mock; it serves TLS as well."""
        port, tls_port = processes.free_port(), processes.free_port()
        tls = NGINX_TLS.format(tls_port=tls_port, directory=self.directory)
        values = {"port": port, "more": tls, "mock": self.mock.port}
        name, path = self._configured("nginx", NGINX, values)
        core = MEASURED if measured else OTHERS
        command: list[str | Path] = [processes.which("nginx") or "nginx", "-c", path]
        return self._server(name, command, _Role(port, "messages", core, tls_port))

    def gateway(self, upstream: str | None = None, *, stack: ExitStack | None = None) -> Server:
        """Start a gateway before ``upstream``, a base URL, or before the mock."""
        port = processes.free_port()
        values = {"port": port, "upstream": upstream or f"http://127.0.0.1:{self.mock.port}"}
        name, path = self._configured("isthmus", GATEWAY, values)
        command: list[str | Path] = [ISTHMUS, "serve", "--config", path]
        return self._server(name, command, _Role(port, "chat", MEASURED), stack)

    def _configured(
        self, kind: str, template: str, values: Mapping[str, object]
    ) -> tuple[str, Path]:
        self._count += 1
        name = f"{kind}-{self._count}"
        path = self.directory / f"{name}.conf"
        path.write_text(template.format(directory=self.directory, name=name, **values))
        return name, path

    def _server(
        self, name: str, command: list[str | Path], role: _Role, stack: ExitStack | None = None
    ) -> Server:
        ready = processes.serves if role.dialect == "chat" else processes.listens
        # Whoever verifies certificates here shall trust this run's authority.
        trust = {"SSL_CERT_FILE": str(self.directory / "authority.pem")}
        log = self.directory / f"{name}.log"
        begun = time.monotonic()
        process = (stack or self._stack).enter_context(
            processes.started(command, role.core, log, lambda: ready(role.port), trust)
        )
        return Server(
            process=process,
            port=role.port,
            dialect=role.dialect,
            start_seconds=time.monotonic() - begun,
            tls_port=role.tls_port,
        )


class _Role(NamedTuple):
    """Where a server listens, what it speaks, and on which core it runs."""

    port: int
    dialect: str
    core: int
    tls_port: int = 0
