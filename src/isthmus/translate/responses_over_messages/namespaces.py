"""Tools that stand in a namespace, for a model whose tools have one flat list of names.

``crm`` and ``find`` become ``crm__find``. What would be too long, or is another tool's name, ends
in a hash instead; the same names always give the same one, so no table has to be kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from msgspec import Struct

from isthmus.wire.responses.documents import Tool

#: Upstream's limit on names.
_LONGEST = 64
_JOINT = "__"


class Named(Struct, frozen=True):
    """A tool as the caller knows it."""

    name: str
    namespace: str | None = None


class Names:
    """The flat names of a request's tools, and back."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._taken: set[str] = set()
        self._owners: dict[str, list[str]] = {}
        spaces: list[Tool] = []
        for tool in tools:
            if tool["type"] == "namespace":
                spaces.append(tool)
            elif tool["type"] in ("function", "custom"):
                self._taken.add(tool["name"])
        self._known: dict[str, Named] = {}
        for space in spaces:
            for tool in space["tools"]:
                named = Named(tool.get("name", ""), space["name"])
                self._known[self.flat(named)] = named
                self._owners.setdefault(named.name, []).append(space["name"])

    @property
    def known(self) -> Mapping[str, Named]:
        """What tools in namespaces are called, by their flat names."""
        return self._known

    def flat(self, named: Named) -> str:
        """Return the name that the model knows a tool by."""
        if not named.namespace:
            return named.name
        joined = f"{named.namespace}{_JOINT}{named.name}"
        if len(joined) <= _LONGEST and joined not in self._taken:
            return joined
        mark = hashlib.sha256(joined.encode()).hexdigest()[:8]
        return f"{joined[: _LONGEST - len(mark) - 1]}_{mark}"

    def chosen(self, name: str, namespace: str | None) -> str:
        """Return the flat name of a tool that is chosen, where its namespace may be left out."""
        owners = self._owners.get(name, [])
        if namespace is None and name not in self._taken and len(owners) == 1:
            namespace = owners[0]
        return self.flat(Named(name, namespace))
