"""Checks that a document has the shape of a Responses request, and names what does not.

The Structs below exist for validation only: they are thrown away, and the document itself goes on
as it came. Items and tools of types that are not here pass; whether they can be served is for
others to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta, Struct

from isthmus.wire.responses.documents import ResponsesRequest
from isthmus.wire.shape import explained

MAX_ITEMS = 20_000
MAX_TOOLS = 512

Document = dict[str, Any]
_Lifetime = Literal["5m", "1h", "30m", "12h"]
_Status = Literal["in_progress", "completed", "incomplete"]


class _Breakpoint(Struct):
    mode: Literal["explicit"]
    ttl: _Lifetime | None = None


class _Markable(Struct, kw_only=True):
    prompt_cache_breakpoint: _Breakpoint | None = None


class _InputText(_Markable, tag="input_text", tag_field="type"):
    text: str


class _InputImage(_Markable, tag="input_image", tag_field="type"):
    image_url: str | None = None
    file_id: str | None = None
    detail: Literal["auto", "low", "high", "original"] | None = None


class _InputFile(_Markable, tag="input_file", tag_field="type"):
    file_data: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    filename: str | None = None
    detail: Literal["auto", "low", "high"] | None = None


class _InputAudio(Struct, tag="input_audio", tag_field="type"):
    input_audio: Document | None = None


class _OutputText(Struct, tag="output_text", tag_field="type"):
    text: str
    annotations: list[Document] | None = None
    logprobs: list[Document] | None = None
    parsed: object = None


class _Refusal(Struct, tag="refusal", tag_field="type"):
    refusal: str


_Spoken = _InputText | _OutputText | _Refusal
_Shown = _InputText | _InputImage | _InputFile | _InputAudio
_Result = _InputText | _InputImage | _InputFile


class _Item(Struct, kw_only=True):
    type: str | None = None
    id: str | None = None
    status: str | None = None


class _System(_Item, tag="system", tag_field="role"):
    content: str | list[_Spoken]


class _Developer(_Item, tag="developer", tag_field="role"):
    content: str | list[_Spoken]


class _User(_Item, tag="user", tag_field="role"):
    content: str | list[_Shown]


class _Assistant(_Item, tag="assistant", tag_field="role"):
    content: str | list[_Spoken]
    phase: str | None = None


class _Call(_Item, kw_only=True):
    call_id: str
    name: str
    namespace: str | None = None
    caller: Document | None = None
    is_async: bool | None = msgspec.field(default=None, name="async")


class _FunctionCall(_Call):
    arguments: str
    parsed_arguments: object = None


class _CustomCall(_Call):
    input: str


class _CallOutput(_Item, kw_only=True):
    call_id: str
    output: str | list[_Result]
    name: str | None = None
    namespace: str | None = None
    caller: Document | None = None


class _Thought(_Item):
    summary: list[Document] | None = None
    content: list[Document] | None = None
    encrypted_content: str | None = None


class _Tool(Struct, kw_only=True):
    type: str
    name: str
    description: str | None = None
    defer_loading: bool | None = None
    allowed_callers: list[str] | None = None
    is_async: bool | None = msgspec.field(default=None, name="async")


class _FunctionTool(_Tool):
    parameters: Document | None = None
    strict: bool | None = None
    output_schema: Document | None = None


class _FreeText(Struct, tag="text", tag_field="type"):
    pass


class _Grammar(Struct, tag="grammar", tag_field="type"):
    definition: str
    syntax: Literal["lark", "regex"]


class _CustomTool(_Tool):
    format: _FreeText | _Grammar | None = None


class _Namespace(Struct):
    type: str
    name: Annotated[str, Meta(min_length=1)]
    tools: list[Document]
    description: str | None = None


class _Location(Struct):
    type: Literal["approximate"] | None = None
    city: str | None = None
    country: str | None = None
    region: str | None = None
    timezone: str | None = None


class _WebSearch(Struct):
    type: str
    user_location: _Location | None = None
    search_context_size: Literal["low", "medium", "high"] | None = None
    filters: Document | None = None
    external_web_access: bool | None = None


class _ChooseNamed(Struct):
    type: str
    name: str
    namespace: str | None = None


class _ChooseAllowed(Struct):
    type: str
    mode: Literal["auto", "required"]
    tools: list[Document]


class _Plain(Struct, tag="text", tag_field="type"):
    pass


class _JsonObject(Struct, tag="json_object", tag_field="type"):
    pass


class _JsonSchema(Struct, tag="json_schema", tag_field="type"):
    name: str
    schema: Document
    description: str | None = None
    strict: bool | None = None


class _Text(Struct):
    format: _Plain | _JsonObject | _JsonSchema | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


_Summary = Literal["auto", "concise", "detailed"]


class _Reasoning(Struct):
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: _Summary | None = None
    generate_summary: _Summary | None = None
    context: str | None = None
    mode: str | None = None


class _CacheOptions(Struct):
    mode: Literal["implicit", "explicit"] | None = None
    ttl: _Lifetime | None = None
    comparison_response_id: str | None = None
    prewarm: bool | None = None


class _StreamOptions(Struct):
    include_obfuscation: bool | None = None


_Count = Annotated[int, Meta(ge=1)]


class _Request(Struct):
    model: Annotated[str, Meta(min_length=1)]
    input: str | Annotated[list[Document], Meta(max_length=MAX_ITEMS)] | None = None
    instructions: str | None = None
    max_output_tokens: _Count | None = None
    max_tool_calls: _Count | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    reasoning: _Reasoning | None = None
    text: _Text | None = None
    tools: Annotated[list[Document], Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: Literal["none", "auto", "required"] | Document | None = None
    parallel_tool_calls: bool | None = None
    include: list[str] | None = None
    metadata: dict[str, str] | None = None
    previous_response_id: str | None = None
    conversation: str | Document | None = None
    truncation: Literal["auto", "disabled"] | None = None
    store: bool | None = None
    background: bool | None = None
    background_options: Document | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    service_tier: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt: Document | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: _CacheOptions | None = None
    prompt_cache_retention: Literal["in_memory", "in-memory", "24h"] | None = None
    context_management: list[Document] | None = None
    moderation: Document | None = None
    image: Document | None = None
    access_programs: Document | None = None


_MESSAGES: dict[str, type[Struct]] = {
    "system": _System,
    "developer": _Developer,
    "user": _User,
    "assistant": _Assistant,
}
_ITEMS: dict[str, type[Struct]] = {
    "function_call": _FunctionCall,
    "function_call_output": _CallOutput,
    "custom_tool_call": _CustomCall,
    "custom_tool_call_output": _CallOutput,
    "reasoning": _Thought,
}
_PARTS: tuple[type[Struct], ...] = (
    *(_InputText, _InputImage, _InputFile, _InputAudio),
    *(_OutputText, _Refusal),
)
_TOOLS: dict[str, type[Struct]] = {
    "function": _FunctionTool,
    "custom": _CustomTool,
    "namespace": _Namespace,
    "web_search": _WebSearch,
    "web_search_2025_08_26": _WebSearch,
}
_CHOICES: dict[str, type[Struct]] = {
    "function": _ChooseNamed,
    "custom": _ChooseNamed,
    "allowed_tools": _ChooseAllowed,
}


def _names(kind: type[Struct], *more: str) -> frozenset[str]:
    return frozenset({*kind.__struct_encode_fields__, *more})


#: Members that OpenAI's protocol has at each place; all others came from somewhere else.
KNOWN_FIELDS = _names(_Request)
KNOWN_IN_ITEM = {name: _names(kind) for name, kind in _ITEMS.items()}
KNOWN_IN_ITEM["message"] = _names(_Assistant, "role")
KNOWN_IN_PART = {str(kind.__struct_config__.tag): _names(kind, "type") for kind in _PARTS}
KNOWN_IN_TOOL = {name: _names(kind) for name, kind in _TOOLS.items()}
KNOWN_IN = {
    "reasoning": _names(_Reasoning),
    "text": _names(_Text),
    "prompt_cache_options": _names(_CacheOptions),
}


def checked(document: object) -> ResponsesRequest:
    """Return ``document`` as a request if it has the shape of one.

    Raises:
        InvalidRequest: naming the first member that is missing, of a wrong type or out of range.
    """
    _require(document, _Request, "")
    request = cast("ResponsesRequest", document)
    items = request.get("input")
    for index, item in enumerate(items if isinstance(items, list) else ()):
        _require_item(item, f"input[{index}]")
    for index, tool in enumerate(request.get("tools") or ()):
        _require_tool(tool, f"tools[{index}]")
    choice = request.get("tool_choice")
    if isinstance(choice, dict):
        _require_type(choice, "tool_choice")
        _require(choice, _CHOICES.get(choice["type"]), "tool_choice")
    return request


def kind_of(item: Mapping[str, Any]) -> str:
    """Return the type of an input item; only messages may leave it out."""
    return item.get("type") or "message"


def _require_item(item: Document, path: str) -> None:
    kind = cast("object", kind_of(item))
    if kind == "message":
        role: object = item.get("role")
        of_role = _MESSAGES.get(role) if isinstance(role, str) else None
        if of_role is None:
            _require(item, _AnyRole, path)
        _require(item, of_role, path)
    elif not isinstance(kind, str):
        _require_type(item, path)
    else:
        _require(item, _ITEMS.get(kind), path)


def _require_tool(tool: Document, path: str) -> None:
    _require_type(tool, path)
    _require(tool, _TOOLS.get(tool["type"]), path)
    if tool["type"] == "namespace":
        for index, inner in enumerate(tool["tools"]):
            _require_type(inner, f"{path}.tools[{index}]")
            _require(inner, _TOOLS.get(inner["type"]), f"{path}.tools[{index}]")


class _Typed(Struct):
    type: str


class _AnyRole(Struct):
    role: Literal["system", "developer", "user", "assistant"]


def _require_type(document: Document, path: str) -> None:
    _require(document, _Typed, path)


def _require(document: object, kind: type[Struct] | None, path: str) -> None:
    if kind is None:
        return
    try:
        msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise explained(str(error), path) from None
