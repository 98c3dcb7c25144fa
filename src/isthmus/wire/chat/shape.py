"""Checks that a document has the shape of a Chat Completions request, and names what does not.

The Structs below exist for validation only: they are thrown away, and the document itself goes on
as it came. Ranges are OpenAI's; what a *model* accepts is not known here. Members whose values are
open documents (schemas, metadata of peers) are typed as such and go unchecked.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta, Struct

from isthmus.wire.chat.documents import ChatRequest
from isthmus.wire.shape import explained

MAX_MESSAGES = 20_000
MAX_TOOLS = 512

Document = dict[str, Any]


_Lifetime = Literal["5m", "1h", "30m", "12h"]


class _CacheControl(Struct):
    type: Literal["ephemeral"]
    ttl: _Lifetime | None = None


class _Breakpoint(Struct):
    mode: Literal["explicit"]
    ttl: _Lifetime | None = None


class _Markable(Struct, kw_only=True):
    """Whatever may end a part of the prompt that is to be cached."""

    cache_control: _CacheControl | None = None
    prompt_cache_breakpoint: _Breakpoint | None = None


class _CacheOptions(Struct):
    mode: Literal["implicit", "explicit"] | None = None
    ttl: _Lifetime | None = None


class _FileData(Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class _ImageUrl(Struct):
    url: str
    detail: Literal["auto", "low", "high", "original"] | None = None


class _Text(_Markable, tag="text", tag_field="type"):
    text: str


class _Image(_Markable, tag="image_url", tag_field="type"):
    image_url: _ImageUrl


class _Audio(_Markable, tag="input_audio", tag_field="type"):
    input_audio: Document


class _File(_Markable, tag="file", tag_field="type"):
    file: _FileData


class _Refusal(_Markable, tag="refusal", tag_field="type"):
    refusal: str


class _NoPart(Struct, tag="", tag_field="type"):
    """Beside the only part that there is: parts have to say what they are all the same."""


class _Function(Struct):
    name: str
    arguments: str


class _FunctionCall(Struct, tag="function", tag_field="type"):
    id: str
    function: _Function


class _Custom(Struct):
    name: str
    input: str


class _CustomCall(Struct, tag="custom", tag_field="type"):
    id: str
    custom: _Custom


class _System(_Markable, tag="system", tag_field="role"):
    content: str | list[_Text | _NoPart]
    name: str | None = None


class _Developer(_Markable, tag="developer", tag_field="role"):
    content: str | list[_Text | _NoPart]
    name: str | None = None


class _User(_Markable, tag="user", tag_field="role"):
    content: str | list[_Text | _Image | _Audio | _File]
    name: str | None = None


class _Assistant(_Markable, tag="assistant", tag_field="role"):
    content: str | list[_Text | _Refusal] | None = None
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[_FunctionCall | _CustomCall] | None = None
    function_call: _Function | None = None
    audio: Document | None = None
    reasoning_details: list[Document] | None = None
    thinking_blocks: list[Document] | None = None


class _Tool(_Markable, tag="tool", tag_field="role"):
    tool_call_id: str
    content: str | list[_Text | _Image | _File] | None = None


class _LegacyFunction(_Markable, tag="function", tag_field="role"):
    name: str
    content: str | None = None


class _Declaration(_Markable):
    name: str
    description: str | None = None
    parameters: Document | None = None
    strict: bool | None = None


class _FunctionTool(_Markable, tag="function", tag_field="type"):
    function: _Declaration


class _FreeText(Struct, tag="text", tag_field="type"):
    pass


class _Grammar(Struct):
    definition: str
    syntax: Literal["lark", "regex"]


class _AfterGrammar(Struct, tag="grammar", tag_field="type"):
    grammar: _Grammar


class _CustomDeclaration(Struct):
    name: str
    description: str | None = None
    format: _FreeText | _AfterGrammar | None = None


class _CustomTool(Struct, tag="custom", tag_field="type"):
    custom: _CustomDeclaration


class _Named(Struct):
    name: str


class _ChooseFunction(Struct, tag="function", tag_field="type"):
    function: _Named


class _ChooseCustom(Struct, tag="custom", tag_field="type"):
    custom: _Named


class _Allowed(Struct):
    mode: Literal["auto", "required"]
    tools: list[_ChooseFunction | _ChooseCustom]


class _ChooseAllowed(Struct, tag="allowed_tools", tag_field="type"):
    allowed_tools: _Allowed


class _StreamOptions(Struct):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class _Thinks(Struct, tag="enabled", tag_field="type"):
    budget_tokens: Annotated[int, Meta(ge=1024)]
    display: Literal["summarized", "omitted"] | None = None


class _ThinksNot(Struct, tag="disabled", tag_field="type"):
    budget_tokens: int | None = None


class _ThinksAsNeeded(Struct, tag="adaptive", tag_field="type"):
    budget_tokens: int | None = None
    display: Literal["summarized", "omitted"] | None = None


class _ThinksBetweenTools(Struct, tag="between_tools", tag_field="type"):
    budget_tokens: int | None = None


class _PlainText(Struct, tag="text", tag_field="type"):
    pass


class _JsonObject(Struct, tag="json_object", tag_field="type"):
    pass


class _JsonSchema(Struct):
    name: str
    description: str | None = None
    schema: Document | None = None
    strict: bool | None = None


class _SchemaFormat(Struct, tag="json_schema", tag_field="type"):
    json_schema: _JsonSchema


class _Format(Struct, tag="json_schema", tag_field="type"):
    schema: Document


class _OutputConfig(Struct):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: _Format | None = None


class _Place(Struct):
    city: str | None = None
    country: str | None = None
    region: str | None = None
    timezone: str | None = None


class _Location(Struct, tag="approximate", tag_field="type"):
    approximate: _Place


class _WebSearch(Struct):
    user_location: _Location | None = None
    search_context_size: Literal["low", "medium", "high"] | None = None


_Penalty = Annotated[float, Meta(ge=-2, le=2)]
_Count = Annotated[int, Meta(ge=1)]
_Message = _System | _Developer | _User | _Assistant | _Tool | _LegacyFunction


class _Request(Struct):
    model: Annotated[str, Meta(min_length=1)]
    messages: Annotated[list[_Message], Meta(min_length=1, max_length=MAX_MESSAGES)]
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=0)] | None = None
    max_tokens: _Count | None = None
    max_completion_tokens: _Count | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    thinking: _Thinks | _ThinksNot | _ThinksAsNeeded | _ThinksBetweenTools | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = (
        None
    )
    tools: Annotated[list[_FunctionTool | _CustomTool], Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: (
        Literal["none", "auto", "required"]
        | _ChooseFunction
        | _ChooseCustom
        | _ChooseAllowed
        | None
    ) = None
    parallel_tool_calls: bool | None = None
    response_format: _PlainText | _JsonObject | _SchemaFormat | None = None
    n: _Count | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    logit_bias: Document | None = None
    seed: int | None = None
    frequency_penalty: _Penalty | None = None
    presence_penalty: _Penalty | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: Document | None = None
    store: bool | None = None
    modalities: list[str] | None = None
    audio: Document | None = None
    prediction: Document | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    service_tier: str | None = None
    functions: Annotated[list[_Declaration], Meta(max_length=MAX_TOOLS)] | None = None
    function_call: Literal["none", "auto"] | _Named | None = None
    web_search_options: _WebSearch | None = None
    moderation: Document | None = None
    stop_sequences: list[str] | None = None
    system: str | list[_Text | _NoPart] | None = None
    output_config: _OutputConfig | None = None
    betas: list[str] | None = None
    anthropic_beta: str | list[str] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: _CacheOptions | None = None
    prompt_cache_retention: Literal["in_memory", "in-memory", "24h"] | None = None
    cache_control: _CacheControl | None = None


#: Members that OpenAI's protocol has at each place; all others came from somewhere else.
KNOWN_FIELDS = frozenset(_Request.__struct_fields__)
KNOWN_IN_MESSAGE: dict[str, frozenset[str]] = {
    role: frozenset({"role", *kind.__struct_fields__})
    for role, kind in {
        "system": _System,
        "developer": _Developer,
        "user": _User,
        "assistant": _Assistant,
        "tool": _Tool,
        "function": _LegacyFunction,
    }.items()
}
KNOWN_IN_PART: dict[str, frozenset[str]] = {
    part: frozenset({"type", *kind.__struct_fields__})
    for part, kind in {
        "text": _Text,
        "image_url": _Image,
        "input_audio": _Audio,
        "file": _File,
        "refusal": _Refusal,
    }.items()
}
KNOWN_IN_DECLARATION = frozenset(_Declaration.__struct_fields__)
KNOWN_IN_CUSTOM = frozenset(_CustomDeclaration.__struct_fields__)


def checked(document: object) -> ChatRequest:
    """Return ``document`` as a request if it has the shape of one.

    Raises:
        InvalidRequest: naming the first member that is missing, of a wrong type or out of range.
    """
    try:
        msgspec.convert(document, _Request)
    except msgspec.ValidationError as error:
        raise explained(str(error)) from None
    return cast("ChatRequest", document)
