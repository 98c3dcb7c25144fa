"""What a response repeats of its request, with the protocol's defaults where that said nothing."""

from __future__ import annotations

from typing import Any

from isthmus.translate.responses_over_messages.form import Head
from isthmus.wire.responses.documents import Response, ResponsesRequest

_DEFAULTS: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "prompt_cache_key": None,
    "prompt_cache_retention": None,
    "safety_identifier": None,
    "service_tier": None,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


def echo(request: ResponsesRequest, removed: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the members that repeat the request; ``removed``: the thinking that was left out."""
    told = {
        name: default if request.get(name) is None else request.get(name)
        for name, default in _DEFAULTS.items()
    }
    if told["prompt_cache_retention"] == "in-memory":
        told["prompt_cache_retention"] = "in_memory"
    reasoning, text = request.get("reasoning") or {}, request.get("text") or {}
    told["reasoning"] = {
        "effort": reasoning.get("effort"),
        "summary": reasoning.get("summary") or reasoning.get("generate_summary"),
    }
    told["text"] = {
        "format": text.get("format") or {"type": "text"},
        "verbosity": text.get("verbosity") or "medium",
    }
    if removed:
        told["input_transformations"] = removed
    return told


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
