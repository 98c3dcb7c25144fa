"""JSON Schemas as Claude's grammar takes them.

Strict tools and structured output know a subset of JSON Schema. What can be said in another way is
(bounds move into the description, objects are closed); what cannot makes the schema unfit.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, cast

from isthmus.wire import json

Schema = dict[str, Any]

#: Bounds the grammar cannot enforce: the model is told them in words instead.
_TOLD_IN_WORDS = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "maxItems", "uniqueItems", "minProperties", "maxProperties",
)  # fmt: skip
_FORMATS = frozenset({
    "date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid",
})  # fmt: skip
#: What all strict schemas of one request may add up to.
MAX_OPTIONAL = 24
MAX_UNIONS = 16
_LISTS = ("anyOf", "allOf")
_MAPS = ("properties", "$defs", "definitions")
#: What the grammar reads, or passes over.
_KNOWN = frozenset(
    {
        *("type", "enum", "const", "anyOf", "allOf", "$ref", "$defs", "definitions", "default"),
        *("format", "minItems", "pattern", "properties", "required", "items", "title"),
        *("description", "additionalProperties", "$schema", "$id", "examples", "$comment"),
        *_TOLD_IN_WORDS,
    }
)
#: Looking around and back is more than the grammar's patterns can do.
_LOOKS_AROUND = re.compile(r"\(\?(?:[=!]|<[=!])|\\[1-9]")


class Size(NamedTuple):
    """What grammars have little room for: members that may be absent, and that have many types."""

    optional: int = 0
    unions: int = 0

    def __add__(self, other: object) -> Size:
        """Add two up."""
        if not isinstance(other, Size):
            return NotImplemented
        return Size(self.optional + other.optional, self.unions + other.unions)

    @property
    def fits(self) -> bool:
        """Whether one request may have as many, over all its schemas."""
        return self.optional <= MAX_OPTIONAL and self.unions <= MAX_UNIONS


class UnfitSchema(ValueError):
    """The schema says something the grammar has no words for."""


def normalised(schema: Schema) -> tuple[Schema, list[str]]:
    """Return the schema in the subset, and the keywords that are now only said in words.

    Raises:
        UnfitSchema: recursion, external references, open objects or unsupported keywords.
    """
    _refuse_malformed(schema)
    _refuse_recursion(schema)
    told: list[str] = []
    return _closed(schema, told), list(dict.fromkeys(told))


def _closed(schema: Schema, told: list[str]) -> Schema:
    _refuse_unfit(schema)
    fit: Schema = {}
    words: list[str] = []
    for keyword, value in schema.items():
        if keyword in _TOLD_IN_WORDS or _is_unknown_bound(keyword, value):
            words.append(f"{keyword}: {json.encode_text(value)}")
            told.append(keyword)
        else:
            fit[keyword] = _closed_member(keyword, value, told)
    if words:
        described = schema.get("description")
        fit["description"] = f"{described} ({', '.join(words)})" if described else ", ".join(words)
    if _is_object(schema):
        if schema.get("additionalProperties", False) is not False:
            raise UnfitSchema("'additionalProperties' must be false")
        fit["additionalProperties"] = False
    return fit


def _refuse_malformed(schema: Any) -> None:
    """Refuse a schema whose keywords hold something else than JSON Schema has there."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise UnfitSchema("a schema must be an object")
    for keyword, value in cast("Schema", schema).items():
        for inner in _schemas_in(keyword, value):
            _refuse_malformed(inner)


def _schemas_in(keyword: str, value: Any) -> list[Any]:
    """Return the schemas that a keyword holds."""
    if keyword in _MAPS:
        if not isinstance(value, dict):
            raise UnfitSchema(f"'{keyword}' must be an object")
        return list(cast("dict[str, Any]", value).values())
    if keyword in _LISTS or keyword == "required":
        if not isinstance(value, list):
            raise UnfitSchema(f"'{keyword}' must be a list")
        held = cast("list[Any]", value)
        if keyword != "required":
            return held
        if not all(isinstance(name, str) for name in held):
            raise UnfitSchema("'required' must hold names")
    return [value] if keyword == "items" else []


