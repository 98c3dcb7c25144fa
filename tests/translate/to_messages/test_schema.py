"""Schemas that Claude's grammar cannot follow are known before they are sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.sandbox.rules.subset import check_schema
from isthmus.translate.to_messages.schema import Size, UnfitSchema, normalised, size_of

UNFIT = {
    "unknown keyword": {"type": "array", "contains": {}},
    "annotation of somebody": {"type": "string", "x-order": 1},
    "one of": {"oneOf": [{"type": "string"}]},
    "open object": {"type": "object", "additionalProperties": True},
    "map": {"type": "object", "additionalProperties": {"type": "string"}},
    "look-ahead": {"type": "string", "pattern": "^(?=a)b"},
    "look-behind": {"type": "string", "pattern": "(?<!a)b"},
    "back reference": {"type": "string", "pattern": "(a)\\1"},
    "enum of objects": {"enum": [{"a": 1}]},
    "reference in allOf": {"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {}}},
    "reference to nothing": {"$ref": "#/$defs/a"},
    "external reference": {"$ref": "https://example.com/a"},
    "no object": {"type": "array", "items": 3},
    "properties in a list": {"type": "object", "properties": []},
    "property that is no schema": {"type": "object", "properties": {"a": 3}},
    "definitions in a list": {"type": "object", "$defs": []},
    "names that are none": {"type": "object", "required": [{}]},
    "one required name": {"type": "object", "required": "a"},
    "alternatives in an object": {"anyOf": {}},
    "part that is no schema": {"allOf": [1]},
    "recursion": {"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}},
    "recursion to the root": {"type": "object", "properties": {"a": {"$ref": "#"}}},
}


@pytest.mark.parametrize("name", UNFIT)
def test_unfit_schema_is_known(name):
    with pytest.raises(UnfitSchema):
        normalised(UNFIT[name])


def test_bounds_are_told_in_words_at_any_depth():
    fit, told = normalised(
        {"type": "object", "properties": {"a": {"anyOf": [{"type": "integer", "maximum": 3}]}}}
    )
    assert fit["properties"]["a"]["anyOf"] == [{"type": "integer", "description": "maximum: 3"}]
    assert told == ["maximum"]


def test_members_that_are_called_like_keywords_are_counted_as_members():
    schema = {"type": "object", "properties": {"properties": True, "required": {"type": "array"}}}
    assert size_of(schema) == Size(optional=2)


_LEAVES = st.sampled_from(
    [
        {"type": "string", "format": "date"},
        {"type": "string", "format": "custom", "maxLength": 3},
        {"type": "integer", "minimum": 1},
        {"enum": ["a", 1, None]},
        {"const": True},
        {"$ref": "#/$defs/leaf"},
    ]
)
_SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda p: {"type": "object", "properties": p}, st.dictionaries(st.text(), inner)),
        st.builds(lambda i: {"type": "array", "items": i, "minItems": 2}, inner),
        st.builds(lambda a: {"anyOf": a}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=8,
)


@given(_SCHEMAS)
def test_what_is_normalised_is_taken_by_the_sandbox(schema):
    fit, _ = normalised({**schema, "$defs": {"leaf": {"type": "object", "maxProperties": 1}}})
    check_schema("schema", fit)
