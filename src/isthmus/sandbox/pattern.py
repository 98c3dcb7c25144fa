"""Texts that match a regular expression, of the simple kind that grammars are made of."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

_TOKEN = re.compile(
    r"(?P<open>\((?:\?:|\?P?<\w+>)?)|(?P<close>\))|(?P<or>\|)"
    r"|(?P<repeat>(?:[*+?]|\{\d+(?:,\d*)?\})\??)"
    r"|(?P<nothing>[$^]|\\[AbBZz])"
    r"|(?P<one>\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.)",
    re.DOTALL,
)
_ALPHABET = string.ascii_lowercase + string.ascii_uppercase + string.digits + string.printable
_LONGEST = 10_000
#: Tried where the expression is not understood, in this order.
_CANDIDATES = ("a", "A", "1", "abc", "ABC", "123", "a1", "A-1", "2026-11-23", "AB-123", "a@b.co")


def matching(pattern: str) -> str:
    """Make a text for an expression: the first alternatives, as seldom repeated as may be."""
    try:
        tested = re.compile(pattern)
        made = _alternatives(_TOKEN.finditer(pattern))
    except (re.error, OverflowError, RecursionError):
        return _CANDIDATES[0]
    found = (text for text in (made, *_CANDIDATES) if tested.search(text))
    return next(found, _CANDIDATES[0])


def _alternatives(tokens: Iterator[re.Match[str]]) -> str:
    """Read up to the closing parenthesis, or the end; return a text for the first alternative."""
    done: str | None = None
    text = last = ""
    for token in tokens:
        match token.lastgroup:
            case "close":
                break
            case "or":
                done = text + last if done is None else done
                text = last = ""
            case "repeat":
                last *= min(_least(token.group()), _LONGEST // max(len(last), 1) + 1)
            case kind:
                text = (text + last)[:_LONGEST]
                if kind == "open":
                    last = _alternatives(tokens)
                else:
                    last = _character(token.group()) if kind == "one" else ""
    return (text + last if done is None else done)[:_LONGEST]


def _least(repeat: str) -> int:
    """Return how often something has to be there at least."""
    if repeat[0] == "{":
        return int(repeat[1:].partition(",")[0].rstrip("}?"))
    return 1 if repeat[0] == "+" else 0


def _character(one: str) -> str:
    """Return a character of a class, of an escape, or the character itself."""
    tested = re.compile(one, re.DOTALL)
    return next((character for character in _ALPHABET + one if tested.fullmatch(character)), "")
