"""Stored responses: what ``POST /v1/responses`` keeps, and what can be done with it afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Literal, cast
from urllib.parse import parse_qs

from msgspec import Struct

from isthmus.access.principal import Principal
from isthmus.call import Outcome
from isthmus.errors import InvalidRequest
from isthmus.serving.gate import Gate
from isthmus.serving.reply import Reply
from isthmus.serving.request import Request
from isthmus.storage.responses import Kept, ResponseStore
from isthmus.storage.seal import Seal
from isthmus.translate.responses_over_messages.sealing import Sealing
from isthmus.wire import json
from isthmus.wire.responses.documents import Item, Response, ResponsesRequest

PREFIX = "/v1/responses/"
_LIMIT, _MOST = 20, 100
_SWITCHED_OFF = (
    "Responses are not stored here; the operator can switch that on ([responses] store)."
)
#: How the ids of items begin.
_NAMED = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
}


class Custody(Struct, frozen=True):
    """What callers' state is kept with: a ``seal`` for what travels with them, and a ``store``."""

    seal: Seal
    store: ResponseStore | None = None


class Memory:
    """What one call has of that: the conversation so far, and the place for its response.

    ``sealing`` is for thinking that its caller alone can bring back.
    """

    def __init__(self, custody: Custody, principal: Principal, document: ResponsesRequest) -> None:
        """Find what the request goes on from.

        Raises:
            InvalidRequest: that is not there.
        """
        store = custody.store
        self.sealing = _sealing(custody.seal, principal.id)
        self.previous = document.get("previous_response_id") or None
        self._store = store
        self._owner = principal.id
        self._earlier: Sequence[bytes] = []
        self._own: Sequence[bytes] = []
        if store is not None:
            if self.previous is not None:
                self._earlier = _conversation(store, principal.id, self.previous)
            self._own = [json.encode(item) for item in _named(document.get("input"))]
        #: Whether the response will be kept.
        self.keeps = store is not None and document.get("store") is not False

    def expanded(self, document: ResponsesRequest) -> ResponsesRequest:
        """Return the request as if the client had kept the conversation itself."""
        if self._store is None:
            return document
        whole = cast("dict[str, Any]", {**document})
        whole.pop("store", None)
        if self.previous is not None:
            del whole["previous_response_id"]
            whole["input"] = [json.decode(item) for item in (*self._earlier, *self._own)]
        return cast("ResponsesRequest", whole)

    def keep(self, response: Response) -> None:
        """Keep the response, as its client is told it."""
        if self._store is None or not self.keeps:
            return
        output: list[Item] = response.get("output") or []
        kept = Kept(
            document=json.encode(response),
            input=[*self._earlier, *self._own],
            output=[json.encode(item) for item in output],
        )
        self._store.keep(self._owner, response["id"], kept)


def _sealing(seal: Seal, owner: str) -> Sealing:
    """Return how thinking is sealed for a caller: no other can bring it back."""
    return Sealing(
        seal=lambda content: seal.close(content, owner),
        unseal=lambda text: seal.open(text, owner),
    )


