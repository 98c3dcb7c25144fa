"""The shapes of Messages documents, as far as the gateway names them.

Documents stay plain dicts, so a field that is not named here still goes through; these types only
describe. Source: the Messages API reference, versions 2023-06-01 and 2026-10-21.
"""

from __future__ import annotations

from typing import Any, Literal, Required, TypedDict

#: One content block, one tool, one stream event: open documents with a ``type``.
Block = dict[str, Any]
Event = dict[str, Any]

SAMPLING_VERSION = "2023-06-01"
CURRENT_VERSION = "2026-10-21"


class Turn(TypedDict):
    """One entry of ``messages``."""

    role: Literal["user", "assistant", "system"]
    content: list[Block]


class MessagesRequest(TypedDict, total=False):
    """The body of ``POST /v1/messages``."""

    model: str
    max_tokens: int
    system: list[Block]
    messages: list[Turn]
    cache_control: Block
    tools: list[Block]
    tool_choice: Block
    thinking: Block
    output_config: Block
    stop_sequences: list[str]
    temperature: float
    top_p: float
    top_k: int
    metadata: Block
    service_tier: str
    speed: str
    stream: bool


class AskedTurn(TypedDict):
    """One entry of ``messages`` as a caller may write it."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class AskedRequest(TypedDict, total=False):
    """The body of ``POST /v1/messages`` as a caller may write it, as far as it is translated."""

    model: Required[str]
    max_tokens: int
    messages: Required[list[AskedTurn]]
    system: str | list[Block] | None
    tools: list[Block] | None
    tool_choice: Block | None
    thinking: Block | None
    output_config: Block | None
    stop_sequences: list[str] | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    metadata: Block | None
    stream: bool | None


class Message(TypedDict, total=False):
    """The answer to ``POST /v1/messages``."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[Block]
    stop_reason: str | None
    stop_sequence: str | None
    stop_details: Block | None
    usage: Block
