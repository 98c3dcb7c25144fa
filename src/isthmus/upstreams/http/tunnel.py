"""Asking a proxy for a way to an origin: CONNECT, and what it says to that (RFC 9110, 9.3.6)."""

from __future__ import annotations

import asyncio
import re
import socket

from isthmus.config.proxy import Proxy
from isthmus.upstreams.http.origin import Origin
from isthmus.upstreams.transport import TransportError

#: More than this no proxy has to say before it lets anybody through.
MAX_HEAD = 16 * 1024
_BEGINS = b"HTTP/1."
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9]\d\d)(?: [^\r\n]*)?\r\n")
_END = b"\r\n\r\n"


async def tunnel(connected: socket.socket, proxy: Proxy, origin: Origin) -> None:
    """Have ``proxy``, at the other end of ``connected``, pass everything on to ``origin``.

    Raises:
        TransportError: it does not; nothing of any request was sent.
    """
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connected, _request(proxy, origin))
    said = bytearray()
    while _END not in said:
        piece = await loop.sock_recv(connected, 4096)
        if not piece:
            raise _refusal("the proxy closed the connection")
        said += piece
        if not _BEGINS.startswith(bytes(said[: len(_BEGINS)])):
            raise _refusal("the proxy does not speak HTTP/1.1")
        if len(said) > MAX_HEAD:
            raise _refusal("the head of the proxy's answer is too large")
    status = _STATUS.match(said)
    if status is None:
        raise _refusal("the proxy does not speak HTTP/1.1")
    if not status[1].startswith(b"2"):
        raise _refusal(f"the proxy answered {status[1].decode()}")
    if not said.endswith(_END) or said.count(_END) > 1:
        # Nobody behind it speaks before being asked.
        raise _refusal("the proxy said more than an answer")


def _request(proxy: Proxy, origin: Origin) -> bytes:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    to = f"{host}:{origin.port}"
    head = f"CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n"
    if proxy.credentials is not None:
        head += f"proxy-authorization: Basic {proxy.credentials.reveal()}\r\n"
    return f"{head}\r\n".encode("latin-1")


def _refusal(message: str) -> TransportError:
    return TransportError(message, reason="proxy", sent="nothing")
