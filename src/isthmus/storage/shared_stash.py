"""The stash that several processes share, in a file that tells nothing to those who read it.

Imported only where it is used: one process needs neither a database nor a cipher.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from isthmus.storage.entry_file import Bounds, EntryFile
from isthmus.storage.secrets import Secrets
from isthmus.storage.stash import CAPACITY, LARGEST, LIFETIME, OVERHEAD

FILE = "thinking.sqlite3"
_NONCE = 12


class SharedStash:
    """Keeps the content of answers in ``folder``, for all gateways that know the same secrets.

    Names are keyed digests, values are encrypted; neither can be read, altered or exchanged without
    a secret. ``clock`` returns Unix seconds. The oldest entries go first. A call waits a few
    milliseconds at most; then the entry is not found, or not kept.

    Raises:
        Unusable: the file cannot be made or written.
    """

    def __init__(
        self,
        folder: Path,
        secrets: Secrets,
        clock: Callable[[], float],
        *,
        capacity: int = CAPACITY,
    ) -> None:
        self._names = secrets.known("name of remembered thinking")
        self._ciphers = [AESGCM(key) for key in secrets.known("content of remembered thinking")]
        self._file = EntryFile(folder / FILE, Bounds(LIFETIME, capacity, OVERHEAD), clock)

    def get(self, tenant: str, account: str, conversation: bytes) -> bytes | None:
        """Return what was kept of the answer that ends ``conversation``, if it still is."""
        names = self._names_of(tenant, account, conversation)
        found = self._file.find(names)
        if found is None:
            return None
        name, value = found
        # Each secret names the entries that it encrypts.
        return _opened(self._ciphers[names.index(name)], name, value)

    def put(self, tenant: str, account: str, conversation: bytes, content: bytes) -> None:
        """Keep an answer's content. What is too large is not kept."""
        names = self._names_of(tenant, account, conversation)
        if len(content) > LARGEST:
            self._file.remove(names)
            return
        nonce = os.urandom(_NONCE)
        value = nonce + self._ciphers[0].encrypt(nonce, content, names[0])
        self._file.write(names[0], value, names[1:])

    def forget(self, tenant: str, account: str, conversation: bytes) -> None:
        """Keep an answer no longer."""
        self._file.remove(self._names_of(tenant, account, conversation))

    def close(self) -> None:
        """Close the file; from then on nothing is found and nothing kept."""
        self._file.close()

    def _names_of(self, tenant: str, account: str, conversation: bytes) -> list[bytes]:
        """Return the names an entry may have, one for each secret."""
        parts = (tenant.encode(), account.encode(), conversation)
        message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return [hmac.digest(key, message, "sha256") for key in self._names]


def _opened(cipher: AESGCM, name: bytes, value: bytes) -> bytes | None:
    """Decrypt what belongs to ``name``; None if it was tampered with."""
    try:
        return cipher.decrypt(value[:_NONCE], value[_NONCE:], name)
    except (InvalidTag, ValueError):  # the latter where it is too short to hold a nonce
        return None
