"""Keys: what they look like, and whose they are.

A minted key is ``isk-<id>_<secret><checksum>``: 8 characters to name it by, 43 of base 62 for 256
random bits, and 6 for the CRC-32 of all before them, so that a typing error is known for one
without asking anybody. Keys of operators begin with ``isa-``.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import string
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Literal

from isthmus.access.principal import Principal
from isthmus.access.registry import Follower
from isthmus.errors import AccessDenied
from isthmus.storage.access_records import Key

RANDOM_BYTES = 38  # 6 for the id, 32 for the secret
#: What the pepper of virtual keys is derived for.
PURPOSE = "virtual keys"

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_MINTED = re.compile(r"is[ka]-[0-9A-Za-z]{8}_[0-9A-Za-z]{49}", re.ASCII)
_CHECKSUM = 6
_ID = 12
#: For how long a call waits to hear of a key that was just made, in seconds.
_NEWS = 0.5
_INVALID = "The API key is not valid here."


def mint(random: bytes, kind: Literal["isk", "isa"] = "isk", *, name: str | None = None) -> str:
    """Make a key of `RANDOM_BYTES` random bytes; ``name``: the id that it is to have."""
    name = name or f"{kind}-{_base62(int.from_bytes(random[:6]), 8)[-8:]}"
    body = f"{name}_{_base62(int.from_bytes(random[6:RANDOM_BYTES]), 43)}"
    return body + _checksum(body)


def is_sound(key: str) -> bool:
    """Say whether ``key`` has the form of a minted key and its checksum holds."""
    return bool(_MINTED.fullmatch(key)) and _checksum(key[:-_CHECKSUM]) == key[-_CHECKSUM:]


def id_of(key: str) -> str:
    """Return the part of a minted key that is no secret."""
    return key[:_ID]


def digest_of(key: str, pepper: bytes) -> str:
    """Return what is kept of a minted key. 256 random bits need no slow hash."""
    return hmac.digest(pepper, key.encode("utf-8", "surrogateescape"), "sha256").hex()


class VirtualKeys:
    """The keys that are kept in the database, as they are followed.

    Of ``peppers`` the first is for new keys; all are tried, so that a server's secret can be
    changed. ``clock`` returns Unix seconds.
    """

    def __init__(
        self, follower: Follower, peppers: tuple[bytes, ...], clock: Callable[[], float] = time.time
    ) -> None:
        self.follower = follower
        self._peppers = peppers
        self._clock = clock

    def holder_of(self, key: str) -> Principal | None:
        """Return who holds a key; None: nobody, as far as is known.

        Raises:
            AccessDenied: it opened once, and does no more.
        """
        registry = self.follower.registry
        known = registry.key(id_of(key))
        now = int(self._clock() * 1000)
        digests = [digest_of(key, pepper) for pepper in self._peppers]
        if not _opens(known, digests, now) or known is None:
            return None
        if known.revoked is not None:
            raise AccessDenied("The API key has been revoked.")
        if known.expires is not None and known.expires <= now:
            raise AccessDenied("The API key has expired.")
        principal = registry.principal(known)
        if principal is None:
            raise AccessDenied("The API key belongs to somebody who is here no more.")
        return principal


class KeyRing:
    """All keys that open this gateway. Of those of the configuration only digests are kept."""

    def __init__(self, secrets: Mapping[str, str], virtual: VirtualKeys | None = None) -> None:
        """Take the secrets by the principals they belong to."""
        self._principals = {_digest(secret): Principal(name) for name, secret in secrets.items()}
        self.virtual = virtual

    def authenticate(self, authorization: str | None, x_api_key: str | None) -> Principal:
        """Return who holds the key of these headers; either may carry it.

        Raises:
            AccessDenied: there is none, it is wrong, or the two headers differ.
        """
        key = _key_in(authorization, x_api_key)
        principal = self._find(key)
        if principal is None:
            raise AccessDenied(_INVALID)
        return principal

    async def authenticated(self, authorization: str | None, x_api_key: str | None) -> Principal:
        """Return the same; a key that nobody knows yet is looked for where keys are kept.

        Raises:
            AccessDenied: there is none, it is wrong, or the two headers differ.
        """
        key = _key_in(authorization, x_api_key)
        principal = self._find(key)
        if principal is None and self.virtual is not None and is_sound(key):
            try:
                async with asyncio.timeout(_NEWS):
                    await asyncio.to_thread(self.virtual.follower.catch_up)
            except TimeoutError:
                raise AccessDenied(_INVALID) from None
            principal = self._find(key)
        if principal is None:
            raise AccessDenied(_INVALID)
        return principal

    def _find(self, key: str) -> Principal | None:
        # Looking a digest up tells nothing of use about the secret by how long it takes.
        principal = self._principals.get(_digest(key))
        if principal is not None or self.virtual is None or not is_sound(key):
            return principal
        return self.virtual.holder_of(key)


def _opens(key: Key | None, digests: list[str], now: int) -> bool:
    """Say whether one of the digests is a key's; as slow where there is none."""
    kept = key.digest if key is not None else "-" * 64
    earlier = "-" * 64
    if key is not None and key.earlier_until is not None and key.earlier_until > now:
        earlier = key.earlier_digest or earlier
    found = [hmac.compare_digest(one, other) for one in digests for other in (kept, earlier)]
    return any(found)


def _key_in(authorization: str | None, x_api_key: str | None) -> str:
    bearer = _bearer(authorization)
    if bearer and x_api_key and not hmac.compare_digest(bearer.encode(), x_api_key.encode()):
        raise AccessDenied("The headers 'Authorization' and 'x-api-key' hold different keys.")
    key = bearer or x_api_key
    if not key:
        raise AccessDenied(
            "No API key was given. Send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'."
        )
    return key


def _bearer(authorization: str | None) -> str | None:
    scheme, _, key = (authorization or "").strip().partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM)


def _base62(number: int, width: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _DIGITS[rest] + digits
    return digits.rjust(width, "0")
