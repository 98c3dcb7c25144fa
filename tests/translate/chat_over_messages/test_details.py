"""Edges and places that the cases of the rules leave open."""

import pytest

from factories import messages as make
from isthmus.errors import InvalidRequest
from isthmus.routing.catalog import Catalog
from isthmus.translate.chat_over_messages.conversation import Conversation
from isthmus.translate.chat_over_messages.memory import Memory
from isthmus.translate.chat_over_messages.recall import Visible, as_message
from isthmus.translate.chat_over_messages.request import Translated, translate
from isthmus.translate.chat_over_messages.stream import ChatStream
from isthmus.translate.remarks import Remarks
from isthmus.translate.to_messages.form import AnswerForm
from isthmus.translate.to_messages.schema import (
    MAX_OPTIONAL,
    Size,
    UnfitSchema,
    normalised,
)
from isthmus.wire.chat.shape import checked

CATALOG = Catalog.load()
OPEN = {"type": "object", "additionalProperties": True}
TREE = {"type": "object", "properties": {"left": {"$ref": "#"}}}


def translated(model: str, remarks: Remarks | None = None, **chat) -> Translated:
    request = checked({"model": model, "messages": [{"role": "user", "content": "Hi"}], **chat})
    capabilities = CATALOG.find(model).capabilities
    said = Remarks() if remarks is None else remarks
    return translate(request, model, capabilities, remarks=said)


def places(model: str, **chat) -> dict[str, str]:
    """Return where each warning says that something was changed."""
    remarks = Remarks()
    translated(model, remarks, **chat)
    return {remark.slug: remark.param for remark in remarks}


def function(name: str, parameters: dict, **more) -> dict:
    return {"type": "function", "function": {"name": name, "parameters": parameters, **more}}


def test_warnings_name_the_place():
    messages = [
        {"role": "system", "content": "S", "name": "a"},
        {"role": "user", "content": "U"},
        {"role": "assistant", "content": "A", "reasoning_details": [{"type": "x"}]},
        {"role": "user", "content": "U", "name": "b"},
    ]
    found = places("claude-opus-5", messages=messages)
    assert found["message.name.dropped"] == "messages[3].name"
    assert found["reasoning_details.dropped"] == "messages[2].reasoning_details"
    leading = places("claude-opus-5", messages=messages[:2])
    assert leading["message.name.dropped"] == "messages[0].name"


def test_warnings_of_old_requests_name_the_place_as_it_was_written():
    functions = [{"name": "f", "parameters": OPEN, "strict": True}]
    found = places("claude-opus-5", functions=functions)
    assert found == {"tools.strict.dropped": "functions[0].strict"}


def test_old_and_new_vocabulary_do_not_go_together():
    with pytest.raises(InvalidRequest) as caught:
        translated("claude-opus-5", functions=[{"name": "f"}], tools=[function("g", {})])
    assert caught.value.param == "functions"


def test_what_sdks_add_to_an_answer_is_no_reason_for_a_warning():
    answer = {"role": "assistant", "content": "A", "annotations": [], "parsed": {"a": 1}}
    history = [{"role": "user", "content": "U"}, answer, {"role": "user", "content": "V"}]
    assert places("claude-opus-5", messages=history) == {}


def test_tools_declared_again_are_named():
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    history = [
        {"role": "user", "content": "U"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "R"},
    ]
    assert places("claude-opus-5", messages=history) == {"tools.redeclared": "tools"}


@pytest.mark.parametrize(
    ("budget", "effort"),
    [(3_999, "low"), (4_000, "medium"), (12_000, "high"), (31_999, "high"), (32_000, "xhigh")],
)
def test_budgets_become_the_nearest_effort(budget, effort):
    sent = translated("claude-opus-5", thinking={"type": "enabled", "budget_tokens": budget})
    assert sent.document["output_config"]["effort"] == effort


@pytest.mark.parametrize(
    ("level", "budget"),
    [("minimal", 1024), ("low", 2048), ("medium", 8192), ("high", 16384), ("max", 32768)],
)
def test_efforts_become_budgets_where_a_model_takes_nothing_else(level, budget):
    sent = translated("claude-haiku-4-5", reasoning_effort=level)
    assert sent.document["thinking"] == {"type": "enabled", "budget_tokens": budget}


def test_only_answers_that_follow_a_grammar_may_start_late():
    schema = {"type": "object", "properties": {}}
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    assert translated("claude-opus-5", response_format=wanted).slow_start
    assert translated("claude-opus-5", tools=[function("f", schema, strict=True)]).slow_start
    assert not translated("claude-opus-5", reasoning_effort="low").slow_start


def test_format_in_claudes_own_words_has_to_be_followed():
    with pytest.raises(InvalidRequest):
        translated(
            "claude-opus-5", output_config={"format": {"type": "json_schema", "schema": TREE}}
        )


def test_definitions_of_several_demanded_tools_stay_apart():
    tools = [
        function(
            name,
            {
                "type": "object",
                "properties": {"x": {"$ref": "#/definitions/X"}},
                "required": ["x"],
                "definitions": {"X": {"const": name}},
            },
        )
        for name in ("f", "g")
    ]
    sent = translated("claude-opus-5-5", tools=tools, tool_choice="required").document
    schema = sent["output_config"]["format"]["schema"]
    assert schema["$defs"] == {"f.X": {"const": "f"}, "g.X": {"const": "g"}}
    pointers = [
        choice["properties"]["arguments"]["properties"]["x"]["$ref"] for choice in schema["anyOf"]
    ]
    assert pointers == ["#/$defs/f.X", "#/$defs/g.X"]
    assert all("definitions" not in c["properties"]["arguments"] for c in schema["anyOf"])


