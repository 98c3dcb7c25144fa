"""The documents of the model list, in both protocols and in one that suits the SDKs of both.

Sources: the Models APIs of OpenAI (`GET /v1/models`) and Anthropic (the same path, told apart by
the header `anthropic-version`). Which models there are is for whoever makes the entries.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal, get_args

from msgspec import Struct

from isthmus.call import EFFORTS, Capabilities, ThinkingType
from isthmus.errors import InvalidRequest

Document = dict[str, Any]

DEFAULT_LIMIT = 20
MAX_LIMIT = 1000

_EPOCH = dt.date(1970, 1, 1)
#: Nothing here knows these of a model, so none is promised.
_UNPROMISED = ("batch", "citations", "code_execution")
_SERVER_TOOLS = ("web_search", "code_execution")
_CONTEXT_STRATEGIES = ("clear_thinking_20251015", "clear_tool_uses_20250919", "compact_20260112")


class ModelEntry(Struct, frozen=True, kw_only=True):
    """One model as it is offered under one name.

    ``created`` is the day of release, None if unknown; both documents then say 1970, as the
    Anthropic API does.
    """

    id: str
    display_name: str
    capabilities: Capabilities
    created: dt.date | None = None
    owned_by: str = "anthropic"
    lifecycle: Literal["active", "deprecated"] = "active"
    line: str | None = None
    deprecated_at: dt.date | None = None
    retires_at: dt.date | None = None


def listing(entries: Sequence[ModelEntry]) -> Document:
    """Build the list that clients of either protocol can read."""
    return {
        "object": "list",
        "data": [document(entry) for entry in entries],
        "first_id": entries[0].id if entries else None,
        "last_id": entries[-1].id if entries else None,
        "has_more": False,
    }


def document(entry: ModelEntry) -> Document:
    """Build one entry that clients of either protocol can read."""
    created = _midnight(entry.created or _EPOCH)
    body: Document = {
        "id": entry.id,
        "object": "model",
        "created": int(created.timestamp()),
        "owned_by": entry.owned_by,
        "type": "model",
        "display_name": entry.display_name,
        "created_at": _rfc3339(created),
        "lifecycle": entry.lifecycle,
        "deprecated_at": _moment(entry.deprecated_at),
        "retires_at": _moment(entry.retires_at),
        "max_input_tokens": entry.capabilities.max_input_tokens or None,
        "max_tokens": entry.capabilities.max_output_tokens or None,
    }
    if entry.retires_at is not None:
        body["shutdown_date"] = entry.retires_at.isoformat()
    return body


def anthropic_listing(
    entries: Sequence[ModelEntry],
    *,
    limit: int = DEFAULT_LIMIT,
    after_id: str | None = None,
    before_id: str | None = None,
) -> Document:
    """Build one page of the Anthropic list: ``limit`` entries after or before a cursor.

    Raises:
        InvalidRequest: ``limit`` is out of range, or a cursor names no entry.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidRequest(f"'limit' must be from 1 to {MAX_LIMIT}.", param="limit")
    start, end = 0, len(entries)
    if after_id is not None:
        start = _position(entries, after_id, "after_id") + 1
    if before_id is not None:
        end = _position(entries, before_id, "before_id")
    page = entries[start:end]
    # Before a cursor means right before it: that page is filled from its end.
    backwards = before_id is not None and after_id is None
    shown = page[-limit:] if backwards else page[:limit]
    return {
        "data": [anthropic_document(entry) for entry in shown],
        "first_id": shown[0].id if shown else None,
        "last_id": shown[-1].id if shown else None,
        "has_more": len(shown) < len(page),
    }


def anthropic_document(entry: ModelEntry) -> Document:
    """Build one entry as the Anthropic API has it (its ``ModelInfo``)."""
    return {
        "type": "model",
        "id": entry.id,
        "display_name": entry.display_name,
        "created_at": _rfc3339(_midnight(entry.created or _EPOCH)),
        "lifecycle": entry.lifecycle,
        "deprecated_at": _moment(entry.deprecated_at),
        "retires_at": _moment(entry.retires_at),
        "line": entry.line,
        "max_input_tokens": entry.capabilities.max_input_tokens or None,
        "max_tokens": entry.capabilities.max_output_tokens or None,
        "capabilities": _capabilities(entry.capabilities),
    }


def _capabilities(capabilities: Capabilities) -> Document:
    efforts: Document = {level: _supported(level in capabilities.efforts) for level in EFFORTS}
    types = {kind: _supported(kind in capabilities.thinking) for kind in get_args(ThinkingType)}
    thinks = any(kind != "disabled" for kind in capabilities.thinking)
    return {
        **{name: _supported(False) for name in _UNPROMISED},
        "context_management": _none_of(_CONTEXT_STRATEGIES),
        "effort": {"supported": bool(capabilities.efforts), **efforts},
        "image_input": _supported(capabilities.image_input),
        "pdf_input": _supported(capabilities.pdf_input),
        "server_tools": _none_of(_SERVER_TOOLS),
        "structured_outputs": _supported(capabilities.structured_outputs),
        "thinking": {"supported": thinks, "types": types},
    }


def _supported(value: bool) -> dict[str, bool]:
    return {"supported": value}


def _none_of(names: tuple[str, ...]) -> Document:
    return {"supported": False, **{name: _supported(False) for name in names}}


def _position(entries: Sequence[ModelEntry], cursor: str, param: str) -> int:
    for position, entry in enumerate(entries):
        if entry.id == cursor:
            return position
    raise InvalidRequest(f"'{param}' names no model of this list.", param=param)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)


def _moment(day: dt.date | None) -> str | None:
    return _rfc3339(_midnight(day)) if day is not None else None


def _rfc3339(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
