"""Which schemas OpenAI-compatible upstreams can hold a model to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

#: Members that hold a schema, a list of them, or schemas by name.
_ONE = ("items", "additionalItems", "not")
_MANY = ("anyOf", "allOf", "oneOf", "prefixItems")
_NAMED = ("properties", "$defs", "definitions")


def is_enforceable(schema: dict[str, Any]) -> bool:
    """Say whether every object is closed and all of its members are required.

    Claude lets members be optional; OpenAI refuses strict schemas that do.
    """
    if not _is_closed(schema):
        return False
    return all(is_enforceable(inner) for inner in _inner(schema))


def _is_closed(schema: dict[str, Any]) -> bool:
    properties: object = schema.get("properties")
    if schema.get("type") != "object" and not isinstance(properties, dict):
        return True
    if schema.get("additionalProperties") is not False:
        return False
    required: object = schema.get("required") or []
    if not isinstance(properties or {}, dict) or not isinstance(required, list):
        return False
    names = cast("dict[str, Any]", properties or {}).keys()
    return names <= set(map(str, cast("list[Any]", required)))


def _inner(schema: dict[str, Any]) -> Iterable[dict[str, Any]]:
    candidates: list[Any] = [schema.get(name) for name in _ONE]
    for name in _MANY:
        listed: Any = schema.get(name)
        candidates += cast("list[Any]", listed) if isinstance(listed, list) else []
    for name in _NAMED:
        named: Any = schema.get(name)
        candidates += cast("dict[str, Any]", named).values() if isinstance(named, dict) else []
    return [cast("dict[str, Any]", one) for one in candidates if isinstance(one, dict)]
