"""How OpenAI-compatible vendors spell things: `dialects.toml`, read once and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources

import msgspec

from isthmus.call import ChatDialect

#: The dialect of vendors that nobody has described.
PLAIN = "plain"


def load(text: str | None = None) -> Mapping[str, ChatDialect]:
    """Return the dialects by their vendors' names; those of the package unless ``text`` is given.

    Raises:
        ValueError: a table that cannot be true, by its name.
    """
    if text is None:
        text = resources.files("isthmus.routing").joinpath("dialects.toml").read_text("utf-8")
    return {name: _dialect(name, table) for name, table in tomllib.loads(text).items()}


def _dialect(name: str, table: object) -> ChatDialect:
    try:
        return msgspec.convert(table, ChatDialect)
    except msgspec.ValidationError as error:
        raise ValueError(f"dialect {name}: {error}") from None
