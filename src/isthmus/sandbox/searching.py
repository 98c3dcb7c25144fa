"""The searches of one answer: made, paused, and gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from isthmus.sandbox import web_search
from isthmus.sandbox.rules.conversation import is_paused, turns

Document = dict[str, Any]
Block = dict[str, Any]


class Searching:
    """Which searches an answer makes. ``queries`` are those the prompt asks for, in order.

    A turn that was paused is gone on with: the call it ended with gets its result first, and calls
    it has made already are not made again.
    """

    def __init__(self, document: Document, queries: list[str], seed: str) -> None:
        self._tool = declared(document)
        self._seed = seed
        self._made = _calls(document) if is_paused(document) else []
        self._queries = queries[len(self._made) :]
        #: How many searches this answer got results of.
        self.requests = 0
        #: The results, each of which may be cited.
        self.found: list[Block] = []

    @property
    def is_resumed(self) -> bool:
        """Whether the answer goes on with a turn that was paused."""
        return bool(self._made)

    def blocks(self) -> Iterator[Block]:
        """Tell every call and its result, as they happen."""
        if self._made:
            yield self._result(self._made[-1], len(self._made) - 1)
        for at, query in enumerate(self._queries, len(self._made)):
            made = web_search.call(query, f"{self._seed}{at}")
            yield made
            yield self._result(made, at)

    def _result(self, made: Block, earlier: int) -> Block:
        result = web_search.result(made, self._tool or {}, earlier)
        if isinstance(result["content"], list):
            self.requests += 1
            self.found += result["content"]
        return result


def declared(document: Document) -> Document | None:
    """Return the request's declaration of web search."""
    tools: list[Document] = document.get("tools", [])
    return next((t for t in tools if (t.get("type") or "").startswith(web_search.KIND)), None)


def _calls(document: Document) -> list[Block]:
    last = turns(document)[-1]
    return [block for block in last.content if block["type"] == "server_tool_use"]
