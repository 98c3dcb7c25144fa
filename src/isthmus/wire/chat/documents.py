"""The shapes of Chat Completions documents, as far as the gateway names them.

Documents stay plain dicts; these types only describe what `wire.chat.shape` has checked. Source:
OpenAI's API reference, and the extensions of this gateway (``thinking``, ``reasoning_details``).
"""

from __future__ import annotations

from typing import Any, Literal, Required, TypedDict

Part = dict[str, Any]
Chunk = dict[str, Any]
Completion = dict[str, Any]

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]


class FunctionCall(TypedDict):
    """The function of a tool call. ``arguments`` is JSON text as the model wrote it."""

    name: str
    arguments: str


class CustomCall(TypedDict):
    """The custom tool of a tool call. ``input`` is free text."""

    name: str
    input: str


class ToolCall(TypedDict, total=False):
    """One call of an assistant turn: ``function`` or ``custom`` is there, as the type says."""

    id: Required[str]
    type: Required[Literal["function", "custom"]]
    function: Required[FunctionCall]
    custom: Required[CustomCall]


class CacheControl(TypedDict, total=False):
    """A cache mark as Claude names it."""

    type: Required[Literal["ephemeral"]]
    ttl: Literal["5m", "1h", "30m", "12h"] | None


class CacheBreakpoint(TypedDict, total=False):
    """A cache mark as OpenAI names it."""

    mode: Required[Literal["explicit"]]
    ttl: Literal["5m", "1h", "30m", "12h"] | None


class CacheOptions(TypedDict, total=False):
    """Whether OpenAI would mark the end of the prompt by itself, and how long marks live."""

    mode: Literal["implicit", "explicit"] | None
    ttl: Literal["5m", "1h", "30m", "12h"] | None


class ChatMessage(TypedDict, total=False):
    """One entry of ``messages``; which members may be there depends on the role."""

    role: Required[Role]
    content: str | list[Part] | None
    name: str | None
    refusal: str | None
    tool_calls: list[ToolCall] | None
    tool_call_id: str | None
    function_call: FunctionCall | None
    reasoning_details: list[Part] | None
    thinking_blocks: list[Part] | None
    reasoning_content: str | None
    cache_control: CacheControl | None
    prompt_cache_breakpoint: CacheBreakpoint | None


class FunctionDeclaration(TypedDict, total=False):
    """What a function tool declares."""

    name: str
    description: str | None
    parameters: dict[str, Any] | None
    strict: bool | None


class CustomDeclaration(TypedDict, total=False):
    """What a custom tool declares; its input is free text, perhaps after a grammar."""

    name: str
    description: str | None
    format: dict[str, Any] | None


class Tool(TypedDict):
    """One entry of ``tools``: ``function`` or ``custom`` is there, as the type says."""

    type: Literal["function", "custom"]
    function: FunctionDeclaration
    custom: CustomDeclaration


class Thinking(TypedDict, total=False):
    """The ``thinking`` extension: whether the model thinks, and how many tokens it may spend."""

    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: int | None
    display: Literal["summarized", "omitted"] | None


class StreamOptions(TypedDict, total=False):
    """Options of a streamed answer."""

    include_usage: bool | None


class ChatRequest(TypedDict, total=False):
    """The body of ``POST /v1/chat/completions``, as far as it is translated."""

    model: Required[str]
    messages: Required[list[ChatMessage]]
    temperature: float | None
    top_p: float | None
    top_k: int | None
    max_tokens: int | None
    max_completion_tokens: int | None
    stop: str | list[str] | None
    stream: bool | None
    stream_options: StreamOptions | None
    thinking: Thinking | None
    reasoning_effort: str | None
    tools: list[Tool] | None
    tool_choice: Literal["none", "auto", "required"] | dict[str, Any] | None
    parallel_tool_calls: bool | None
    functions: list[FunctionDeclaration] | None
    function_call: Literal["none", "auto"] | dict[str, Any] | None
    response_format: dict[str, Any] | None
    web_search_options: dict[str, Any] | None
    stop_sequences: list[str] | None
    system: str | list[Part] | None
    output_config: dict[str, Any] | None
    betas: list[str] | None
    anthropic_beta: str | list[str] | None
    user: str | None
    safety_identifier: str | None
    n: int | None
    service_tier: str | None
    cache_control: CacheControl | None
    prompt_cache_options: CacheOptions | None
    prompt_cache_retention: Literal["in_memory", "in-memory", "24h"] | None
