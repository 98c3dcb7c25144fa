"""Every rule of the sandbox refuses what breaks it, and lets the rest pass."""

import pytest

from factories.thoughts import redact, sign
from isthmus.routing.catalog import Catalog
from isthmus.sandbox.errors import ApiError
from isthmus.sandbox.models import MODELS
from isthmus.sandbox.rules import check

OLD, NEW = "2023-06-01", "2026-10-21"
S46, S45, O55, O5, S55 = (
    "claude-sonnet-4-6",
    "claude-sonnet-4-5",
    "claude-opus-5-5",
    "claude-opus-5",
    "claude-sonnet-5-5",
)
HI = {"role": "user", "content": "Hi"}
TOOL = {"name": "f", "input_schema": {"type": "object"}}
CALL = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "a", "content": "r"}
THOUGHT = {"type": "thinking", "thinking": "t", "signature": sign("t")}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}


def user(*content) -> dict:
    return {"role": "user", "content": list(content)}


def assistant(*content) -> dict:
    return {"role": "assistant", "content": list(content)}


def text(value: str, **more) -> dict:
    return {"type": "text", "text": value, **more}


def strict(schema: dict) -> dict:
    return {"tools": [{"name": "f", "strict": True, "input_schema": {"type": "object", **schema}}]}


def output(schema: dict) -> dict:
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


LOOP = {"tools": [TOOL], "messages": [HI, assistant(CALL), user(RESULT)]}
MARK = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
THINK = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}

