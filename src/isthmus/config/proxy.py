"""A proxy on the way to an upstream, as it is written: ``http://user:password@host:port``."""

from __future__ import annotations

from base64 import b64encode
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from isthmus.config.settings import Secret

EXAMPLE = "http://user:password@proxy.example.com:3128"


class Proxy(NamedTuple):
    """Where a proxy is; ``host`` has no brackets, ``credentials`` are those of Basic, in base64."""

    host: str
    port: int
    credentials: Secret | None = None


def proxy(url: Secret) -> Proxy:
    """Take the URL of a proxy apart.

    Raises:
        ValueError: it is none that can be used; the message does not repeat it.
    """
    written = url.reveal()
    if written.startswith("https:"):
        raise ValueError(
            "proxies are spoken to by http:// only; TLS with the upstream goes through them"
        )
    parts = _split(written)
    rest = parts.path.removeprefix("/") or parts.query or parts.fragment
    # Taking a URL apart removes line ends without a word.
    odd = rest or " " in written or not written.isprintable()
    if odd or parts.scheme != "http" or not parts.hostname or not parts.port:
        raise ValueError(f"is not the URL of a proxy such as {EXAMPLE!r}, with its port")
    host = parts.hostname.encode("idna").decode("ascii")
    return Proxy(host, parts.port, _credentials(parts, url))


def secrets_of(url: Secret) -> list[str]:
    """Return what of the URL of a proxy nobody may be shown: its password, however written."""
    parts, credentials = _split(url.reveal()), proxy(url).credentials
    if credentials is None:
        return []
    written = parts.password or parts.username or ""
    return [credentials.reveal(), unquote(written), written]


def _split(url: str) -> SplitResult:
    """Split a URL; one that is none has no parts."""
    try:
        parts = urlsplit(url)
        return parts if parts.port and (parts.hostname or "").encode("idna") else urlsplit("")
    except ValueError:
        return urlsplit("")


def _credentials(parts: SplitResult, url: Secret) -> Secret | None:
    if parts.username is None:
        return None
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Secret(b64encode(login.encode()).decode(), url.reference)
