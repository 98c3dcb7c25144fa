"""The shapes of Responses documents, as far as the gateway names them.

Documents stay plain dicts; these types only describe what `wire.responses.shape` has checked.
Source: OpenAI's API reference.
"""

from __future__ import annotations

from typing import Any, Literal, Required, TypedDict

#: One input or output item, one content part, one tool, one event: open documents with a ``type``.
Item = dict[str, Any]
Part = dict[str, Any]
Tool = dict[str, Any]
Event = dict[str, Any]
Response = dict[str, Any]


class Reasoning(TypedDict, total=False):
    """How hard the model thinks, and whether a summary of it is shown."""

    effort: str | None
    summary: Literal["auto", "concise", "detailed"] | None
    generate_summary: Literal["auto", "concise", "detailed"] | None
    context: str | None
    mode: str | None


class Text(TypedDict, total=False):
    """The form of the answer's text."""

    format: dict[str, Any] | None
    verbosity: Literal["low", "medium", "high"] | None


class ResponsesRequest(TypedDict, total=False):
    """The body of ``POST /v1/responses``, as far as it is translated."""

    model: Required[str]
    input: str | list[Item] | None
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    frequency_penalty: float | None
    presence_penalty: float | None
    temperature: float | None
    top_p: float | None
    top_logprobs: int | None
    reasoning: Reasoning | None
    text: Text | None
    tools: list[Tool] | None
    tool_choice: str | dict[str, Any] | None
    parallel_tool_calls: bool | None
    include: list[str] | None
    metadata: dict[str, str] | None
    previous_response_id: str | None
    conversation: str | dict[str, Any] | None
    truncation: Literal["auto", "disabled"] | None
    store: bool | None
    background: bool | None
    stream: bool | None
    service_tier: str | None
    user: str | None
    safety_identifier: str | None
    prompt_cache_key: str | None
    prompt_cache_options: dict[str, Any] | None
    prompt_cache_retention: Literal["in_memory", "in-memory", "24h"] | None
