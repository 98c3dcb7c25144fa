"""Responses requests are checked item by item, and errors name the member as it was written."""

import typing

import pytest
from openai.types.responses import response_create_params
from openai.types.responses.response_input_param import ResponseInputItemParam

from isthmus.errors import InvalidRequest
from isthmus.translate.responses_over_messages.ladder import LADDER
from isthmus.wire.responses import shape
from isthmus.wire.responses.shape import checked

MESSAGE = {"role": "user", "content": "Hi"}
FUNCTION = {"type": "function", "name": "f"}


def refused(**members: object) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        checked({"model": "m", **members})
    return caught.value


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"model": ""}, "model", "invalid_value"),
        ({"input": [3]}, "input[0]", "invalid_value"),
        ({"input": [{"type": 3}]}, "input[0].type", "invalid_value"),
        ({"input": [{"content": "Hi"}]}, "input[0].role", "missing_required_parameter"),
        ({"input": [{**MESSAGE, "role": "tool"}]}, "input[0].role", "invalid_value"),
        ({"input": [{"role": "user"}]}, "input[0].content", "missing_required_parameter"),
        (
            {"input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
            "input[0].content[0].type",
            "invalid_value",
        ),
        (
            {"input": [MESSAGE, {"type": "function_call", "call_id": "a", "name": "f"}]},
            "input[1].arguments",
            "missing_required_parameter",
        ),
        (
            {"input": [{"type": "function_call_output", "call_id": "a", "output": 3}]},
            "input[0].output",
            "invalid_value",
        ),
        ({"tools": [{"name": "f"}]}, "tools[0].type", "missing_required_parameter"),
        ({"tools": [{"type": "function"}]}, "tools[0].name", "missing_required_parameter"),
        (
            {"tools": [{"type": "namespace", "name": "a", "tools": [{**FUNCTION, "name": 1}]}]},
            "tools[0].tools[0].name",
            "invalid_value",
        ),
        ({"tool_choice": "maybe"}, "tool_choice", "invalid_value"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name", "missing_required_parameter"),
        ({"tool_choice": {}}, "tool_choice.type", "missing_required_parameter"),
        ({"reasoning": {"effort": "much"}}, "reasoning.effort", "invalid_value"),
        ({"text": {"format": {"type": "json_schema", "name": "a"}}}, "text.format.schema", None),
        ({"temperature": 3}, "temperature", "invalid_value"),
        ({"max_output_tokens": 0}, "max_output_tokens", "invalid_value"),
    ],
)
def test_wrong_shape_is_refused_by_its_path(members, param, code):
    error = refused(**members)
    assert error.param == param
    assert error.code == (code or "missing_required_parameter")
    assert f"'{param}'" in error.message


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"input": "Hi"},
        {"input": [MESSAGE, {**MESSAGE, "type": "message"}]},
        {"input": [{"type": "mystery", "of": 3}]},
        {"tools": [{"type": "mystery", "of": 3}, FUNCTION]},
        {"tool_choice": {"type": "mystery"}},
        {"client_metadata": {"a": 1}},
        {"reasoning": None, "text": None, "tools": None, "input": None},
    ],
)
def test_document_goes_on_as_it_came(members):
    document = {"model": "m", **members}
    assert checked(document) is document


def test_every_field_of_the_official_client_is_known():
    fields = typing.get_type_hints(response_create_params.ResponseCreateParamsStreaming)
    assert set(fields) <= shape.KNOWN_FIELDS


def test_every_field_of_the_official_client_is_on_the_ladder():
    fields = typing.get_type_hints(response_create_params.ResponseCreateParamsStreaming)
    named = {field.split("[")[0].split(".")[0] for rule in LADDER for field in rule.fields}
    assert set(fields) <= named


@pytest.mark.parametrize("name", ["function_call", "custom_tool_call", "reasoning"])
def test_every_member_that_the_official_client_sends_back_is_known(name):
    kinds = {
        typing.get_args(hint)[0]: typing.get_type_hints(kind)
        for kind in typing.get_args(ResponseInputItemParam)
        for hint in [typing.get_type_hints(kind).get("type")]
        if typing.get_args(hint)
    }
    assert set(kinds[name]) <= shape.KNOWN_IN_ITEM[name]
