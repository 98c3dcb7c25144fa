"""The schemas of the public Open Responses specification, as far as a gateway's answers reach.

Every member is required, as there; whoever has nothing to say says ``null`` where that is allowed.
Source: https://www.openresponses.org/ (its OpenAPI document, ``ResponseResource`` and its events).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Index = Annotated[int, Meta(ge=0)]
Status = Literal["in_progress", "completed", "incomplete"]


class Annotation(Struct, tag="url_citation", tag_field="type"):
    url: str
    title: str
    start_index: Index
    end_index: Index


class OutputText(Struct, tag="output_text", tag_field="type"):
    text: str
    annotations: list[Annotation]
    logprobs: list[Any]


class Refusal(Struct, tag="refusal", tag_field="type"):
    refusal: str


class SummaryText(Struct, tag="summary_text", tag_field="type"):
    text: str


class Message(Struct, tag="message", tag_field="type"):
    id: str
    status: Status
    role: Literal["assistant"]
    content: list[OutputText | Refusal]


class FunctionCall(Struct, tag="function_call", tag_field="type"):
    id: str
    call_id: str
    name: str
    arguments: str
    status: Status


class Reasoning(Struct, tag="reasoning", tag_field="type"):
    id: str
    summary: list[SummaryText]


Item = Message | FunctionCall | Reasoning


class FunctionTool(Struct, tag="function", tag_field="type"):
    name: str
    description: str | None
    parameters: dict[str, Any] | None
    strict: bool | None


class InputDetails(Struct):
    cached_tokens: Index


class OutputDetails(Struct):
    reasoning_tokens: Index


class Usage(Struct):
    input_tokens: Index
    output_tokens: Index
    total_tokens: Index
    input_tokens_details: InputDetails
    output_tokens_details: OutputDetails


class TextFormat(Struct, tag="text", tag_field="type"):
    pass


class JsonSchemaFormat(Struct, tag="json_schema", tag_field="type"):
    name: str
    description: str | None
    schema: dict[str, Any] | None
    strict: bool


class Text(Struct):
    format: TextFormat | JsonSchemaFormat
    verbosity: Literal["low", "medium", "high"]


class ReasoningTold(Struct):
    effort: str | None
    summary: Literal["concise", "detailed", "auto"] | None


class Reason(Struct):
    reason: str


class Failure(Struct):
    code: str
    message: str


class Resource(Struct):
    """A ``ResponseResource``."""

    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    status: Literal["in_progress", "completed", "failed", "incomplete", "queued", "cancelled"]
    incomplete_details: Reason | None
    model: str
    previous_response_id: str | None
    instructions: str | None
    output: list[Item]
    error: Failure | None
    tools: list[FunctionTool]
    tool_choice: Literal["auto", "none", "required"] | dict[str, Any]
    truncation: Literal["auto", "disabled"]
    parallel_tool_calls: bool
    text: Text
    top_p: float
    presence_penalty: float
    frequency_penalty: float
    top_logprobs: Index
    temperature: float
    reasoning: ReasoningTold | None
    user: str | None
    usage: Usage | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    store: bool
    background: bool
    service_tier: str
    metadata: dict[str, str]
    safety_identifier: str | None
    prompt_cache_key: str | None


class Event(Struct, tag_field="type"):
    sequence_number: Index


class Snapshot(Event):
    response: Resource


class ResponseCreated(Snapshot, tag="response.created"):
    pass


class ResponseInProgress(Snapshot, tag="response.in_progress"):
    pass


class ResponseCompleted(Snapshot, tag="response.completed"):
    pass


class OfItem(Event):
    output_index: Index
    item: Item


class ResponseOutputItemAdded(OfItem, tag="response.output_item.added"):
    pass


class ResponseOutputItemDone(OfItem, tag="response.output_item.done"):
    pass


class InItem(Event):
    item_id: str
    output_index: Index


class InContent(InItem):
    content_index: Index


class ResponseContentPartAdded(InContent, tag="response.content_part.added"):
    part: OutputText | Refusal


class ResponseContentPartDone(InContent, tag="response.content_part.done"):
    part: OutputText | Refusal


class ResponseOutputTextDelta(InContent, tag="response.output_text.delta"):
    delta: str
    logprobs: list[Any]


class ResponseOutputTextDone(InContent, tag="response.output_text.done"):
    text: str
    logprobs: list[Any]


class ResponseFunctionCallArgumentsDelta(InItem, tag="response.function_call_arguments.delta"):
    delta: str


class ResponseFunctionCallArgumentsDone(InItem, tag="response.function_call_arguments.done"):
    arguments: str


class InSummary(InItem):
    summary_index: Index


class ResponseReasoningSummaryPartAdded(InSummary, tag="response.reasoning_summary_part.added"):
    part: SummaryText


class ResponseReasoningSummaryPartDone(InSummary, tag="response.reasoning_summary_part.done"):
    part: SummaryText


class ResponseReasoningSummaryTextDelta(InSummary, tag="response.reasoning_summary_text.delta"):
    delta: str


class ResponseReasoningSummaryTextDone(InSummary, tag="response.reasoning_summary_text.done"):
    text: str


_EVENTS = msgspec.json.Decoder(
    ResponseCreated
    | ResponseInProgress
    | ResponseCompleted
    | ResponseOutputItemAdded
    | ResponseOutputItemDone
    | ResponseContentPartAdded
    | ResponseContentPartDone
    | ResponseOutputTextDelta
    | ResponseOutputTextDone
    | ResponseFunctionCallArgumentsDelta
    | ResponseFunctionCallArgumentsDone
    | ResponseReasoningSummaryPartAdded
    | ResponseReasoningSummaryPartDone
    | ResponseReasoningSummaryTextDelta
    | ResponseReasoningSummaryTextDone
)
_RESOURCE = msgspec.json.Decoder(Resource)


def resource(text: bytes | str) -> Resource:
    """Read a whole response; what the schema does not allow raises."""
    return _RESOURCE.decode(text)


def event(text: bytes | str) -> Event:
    """Read one event of a stream; what the schema does not allow raises."""
    return _EVENTS.decode(text)