#: What is changed in a good request (None: left out), and what the refusal says.
BROKEN = {
    "no model": ({"model": None}, "model: Field required"),
    "no limit": ({"max_tokens": None}, "max_tokens: Field required"),
    "limit of another type": ({"max_tokens": "9"}, "max_tokens: Input should be a valid int"),
    "limit that is a truth": ({"max_tokens": True}, "max_tokens: Input should be"),
    "limit above the model's": ({"max_tokens": 200_000}, "200000 > 128000"),
    "unknown field": ({"n": 1}, "n: Extra inputs are not permitted"),
    "unknown field in a block": ({"messages": [user(text("a", x=1))]}, "Extra inputs"),
    "unknown field in a message": ({"messages": [{**HI, "name": "x"}]}, "Extra inputs"),
    "unknown model": ({"model": "claude-9"}, "model: claude-9"),
    "no messages": ({"messages": []}, "at least one message"),
    "unknown role": ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
    "assistant first": ({"messages": [assistant(text("x")), HI]}, "user role"),
    "empty text": ({"messages": [user(text(""))]}, "must be non-empty"),
    "empty string": ({"messages": [{"role": "user", "content": ""}]}, "must be non-empty"),
    "no blocks": ({"messages": [user()]}, "at least one content block"),
    "unknown block": ({"messages": [user({"type": "audio"})]}, "Input tag 'audio'"),
    "system that is no text": ({"system": [IMAGE]}, "must be text"),
    "image of another type": (
        {"messages": [user({**IMAGE, "source": {**IMAGE["source"], "media_type": "image/tiff"}})]},
        "media_type",
    ),
    "image that is no base64": (
        {"messages": [user({**IMAGE, "source": {**IMAGE["source"], "data": "%"}})]},
        "invalid base64",
    ),
    "image by file URL": (
        {"messages": [user({"type": "image", "source": {"type": "url", "url": "file:///x"}})]},
        "Only HTTP(S)",
    ),
    "call by the user": ({"messages": [user(CALL)]}, "can only be in `assistant`"),
    "result by the assistant": ({"messages": [HI, assistant(RESULT), HI]}, "can only be in `user`"),
    "stop of white space": ({"stop_sequences": [" "]}, "non-whitespace"),
    "unknown tier": ({"service_tier": "priority"}, "service_tier"),
    "user that is no string": ({"metadata": {"user_id": 7}}, "metadata.user_id"),
    "tool name": ({"tools": [{**TOOL, "name": "a b"}]}, "tools.0.name"),
    "tools of one name": ({"tools": [TOOL, TOOL]}, "Tool names must be unique"),
    "tool without a schema": ({"tools": [{"name": "f"}]}, "input_schema: Field required"),
    "tool of another schema": ({"tools": [{"name": "f", "input_schema": {}}]}, "'object'"),
    "open strict schema": (strict({}), "additionalProperties"),
    "bounded strict schema": (
        strict({"additionalProperties": False, "properties": {"a": {"minimum": 1}}}),
        "'minimum' is not supported",
    ),
    "too many strict tools": (
        {
            "tools": [
                {**strict({"additionalProperties": False})["tools"][0], "name": f"f{n}"}
                for n in range(21)
            ]
        },
        "too many strict tools",
    ),
    "choice without tools": ({"tool_choice": {"type": "auto"}}, "while providing `tools`"),
    "choice of another tool": (
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "g"}},
        "'g' not found",
    ),
    "unknown choice": ({"tools": [TOOL], "tool_choice": {"type": "required"}}, "tool_choice.type"),
    "choice with a stray member": (
        {"tools": [TOOL], "tool_choice": {"type": "none", "disable_parallel_tool_use": True}},
        "Extra inputs",
    ),
    "forced tool on Opus 5.5": (
        {"model": O55, "tools": [TOOL], "tool_choice": {"type": "any"}},
        'type "tool" and "any" are not supported for this model',
    ),
    "forced tool with a budget": (
        {**THINK, "tools": [TOOL], "tool_choice": {"type": "any"}},
        "forces tool use",
    ),
    "call without a result": (
        {**LOOP, "messages": [HI, assistant(CALL), HI]},
        "without `tool_result`",
    ),
    "call at the end": ({**LOOP, "messages": [HI, assistant(CALL)]}, "without `tool_result`"),
    "result without a call": ({"messages": [user(RESULT)]}, "unexpected `tool_use_id`"),
    "result twice": ({**LOOP, "messages": [HI, assistant(CALL), user(RESULT, RESULT)]}, "single"),
    "text before the results": (
        {**LOOP, "messages": [HI, assistant(CALL), user(text("x"), RESULT)]},
        "must come first",
    ),
    "calls of one id": ({**LOOP, "messages": [HI, assistant(CALL, CALL), user(RESULT)]}, "unique"),
    "id of other characters": (
        {
            **LOOP,
            "messages": [
                HI,
                assistant({**CALL, "id": "a:1"}),
                user({**RESULT, "tool_use_id": "a:1"}),
            ],
        },
        "should match pattern",
    ),
    "history of undeclared tools": ({"messages": LOOP["messages"]}, "`tools` must be defined"),
    "prefill": (
        {"messages": [HI, assistant(text("x"))]},
        "does not support assistant message prefill",
    ),
    "white space at the end": (
        {"model": S45, "messages": [HI, assistant(text("x "))]},
        "trailing whitespace",
    ),
    "late system on Sonnet 4.6": (
        {"messages": [HI, {"role": "system", "content": "x"}]},
        "not supported on this model",
    ),
    "system first": (
        {"model": O55, "messages": [{"role": "system", "content": "x"}]},
        "first message",
    ),
    "system after the assistant": (
        {"model": O55, "messages": [HI, assistant(text("a")), {"role": "system", "content": "x"}]},
        "directly follow a user",
    ),
    "system before the user": (
        {"model": O55, "messages": [HI, {"role": "system", "content": "x"}, HI]},
        "must be last",
    ),
    "budget on Opus 5.5": (
        {"model": O55, **THINK},
        '"thinking.type.enabled" is not supported for this model',
    ),
    "adaptive on Sonnet 4.5": (
        {"model": S45, "thinking": {"type": "adaptive"}},
        "adaptive thinking is not supported on this model",
    ),
    "disabled on Opus 5.5": (
        {"model": O55, "thinking": {"type": "disabled"}},
        '"thinking.type.disabled" is not supported',
    ),
    "between tools on Opus 5": (
        {"model": O5, "thinking": {"type": "between_tools"}},
        "between_tools",
    ),
    "unknown thinking": ({"thinking": {"type": "on"}}, "thinking.type"),
    "no budget": ({"thinking": {"type": "enabled"}}, "budget_tokens: Field required"),
    "small budget": ({"thinking": {"type": "enabled", "budget_tokens": 1023}}, "at least 1024"),
    "budget of the whole": ({**THINK, "max_tokens": 1024}, "must be greater than"),
    "unknown display": ({"thinking": {"type": "adaptive", "display": "all"}}, "thinking.display"),
    "display while disabled": (
        {"thinking": {"type": "disabled", "display": "omitted"}},
        "Extra inputs",
    ),
    "disabled with much effort": (
        {"model": O5, "thinking": {"type": "disabled"}, "output_config": {"effort": "max"}},
        'effort above "high"',
    ),
    "between tools with much effort": (
        {"model": S55, "thinking": {"type": "between_tools"}, "output_config": {"effort": "xhigh"}},
        'effort above "high"',
    ),
    "thinking signed elsewhere": (
        {"messages": [HI, assistant({**THOUGHT, "signature": "c2ln"}), HI]},
        "Invalid `signature` in `thinking` block",
    ),
    "edited thinking": (
        {"messages": [HI, assistant({**THOUGHT, "thinking": "u"}), HI]},
        "Invalid `signature` in `thinking` block",
    ),
    "tool loop without its thinking": ({**THINK, **LOOP}, "Expected `thinking`"),
    "effort on Sonnet 4.5": (
        {"model": S45, "output_config": {"effort": "low"}},
        "does not support the effort parameter",
    ),
    "xhigh on Sonnet 4.6": ({"output_config": {"effort": "xhigh"}}, "effort level 'xhigh'"),
    "unknown effort": ({"output_config": {"effort": "huge"}}, "output_config.effort"),
    "open format": (output({"type": "object"}), "additionalProperties"),
    "recursive format": (
        output({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}),
        "recursive",
    ),
    "external format": (output({"$ref": "http://x/y"}), "external references"),
    "format of many items": (output({"type": "array", "minItems": 2}), "minItems"),
    "format of another kind": ({"output_config": {"format": {"type": "json"}}}, "format.type"),
    "five breakpoints": ({"messages": [user(*[text("a", **MARK)] * 5)]}, "A maximum of 4"),
    "long after short": ({"messages": [user(text("a", **MARK), text("b", **HOUR))]}, "ttl='1h'"),
    "breakpoint on thinking": (
        {"messages": [HI, assistant({**THOUGHT, **MARK}), HI]},
        "Extra inputs",
    ),
    "automatic breakpoint of another type": ({"cache_control": {"type": "x"}}, "'ephemeral'"),
    "breakpoint with a stray member": (
        {"messages": [user(text("a", cache_control={"type": "ephemeral", "x": 1}))]},
        "Extra inputs",
    ),
    "five breakpoints with the automatic one": (
        {"messages": [user(*[text("a", **MARK)] * 4)], **MARK},
        "A maximum of 4",
    ),
    "redacted thinking made elsewhere": (
        {"messages": [HI, assistant({"type": "redacted_thinking", "data": sign("t")}), HI]},
        "Invalid `data` in `redacted_thinking` block",
    ),
    "citations of the user": (
        {"messages": [user(text("a", citations=[{"type": "char_location"}]))]},
        "citations",
    ),
    "calls of one id in two turns": (
        {**LOOP, "messages": [*LOOP["messages"], *LOOP["messages"][1:]]},
        "unique",
    ),
    "result with another mark of error": (
        {**LOOP, "messages": [HI, assistant(CALL), user({**RESULT, "is_error": "no"})]},
        "is_error",
    ),
    "properties that are no object": (
        {"tools": [{"name": "f", "input_schema": {"type": "object", "properties": [1]}}]},
        "JSON schema is invalid",
    ),
    "25 optional parameters": (
        strict({"additionalProperties": False, "properties": {f"p{n}": {} for n in range(25)}}),
        "too many optional parameters (25)",
    ),
    "17 unions": (
        output(
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {f"p{n}": {"type": ["null"]} for n in range(17)},
                "required": [f"p{n}" for n in range(17)],
            }
        ),
        "too many parameters with union types (17)",
    ),
    "reference inside of allOf": (
        output({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {}}}),
        "inside of 'allOf'",
    ),
    "reference to nothing": (output({"$ref": "#/$defs/a"}), "not defined"),
    "pattern that looks around": (output({"type": "string", "pattern": "(?=a)"}), "look-around"),
    "enum of objects": (output({"enum": [{}]}), "scalars"),
    "prefill with a format": (
        {"model": S45, "messages": [HI, assistant(text("{"))], **output({"type": "string"})},
        "prefilled",
    ),
    "unknown lifetime": (
        {"messages": [user(text("a", cache_control={"type": "ephemeral", "ttl": "9h"}))]},
        "ttl",
    ),
}

