"""Whatever a client says next, with the items it was given, Claude takes it as it left it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import messages as make
from factories.claude import answer_to
from factories.responses import HEAD, fold, validated_response
from factories.sealing import SEALING
from factories.thoughts import redact, sign
from isthmus.routing.catalog import Catalog
from isthmus.sandbox.rules import check
from isthmus.translate.remarks import Remarks
from isthmus.translate.responses_over_messages.request import Asked, translate
from isthmus.translate.responses_over_messages.response import response
from isthmus.translate.responses_over_messages.stream import ResponseStream
from isthmus.wire import json as wire_json
from isthmus.wire.responses.shape import checked
from translate.responses_over_messages.test_request import SERVED
from translate.responses_over_messages.test_request import asked as asked_by_case

CATALOG = Catalog.load()
MODELS = [row.id for row in CATALOG.rows]
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object"}}
TOOLS = [
    LOOK,
    {"type": "custom", "name": "shell", "description": "Runs a command."},
    {"type": "namespace", "name": "crm", "description": "Customers.", "tools": [LOOK]},
    {"type": "web_search"},
]
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
TURN = st.fixed_dictionaries(
    {
        "calls": st.lists(st.sampled_from(["look", "shell", "crm__look"]), max_size=2, unique=True),
        "think": st.integers(0, 5),
        "notes": st.integers(0, 2),
        "redacted": st.booleans(),
        "developer": st.booleans(),
        "options": st.sampled_from(
            [
                {},
                {"reasoning": {"effort": "high", "summary": "auto"}},
                {"reasoning": {"effort": "none"}},
                {"reasoning": {"effort": "low"}, "max_output_tokens": 5000},
                {"tool_choice": "none"},
                {"tool_choice": "required"},
                {"tool_choice": {"type": "custom", "name": "shell"}},
                {"parallel_tool_calls": False, "temperature": 0.3},
                {"text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}}},
            ]
        ),
    }
)


def asked(document: dict) -> Asked:
    request = checked(json.loads(json.dumps(document)))
    model, row = document["model"], CATALOG.find(document["model"])
    return translate(request, model, row.capabilities, remarks=Remarks(), sealing=SEALING)


def words(turn: dict) -> str:
    orders = [f"think={turn['think']}"] if turn["think"] else []
    orders += [f"notes={turn['notes']}"] if turn["notes"] else []
    if not turn["options"].keys() & {"tool_choice", "text"}:
        orders += [f"tool={name}" for name in turn["calls"]]
    orders += ["redacted"] if turn["redacted"] else []
    return f"Hello. [[sandbox: {' '.join(orders)}]]" if orders else "Hello."


def answered(document: dict) -> dict:
    """Ask the sandbox; it must know all of its thinking again."""
    one = asked(document)
    body = wire_json.encode({**one.sent.document, "stream": True})
    events = answer_to(body, one.sent.version, one.sent.betas)
    translator = ResponseStream(head=HEAD, form=one.form)
    told = [caused for event in events for caused in translator.feed(event)]
    assert translator.complete
    assert not translator.thoughts_dropped
    whole = fold([*told, *translator.finish(2)])
    validated_response(whole)
    return whole


def results(output: list[dict]) -> list[dict]:
    calls = [item for item in output if "call_id" in item]
    return [
        {"type": f"{call['type']}_output", "call_id": call["call_id"], "output": "done"}
        if call["type"] == "custom_tool_call"
        else {"type": "function_call_output", "call_id": call["call_id"], "output": "done"}
        for call in reversed(calls)
    ]


@settings(max_examples=60)
@given(st.sampled_from(MODELS), st.lists(TURN, min_size=1, max_size=4))
def test_conversation_goes_on_with_all_that_was_thought(model, turns):
    items: list[dict] = []
    for turn in turns:
        items.append({"role": "user", "content": words(turn)})
        items += [{"role": "developer", "content": "Mind."}] if turn["developer"] else []
        for options in (turn["options"], *[{}] * 3):
            document = {"model": model, "input": items, "tools": TOOLS, **options}
            output = answered(document)["output"]
            items += output + results(output)
            if "call_id" not in items[-1]:
                break


@given(make.ANSWERS)
def test_answer_that_is_sent_back_is_the_turn_that_it_was(answer):
    one = asked({"model": MODELS[0], "input": "Hello!", "reasoning": {"summary": "auto"}})
    output = response(answer, head=HEAD, form=one.form)["output"]
    calls = [item for item in output if "call_id" in item]
    if len({call["call_id"] for call in calls}) < len(calls):
        return
    more = [*results(output), {"role": "user", "content": "And?"}]
    again = asked(
        {"model": MODELS[0], "input": [{"role": "user", "content": "Hi"}, *output, *more]}
    )
    turns = [t for t in again.sent.document["messages"] if t["role"] == "assistant"]
    content = [block for block in answer["content"] if block["type"] != "server_tool_use"]
    shown = [block for block in content if block.get("text") != ""]
    assert joined(wire_json.decode(wire_json.encode(turns[0]["content"])) if turns else []) == (
        joined(shown)
    )


def joined(content: list[dict]) -> list[dict]:
    """Join texts that stand beside each other: as items they are one."""
    blocks: list[dict] = []
    for block in content:
        if block["type"] == "text" and blocks and blocks[-1]["type"] == "text":
            blocks[-1] = {**block, "text": blocks[-1]["text"] + block["text"]}
        else:
            blocks.append(block)
    return blocks


def signed(document: dict) -> dict:
    """Sign the thinking of a file as the sandbox would have."""
    for block in [block for turn in document["messages"] for block in turn["content"]]:
        if block["type"] == "thinking":
            block["signature"] = sign(block["thinking"])
        elif block["type"] == "redacted_thinking":
            block["data"] = redact(block["data"])
    return document


@pytest.mark.parametrize("name", SERVED)
def test_what_is_sent_is_what_upstream_takes(name):
    case = SERVED[name]
    sent = asked_by_case(case, Remarks()).sent
    document = signed(json.loads(wire_json.encode(sent.document)))
    fast = case.get("capabilities", {}).get("fast_mode")
    assert check(document, sent.version, frozenset(sent.betas)) or fast


def test_what_a_request_does_not_say_is_told_with_its_default():
    told = response(make.message(), head=HEAD, form=asked({"model": MODELS[0], "input": "Hi"}).form)
    unsaid = ("instructions", "max_output_tokens", "user", "previous_response_id", "error")
    assert [told[name] for name in unsaid] == [None] * len(unsaid)
    assert (told["top_logprobs"], told["truncation"], told["metadata"]) == (0, "disabled", {})
    assert (told["parallel_tool_calls"], told["tool_choice"], told["tools"]) == (True, "auto", [])
    assert told["text"] == {"format": {"type": "text"}, "verbosity": "medium"}
    assert told["reasoning"] == {"effort": None, "summary": None}
    assert "input_transformations" not in told


def test_everything_a_request_says_is_repeated_in_words_the_official_client_knows():
    document = {
        "model": MODELS[0],
        "input": "Hello!",
        "instructions": "Be brief.",
        "tools": [*TOOLS, {**LOOK, "name": "strict", "strict": True}],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{**LOOK}]},
        "text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}},
        "reasoning": {"effort": "high", "generate_summary": "auto"},
        "metadata": {"a": "b"},
        "prompt_cache_retention": "in-memory",
        "max_output_tokens": 3000,
    }
    told = response(make.message(), head=HEAD, form=asked(document).form)
    validated_response(told)
    assert told["reasoning"] == {"effort": "high", "summary": "auto"}
    unsaid = {"function": {"description": None, "strict": None}}
    assert told["tools"] == [{**unsaid.get(tool["type"], {}), **tool} for tool in document["tools"]]
    format_told = {"description": None, "strict": False, **document["text"]["format"]}
    assert told["text"] == {"format": format_told, "verbosity": "medium"}
    assert (told["temperature"], told["top_p"], told["store"]) == (1.0, 1.0, False)
