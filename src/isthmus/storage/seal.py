"""Texts that travel with a client and can be neither read nor altered there.

A seal is AES-GCM under a key of the gateway's secrets, bound to whom it was given. Whoever knows
the same secrets reads it: other processes, other machines, and this one after a restart.
"""

from __future__ import annotations

import base64
import binascii
import functools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from isthmus.storage.secrets import Secrets

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12
_MARK = "isth1."


class Seal:
    """Seals, and reads what was sealed with any of the secrets."""

    def __init__(self, secrets: Secrets, purpose: str) -> None:
        self._keys = tuple(secrets.known(purpose))

    def close(self, content: bytes, tenant: str) -> str:
        """Return ``content`` as a text that only ``tenant`` can bring back."""
        nonce = os.urandom(_NONCE)
        sealed = _ciphers(self._keys)[0].encrypt(nonce, content, tenant.encode())
        return _MARK + base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, text: str, tenant: str) -> bytes | None:
        """Return what was sealed for ``tenant``; None for anything else."""
        if not text.startswith(_MARK):
            return None
        try:
            sealed = base64.b64decode(text[len(_MARK) :], altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        if len(sealed) <= _NONCE:
            return None
        return _opened(_ciphers(self._keys), sealed, tenant.encode())


@functools.cache
def _ciphers(keys: tuple[bytes, ...]) -> Sequence[AESGCM]:
    # Imported here: it brings a good deal with it, and many gateways never seal anything.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    return [AESGCM(key) for key in keys]


def _opened(ciphers: Sequence[AESGCM], sealed: bytes, bound_to: bytes) -> bytes | None:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415

    for cipher in ciphers:
        try:
            return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], bound_to)
        except InvalidTag:
            continue
    return None