#: The same for sampling: the API version decides with.
SAMPLING = {
    "any under the new version": (NEW, {"temperature": 1}, "temperature: Extra inputs"),
    "another on Opus 5": (OLD, {"model": O5, "temperature": 0.5}, "`temperature` is not supported"),
    "top_k on Opus 5": (OLD, {"model": O5, "top_k": 5}, "`top_k` is not supported"),
    "two on Sonnet 4.5": (OLD, {"model": S45, "temperature": 1, "top_p": 1}, "cannot both"),
    "too hot": (OLD, {"temperature": 1.5}, "range: 0..1"),
    "hot while thinking": (OLD, {**THINK, "temperature": 0.5}, "may not be set when thinking"),
    "narrow while thinking": (OLD, {**THINK, "top_p": 0.5}, "at least 0.95"),
}

GOOD = {
    "the least": {},
    "no room: it warms the cache": {"max_tokens": 0},
    "a tool loop": LOOP,
    "a tool loop with its thinking": {
        **THINK,
        "tools": [TOOL],
        "messages": [HI, assistant(THOUGHT, CALL), user(RESULT)],
    },
    "thinking that was not shown": {
        "messages": [HI, assistant({**THOUGHT, "thinking": ""}, text("x")), HI],
    },
    "results before text": {**LOOP, "messages": [HI, assistant(CALL), user(RESULT, text("x"))]},
    "results in two messages": {
        **LOOP,
        "messages": [
            HI,
            assistant(CALL, {**CALL, "id": "b"}),
            user(RESULT),
            user({**RESULT, "tool_use_id": "b"}),
        ],
    },
    "a prefill on Sonnet 4.5": {"model": S45, "messages": [HI, assistant(text("x"))]},
    "a late system message": {"model": O55, "messages": [HI, {"role": "system", "content": "x"}]},
    "an image": {"messages": [user(IMAGE, text("What?"))]},
    "nulls that say nothing": {
        "cache_control": None,
        "speed": None,
        "thinking": {"type": "adaptive", "display": None},
        "messages": [user(text("a", cache_control=None))],
        "output_config": {"effort": None, "format": None},
    },
    "redacted thinking of its own": {
        "messages": [HI, assistant({"type": "redacted_thinking", "data": redact("t")}), HI],
    },
    "a closed format": output({"type": "object", "additionalProperties": False}),
    "breakpoints in order": {"messages": [user(text("a", **HOUR), text("b", **MARK))]},
    "a forced tool": {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "f"}},
    "thinking between tools": {"model": S55, "thinking": {"type": "between_tools"}},
}


