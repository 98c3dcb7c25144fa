"""Addresses to listen on, as they are written: ``127.0.0.1:4101``, ``[::1]:4101``, ``name:80``."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

_WRITTEN = re.compile(r"(?:\[([^\]]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})", re.ASCII)
_LAST_PORT = 65535


class Address(NamedTuple):
    """A host, without the brackets of IPv6, and a port; 0 means any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(text: str) -> Address:
    """Read an address.

    Raises:
        ValueError: it is none.
    """
    match = _WRITTEN.fullmatch(text)
    if match is None or int(match[3]) > _LAST_PORT:
        raise ValueError(f"{text!r} is not an address such as '127.0.0.1:4101'")
    if match[1] is not None:
        try:
            ipaddress.IPv6Address(match[1])
        except ValueError:
            raise ValueError(f"{match[1]!r} is not an IPv6 address") from None
    return Address(match[1] or match[2], int(match[3]))
