"""The secrets that a gateway signs and encrypts with, and the keys made of them."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

SHORTEST = 32


class Secrets:
    """One secret or more: the first signs and encrypts, all of them verify and decrypt.

    Raises:
        ValueError: there is none, or one is shorter than 32 bytes.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        if not secrets:
            raise ValueError("at least one secret is needed")
        if any(len(secret) < SHORTEST for secret in secrets):
            raise ValueError(f"a secret has at least {SHORTEST} bytes")
        self._secrets = tuple(secrets)

    def derived(self, purpose: str) -> bytes:
        """Return 32 bytes for one purpose, of which nothing follows about any other."""
        return _sub_key(self._secrets[0], purpose)

    def known(self, purpose: str) -> list[bytes]:
        """Return such bytes of every secret, the first one's first."""
        return [_sub_key(secret, purpose) for secret in self._secrets]


def _sub_key(secret: bytes, purpose: str) -> bytes:
    """HKDF-SHA256 (RFC 5869) without salt; a key of 32 bytes is its first block."""
    extracted = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(extracted, f"isthmus {purpose}".encode() + b"\x01", "sha256")
