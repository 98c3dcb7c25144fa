"""Thinking that clients do not bring back, kept for a while.

Signed thinking has to go back upstream, and most chat clients drop what they do not know. What is
kept is found again only by who asked and the whole conversation before it. Losing an entry is
harmless: that turn's thinking is left out from then on.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from typing import Protocol

#: Seconds an entry lives.
LIFETIME = 24 * 60 * 60
LARGEST = 256 * 1024
CAPACITY = 64 * 1024 * 1024
#: What an entry takes beside its content, about.
OVERHEAD = 256


class Stash(Protocol):
    """Keeps the content of answers by tenant, account and conversation. No call waits."""

    def get(self, tenant: str, account: str, conversation: bytes) -> bytes | None:
        """Return what was kept of the answer that ends ``conversation``, if it still is."""
        ...

    def put(self, tenant: str, account: str, conversation: bytes, content: bytes) -> None:
        """Keep an answer's content. What is too large is not kept."""
        ...

    def forget(self, tenant: str, account: str, conversation: bytes) -> None:
        """Keep an answer no longer."""
        ...


class MemoryStash:
    """The stash of one process, which never leaves its memory.

    ``clock`` returns monotonic seconds. The least recently used entries go first.
    """

    def __init__(self, clock: Callable[[], float], *, capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._capacity = capacity
        self._secret = secrets.token_bytes(32)
        self._entries: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()
        self.size = 0

    def get(self, tenant: str, account: str, conversation: bytes) -> bytes | None:
        """Return what was kept of the answer that ends ``conversation``, if it still is."""
        key = self._key(tenant, account, conversation)
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] < self._clock():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, tenant: str, account: str, conversation: bytes, content: bytes) -> None:
        """Keep an answer's content. What is too large is not kept."""
        key = self._key(tenant, account, conversation)
        self._drop(key)
        if len(content) > LARGEST:
            return
        self._entries[key] = (self._clock() + LIFETIME, content)
        self.size += len(content) + OVERHEAD
        while self.size > self._capacity:
            self._drop(next(iter(self._entries)))

    def forget(self, tenant: str, account: str, conversation: bytes) -> None:
        """Keep an answer no longer."""
        self._drop(self._key(tenant, account, conversation))

    def _drop(self, key: bytes) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size -= len(entry[1]) + OVERHEAD

    def _key(self, tenant: str, account: str, conversation: bytes) -> bytes:
        mac = blake2b(key=self._secret, digest_size=24)
        for part in (tenant.encode(), account.encode(), conversation):
            mac.update(len(part).to_bytes(4, "big") + part)
        return mac.digest()
