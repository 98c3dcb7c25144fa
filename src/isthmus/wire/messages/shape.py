"""Checks that a document has the shape of a Messages request, and names what does not.

The Structs below exist for validation only: they are thrown away, and the document itself goes on
as it came. Blocks, tools and members that this gateway does not name go unchecked: the protocol
grows faster than its servers, and clients send what the newest one knows.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta, Struct

from isthmus.errors import InvalidRequest
from isthmus.wire.messages.documents import AskedRequest

MAX_MESSAGES = 100_000
MAX_TOOLS = 2_000

Document = dict[str, Any]


class _Message(Struct):
    role: Literal["user", "assistant", "system"]
    content: str | list[Document]


class _Effort(Struct):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: Document | None = None


class _Thinking(Struct):
    type: Literal["enabled", "adaptive", "disabled", "between_tools"]
    budget_tokens: int | None = None
    display: str | None = None


class _ToolChoice(Struct):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Metadata(Struct):
    user_id: str | None = None


class _Request(Struct):
    model: Annotated[str, Meta(min_length=1)]
    max_tokens: Annotated[int, Meta(ge=0)]
    messages: Annotated[list[_Message], Meta(min_length=1, max_length=MAX_MESSAGES)]
    system: str | list[Document] | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=0)] | None = None
    thinking: _Thinking | None = None
    output_config: _Effort | None = None
    tools: Annotated[list[Document], Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: _ToolChoice | None = None
    metadata: _Metadata | None = None
    cache_control: Document | None = None


class _Text(Struct):
    text: str


class _Source(Struct):
    type: str


class _WithSource(Struct):
    source: _Source


class _Document(_WithSource):
    title: str | None = None
    context: str | None = None


class _CacheControl(Struct):
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class _Marked(Struct):
    cache_control: _CacheControl | None = None


class _SearchResult(Struct):
    source: str
    title: str
    content: list[Document]


class _ToolUse(Struct):
    id: str
    name: str
    input: Document


class _ToolResult(Struct):
    tool_use_id: str
    content: str | list[Document] | None = None
    is_error: bool | None = None


class _Thought(Struct):
    thinking: str
    #: Some gateways make up thinking that has none.
    signature: str | None = None


class _CustomTool(Struct):
    name: str
    input_schema: Document
    description: str | None = None
    strict: bool | None = None


class _Base64(Struct):
    media_type: str
    data: str


class _Url(Struct):
    url: str


class _Data(Struct):
    data: str


class _Content(Struct):
    content: str | list[Document]


#: What blocks hold, by their type. Blocks of other types are only known by it.
_BLOCKS: dict[str, type[Struct]] = {
    "text": _Text,
    "image": _WithSource,
    "document": _Document,
    "search_result": _SearchResult,
    "tool_use": _ToolUse,
    "tool_result": _ToolResult,
    "thinking": _Thought,
}
_SOURCES: dict[str, type[Struct]] = {
    "base64": _Base64,
    "url": _Url,
    "text": _Data,
    "content": _Content,
}
_MISSING = re.compile(r"Object missing required field `([^`]+)`")


def checked(document: object) -> AskedRequest:
    """Return ``document`` as a request if it has the shape of one.

    Raises:
        InvalidRequest: naming the first member that is missing, of a wrong type or out of range.
    """
    _require(document, _Request, "")
    request = cast("AskedRequest", document)
    system = request.get("system")
    if isinstance(system, list):
        _check_blocks(system, "system")
    for index, message in enumerate(request["messages"]):
        content = message["content"]
        if isinstance(content, list):
            _check_blocks(content, f"messages[{index}].content")
    for index, tool in enumerate(request.get("tools") or ()):
        _check_tool(tool, f"tools[{index}]")
    choice = request.get("tool_choice")
    if choice and choice["type"] == "tool" and not choice.get("name"):
        raise _missing("tool_choice.name")
    return request


def _check_blocks(blocks: list[Document], path: str) -> None:
    for index, block in enumerate(blocks):
        where = f"{path}[{index}]"
        kind: object = block.get("type")
        if not isinstance(kind, str):
            raise _missing(f"{where}.type")
        if kind in _BLOCKS:
            _require(block, _BLOCKS[kind], where)
        if "cache_control" in block:
            _require(block, _Marked, where)
        source: object = block.get("source")
        if kind in ("image", "document"):
            _check_source(cast("Document", source), f"{where}.source")
        content: object = block.get("content")
        if kind in ("tool_result", "search_result") and isinstance(content, list):
            _check_blocks(cast("list[Document]", content), f"{where}.content")


def _check_source(source: Document, path: str) -> None:
    kind: str = source["type"]
    if kind in _SOURCES:
        _require(source, _SOURCES[kind], path)
    content: object = source.get("content")
    if kind == "content" and isinstance(content, list):
        _check_blocks(cast("list[Document]", content), f"{path}.content")


def _check_tool(tool: Document, path: str) -> None:
    if tool.get("type") in (None, "custom"):
        _require(tool, _CustomTool, path)
    elif not isinstance(tool["type"], str):
        raise InvalidRequest(f"Invalid value for '{path}.type'.", param=f"{path}.type")


def _require(document: object, shape: type[Struct], path: str) -> None:
    try:
        msgspec.convert(document, shape)
    except msgspec.ValidationError as error:
        raise _explained(str(error), path) from None


def _explained(message: str, base: str) -> InvalidRequest:
    """Turn the decoder's sentence into one that names the member as the caller spells it."""
    reason, _, place = message.partition(" - at ")
    path = f"{base}{place.strip('`').removeprefix('$')}".lstrip(".")
    missing = _MISSING.match(reason)
    if missing:
        return _missing(f"{path}.{missing.group(1)}".lstrip("."))
    where = f" for '{path}'" if path else ""
    return InvalidRequest(
        f"Invalid value{where}: {reason[:1].lower()}{reason[1:]}.", param=path or None
    )


def _missing(path: str) -> InvalidRequest:
    return InvalidRequest(
        f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter"
    )