def test_grammar_has_room_for_just_so_many_optional_members():
    assert Size(MAX_OPTIONAL, 0).fits
    assert not Size(MAX_OPTIONAL + 1, 0).fits


def test_object_that_may_be_null_is_closed_too():
    assert normalised({"type": ["object", "null"]})[0]["additionalProperties"] is False
    assert "additionalProperties" not in normalised({"type": ["string", "null"]})[0]


def test_definition_that_two_others_use_is_no_recursion():
    schema = {
        "anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}],
        "$defs": {"A": {"$ref": "#/$defs/C"}, "B": {"$ref": "#/$defs/C"}, "C": {"const": 1}},
    }
    assert normalised(schema)[0] == schema


def test_cache_mark_of_a_message_stands_on_what_is_remembered_of_it():
    mark = {"type": "ephemeral"}
    part = {"type": "text", "text": "A", "cache_control": mark}
    history = [
        {"role": "user", "content": "U"},
        {"role": "assistant", "content": [part]},
        {"role": "user", "content": "V"},
    ]
    content = [make.thinking("t"), make.text("A"), {"type": "redacted_thinking", "data": "x"}]
    capabilities = CATALOG.find("claude-opus-5").capabilities
    memory = Memory(recalled={1: content})
    said = Conversation(history, capabilities, Remarks(), memory).turns[1]["content"]
    assert [block.get("cache_control") for block in said] == [None, mark, None]
    assert content[1] == make.text("A")


def test_pieces_of_a_thought_are_joined_and_each_thought_takes_its_place():
    form = {"type": "reasoning.text", "format": "anthropic-claude-v1"}
    pieces = [
        {**form, "index": 0, "id": "block-0", "text": "a"},
        {"type": "reasoning.text", "index": 0, "text": "b"},
        {"type": "reasoning.text", "index": 0, "signature": "s"},
    ]
    answer = {"role": "assistant", "content": "A", "reasoning_details": pieces}
    history = [{"role": "user", "content": "U"}, answer, {"role": "user", "content": "V"}]
    sent = translated("claude-opus-5", messages=history).document
    assert sent["messages"][1]["content"][0] == make.thinking("ab", "s")


def test_custom_calls_of_other_tools_are_other_answers():
    def digest(name: str) -> bytes:
        call = {"id": "a", "type": "custom", "custom": {"name": name, "input": "x"}}
        return Visible([{"role": "assistant", "tool_calls": [call]}]).digests[0]

    assert digest("f") != digest("g")


def test_message_of_a_completion_is_the_first_choices():
    assert as_message({"choices": [{"message": {"role": "assistant"}}]}) == {"role": "assistant"}


@pytest.mark.parametrize(
    ("form", "splices"),
    [
        (AnswerForm(), True),
        (AnswerForm(cites=True), False),
        (AnswerForm(json_object=True), False),
        (AnswerForm(cites=True, json_object=True), False),
    ],
)
def test_text_that_has_to_be_looked_at_is_not_spliced(form, splices):
    stream = ChatStream(model="m", created=1, include_usage=False, form=form)
    events = make.stream(make.message(make.text("one two three")))
    chunks = [chunk for event in events[:5] for chunk in stream.feed(event)]
    assert (stream.splice is not None) is splices
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert {chunk["choices"][0]["index"] for chunk in chunks} == {0}


def test_thought_that_begins_with_text_keeps_it():
    block = {"type": "thinking", "thinking": "Hm", "signature": "s"}
    stream = ChatStream(model="m", created=1, include_usage=False)
    stream.feed(make.stream(make.message())[0])
    (chunk,) = stream.feed({"type": "content_block_start", "index": 0, "content_block": block})
    (entry,) = chunk["choices"][0]["delta"]["reasoning_details"]
    assert (entry["text"], entry["signature"]) == ("Hm", "s")


def test_definitions_that_lead_back_to_each_other_are_recursion():
    schema = {
        "anyOf": [{"$ref": "#/$defs/A"}],
        "$defs": {name: {"$ref": f"#/$defs/{to}"} for name, to in ("AB", "BC", "CA")},
    }
    with pytest.raises(UnfitSchema):
        normalised(schema)


def test_no_tool_is_allowed_where_none_is_named():
    tools = [function("f", {})]
    none = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}
    assert translated("claude-opus-5", tools=tools, tool_choice=none).document["tool_choice"] == {
        "type": "none"
    }
    none["allowed_tools"]["mode"] = "required"
    with pytest.raises(InvalidRequest) as caught:
        translated("claude-opus-5", tools=tools, tool_choice=none)
    assert caught.value.param == "tool_choice.allowed_tools.tools"


def test_arguments_of_an_old_call_are_named_as_they_were_written():
    history = [
        {"role": "user", "content": "U"},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "?"}},
        {"role": "function", "name": "f", "content": "R"},
    ]
    found = places("claude-opus-5", messages=history, functions=[{"name": "f"}])
    assert found == {"tool_calls.arguments.wrapped": "messages[1].function_call.arguments"}


@pytest.mark.parametrize("role", ["system", "developer"])
def test_part_that_does_not_say_what_it_is_is_refused(role):
    with pytest.raises(InvalidRequest) as caught:
        checked({"model": "m", "messages": [{"role": role, "content": [{"text": "x"}]}]})
    assert caught.value.param == "messages[0].content[0].type"
