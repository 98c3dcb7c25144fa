"""Answers in a format, and arguments of strict tools, satisfy every schema that is accepted."""

import json
from contextlib import suppress

import jsonschema
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from isthmus.sandbox.answer import Answer, last_text
from isthmus.sandbox.binding import bind
from isthmus.sandbox.directives import parse
from isthmus.sandbox.errors import ApiError
from isthmus.sandbox.rules import check

FORMATS = ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6"]
PATTERNS = [
    *("^[A-Z]{2}-[0-9]{3}$", r"^\d+$", "[a-z]+", r"^\w+@\w+\.com$", "^(red|green|blue)$"),
    *("^$", "^v[0-9]+(\\.[0-9]+){2}$", "^[^0-9]{3,5}$", "x?y*z", r"^\+?[1-9]\d{6,14}$"),
]
CHECKER = jsonschema.Draft202012Validator.FORMAT_CHECKER
NAMES = st.sampled_from(["a", "b", "content", "type", "$ref", "ä"])
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5)

LEAVES = st.one_of(
    st.sampled_from(["string", "integer", "number", "boolean", "null"]).map(lambda t: {"type": t}),
    st.sampled_from([*FORMATS, "uuid"]).map(lambda f: {"type": "string", "format": f}),
    st.sampled_from(PATTERNS).map(lambda p: {"type": "string", "pattern": p}),
    st.lists(SCALARS, min_size=1, max_size=3).map(lambda values: {"enum": values}),
    st.text(max_size=5).map(lambda v: {"type": "string", "default": v}),
    st.integers().map(lambda v: {"type": ["string", "null"], "default": v}),
    SCALARS.map(lambda v: {"const": v}),
    st.just({"type": ["string", "null"]}),
    st.just({"allOf": [{"type": ["string", "integer"]}, {"type": "integer"}]}),
    st.just({"allOf": [{"enum": ["a", "b", 1]}, {"enum": ["b", 1]}, {"type": "integer"}]}),
    st.just({"type": "integer", "enum": ["a", 3]}),
    st.just({}),
    st.just({"$ref": "#/$defs/d"}),
)


@st.composite
def objects(draw, inner) -> dict:
    properties = draw(st.dictionaries(NAMES, inner, max_size=4))
    required = (
        draw(st.lists(st.sampled_from(sorted(properties)), unique=True)) if properties else []
    )
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def arrays(inner):
    least = st.sampled_from([0, 1])
    return st.builds(lambda i, n: {"type": "array", "items": i, "minItems": n}, inner, least)


def unions(inner):
    branches = st.lists(inner, min_size=1, max_size=3)
    return branches.map(lambda found: {"anyOf": found}) | inner.map(lambda one: {"allOf": [one]})


DEFINED = LEAVES.filter(lambda leaf: "$ref" not in leaf)
SCHEMAS = st.builds(
    lambda schema, defined: {**schema, "$defs": {"d": defined}},
    objects(st.recursive(LEAVES, lambda i: objects(i) | arrays(i) | unions(i), max_leaves=8)),
    DEFINED,
)


def ask(**more) -> dict:
    said = [{"role": "user", "content": "Use f."}]
    return {"model": "claude-sonnet-4-6", "max_tokens": 100_000, "messages": said, **more}


def answer(document: dict) -> dict:
    model = None
    with suppress(ApiError):  # too many of something together
        model = check(document, "2026-10-21")
    assume(model is not None)
    return Answer(bind(document, model, ""), model, parse(last_text(document))).message({})


def satisfies(value: object, schema: dict) -> bool:
    jsonschema.validate(value, schema, format_checker=CHECKER)
    return True


@given(SCHEMAS)
def test_answer_in_a_format_satisfies_its_schema(schema):
    output = {"format": {"type": "json_schema", "schema": schema}}
    said = answer(ask(output_config=output))["content"][-1]["text"]
    assert satisfies(json.loads(said), schema)


@given(SCHEMAS)
def test_arguments_of_a_strict_tool_satisfy_its_schema(schema):
    tool = {"name": "f", "strict": True, "input_schema": schema}
    call = answer(ask(tools=[tool]))["content"][-1]
    assert call["type"] == "tool_use"
    assert satisfies(call["input"], schema)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_that_are_tried_are_accepted(pattern):
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "pattern": pattern}},
        "additionalProperties": False,
    }
    assert check(
        ask(output_config={"format": {"type": "json_schema", "schema": schema}}), "2026-10-21"
    )
