"""Which rules of a ladder a request met, as those tell it who want an explanation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from msgspec import Struct

from isthmus.translate.ladder import Rule, Step
from isthmus.translate.remarks import Remark

Document = Mapping[str, Any]


class Applied(Struct, frozen=True):
    """One rule that applied. ``field`` is a path of the request where one is known, else a kind."""

    slug: str
    field: str
    step: Step
    says: str


def remarked(remarks: Iterable[Remark], rules: Mapping[str, Rule]) -> list[Applied]:
    """List the rules that had something to say."""
    return [Applied(one.slug, one.param, rules[one.slug].step, one.text) for one in remarks]


def mapped(rules: Iterable[Rule]) -> list[Applied]:
    """List rules that went without a word."""
    return [Applied(rule.slug, rule.field, rule.step, rule.says) for rule in rules]


def refusing(place: str, ladder: Iterable[Rule]) -> str | None:
    """Name the rule that refuses what is at ``place``; None where it is not the only one."""
    slugs = [
        rule.slug
        for rule in ladder
        if rule.step == "refuse"
        and any(place == field or place.startswith(f"{field}.") for field in rule.fields)
    ]
    return slugs[0] if len(slugs) == 1 else None


def values_at(document: Document, path: str) -> list[Any]:
    """Return all values at a path such as ``tools[].function``; null is none."""
    found: list[Any] = [document]
    for step in path.split("."):
        found = list(_below(found, step))
    return found


def member(document: Document, path: tuple[str, ...]) -> Any:
    """Return a member by its path; None where there is none."""
    value: Any = document
    for name in path:
        value = cast("Document", value).get(name) if isinstance(value, dict) else None
    return value


def _below(values: Iterable[Any], step: str) -> Iterator[Any]:
    name = step.removesuffix("[]")
    for value in values:
        found = cast("Document", value).get(name) if isinstance(value, dict) else None
        if name == step:
            yield from [found] if found is not None else []
        elif isinstance(found, list):
            yield from cast("list[Any]", found)
