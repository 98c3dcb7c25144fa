"""The arguments of calls: JSON text that should be an object."""

from __future__ import annotations

from typing import Any, cast

from isthmus.errors import UpstreamBroken
from isthmus.wire import json
from isthmus.wire.chat.calls import GrowingCall

#: What some vendors write where a tool takes nothing.
_NONE = ("", "null")


def arguments_of(text: str) -> dict[str, Any] | None:
    """Return the object that the text stands for; None where it stands for none."""
    if text.strip() in _NONE:
        return {}
    if not text.rstrip().endswith("}"):
        return None
    try:
        arguments: object = json.decode_tolerantly(text.encode())
    except (json.MalformedJSON, UnicodeEncodeError):
        return None
    return cast("dict[str, Any]", arguments) if isinstance(arguments, dict) else None


def is_object(text: str) -> bool:
    """Say whether the text is an object already, so that nothing can follow."""
    return text.strip() not in _NONE and arguments_of(text) is not None


def require_whole(call: GrowingCall, *, cut_off: bool) -> None:
    """Refuse a call that nobody could carry out, unless the answer was cut off.

    Raises:
        UpstreamBroken: it names no tool, or its arguments are no object.
    """
    if not cut_off and (not call.name or arguments_of(call.text) is None):
        raise UpstreamBroken("The upstream's tool call is not whole.", code="invalid_answer")
