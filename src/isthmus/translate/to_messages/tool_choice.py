"""Which tools may be called, must be called, or must not be: ``tool_choice``.

The tools stay declared as they are wherever that is possible, for prompt caches and thinking are
bound to them. What a model cannot be told is asked for in another way (`forced.py`), or looked at
when the answer is there.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from msgspec import Struct

from isthmus.call import Capabilities
from isthmus.errors import InvalidRequest
from isthmus.translate.remarks import Remarks
from isthmus.translate.to_messages.forced import Forced, schema_for
from isthmus.translate.to_messages.schema import Schema, UnfitSchema
from isthmus.wire.chat.documents import ChatRequest
from isthmus.wire.messages.documents import Block, Turn

_THOUGHTS = frozenset({"thinking", "redacted_thinking"})


class Choice(Struct, kw_only=True):
    """What is sent: ``block`` as ``tool_choice`` (None leaves it to the model), and the ``tools``.

    ``schema`` makes the answer the call that ``forced`` describes. Calls of tools that are not in
    ``only`` are not for the client; None: all are.
    """

    tools: list[Block]
    block: Block | None = None
    schema: Schema | None = None
    forced: Forced | None = None
    only: frozenset[str] | None = None


class _Demand(NamedTuple):
    mode: Literal["none", "auto", "required"]
    #: Of which tools, in the order they are declared; empty: of all.
    names: tuple[str, ...] = ()
    #: The caller's word for it, for slugs and paths.
    kind: Literal["required", "function", "allowed"] = "required"


def choose(
    request: ChatRequest,
    tools: list[Block],
    turns: list[Turn],
    capabilities: Capabilities,
    remarks: Remarks,
) -> Choice:
    """Translate ``tool_choice`` and ``parallel_tool_calls``.

    Raises:
        InvalidRequest: a tool that is not declared, or a demand without tools.
    """
    declared = tuple(tool["name"] for tool in tools) if request.get("tools") else ()
    demand = _demand(request.get("tool_choice"), declared)
    if not tools:
        return Choice(tools=tools)
    choice = Choice(tools=tools, block={"type": "none"})
    if demand.mode != "none":
        free = capabilities.prefix_check == "none" and not _thinks(turns)
        _Chooser(choice, capabilities, remarks, may_filter=free).choose(demand)
    block = choice.block
    calls = block is not None and block["type"] != "none"
    if block is not None and calls and request.get("parallel_tool_calls") is False:
        block["disable_parallel_tool_use"] = True
    if block == {"type": "auto"}:
        choice.block = None
    return choice


class _Chooser:
    def __init__(
        self, choice: Choice, capabilities: Capabilities, remarks: Remarks, *, may_filter: bool
    ) -> None:
        self._choice = choice
        self._capabilities = capabilities
        self._remarks = remarks
        self._may_filter = may_filter

    def choose(self, demand: _Demand) -> None:
        names = demand.names
        partial = 0 < len(names) < len(self._choice.tools)
        if demand.mode == "auto":
            self._choice.block = {"type": "auto"}
            if partial:
                self._restrict(names)
        elif self._capabilities.forced_tools and len(names) == 1:
            self._choice.block = {"type": "tool", "name": names[0]}
        elif self._capabilities.forced_tools and (not partial or self._may_filter):
            self._choice.block = {"type": "any"}
            if partial:
                self._restrict(names)
        else:
            self._emulate(demand)

    def _restrict(self, names: tuple[str, ...]) -> None:
        """Let the model call some of its tools only."""
        param = "tool_choice.allowed_tools"
        if self._may_filter:
            self._choice.tools = self._named(names)
            self._remarks.warn("tool_choice.allowed.filtered", param, "only these are declared")
        else:
            self._choice.only = frozenset(names)
            self._remarks.warn(
                "tool_choice.allowed.checked", param, "the model is asked again if it calls others"
            )

    def _emulate(self, demand: _Demand) -> None:
        """Make the model write the call down; see `forced.py`."""
        param = "tool_choice.allowed_tools" if demand.kind == "allowed" else "tool_choice"
        try:
            self._choice.schema, self._choice.forced = self._format(demand.names)
        except UnfitSchema as error:
            self._choice.block = {"type": "auto"}
            if demand.names:
                self._choice.only = frozenset(demand.names)
            self._remarks.warn(
                f"tool_choice.{demand.kind}.auto", param, f"left to the model, {error}"
            )
            return
        self._choice.block = {"type": "none"}
        self._remarks.note(f"tool_choice.{demand.kind}.emulated", param, "asked for as a format")

    def _format(self, names: tuple[str, ...]) -> tuple[Schema, Forced]:
        if not self._capabilities.structured_outputs:
            raise UnfitSchema("the model takes no format")
        return schema_for(self._named(names))

    def _named(self, names: tuple[str, ...]) -> list[Block]:
        return [tool for tool in self._choice.tools if not names or tool["name"] in names]


def _demand(wanted: Any, declared: tuple[str, ...]) -> _Demand:
    """Read what the caller wants, in whichever form it is written."""
    if wanted is None or wanted in ("none", "auto"):
        return _Demand("auto" if declared and wanted != "none" else "none")
    if not declared:
        raise InvalidRequest("'tool_choice' needs 'tools'.", param="tool_choice")
    if wanted == "required":
        return _Demand("required")
    kind: str = wanted["type"]
    if kind != "allowed_tools":
        name = _declared(wanted[kind]["name"], declared, f"tool_choice.{kind}.name")
        return _Demand("required", (name,), "function")
    allowed = wanted["allowed_tools"]
    names: set[str] = set()
    for index, tool in enumerate(allowed["tools"]):
        path = f"tool_choice.allowed_tools.tools[{index}].{tool['type']}.name"
        names.add(_declared(tool[tool["type"]]["name"], declared, path))
    ordered = tuple(name for name in declared if name in names)
    if not ordered and allowed["mode"] == "required":
        path = "tool_choice.allowed_tools.tools"
        raise InvalidRequest(f"'{path}' is empty, but a call is required.", param=path)
    if not ordered:
        return _Demand("none")
    return _Demand(allowed["mode"], () if ordered == declared else ordered, "allowed")


def _declared(name: str, declared: tuple[str, ...], path: str) -> str:
    if name not in declared:
        raise InvalidRequest(f"'{path}': '{name}' is not declared in 'tools'.", param=path)
    return name


def _thinks(turns: list[Turn]) -> bool:
    return any(block["type"] in _THOUGHTS for turn in turns for block in turn["content"])