def _refuse_unfit(schema: Schema) -> None:
    unknown = schema.keys() - _KNOWN
    if unknown:
        raise UnfitSchema(f"'{min(unknown)}' is not supported")
    if _LOOKS_AROUND.search(str(schema.get("pattern", ""))):
        raise UnfitSchema("patterns that look around or back are not supported")
    listed: Any = schema.get("enum")
    if isinstance(listed, list) and any(
        isinstance(v, dict | list) for v in cast("list[Any]", listed)
    ):
        raise UnfitSchema("'enum' must hold plain values")
    parts: Any = schema.get("allOf")
    if isinstance(parts, list) and any(
        isinstance(part, dict) and "$ref" in part for part in cast("list[Any]", parts)
    ):
        raise UnfitSchema("'$ref' inside 'allOf' is not supported")


def _closed_member(keyword: str, value: Any, told: list[str]) -> Any:
    if keyword in _MAPS and isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: _closed_if_schema(member, told) for name, member in members.items()}
    if keyword in _LISTS and isinstance(value, list):
        return [_closed_if_schema(member, told) for member in cast("list[Any]", value)]
    if keyword == "items":
        return _closed_if_schema(value, told)
    if keyword == "$ref" and not str(value).startswith("#"):
        raise UnfitSchema("external references are not supported")
    return value


def _closed_if_schema(value: Any, told: list[str]) -> Any:
    return _closed(cast("Schema", value), told) if isinstance(value, dict) else value


def _is_object(schema: Schema) -> bool:
    kind = schema.get("type")
    return (
        kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema
    )


def _is_unknown_bound(keyword: str, value: Any) -> bool:
    if keyword == "minItems":
        return value not in (0, 1)
    return keyword == "format" and value not in _FORMATS


def _refuse_recursion(schema: Schema) -> None:
    """Follow local references from each definition; one that leads back to itself never ends."""
    definitions: dict[str, Any] = {}
    for name in ("$defs", "definitions"):
        for key, value in cast("dict[str, Any]", schema.get(name) or {}).items():
            definitions[f"#/{name}/{key}"] = value
    leads_to = {pointer: _references(definition) for pointer, definition in definitions.items()}
    leads_to["#"] = _references(
        {k: v for k, v in schema.items() if k not in ("$defs", "definitions")}
    )
    for reference in set[str]().union(*leads_to.values()):
        if reference.startswith("#") and reference not in leads_to:
            raise UnfitSchema(f"'{reference}' leads nowhere")
    for start, first in leads_to.items():
        seen: set[str] = set()
        ahead = list(first)
        while ahead:
            pointer = ahead.pop()
            if pointer == start:
                raise UnfitSchema("recursive schemas are not supported")
            if pointer not in seen:
                seen.add(pointer)
                ahead += leads_to.get(pointer, ())


def size_of(schema: Any) -> Size:
    """Count a schema's optional members and its members of several types."""
    if isinstance(schema, list):
        return sum(map(size_of, cast("list[Any]", schema)), Size())
    if not isinstance(schema, dict):
        return Size()
    node = cast("dict[str, Any]", schema)
    # A member of this name may be a property, or stand in an example: then it is no keyword.
    declared, named = node.get("properties"), node.get("required")
    members = set(cast("dict[str, Any]", declared)) if isinstance(declared, dict) else set[str]()
    required = cast("list[Any]", named) if isinstance(named, list) else []
    size = Size(
        optional=len(members.difference(name for name in required if isinstance(name, str))),
        unions=int("anyOf" in node or isinstance(node.get("type"), list)),
    )
    below = [value for name, value in node.items() if name not in ("enum", "const", "default")]
    return sum(map(size_of, below), size)


def _references(schema: Any) -> set[str]:
    found: set[str] = set()
    level: list[Any] = [schema]
    while level:
        below: list[Any] = []
        for node in level:
            if isinstance(node, dict):
                members = cast("dict[str, Any]", node)
                reference = members.get("$ref")
                if isinstance(reference, str):
                    found.add(reference)
                below += members.values()
            elif isinstance(node, list):
                below += cast("list[Any]", node)
        level = below
    return found
