"""What a translation has to say about the request it changed.

A *warning* names a member of the request that was changed, clamped or dropped; a strict caller gets
it as an error instead. A *note* says something worth knowing that changed nothing asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from msgspec import Struct

from isthmus.errors import InvalidRequest


class Remark(Struct, frozen=True):
    """One thing said. ``slug`` is the ladder's name for the rule, ``param`` the member's path."""

    kind: Literal["warning", "note"]
    slug: str
    param: str
    text: str

    def __str__(self) -> str:
        return f"{'note: ' if self.kind == 'note' else ''}{self.param}: {self.text}"


class Remarks:
    """Collects remarks in order, each once. With ``strict`` a warning raises instead."""

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        #: How the caller spells a path, where it differs from ours.
        self.spelling: Callable[[str], str] | None = None
        self._said: dict[Remark, None] = {}

    def warn(self, slug: str, param: str, text: str) -> None:
        """Say that ``param`` is not served as it was asked for.

        Raises:
            InvalidRequest: the caller is strict.
        """
        if self.spelling is not None:
            param = self.spelling(param)
        if self.strict:
            raise InvalidRequest(
                f"'{param}' cannot be served exactly: {text} ({slug}); "
                "the request is strict (x-isthmus-strict).",
                param=param,
                code="unsupported_parameter",
            )
        self._said.setdefault(Remark("warning", slug, param, text))

    def note(self, slug: str, param: str, text: str) -> None:
        """Say something worth knowing."""
        if self.spelling is not None:
            param = self.spelling(param)
        self._said.setdefault(Remark("note", slug, param, text))

    def __iter__(self) -> Iterator[Remark]:
        return iter(self._said)

    def __len__(self) -> int:
        return len(self._said)