def _conversation(store: ResponseStore, owner: str, name: str) -> list[bytes]:
    """Return all that was said up to a response, that included."""
    kept = store.find(owner, name)
    if kept is None:
        raise InvalidRequest(
            f"Previous response with id '{name[:100]}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    return [*kept.input, *kept.output]


class Stored:
    """The endpoints of responses that are kept; without a ``store`` there are none."""

    def __init__(self, *, gate: Gate, store: ResponseStore | None) -> None:
        self._gate = gate
        self._store = store

    async def get(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Answer with a response."""
        _, _, kept = await self._found(request, outcome, "")
        query = _query(request)
        if query.get("stream", "false") not in ("false", "0", ""):
            raise InvalidRequest(
                "'stream': a response that has ended is not streamed again.",
                param="stream",
                code="unsupported_value",
            )
        await reply.body(200, kept.document)

    async def delete(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Forget a response."""
        owner, name, _ = await self._found(request, outcome, "")
        if self._store is not None:
            self._store.forget(owner, name)
        await reply.whole(200, {"id": name, "object": "response", "deleted": True})

    async def cancel(self, request: Request, _reply: Reply, outcome: Outcome) -> None:
        """Refuse: what is here has ended."""
        await self._found(request, outcome, "/cancel")
        raise InvalidRequest("Only background responses can be cancelled.", param="response_id")

    async def input_items(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """List what the model was shown, page by page, the newest first unless asked otherwise."""
        _, _, kept = await self._found(request, outcome, "/input_items")
        query = _query(request)
        items = [_shown(cast("Item", json.decode(item))) for item in kept.input]
        if _choice(query, "order", "desc", "asc") == "desc":
            items.reverse()
        shown, more = _page(items, query)
        await reply.whole(
            200,
            {
                "object": "list",
                "data": shown,
                "first_id": shown[0]["id"] if shown else None,
                "last_id": shown[-1]["id"] if shown else None,
                "has_more": more,
            },
        )

    async def _found(self, request: Request, outcome: Outcome, rest: str) -> tuple[str, str, Kept]:
        principal = await self._gate.identify(request, outcome)
        name = request.path.removeprefix(PREFIX).removesuffix(rest)
        kept = None if self._store is None else self._store.find(principal.id, name)
        if kept is None:
            why = f" {_SWITCHED_OFF}" if self._store is None else ""
            raise InvalidRequest(
                f"Response with id '{name[:100]}' not found.{why}",
                status=404,
                code="not_found",
                param="response_id",
            )
        return principal.id, name, kept


def _named(asked: object) -> list[Item]:
    """Return the input as items that all have ids."""
    if isinstance(asked, str):
        part = {"type": "input_text", "text": asked}
        asked = [{"type": "message", "role": "user", "content": [part]}]
    items = cast("list[Item]", asked) if isinstance(asked, list) else []
    return [_with_id(item) for item in items]


def _with_id(item: Item) -> Item:
    kind = item.get("type") or "message"
    if item.get("id"):
        return {"type": kind, **item}
    return {"id": f"{_NAMED.get(kind, 'item')}_{secrets.token_hex(24)}", "type": kind, **item}


def _shown(item: Item) -> Item:
    """Return an item as it is listed: a message's content is parts, however it was written."""
    content: object = item.get("content")
    if item["type"] != "message" or not isinstance(content, str):
        return item
    kind = "output_text" if item.get("role") == "assistant" else "input_text"
    part: dict[str, Any] = {"type": kind, "text": content}
    if kind == "output_text":
        part["annotations"] = []
    return {**item, "content": [part], "status": item.get("status", "completed")}


def _query(request: Request) -> dict[str, str]:
    told = parse_qs(request.query.decode("latin-1"), keep_blank_values=True)
    return {name: values[-1] for name, values in told.items()}


def _choice(query: dict[str, str], name: str, *choices: str) -> str:
    value = query.get(name, choices[0])
    if value not in choices:
        raise InvalidRequest(f"'{name}' must be {' or '.join(choices)}.", param=name)
    return value


def _page(items: list[Item], query: dict[str, str]) -> tuple[list[Item], bool]:
    """Return the items that are asked for, and whether there are more."""
    limit = query.get("limit", str(_LIMIT))
    if not (limit.isascii() and limit.isdecimal() and 1 <= int(limit[:9]) <= _MOST):
        raise InvalidRequest(f"'limit' must be from 1 to {_MOST}.", param="limit")
    ids = [item["id"] for item in items]
    start = _position(ids, query, "after") + 1 if "after" in query else 0
    shown = items[start : start + int(limit)]
    return shown, start + len(shown) < len(items)


def _position(ids: list[str], query: dict[str, str], name: Literal["after"]) -> int:
    if query[name] not in ids:
        raise InvalidRequest(f"'{name}' names no item of this list.", param=name)
    return ids.index(query[name])
