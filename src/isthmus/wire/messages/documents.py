"""The shapes of Messages documents, as far as the gateway names them.

Documents stay plain dicts, so a field that is not named here still goes through; these types only
describe. Source: the Messages API reference, versions 2023-06-01 and 2026-10-21.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

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


class Message(TypedDict, total=False):
    """The answer to ``POST /v1/messages``."""

    id: str
    model: str
    content: list[Block]
    stop_reason: str | None
    stop_sequence: str | None
    stop_details: Block | None
    usage: Block
