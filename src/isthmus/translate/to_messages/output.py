"""The format an answer must have: ``response_format``."""

from __future__ import annotations

from typing import Any, NamedTuple

from isthmus.call import Capabilities
from isthmus.errors import InvalidRequest
from isthmus.translate.remarks import Remarks
from isthmus.translate.to_messages.json_object import INSTRUCTION
from isthmus.translate.to_messages.schema import UnfitSchema, normalised
from isthmus.wire import json
from isthmus.wire.chat.documents import ChatRequest
from isthmus.wire.messages.documents import Block

#: Part of the prompt's prefix, as the instruction before it.
_SATISFYING = "It has to satisfy this JSON Schema:"


class Output(NamedTuple):
    """What an answer has to look like: ``format`` as upstream takes it, or an ``instruction``."""

    format: Block | None = None
    instruction: str | None = None


def output(request: ChatRequest, capabilities: Capabilities, remarks: Remarks) -> Output:
    """Translate ``response_format``.

    Raises:
        InvalidRequest: a schema that has to be followed and cannot be.
    """
    wanted = request.get("response_format")
    if wanted is None or wanted["type"] == "text":
        return Output()
    if wanted["type"] == "json_object":
        return Output(instruction=INSTRUCTION)
    if not capabilities.structured_outputs:
        raise InvalidRequest(
            "'response_format.type': this model follows no schema; use 'json_object'.",
            param="response_format.type",
            code="unsupported_value",
        )
    return _following(wanted["json_schema"], remarks)


def _following(declared: dict[str, Any], remarks: Remarks) -> Output:
    path = "response_format.json_schema.schema"
    schema: dict[str, Any] | None = declared.get("schema")
    if schema is None:
        raise InvalidRequest(
            f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter"
        )
    try:
        fit, told = normalised(schema)
    except UnfitSchema as error:
        if declared.get("strict"):
            raise InvalidRequest(f"'{path}': {error}.", param=path) from None
        remarks.warn("response_format.described", path, f"only described, {error}")
        return Output(instruction=f"{INSTRUCTION} {_SATISFYING} {json.encode_text(schema)}")
    if told:
        remarks.warn("response_format.bounds", path, f"{', '.join(told)} only described")
    if declared.get("description") and "description" not in fit:
        fit = {**fit, "description": declared["description"]}
    return Output(format={"type": "json_schema", "schema": fit})
