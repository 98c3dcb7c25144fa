"""What can be had or not: the same calls to a whole gateway in this process, with it and without.

The server is left out, and its part of the work the same on both sides.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from asked import BODY, WARNED
from clocked import Batch, Switch, side_by_side
from isthmus.access.keys import KeyRing
from isthmus.config import Config, load
from isthmus.gateway import Log, application
from isthmus.telemetry.sink import Sink
from processes import KEY

_UPSTREAM = """
[upstreams.main]
kind = "anthropic"
base_urls = ["{upstream}"]
"""
_ONE = 'api_key = "env:BENCH_KEY"\n'
_TWO = """api_keys = [
  {{ secret = "env:BENCH_KEY", account = "one" }},
  {{ secret = "env:BENCH_KEY_2", account = "two" }},
]
"""
_FORGETFUL = "[translation]\nremember_thinking = false\n"


class Variants(Struct, frozen=True, kw_only=True):
    """Configurations: the usual one, one that remembers nothing, one with a second account."""

    usual: Config
    forgetful: Config
    two_accounts: Config


def variants(directory: Path, upstream: str) -> Variants:
    """Write and read them."""

    def configured(name: str, text: str) -> Config:
        path = directory / f"{name}.toml"
        path.write_text(text.format(upstream=upstream))
        return load(path, {"BENCH_KEY": KEY, "BENCH_KEY_2": KEY[::-1]})

    return Variants(
        usual=configured("usual", _UPSTREAM + _ONE),
        forgetful=configured("forgetful", _UPSTREAM + _ONE + _FORGETFUL),
        two_accounts=configured("two-accounts", _UPSTREAM + _TWO),
    )


class Calls(Struct, frozen=True):
    """A usual call to a whole gateway without its server, and all that can be had or not."""

    usual: Batch
    switches: list[Switch]


@asynccontextmanager
async def calls(made: Variants, nowhere: int) -> AsyncGenerator[Calls]:
    """Give calls, and the gateways that answer them until the block ends."""
    apps = [
        application(config, KeyRing({"bench": KEY}), log=Log(Sink(nowhere)))
        for config in (made.usual, made.forgetful, made.two_accounts)
    ]
    usual, forgetful, two_accounts = (_asking(app, BODY) for app in apps)
    warned = _asking(apps[0], WARNED)
    explained = _asking(apps[0], BODY, {"x-isthmus-explain": "1"})
    switches = [
        Switch(
            "remembered thinking", "`remember_thinking`; an answer without any", usual, forgetful
        ),
        Switch("a second account", "each conversation orders the routes", two_accounts, usual),
        Switch("a warning", "of a field that is dropped, in a header", warned, usual),
        Switch("an explanation", "`x-isthmus-explain: 1`", explained, usual),
    ]
    yield Calls(usual, switches)
    for app in apps:
        await app.aclose()


def _asking(app: Any, body: bytes, headers: Mapping[str, str] | None = None) -> Batch:
    """Make a batch of calls, each of which must be answered with 200."""
    said = {"authorization": f"Bearer {KEY}", "content-type": "application/json", **(headers or {})}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/v1/chat/completions",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in said.items()],
    }

    async def ask() -> None:
        connection = _Connection(body)
        # As our own server offers it, so that nothing has to watch the client.
        extensions = {"isthmus.connection": connection}
        await app({**scope, "extensions": extensions}, connection.receive, connection.send)
        if connection.status != 200:
            raise RuntimeError(f"a call was answered with {connection.status}")

    return side_by_side(ask)


class _Connection:
    """The client's end of one call."""

    disconnected = blocked = False
    answer: Callable[..., None] | None = None

    def __init__(self, body: bytes) -> None:
        self.status = 0
        self._body = body

    async def receive(self) -> dict[str, Any]:
        """Give the whole request."""
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def send(self, message: Mapping[str, Any]) -> None:
        """Take a message of the answer."""
        self.status = message.get("status", self.status)

    def on_disconnect(self, callback: Callable[[], object]) -> None:
        """Take no notice: it never leaves."""

    def abort(self) -> None:
        """Take it that the answer was broken off."""
        self.status = 0