def request(change: dict) -> dict:
    good = {"model": S46, "max_tokens": 100, "messages": [HI]} | change
    return {name: value for name, value in good.items() if value is not None}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_a_rule_is_refused_in_upstreams_words(name):
    change, words = BROKEN[name]
    with pytest.raises(ApiError) as caught:
        check(request(change), NEW)
    assert words in caught.value.message


@pytest.mark.parametrize("name", SAMPLING)
def test_sampling_is_refused_by_version_and_model(name):
    version, change, words = SAMPLING[name]
    with pytest.raises(ApiError) as caught:
        check(request(change), version)
    assert words in caught.value.message


@pytest.mark.parametrize("name", GOOD)
def test_what_breaks_no_rule_passes(name):
    assert check(request(GOOD[name]), NEW).max_output


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_sampling_parameters_pass_where_the_model_takes_them(model):
    change = {"model": model.id, "temperature": 0.5 if model.sampling != "none" else 1}
    assert check(request(change), OLD) is model


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_gateways_catalog_says_the_same_of_the_model(model):
    row = Catalog.load().row(model.id)
    said = row.capabilities
    assert set(said.thinking) == model.thinking
    assert (said.thinking_default, said.thinking_display) == (model.thinking_default, model.display)
    assert (said.efforts, said.sampling) == (model.efforts, model.sampling)
    assert (said.prefill, said.forced_tools) == (model.prefill, model.forced)
    assert (said.mid_system, said.max_output_tokens) == (model.mid_system, model.max_output)
    assert said.max_input_tokens == model.max_input
    assert (row.line, row.created, row.lifecycle) == (model.line, model.created, model.lifecycle)
    assert row.retires_at == model.retires
    assert (row.display_name, set(row.aliases)) == (model.display_name, {model.alias} - {None})


def test_sandbox_and_catalog_know_the_same_models():
    assert {model.id for model in MODELS} == {row.id for row in Catalog.load().rows}
