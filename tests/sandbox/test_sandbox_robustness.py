"""No request makes the sandbox fail: it answers, or refuses in the API's way."""

import copy
import json
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.thoughts import sign
from isthmus.sandbox import web_search
from isthmus.sandbox.answer import Answer, last_text
from isthmus.sandbox.binding import bind
from isthmus.sandbox.directives import UnknownDirectiveError, parse, without_directives
from isthmus.sandbox.errors import ApiError
from isthmus.sandbox.grammar import events
from isthmus.sandbox.prompt_cache import PromptCache
from isthmus.sandbox.rules import check
from isthmus.sandbox.schema import example

MARK = {"type": "ephemeral", "ttl": "5m"}
SCHEMA = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/n"}, "b": {"anyOf": [{"type": "null"}, {"allOf": [{}]}]}},
    "required": ["a"],
    "$defs": {"n": {"type": "string", "format": "date", "enum": ["x"], "pattern": "x"}},
    "additionalProperties": False,
}
CALL = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "r"}]}
SEARCH = {
    "type": "web_search_20260318",
    "name": "web_search",
    "max_uses": 2,
    "blocked_domains": ["example.com"],
    "user_location": {"type": "approximate", "city": "Oslo"},
}
SEARCHED = web_search.call("a", "seed")
FOUND = web_search.result(SEARCHED, SEARCH, 0)
CITED = {"type": "text", "text": "c", "citations": [web_search.citation(FOUND["content"][0])]}
THOUGHT = {"type": "thinking", "thinking": "t", "signature": sign("t")}
REQUEST = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 2000,
    "system": [{"type": "text", "text": "S", "cache_control": MARK}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "assistant", "content": [THOUGHT, SEARCHED, FOUND, CITED, CALL]},
        {
            "role": "user",
            "content": [
                RESULT,
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                {"type": "text", "text": "[[sandbox: tokens=5 tool=f search=\"b\"]]"},
            ],
        },
    ],
    "tools": [{"name": "f", "description": "d", "input_schema": SCHEMA, "strict": True}, SEARCH],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "thinking": {"type": "adaptive", "display": "summarized"},
    "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": SCHEMA}},
    "metadata": {"user_id": "u"},
    "stop_sequences": ["END"],
    "service_tier": "auto",
    "cache_control": {"type": "ephemeral"},
}  # fmt: skip
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=3)
    | st.sampled_from(["text", "#"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "a", "$ref", "text"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def places(document: dict | list, *above: str | int) -> Iterator[tuple[str | int, ...]]:
    steps = document if isinstance(document, dict) else range(len(document))
    for step in steps:
        yield *above, step
        if isinstance(document[step], dict | list):
            yield from places(document[step], *above, step)


def changed(place: tuple[str | int, ...], value: object) -> dict:
    document = node = copy.deepcopy(REQUEST)
    for step in place[:-1]:
        node = node[step]
    node[place[-1]] = value
    return document


def answered(document: dict) -> dict:
    model = check(document, "2026-10-21")
    bound = bind(document, model, "")
    made = Answer(bound, model, parse(last_text(document)))
    return made.message(PromptCache().use(bound.prompt, model, "").document())


@pytest.mark.parametrize(
    "junk",
    [None, True, 0, -1, 1.5, "", "x", [], [1], [[]], {}, {"type": "x"}, {"type": []}],
    ids=str,
)
def test_no_member_of_another_type_makes_it_fail(junk):
    for place in places(REQUEST):
        with suppress(ApiError, UnknownDirectiveError):
            assert json.dumps(list(events(answered(changed(place, junk)))))


@given(st.sampled_from(list(places(REQUEST))), JUNK)
def test_no_change_of_a_request_makes_it_fail(place, junk):
    try:
        assert json.dumps(list(events(answered(changed(place, junk)))))
    except (ApiError, UnknownDirectiveError) as refused:
        assert str(refused)


def test_request_that_is_changed_is_good():
    assert answered(REQUEST)["stop_reason"] == "tool_use"


@pytest.mark.parametrize(
    "text",
    [
        '[[sandbox: text="\\ud800"]]',
        '[[sandbox: tool=f{"a": 1e999}]]',
        '[[sandbox: tool=f{"a": NaN}]]',
        "[[sandbox: tool=f" + '{"a":' * 5_000 + "1" + "}" * 5_000 + "]]",
        "[[sandbox: tokens=5",
        "[[sandbox: tokens=٣]]",
        "[[sandbox: tokens=99999999]]",
        "[[sandbox:" * 200_000,
    ],
    ids=range(8),
)
def test_hostile_directives_are_mistakes_like_others(text):
    with pytest.raises(UnknownDirectiveError):
        parse(text)


def test_text_of_an_answer_may_hold_closing_brackets():
    said = 'Go [[sandbox: text="a[[1]]"]]on'
    assert (parse(said).text, without_directives(said)) == ("a[[1]]", "Go on")


@given(st.text(alphabet='[]sandbox: ="{}\\\n', max_size=60))
def test_no_text_makes_reading_directives_fail(text):
    try:
        assert without_directives(text) is not None
    except UnknownDirectiveError as refused:
        assert str(refused)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {f"p{n}": {"$ref": "#"} for n in range(30)}},
        {"anyOf": [{"$ref": "#"}]},
        {"type": "array", "minItems": 1000, "items": {"$ref": "#"}},
    ],
    ids=["wide", "round", "long"],
)
def test_schema_that_multiplies_stays_small(schema):
    assert len(json.dumps(example(schema, "s"))) < 1_000_000
