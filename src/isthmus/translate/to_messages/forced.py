"""Calls that are demanded of models which cannot be made to call.

The tools are switched off and the answer's format is set to the schema of the tool instead: the
model then writes the arguments as its text. Here is the schema that asks for them, and the way
back: the answer, or its events, become what a model that can be made to call would have said.
Nothing has to be remembered: in the history such a call is a call like any other.
"""

from __future__ import annotations

from typing import Any, cast

from msgspec import Struct

from isthmus.errors import UpstreamBroken
from isthmus.translate.to_messages.schema import Schema, UnfitSchema, normalised
from isthmus.wire import json
from isthmus.wire.messages.documents import Block, Event, Message

#: Reasons that only say that the text, and so the call, is whole.
_WHOLE = frozenset({"end_turn", "stop_sequence", "tool_use"})


class Forced(Struct, frozen=True):
    """A call that was asked for as a JSON text. ``name``: None if the text says which."""

    name: str | None


def schema_for(tools: list[Block]) -> tuple[Schema, Forced]:
    """Return the format that makes the model call one of ``tools``.

    Raises:
        UnfitSchema: the grammar has no words for what one of them takes.
    """
    if len(tools) == 1:
        fit, _ = normalised(tools[0]["input_schema"])
        return fit, Forced(tools[0]["name"])
    choices: list[Schema] = []
    definitions: dict[str, Schema] = {}
    for tool in tools:
        fit, _ = normalised(tool["input_schema"])
        fit = _with_own_definitions(fit, tool["name"], definitions)
        choices.append(
            {
                "type": "object",
                "properties": {"name": {"const": tool["name"]}, "arguments": fit},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
        )
    schema: Schema = {"anyOf": choices}
    if definitions:
        schema["$defs"] = definitions
    return schema, Forced(None)


def _with_own_definitions(schema: Schema, owner: str, into: dict[str, Schema]) -> Schema:
    """Move a schema's definitions to the top, under names that no other tool's has."""
    moved: dict[str, str] = {}
    for place in ("$defs", "definitions"):
        for name in cast("dict[str, Any]", schema.get(place) or {}):
            moved[f"#/{place}/{name}"] = f"#/$defs/{owner}.{name}"
    for place in ("$defs", "definitions"):
        for name, definition in cast("dict[str, Any]", schema.get(place) or {}).items():
            into[f"{owner}.{name}"] = _repointed(definition, moved)
    rest = {key: value for key, value in schema.items() if key not in ("$defs", "definitions")}
    return _repointed(rest, moved)


def _repointed(node: Any, moved: dict[str, str]) -> Any:
    if isinstance(node, list):
        return [_repointed(member, moved) for member in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    members = cast("dict[str, Any]", node)
    reference = members.get("$ref")
    if reference == "#":
        raise UnfitSchema("recursive schemas are not supported")
    copied = {name: _repointed(member, moved) for name, member in members.items()}
    if isinstance(reference, str):
        copied["$ref"] = moved.get(reference, reference)
    return copied


def as_call(message: Message, forced: Forced) -> Message:
    """Make the call out of an answer's text; half a call, and what a refusal left, are no call.

    Raises:
        UpstreamBroken: the answer ended as if whole, but holds no call.
    """
    content: list[Block] = message.get("content") or []
    texts = [block.get("text") or "" for block in content if block.get("type") == "text"]
    call: Block = {"type": "text", "text": ""}
    translated = cast("Message", dict(message))
    if message.get("stop_reason") in _WHOLE:
        name, arguments = _read("".join(texts), forced)
        call_id = _call_id(message.get("id"))
        call = {"type": "tool_use", "id": call_id, "name": name, "input": arguments}
        translated["stop_reason"] = "tool_use"
        translated["stop_sequence"] = None
    # Thinking is told with its place, so the call takes that of the first text.
    translated["content"] = _replaced(content, call)
    return translated


def _replaced(content: list[Block], call: Block) -> list[Block]:
    replaced: list[Block] = []
    for block in content:
        if block.get("type") != "text":
            replaced.append(block)
        elif call not in replaced:
            replaced.append(call)
    return replaced


def _read(text: str, forced: Forced) -> tuple[str, dict[str, Any]]:
    try:
        document: Any = json.decode(text.encode())
    except (json.MalformedJSON, UnicodeEncodeError):
        document = None
    if forced.name is None and isinstance(document, dict):
        chosen = cast("dict[str, Any]", document)
        name, document = chosen.get("name"), chosen.get("arguments")
    else:
        name = forced.name
    if not isinstance(name, str) or not isinstance(document, dict):
        raise UpstreamBroken(
            "The model did not write the tool call it was made to write.", code="invalid_answer"
        )
    return name, cast("dict[str, Any]", document)


def _call_id(message_id: object) -> str:
    return f"toolu_{str(message_id or '').removeprefix('msg_')}"


class CallEvents:
    """Turns the events of such an answer into those of a native call, one by one.

    All text is one block, which stays open until the reason for the end is known. A call that names
    itself is told when it is whole, for the name stands in the text.
    """

    def __init__(self, forced: Forced) -> None:
        self._forced = forced
        self._message_id: object = None
        self._texts: set[int] = set()
        self._index: int | None = None
        self._written: list[str] = []

    def feed(self, event: Event) -> list[Event]:
        """Take one event, return what it becomes.

        Raises:
            UpstreamBroken: the answer ended as if whole, but holds no call.
        """
        match event["type"]:
            case "message_start":
                self._message_id = event["message"].get("id")
                return [event]
            case "content_block_start" if event["content_block"].get("type") == "text":
                return self._begin(event["index"], event["content_block"].get("text") or "")
            case "content_block_delta" if event["index"] in self._texts:
                return self._write(event["delta"].get("text") or "")
            case "content_block_stop" if event["index"] in self._texts:
                return []
            case "message_delta" if event["delta"].get("stop_reason") is not None:
                return self._end(event)
            case _:
                return [event]

    def _begin(self, index: int, text: str) -> list[Event]:
        self._texts.add(index)
        if self._index is not None:
            return self._write(text)
        self._index = index
        opened = [] if self._forced.name is None else [self._opening(self._forced.name)]
        return opened + self._write(text)

    def _opening(self, name: str) -> Event:
        call_id = _call_id(self._message_id)
        block: Block = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
        return {"type": "content_block_start", "index": self._index, "content_block": block}

    def _write(self, text: str) -> list[Event]:
        self._written.append(text)
        return [] if self._forced.name is None else self._pieces(text)

    def _pieces(self, text: str) -> list[Event]:
        if not text:
            return []
        delta = {"type": "input_json_delta", "partial_json": text}
        return [{"type": "content_block_delta", "index": self._index, "delta": delta}]

    def _end(self, event: Event) -> list[Event]:
        if event["delta"]["stop_reason"] not in _WHOLE:
            return [event]  # the call stays open: it is not whole
        name, arguments = _read("".join(self._written), self._forced)
        told: list[Event] = []
        if self._forced.name is None:
            told = [self._opening(name), *self._pieces(json.encode_text(arguments))]
        delta = {**event["delta"], "stop_reason": "tool_use", "stop_sequence": None}
        stop = {"type": "content_block_stop", "index": self._index}
        return [*told, stop, {**event, "delta": delta}]
