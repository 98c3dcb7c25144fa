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
        function: Any = members.get("function") or {}
        name = _text(function.get("name"))
        call = self._call_of(members, name)
        call.id = call.id or _text(members.get("id"))
        call.name = call.name or name
        gained = _arguments(function.get("arguments"))
        if gained:
            call.arguments.append(gained)
        return next(n for n, one in enumerate(self.calls) if one is call), gained

    def _call_of(self, members: dict[str, Any], name: str) -> GrowingCall:
        call_id, index = _text(members.get("id")), members.get("index")
        if not isinstance(index, int):
            known = self._by_place(call_id, name)
        else:
            known = self._by_index.get(index)
            if known is not None and call_id and known.id not in ("", call_id):
                known = None
        if known is not None:
            return known
        call = GrowingCall()
        self.calls.append(call)
        self._by_index[index if isinstance(index, int) else len(self.calls) - 1] = call
        return call

    def _by_place(self, call_id: str, name: str) -> GrowingCall | None:
        """Return the call that a piece without a number goes on with; a new one has a name."""
        last = self.calls[-1] if self.calls else None
        if last is not None and (not name or (call_id and last.id == call_id)):
            return last
        return None


def _arguments(value: object) -> str:
    """Return arguments as JSON text; some vendors send the object itself."""
    return json.encode_text(value) if isinstance(value, dict) else _text(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError
    return value
