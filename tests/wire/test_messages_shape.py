"""What has not the shape of a Messages request is refused by the path of what is wrong."""

import copy
import json

import pytest

from isthmus.errors import InvalidRequest
from isthmus.wire.messages.shape import checked

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
REQUEST = {
    "model": "m",
    "max_tokens": 0,
    "system": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, IMAGE]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "a", "content": [IMAGE]}],
        },
        {"role": "system", "content": "Be brief."},
    ],
    "tools": [
        {"name": "f", "input_schema": {"type": "object"}},
        {"type": "web_search_20260318", "name": "web_search"},
    ],
    "tool_choice": {"type": "tool", "name": "f"},
    "thinking": {"type": "enabled", "budget_tokens": 1024, "display": "summarized"},
    "output_config": {"effort": "high", "format": None},
    "new_member": {"of": ["tomorrow"]},
}
SEARCH = {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text"}]}
DOCUMENT = {"type": "document", "source": {"type": "content", "content": [{"type": "text"}]}}


def with_member(path: str, value: object) -> dict:
    """Return the request with one member changed; ``...`` takes it away."""
    document = json.loads(json.dumps(REQUEST))
    *steps, last = [int(s) if s.isdecimal() else s for s in path.split(".")]
    inner = document
    for step in steps:
        inner = inner[step]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return document


def test_request_goes_on_as_it_came():
    document = copy.deepcopy(REQUEST)
    assert checked(document) is document
    assert document == REQUEST


@pytest.mark.parametrize(
    ("path", "value", "param"),
    [
        ("model", ..., "model"),
        ("model", "", "model"),
        ("max_tokens", ..., "max_tokens"),
        ("max_tokens", -1, "max_tokens"),
        ("messages", ..., "messages"),
        ("messages", [], "messages"),
        ("messages.0.role", "tool", "messages[0].role"),
        ("messages.0.role", ..., "messages[0].role"),
        ("messages.0.content", None, "messages[0].content"),
        ("messages.0.content.0", "Hi", "messages[0].content[0]"),
        ("messages.0.content.0.type", ..., "messages[0].content[0].type"),
        ("messages.0.content.0.type", 1, "messages[0].content[0].type"),
        ("messages.0.content.0.text", ..., "messages[0].content[0].text"),
        ("messages.0.content.1.source", ..., "messages[0].content[1].source"),
        ("messages.0.content.1.source.type", ..., "messages[0].content[1].source.type"),
        ("messages.0.content.1.source.data", ..., "messages[0].content[1].source.data"),
        ("messages.0.content.0", SEARCH, "messages[0].content[0].content[0].text"),
        ("messages.0.content.0", DOCUMENT, "messages[0].content[0].source.content[0].text"),
        ("messages.0.content.0", {**DOCUMENT, "title": 1}, "messages[0].content[0].title"),
        ("messages.1.content.0.input", "{}", "messages[1].content[0].input"),
        ("messages.2.content.0.tool_use_id", ..., "messages[2].content[0].tool_use_id"),
        ("messages.2.content.0.content.0.source", 1, "messages[2].content[0].content[0].source"),
        ("messages.2.content.0.is_error", "no", "messages[2].content[0].is_error"),
        ("system", 1, "system"),
        ("system.0.text", 1, "system[0].text"),
        ("system.0.cache_control.type", "x", "system[0].cache_control.type"),
        ("tools.0.input_schema", ..., "tools[0].input_schema"),
        ("tools.0.type", 1, "tools[0].type"),
        ("tools.1.type", None, "tools[1].input_schema"),
        ("tool_choice.name", ..., "tool_choice.name"),
        ("tool_choice.type", "required", "tool_choice.type"),
        ("thinking.type", ..., "thinking.type"),
        ("output_config.effort", "most", "output_config.effort"),
        ("temperature", 1.5, "temperature"),
        ("temperature", True, "temperature"),
        ("stop_sequences", "a", "stop_sequences"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(path, value, param):
    with pytest.raises(InvalidRequest) as caught:
        checked(with_member(path, value))
    assert caught.value.param == param
    assert f"'{param}'" in caught.value.message


@pytest.mark.parametrize("document", [None, [], "request", 1])
def test_what_is_no_object_is_refused(document):
    with pytest.raises(InvalidRequest):
        checked(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("messages.0.content.0", {"type": "block_of_tomorrow", "source": 1}),
        ("messages.0.content.1.source", {"type": "file", "file_id": "file_1"}),
        ("tools.0", {"type": "toolset_of_tomorrow"}),
        ("thinking", None),
        ("thinking.display", "updates"),
    ],
)
def test_what_nobody_here_knows_goes_unchecked(path, value):
    document = with_member(path, value)
    assert checked(document) is document
