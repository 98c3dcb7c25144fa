"""What can be had or not: the same calls to a whole gateway in this process, with it and without.

The server is left out, and its part of the work the same on both sides.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from asked import BODY, WARNED
from clocked import Batch, Switch, side_by_side
from isthmus.access.keys import KeyRing
from isthmus.config import Config, load
from isthmus.gateway import Keeping, Log, application
from isthmus.ledger.ledger import Ledger
from isthmus.serving.app import App
from isthmus.serving.request import Request
from isthmus.storage.database import Database
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
    #: Where a ledger may be kept.
    folder: Path


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
        folder=directory / "ledger",
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
    ledger = Ledger(Database(made.folder / "isthmus.sqlite3"), made.folder / "spool")
    keeping = Keeping(ledger=ledger)
    keys = KeyRing({"bench": KEY})
    apps.append(application(made.usual, keys, log=Log(Sink(nowhere)), keeping=keeping))
    usual, forgetful, two_accounts, accounted = (_asking(app, BODY) for app in apps)
    warned = _asking(apps[0], WARNED)
    explained = _asking(apps[0], BODY, {"x-isthmus-explain": "1"})
    switches = [
        Switch(
            "remembered thinking", "`remember_thinking`; an answer without any", usual, forgetful
        ),
        Switch("the ledger", "a row of the call, kept by a thread", accounted, usual),
        Switch("a second account", "each conversation orders the routes", two_accounts, usual),
        Switch("a warning", "of a field that is dropped, in a header", warned, usual),
        Switch("an explanation", "`x-isthmus-explain: 1`", explained, usual),
    ]
    yield Calls(usual, switches)
    for app in apps:
        await app.aclose()
    ledger.close()


def _asking(app: App, body: bytes, headers: Mapping[str, str] | None = None) -> Batch:
    """Make a batch of calls, each of which must be answered with 200."""
    said = {"authorization": f"Bearer {KEY}", "content-type": "application/json", **(headers or {})}

    async def ask() -> None:
        connection = _Connection(body)
        await app.serve(Request("POST", "/v1/chat/completions", said, connection))
        if connection.status != 200:
            raise RuntimeError(f"a call was answered with {connection.status}")

    return side_by_side(ask)


class _Connection:
    """The client's end of one call; see `serving.connection.Connection`."""

    disconnected = blocked = False
    client = "127.0.0.1"

    def __init__(self, body: bytes) -> None:
        self.status = 0
        self._pieces = [body]

    async def receive(self) -> bytes:
        """Give the whole request, then its end."""
        return self._pieces.pop() if self._pieces else b""

    async def answer(self, status: int, _lines: bytes, _body: bytes) -> None:
        """Take a whole answer."""
        self.status = status

    async def start(self, status: int, _lines: bytes) -> None:
        """Take the head of one."""
        self.status = status

    async def send(self, _data: bytes) -> None:
        """Take bytes of its body."""

    async def finish(self, _data: bytes) -> None:
        """Take the last of them."""

    def on_disconnect(self, _callback: Callable[[], object]) -> None:
        """Take no notice: it never leaves."""

    def abort(self) -> None:
        """Take it that the answer was broken off."""
        self.status = 0
