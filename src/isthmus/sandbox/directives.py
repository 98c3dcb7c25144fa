"""What a prompt can tell the sandbox to do: ``[[sandbox: tokens=200 pace=20ms]]``.

Directives stand in the text of the last user turn; several may, and each may hold several. One that
is not known is an error, so that a typing mistake in a test does not pass for a result.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from json import JSONDecoder
from typing import Any

from isthmus.wire import json

_OPENING = "[[sandbox:"
_CLOSING = "]]"
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"([a-z_]+)(=?)")
_PLAIN = re.compile(r"[^\s{\]]*")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s)?")
_LONGEST_PACE = 60.0
_MOST_DIGITS = 7
#: How much of a mistake is repeated.
_SHOWN = 80
#: Finds where a JSON value ends in the middle of a text; what it holds is for ``wire.json``.
_measure = JSONDecoder().raw_decode


class UnknownDirectiveError(ValueError):
    """A directive that means nothing; the message says which."""


@dataclass
class Call:
    """A tool to call; without arguments, ones that satisfy its schema are made up."""

    name: str
    arguments: dict[str, Any] | None = None


@dataclass
class Directives:
    """All that a prompt asks for. Positions count content events of the stream, from 0."""

    pace: float = 0.0
    tokens: int | None = None
    text: str | None = None
    think: int | None = None
    #: How many thoughts stand between the other blocks.
    notes: int = 0
    redacted: bool = False
    calls: list[Call] = field(default_factory=list[Call])
    #: What to search the web for, one search after the other.
    queries: list[str] = field(default_factory=list[str])
    refuse: str | None = None
    stop: str | None = None
    fail: int | None = None
    retry_after: int | None = None
    #: The stream's fault: what happens, after how many content events, and of which kind.
    fault: tuple[str, int, str] | None = None


def without_directives(text: str) -> str:
    """Return what a person would have written."""
    return "".join(_scan(text)[1]).strip()


def parse(text: str) -> Directives:
    """Read the directives of a text.

    Raises:
        UnknownDirectiveError: naming the first that means nothing.
    """
    return _scan(text)[0]


def _scan(text: str) -> tuple[Directives, list[str]]:
    """Read the directives of a text, and the pieces between them."""
    found, between, at = Directives(), list[str](), 0
    while (opening := text.find(_OPENING, at)) >= 0:
        between.append(text[at:opening])
        at = _read(text, opening + len(_OPENING), found)
    return found, [*between, text[at:]]


def _read(text: str, at: int, found: Directives) -> int:
    """Read from behind the opening brackets; return the place behind the closing ones."""
    while not text.startswith(_CLOSING, at := _end(_SPACE, text, at)):
        match = _WORD.match(text, at)
        if match is None:
            raise _unreadable(text, at)
        name, equals = match.groups()
        setter = _SETTERS.get(name)
        if setter is None:
            raise UnknownDirectiveError(f"there is no directive {name!r}")
        value, arguments, at = _value(text, match.end()) if equals else ("", None, match.end())
        try:
            setter(found, value, arguments)
        except ValueError:
            raise UnknownDirectiveError(f"{name!r} cannot be {value[:_SHOWN]!r}") from None
    return at + len(_CLOSING)


def _value(text: str, at: int) -> tuple[str, dict[str, Any] | None, int]:
    """Read a quoted text, or a plain word and the JSON object that may follow it."""
    if text.startswith('"', at):
        quoted, end = _decoded(text, at)
        return quoted, None, end
    end = _end(_PLAIN, text, at)
    word = text[at:end]
    if not text.startswith("{", end):
        return word, None, end
    arguments, end = _decoded(text, end)
    return word, arguments, end


def _decoded(text: str, at: int) -> tuple[Any, int]:
    try:
        _, end = _measure(text, at)
        return json.decode(text[at:end].encode()), end
    except (ValueError, RecursionError):
        raise _unreadable(text, at) from None


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _unreadable(text: str, at: int) -> UnknownDirectiveError:
    rest = text[at : at + _SHOWN].strip()
    return UnknownDirectiveError(f"cannot read {rest!r}" if rest else "']]' is missing")


# One function for each directive ------------------------------------------------------------------

Setter = Callable[[Directives, str, dict[str, Any] | None], None]

_STOPS = ("end_turn", "max_tokens", "model_context_window_exceeded", "pause_turn")
_CATEGORIES = ("cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms")
_STATUSES = (400, 401, 402, 403, 404, 413, 429, 500, 503, 504, 529)


def _set_pace(found: Directives, value: str, _: object) -> None:
    match = _DURATION.fullmatch(value)
    if match is None:
        raise ValueError
    seconds = float(match.group(1)) / (1 if match.group(2) == "s" else 1000)
    found.pace = min(seconds, _LONGEST_PACE)


def _set_tokens(found: Directives, value: str, _: object) -> None:
    found.tokens = _count(value)


def _set_text(found: Directives, value: str, _: object) -> None:
    found.text = value


def _set_think(found: Directives, value: str, _: object) -> None:
    found.think = _count(value) if value else 40


def _set_notes(found: Directives, value: str, _: object) -> None:
    found.notes = _count(value)


def _set_redacted(found: Directives, value: str, _: object) -> None:
    if value:
        raise ValueError
    found.redacted = True


def _add_call(found: Directives, value: str, arguments: dict[str, Any] | None) -> None:
    if not value:
        raise ValueError
    found.calls.append(Call(value, arguments))


def _add_query(found: Directives, value: str, _: object) -> None:
    if not value.strip():
        raise ValueError
    found.queries.append(value)


def _set_refuse(found: Directives, value: str, _: object) -> None:
    found.refuse = _one_of(value or "general_harms", _CATEGORIES)


def _set_stop(found: Directives, value: str, _: object) -> None:
    found.stop = _one_of(value, _STOPS)


def _set_fail(found: Directives, value: str, _: object) -> None:
    found.fail = int(_one_of(value, [str(status) for status in _STATUSES]))


def _set_retry_after(found: Directives, value: str, _: object) -> None:
    found.retry_after = _count(value)


def _fault(kind: str) -> Setter:
    def set_fault(found: Directives, value: str, _: object) -> None:
        position, _, detail = value.partition(":")
        found.fault = (kind, _count(position), detail)

    return set_fault


_SETTERS: dict[str, Setter] = {
    "pace": _set_pace,
    "tokens": _set_tokens,
    "text": _set_text,
    "think": _set_think,
    "notes": _set_notes,
    "redacted": _set_redacted,
    "tool": _add_call,
    "search": _add_query,
    "refuse": _set_refuse,
    "stop": _set_stop,
    "fail": _set_fail,
    "retry_after": _set_retry_after,
    "break": _fault("break"),
    "end": _fault("end"),
    "error": _fault("error"),
    "stall": _fault("stall"),
    "garbage": _fault("garbage"),
}


def _count(value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) <= _MOST_DIGITS):
        raise ValueError
    return int(value)


def _one_of(value: str, allowed: tuple[str, ...] | list[str]) -> str:
    if value not in allowed:
        raise ValueError
    return value
