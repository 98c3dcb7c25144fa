"""Says what a document lacks in the words of the document, not of the decoder."""

from __future__ import annotations

import re

from isthmus.errors import InvalidRequest

_MISSING = re.compile(r"Object missing required field `([^`]+)`")


def explained(message: str, within: str = "") -> InvalidRequest:
    """Turn the decoder's sentence into one that names the member as the caller spells it.

    ``within``: the path of what was decoded, where that was no whole document.
    """
    reason, _, place = message.partition(" - at ")
    path = (within + place.strip("`").removeprefix("$")).lstrip(".")
    missing = _MISSING.match(reason)
    if missing:
        path = f"{path}.{missing.group(1)}".lstrip(".")
        return InvalidRequest(
            f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter"
        )
    where = f" for '{path}'" if path else ""
    return InvalidRequest(f"Invalid value{where}: {_lowered(reason)}.", param=path or None)


def _lowered(reason: str) -> str:
    return reason[:1].lower() + reason[1:]
