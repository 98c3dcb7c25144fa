"""The form that the answer shall have: ``output_config.format``."""

from __future__ import annotations

from typing import Any

from isthmus.errors import InvalidRequest
from isthmus.translate.messages_over_chat.content import Means
from isthmus.translate.messages_over_chat.schema import is_enforceable
from isthmus.wire import json
from isthmus.wire.chat.documents import Part
from isthmus.wire.messages.documents import AskedRequest, Block

_PATH = "output_config.format"
_NAME = "output"
_TELL = "Answer with one JSON object and nothing else. It follows this JSON Schema:\n"


def response_format(request: AskedRequest, means: Means) -> Part:
    """Translate the format.

    Raises:
        InvalidRequest: it is none that anybody knows.
    """
    wanted = _wanted(request)
    if wanted is None:
        return {}
    if not means.capabilities.structured_outputs:
        means.remarks.warn("output_format.described", _PATH, "described to the model, not enforced")
        return {"response_format": {"type": "json_object"}}
    schema: dict[str, Any] = wanted["schema"]
    strict = is_enforceable(schema)
    if not strict:
        means.remarks.warn("output_format.loose", _PATH, "not enforced in all parts")
    form = {"name": _NAME, "schema": schema, "strict": strict}
    return {"response_format": {"type": "json_schema", "json_schema": form}}


def instruction(request: AskedRequest, means: Means) -> str | None:
    """Return what to tell a model that cannot be held to a schema."""
    wanted = _wanted(request)
    if wanted is None or means.capabilities.structured_outputs:
        return None
    return _TELL + json.encode_text(wanted["schema"])


def _wanted(request: AskedRequest) -> Block | None:
    wanted: Block | None = (request.get("output_config") or {}).get("format")
    if wanted is None:
        return None
    if wanted.get("type") != "json_schema" or not isinstance(wanted.get("schema"), dict):
        raise InvalidRequest(f"'{_PATH}' must be a 'json_schema'.", param=_PATH)
    return wanted
