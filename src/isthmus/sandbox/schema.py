"""Values that satisfy a JSON Schema, made up and always the same."""

from __future__ import annotations

import hashlib
from typing import Any, cast

from isthmus.sandbox.pattern import matching

Schema = dict[str, Any]

_DEEPEST = 6
#: A schema that refers to itself in many places multiplies; beyond so many places all is cut short.
_MOST = 2_000
_WORDS = ("Oslo", "amber", "seven", "harbor", "maple", "quiet", "river", "stone")
_SCALARS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_FORMATS = {
    "date-time": "2026-11-23T08:30:00Z",
    "time": "08:30:00Z",
    "date": "2026-11-23",
    "duration": "P3D",
    "email": "ann@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/a",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}


def example(schema: object, seed: str) -> Any:
    """Make a value for ``schema``, the same for the same ``seed``. Never fails."""
    return _Maker(schema, seed).make(schema, "$", 0)


class _Maker:
    def __init__(self, root: object, seed: str) -> None:
        self._root = root
        self._seed = seed
        self._made = 0

    def make(self, schema: object, path: str, depth: int) -> Any:
        """Make the value for one place."""
        self._made += 1
        if self._made > _MOST:
            depth = max(depth, 2 * _DEEPEST)
        if depth > 2 * _DEEPEST:
            return None
        schema = self._followed(schema)
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            allowed = [value for value in schema["enum"] if _is_of(value, schema)]
            return (allowed or schema["enum"])[self._choose(path, len(allowed or schema["enum"]))]
        for keyword in ("anyOf", "oneOf"):
            if isinstance(schema.get(keyword), list) and schema[keyword]:
                return self._any_of(schema, keyword, path, depth)
        return self._of_kind(schema, path, depth)

    def _of_kind(self, schema: Schema, path: str, depth: int) -> Any:
        match _kind(schema):
            case "object":
                return self._object(schema, path, depth)
            case "array":
                return self._array(schema, path, depth)
            case "integer" | "number" as kind:
                number = self._number(schema, path)
                return int(number) if kind == "integer" else number
            case "boolean":
                return bool(self._choose(path, 2))
            case "null":
                return None
            case _:
                return self._string(schema, path)

    def _followed(self, schema: object) -> Schema:
        """Follow references and put ``allOf`` together."""
        for _ in range(_DEEPEST):
            if not isinstance(schema, dict):
                return {}
            found = cast("Schema", schema)
            reference = found.get("$ref")
            if isinstance(reference, str):
                rest = {name: value for name, value in found.items() if name != "$ref"}
                target = self._referred(reference)
                schema = {**target, **rest}
            elif isinstance(found.get("allOf"), list):
                schema = self._all_of(found)
            else:
                return found
        return {}

    def _all_of(self, schema: Schema) -> Schema:
        merged = {name: value for name, value in schema.items() if name != "allOf"}
        for part in schema["allOf"]:
            merged = _both(merged, self._followed(part))
        return merged

    def _referred(self, pointer: str) -> Schema:
        node: Any = self._root
        for step in pointer.removeprefix("#").strip("/").split("/"):
            if step:
                name = step.replace("~1", "/").replace("~0", "~")
                node = cast("Schema", node).get(name) if isinstance(node, dict) else None
        return cast("Schema", node) if isinstance(node, dict) else {}

    def _any_of(self, schema: Schema, keyword: str, path: str, depth: int) -> Any:
        branches: list[Any] = schema[keyword]
        if depth >= _DEEPEST:  # a branch that needs nothing more ends a recursion
            branches = sorted(branches, key=self._goes_on)
        outer = {name: value for name, value in schema.items() if name != keyword}
        return self.make(_both(outer, self._followed(branches[0])), path, depth + 1)

    def _goes_on(self, branch: object) -> bool:
        return _kind(self._followed(branch)) in ("object", "array")

    def _object(self, schema: Schema, path: str, depth: int) -> Any:
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            return {}
        required: Any = schema.get("required")
        names = cast("Schema", properties)
        wanted = list(names)
        if depth >= _DEEPEST:
            wanted = [name for name in names if isinstance(required, list) and name in required]
            if depth >= 2 * _DEEPEST:
                return {}
        # Required members come first, as Claude writes them.
        if isinstance(required, list):
            wanted.sort(key=lambda name: name not in required)
        return {name: self.make(names[name], f"{path}.{name}", depth + 1) for name in wanted}

    def _array(self, schema: Schema, path: str, depth: int) -> Any:
        least = _count(schema.get("minItems"), 0)
        most = _count(schema.get("maxItems"), least + 2)
        length = least if depth >= _DEEPEST else max(least, min(1, most))
        if depth >= 2 * _DEEPEST:
            return []
        fixed: Any = schema.get("prefixItems")
        first = cast("list[Any]", fixed) if isinstance(fixed, list) else []
        length = max(length, len(first))
        items = [*first, *[schema.get("items")] * length][:length]
        return [self.make(item, f"{path}[{at}]", depth + 1) for at, item in enumerate(items)]

    def _string(self, schema: Schema, path: str) -> Any:
        named: Any = schema.get("format")
        if isinstance(named, str) and named in _FORMATS:
            return _FORMATS[named]
        if isinstance(schema.get("pattern"), str):
            return matching(schema["pattern"])
        word = _WORDS[self._choose(path, len(_WORDS))]
        least = _count(schema.get("minLength"), 0)
        most = _count(schema.get("maxLength"), max(least, len(word)))
        return (word * (least // len(word) + 1))[: max(least, min(len(word), most))]

    def _number(self, schema: Schema, path: str) -> Any:
        low = _figure(schema.get("minimum"))
        above = _figure(schema.get("exclusiveMinimum"))
        high = _figure(schema.get("maximum"))
        below = _figure(schema.get("exclusiveMaximum"))
        if above is not None:
            low = above + 1
        if below is not None and (high is None or below <= high):
            high = below - 1
        number = 1 + self._choose(path, 9)
        if low is not None and number < low:
            number = low
        if high is not None and number > high:
            number = high
        step = _figure(schema.get("multipleOf"))
        return number if not step or step <= 0 else step * max(1, -(-number // step))

    def _choose(self, path: str, among: int) -> int:
        digest = hashlib.sha256(f"{self._seed}{path}".encode()).digest()
        return int.from_bytes(digest[:4]) % among


def _both(one: Schema, other: Schema) -> Schema:
    """Put two schemas together that a value has to satisfy both."""
    merged = {**one, **other}
    for name in one.keys() & other.keys():
        before, value = one[name], other[name]
        if name == "type":
            merged[name] = _types_of_both(before, value)
        elif isinstance(before, dict) and isinstance(value, dict):
            merged[name] = {**before, **value}
        elif isinstance(before, list) and isinstance(value, list):
            listed = cast("list[Any]", before)
            others = cast("list[Any]", value)
            is_enum = name == "enum"
            merged[name] = [v for v in listed if v in others] if is_enum else [*listed, *others]
    return merged


def _types_of_both(one: Any, other: Any) -> list[Any]:
    names, others = (_listed(one), _listed(other))
    common = [name for name in names if name in others]
    if "integer" in (*names, *others) and "number" in (*names, *others):
        common.append("integer")
    return common


def _listed(named: Any) -> list[Any]:
    return cast("list[Any]", named) if isinstance(named, list) else [named]


def _is_of(value: object, schema: Schema) -> bool:
    """Say whether a scalar is of the type that a schema names, where it names one."""
    names = _listed(schema.get("type", list(_SCALARS)))
    return any(isinstance(name, str) and _is_a(value, _SCALARS.get(name)) for name in names)


def _is_a(value: object, kinds: tuple[type, ...] | None) -> bool:
    """Say whether a value is of a kind; a bool is no number."""
    if kinds is None:
        return False
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


def _kind(schema: Schema) -> str:
    kind: Any = schema.get("type")
    if isinstance(kind, list) and kind:
        kind = cast("list[Any]", kind)[0]
    if isinstance(kind, str):
        return kind
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _count(value: object, otherwise: int) -> int:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1000
    return value if is_count else otherwise  # pyright: ignore[reportReturnType]


def _figure(value: object) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < 1e15 else None
