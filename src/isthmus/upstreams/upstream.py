"""What the exchange needs of any platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from isthmus.upstreams.transport import Transport, UpstreamRequest
from isthmus.wire.messages.documents import CURRENT_VERSION


class Timers(Struct, frozen=True, kw_only=True):
    """How long an upstream may take, in seconds.

    ``connect`` covers name lookup, TCP, a proxy and TLS; ``first_byte`` the time until the head of
    the answer, ``first_content`` until the first content event; ``stall`` any silence after that
    (pings count as life), ``content_idle`` pings and nothing else; ``write`` the time until all of
    a request was taken; ``total`` everything, ``unary_total`` an answer asked for in one piece.
    """

    connect: float = 5.0
    first_byte: float = 120.0
    first_content: float = 120.0
    stall: float = 60.0
    content_idle: float = 300.0
    write: float = 30.0
    total: float = 3600.0
    unary_total: float = 600.0


class UpstreamCall(Struct, frozen=True, kw_only=True):
    """A request, ready to be sent.

    ``body`` is its JSON; ``path`` may have a query; ``headers`` go along with it. ``version`` and
    ``betas`` are for those who speak the Messages protocol.
    """

    body: bytes
    version: str = CURRENT_VERSION
    betas: tuple[str, ...] = ()
    path: str = "/v1/messages"
    headers: Mapping[str, str] = {}
    #: Through how many gateways the request has come, this one included.
    hops: int = 1


class Upstream(Protocol):
    """One configured upstream: its platform's addresses and headers, and a way to reach it."""

    @property
    def name(self) -> str:
        """The name it has in the configuration."""
        ...

    @property
    def timers(self) -> Timers:
        """How long it may take."""
        ...

    @property
    def hedge_after(self) -> float | None:
        """After how many seconds a short answer may be asked for elsewhere as well."""
        ...

    @property
    def transport(self) -> Transport:
        """The way to reach it."""
        ...

    def request(self, call: UpstreamCall, base_url: str, credential: int) -> UpstreamRequest:
        """Address ``call`` to one of its base URLs, with one of its credentials (from 1)."""
        ...
