"""Which room may know what: imports between rooms, the network, the environment, purity."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from house.source import Finding, Reference, Source

NOUNS = ("errors", "call", "config", "redaction", "__version__")
KEPT = (*NOUNS, "storage")
SPOKEN = (*NOUNS, "wire", "translate", "upstreams", "routing")
SERVED = (*SPOKEN, "storage", "access", "ledger", "telemetry")

# What each room may import beside itself. Knowledge flows one way: no room is below its own name.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "__init__": (),
    "errors": (),
    "redaction": (),
    "call": ("errors",),
    "config": ("errors", "call"),
    "wire": ("errors", "call", "config"),
    "translate": ("errors", "call", "config", "wire"),
    "sandbox": ("errors", "wire.json", "wire.sse"),
    "upstreams": (*NOUNS, "wire", "sandbox"),
    "routing": (*NOUNS, "wire", "upstreams"),
    "storage": NOUNS,
    "access": KEPT,
    "ledger": KEPT,
    "telemetry": NOUNS,
    "serving": SERVED,
    "gateway": (*SERVED, "serving"),
    "cli": (*SERVED, "sandbox", "serving", "gateway"),
    "__main__": ("cli",),
}

NETWORKED_ROOMS = frozenset({"upstreams", "storage", "telemetry", "serving", "cli"})
NETWORK = frozenset(
    {
        *("_socket", "socket", "socketserver", "ssl", "select", "selectors"),
        *("ftplib", "http.client", "http.server", "imaplib", "poplib", "smtplib", "telnetlib"),
        *(
            "urllib.request",
            "wsgiref",
            "xmlrpc",
            "aiohappyeyeballs",
            "aiohttp",
            "h11",
            "h2",
            "httpcore",
            "httpcore2",
        ),
        *("httptools", "httpx", "httpx2", "requests", "urllib3", "uvicorn", "uvloop", "websockets"),
        *("asyncpg", "botocore", "google", "grpc", "opentelemetry", "redis", "starlette"),
        *("asyncio.open_connection", "asyncio.open_unix_connection", "asyncio.start_server"),
        *("asyncio.start_unix_server", "asyncio.StreamReader", "asyncio.StreamWriter"),
        *("asyncio.streams", "anyio.connect_tcp", "anyio.create_tcp_listener"),
    }
)
NETWORK_METHODS = frozenset(
    {
        *("create_connection", "create_datagram_endpoint", "create_server"),
        *("create_unix_connection", "create_unix_server", "sock_accept", "sock_connect"),
    }
)
# Client libraries of the protocols served here: tests use them, the product never does.
SDKS = frozenset({"anthropic", "openai"})

ENVIRONMENT_ROOMS = frozenset({"config", "cli"})
ENVIRONMENT = frozenset(
    {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv", "dotenv"}
)

PURE_ROOMS = frozenset({"wire", "translate"})
CLOCKS = ("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today")
IMPURE = {
    "clock": ("time", *CLOCKS, "datetime.date.today"),
    "randomness": ("random", "secrets", "uuid", "builtins.hash"),
    "logging": ("logging", "warnings", "builtins.print"),
    "system": ("builtins.input", "builtins.open", "io.open", "os", "pathlib", "shutil", "tempfile"),
    "scheduling": ("asyncio", "anyio", "concurrent", "multiprocessing", "subprocess", "threading"),
}
ASYNCHRONOUS = ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await


def directions(source: Source) -> Iterator[Finding]:
    """A room imports only what stands before it."""
    if not source.module:
        return
    room = source.module[0]
    if room not in MAY_IMPORT:
        yield source.finding(1, f"the house has no room `{room}`")
        return
    allowed = tuple(f"isthmus.{name}" for name in (room, *MAY_IMPORT[room]))
    for reference in source.imports:
        if reference.within(("isthmus",)) and not reference.within(allowed):
            yield source.finding(reference.line, f"{room} may not import {reference.name}")


def network(source: Source) -> Iterator[Finding]:
    """Only the rooms at the edge know the network; the official clients are known nowhere."""
    if not source.module:
        return
    room = source.module[0]
    for reference in source.references:
        if reference.within(SDKS):
            yield source.finding(reference.line, f"{reference.name} is for tests only")
        elif room not in NETWORKED_ROOMS and _reaches_the_network(reference):
            yield source.finding(
                reference.line, f"{room} may not use the network: {reference.name}"
            )


def environment(source: Source) -> Iterator[Finding]:
    """Only the configuration and the command line read the environment."""
    if not source.module or source.module[0] in ENVIRONMENT_ROOMS:
        return
    for reference in source.references:
        if reference.within(ENVIRONMENT):
            rule = f"{source.module[0]} may not read the environment: {reference.name}"
            yield source.finding(reference.line, rule)


def purity(source: Source) -> Iterator[Finding]:
    """What is said and how otherwise depends on nothing but the arguments."""
    if not source.module or source.module[0] not in PURE_ROOMS:
        return
    room = source.module[0]
    for reference in source.references:
        for what, names in IMPURE.items():
            if reference.within(names):
                yield source.finding(reference.line, f"{room} knows no {what}: {reference.name}")
    for node in source.nodes:
        if isinstance(node, ASYNCHRONOUS):
            yield source.finding(node.lineno, f"{room} has no async")


def _reaches_the_network(reference: Reference) -> bool:
    return reference.within(NETWORK) or reference.name.rpartition(".")[2] in NETWORK_METHODS
