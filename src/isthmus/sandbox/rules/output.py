"""What the answer is to be like: its effort and its format."""

from __future__ import annotations

from typing import Any, cast

from isthmus.sandbox.errors import ApiError, invalid
from isthmus.sandbox.models import EFFORTS, Model
from isthmus.sandbox.rules.conversation import is_paused
from isthmus.sandbox.rules.fields import require, require_only
from isthmus.sandbox.rules.subset import check_schema, check_totals

Document = dict[str, Any]


def check(document: Document, model: Model) -> None:
    """Check ``output_config``, and its format together with the strict tools."""
    config: Document = document.get("output_config", {})
    require_only("output_config", config, ("effort", "format"))
    effort = config.get("effort")
    if effort is not None:
        _check_effort(effort, model)
    tools: list[Document] = document.get("tools", [])
    strict = [tool for tool in tools if tool.get("strict") and "input_schema" in tool]
    schemas = [tool["input_schema"] for tool in strict]
    output = config.get("format")
    if output is not None:
        path = "output_config.format"
        require_only(path, output, ("type", "schema"))
        if require(path, output, "type", (str,)) != "json_schema":
            raise invalid(f"{path}.type", "Input should be 'json_schema'")
        schema = require(path, output, "schema", (dict,))
        check_schema(f"{path}.schema", schema)
        _check_alone(path, document)
        schemas.append(schema)
    check_totals(schemas)


def _check_alone(path: str, document: Document) -> None:
    """Check that the answer is neither begun already nor to hold citations."""
    if document["messages"][-1]["role"] == "assistant" and not is_paused(document):
        raise invalid(path, "structured output cannot go with a prefilled assistant message")
    for message in document["messages"]:
        content: str | list[Document] = message["content"]
        for block in [] if isinstance(content, str) else content:
            citing = block.get("citations")
            if isinstance(citing, dict) and cast("Document", citing).get("enabled"):
                raise invalid(path, "structured output cannot go with citations")


def _check_effort(effort: object, model: Model) -> None:
    if effort not in EFFORTS:
        raise invalid("output_config.effort", f"Input should be one of {EFFORTS}")
    if not model.efforts:
        raise ApiError(400, "This model does not support the effort parameter.")
    if effort not in model.efforts:
        raise ApiError(400, f"This model does not support effort level '{effort}'.")
