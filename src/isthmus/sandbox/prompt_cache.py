"""The prompt cache: which beginnings of prompts were there before, and what that makes of usage."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from isthmus.sandbox.models import Model
from isthmus.sandbox.prompt import Prompt

_SECONDS = {"5m": 300.0, "1h": 3600.0}
#: How far before a breakpoint, itself included, an earlier one is looked for.
_LOOKBACK = 20
_CAPACITY = 10_000


@dataclass
class CacheUsage:
    """The tokens of one prompt by what the cache had to do with them; together they are all."""

    uncached: int
    read: int = 0
    written_5m: int = 0
    written_1h: int = 0

    def document(self) -> dict[str, Any]:
        """Return the members of ``usage``."""
        return {
            "input_tokens": self.uncached,
            "cache_creation_input_tokens": self.written_5m + self.written_1h,
            "cache_read_input_tokens": self.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.written_5m,
                "ephemeral_1h_input_tokens": self.written_1h,
            },
        }


@dataclass
class _Entry:
    seconds: float
    expires: float


class PromptCache:
    """Prefixes that end at a breakpoint, in memory; the least recently used makes room.

    ``clock`` tells seconds. An entry lives for its lifetime from its last use.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, capacity: int = _CAPACITY
    ) -> None:
        self._clock = clock
        self._capacity = capacity
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()

    def use(self, prompt: Prompt, model: Model, credential: str) -> CacheUsage:
        """Read the longest prefix that is there and write what follows, breakpoint by breakpoint.

        Prefixes under the model's minimum are not cached, without a word.
        """
        if all(segment.lifetime is None for segment in prompt.segments):
            return CacheUsage(prompt.tokens)
        prefixes = list(prompt.prefixes(f"{model.id} {credential}"))
        marked = [
            at
            for at, (_, tokens, lifetime) in enumerate(prefixes)
            if lifetime is not None and tokens >= model.cache_minimum
        ]
        hit = self._longest_hit([digest for digest, _, _ in prefixes], marked)
        done = 0 if hit is None else prefixes[hit][1]
        used = CacheUsage(prompt.tokens - done, read=done)
        for at in marked:
            digest, tokens, lifetime = prefixes[at]
            self._keep(digest, _SECONDS[lifetime or "5m"])
            written = max(tokens - done, 0)
            if lifetime == "1h":
                used.written_1h += written
            else:
                used.written_5m += written
            done += written
            used.uncached -= written
        return used

    def _longest_hit(self, digests: list[bytes], marked: list[int]) -> int | None:
        """Look back from each breakpoint, the last one first; a hit lives on."""
        for last in reversed(marked):
            for at in range(last, max(last - _LOOKBACK, -1), -1):
                entry = self._live(digests[at])
                if entry is not None:
                    self._keep(digests[at], entry.seconds)
                    return at
        return None

    def _live(self, digest: bytes) -> _Entry | None:
        entry = self._entries.get(digest)
        return None if entry is None or entry.expires <= self._clock() else entry

    def _keep(self, digest: bytes, seconds: float) -> None:
        """Let an entry live from now on; one that is there keeps its lifetime."""
        entry = self._live(digest)
        seconds = entry.seconds if entry else seconds
        self._entries[digest] = _Entry(seconds, self._clock() + seconds)
        self._entries.move_to_end(digest)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
