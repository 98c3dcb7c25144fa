"""A certificate authority of the tests' own, and servers that show its certificates."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

import trustme

from isthmus.upstreams.http import dial


class Authority:
    """Signs certificates for any name."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    def trusted_by(self, monkeypatch, path) -> None:
        """Have new connections trust this authority alone, named as an operator would name it."""
        file = path / "authority.pem"
        self._ca.cert_pem.write_to_path(str(file))
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        dial.trust.cache_clear()

    def context(self, name: str, *, expired: bool = False) -> ssl.SSLContext:
        """Return what a server with the certificate of ``name`` needs."""
        end = datetime(2020, 1, 2, tzinfo=UTC) if expired else None
        begin = datetime(2020, 1, 1, tzinfo=UTC) if expired else None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._ca.issue_cert(name, not_after=end, not_before=begin).configure_cert(context)
        return context
