"""The tool calls of a chat answer, as they grow from pieces.

Vendors number the pieces by ``index``, but some leave it out, some number all calls 0 and tell them
apart by ``id``, and some repeat id and name in every piece.
"""

from __future__ import annotations

from typing import Any, cast

from msgspec import Struct, field

from isthmus.wire import json


class GrowingCall(Struct):
    """One call so far. ``arguments`` holds the pieces of its JSON text."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list[str])

    @property
    def text(self) -> str:
        """The arguments so far."""
        return "".join(self.arguments)


class GrowingCalls:
    """The calls of one answer, in the order in which they began."""

    def __init__(self) -> None:
        self.calls: list[GrowingCall] = []
        self._by_index: dict[int, GrowingCall] = {}

    def feed(self, piece: object) -> tuple[int, str]:
        """Take one entry of ``tool_calls``; return the call's number and what its arguments gained.

        Raises:
            TypeError: it is no such entry.
        """
        if not isinstance(piece, dict):
            raise TypeError
        members = cast("dict[str, Any]", piece)
        call = self._call_of(members)
        function: Any = members.get("function") or {}
        call.id = call.id or _text(members.get("id"))
        call.name = call.name or _text(function.get("name"))
        gained = _arguments(function.get("arguments"))
        if gained:
            call.arguments.append(gained)
        return next(n for n, one in enumerate(self.calls) if one is call), gained

    def _call_of(self, members: dict[str, Any]) -> GrowingCall:
        call_id, index = _text(members.get("id")), members.get("index")
        if isinstance(index, int):
            known = self._by_index.get(index)
        else:
            index = len(self.calls) if call_id or not self.calls else len(self.calls) - 1
            known = self.calls[index] if index < len(self.calls) else None
        if known is not None and (not call_id or not known.id or known.id == call_id):
            return known
        call = self._by_index[index] = GrowingCall()
        self.calls.append(call)
        return call


def _arguments(value: object) -> str:
    """Return arguments as JSON text; some vendors send the object itself."""
    return json.encode_text(value) if isinstance(value, dict) else _text(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError
    return value
