"""Tools whose input is free text, which Claude's tools do not take: it travels in an object."""

from __future__ import annotations

from typing import Any

from isthmus.wire import json

#: The only member of a custom tool's input.
WRAPPED = "input"


def unwrapped(value: Any) -> str:
    """Return the free text out of a custom tool's input.

    A model that leaves out the wrapping is understood all the same.
    """
    text = value.get(WRAPPED) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return text if isinstance(text, str) else json.encode_text(value)
