"""What a response repeats of its request, with the protocol's defaults where that said nothing."""

from __future__ import annotations

from typing import Any

from isthmus.translate.responses_over_messages.form import Head
from isthmus.wire.responses.documents import Response, ResponsesRequest

_DEFAULTS: dict[str, Any] = {
    "frequency_penalty": 0.0,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "prompt_cache_key": None,
    "prompt_cache_retention": None,
    "safety_identifier": None,
    "service_tier": "auto",
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
#: What a function and a schema are told with, whether the request said it or not.
_OF_FUNCTION: dict[str, Any] = {"description": None, "parameters": None, "strict": None}
_OF_SCHEMA: dict[str, Any] = {"description": None, "strict": False}


def echo(request: ResponsesRequest, removed: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the members that repeat the request; ``removed``: the thinking that was left out."""
    told: dict[str, Any] = {
        name: default if request.get(name) is None else request.get(name)
        for name, default in _DEFAULTS.items()
    }
    if told["prompt_cache_retention"] == "in-memory":
        told["prompt_cache_retention"] = "in_memory"
    told["tools"] = [_whole(tool, "function", _OF_FUNCTION) for tool in told["tools"]]
    reasoning, text = request.get("reasoning") or {}, request.get("text") or {}
    told["reasoning"] = {
        "effort": reasoning.get("effort"),
        "summary": reasoning.get("summary") or reasoning.get("generate_summary"),
    }
    told["text"] = {
        "format": _whole(text.get("format") or {"type": "text"}, "json_schema", _OF_SCHEMA),
        "verbosity": text.get("verbosity") or "medium",
    }
    if removed:
        told["input_transformations"] = removed
    return told


def _whole(told: dict[str, Any], kind: str, more: dict[str, Any]) -> dict[str, Any]:
    """Return what is told with all its members, where it is of a kind."""
    if told.get("type") != kind:
        return told
    return {**told, **{name: value for name, value in more.items() if told.get(name) is None}}


def response_document(head: Head, told: dict[str, Any]) -> Response:
    """Build a response that has only just begun; ``told`` is what it repeats of its request."""
    return {
        "id": head.id,
        "object": "response",
        "created_at": head.created_at,
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": head.model,
        "output": [],
        "previous_response_id": head.previous_response_id,
        "store": head.stored,
        "usage": None,
        **told,
    }
