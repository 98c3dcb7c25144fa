"""Where a URL leads: the origin that connections are kept for, and what a request line needs."""

from __future__ import annotations

import functools
from typing import NamedTuple
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """One server by name; its connections are interchangeable. ``host`` has no brackets."""

    secure: bool
    host: str
    port: int


class Address(NamedTuple):
    """A URL taken apart: the origin, its name for the Host header, and the target asked for."""

    origin: Origin
    host: str
    target: str


@functools.lru_cache(maxsize=1024)
def address(url: str) -> Address:
    """Take an absolute http(s) URL apart.

    Raises:
        ValueError: it is not one, names no host, or has characters that do not belong there.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("not an absolute http(s) URL")
    name = parts.hostname.encode("idna").decode("ascii")
    port = parts.port or _PORTS[parts.scheme]
    host = f"[{name}]" if ":" in name else name
    if port != _PORTS[parts.scheme]:
        host = f"{host}:{port}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not (target.isascii() and target.isprintable()) or " " in target:
        raise ValueError("the path has characters that have to be quoted")
    return Address(Origin(parts.scheme == "https", name, port), host, target)
