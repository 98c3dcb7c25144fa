"""Thinking: which modes a model knows, and what goes with each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from isthmus.sandbox.errors import ApiError, invalid
from isthmus.sandbox.models import EFFORTS, Model
from isthmus.sandbox.rules.conversation import turns
from isthmus.sandbox.rules.fields import require, require_only
from isthmus.sandbox.signature import THOUGHTS

Document = dict[str, Any]

_SMALLEST = 1024
_DISPLAYS = ("summarized", "omitted")
#: Without it there is no ``block_binding``, and nobody is told which thoughts were dropped.
BINDING_BETA = "thinking-binding-controls-2026-08-01"
_BEHAVIORS = ("error", "drop_block")


def drops_mismatches(document: Document) -> bool:
    """Say whether thoughts that are bound to something else are dropped rather than refused."""
    binding: Document = document.get("thinking", {}).get("block_binding") or {}
    return binding.get("prefix_mismatch_behavior") == "drop_block"


def check(document: Document, model: Model, betas: frozenset[str]) -> None:
    """Check ``thinking`` and what it forbids."""
    thinking: Document | None = document.get("thinking")
    if thinking is None:
        return
    kind = require("thinking", thinking, "type", (str,))
    check_kind = _KINDS.get(kind)
    if check_kind is None:
        raise invalid("thinking.type", f"Input should be one of {tuple(_KINDS)}")
    if kind not in model.thinking:
        raise ApiError(400, _REFUSALS[kind])
    if thinking.get("display") not in (None, *_DISPLAYS):
        raise invalid("thinking.display", f"Input should be one of {_DISPLAYS}")
    if "block_binding" in thinking and BINDING_BETA not in betas:
        raise invalid("thinking.block_binding", "Extra inputs are not permitted")
    check_kind(document, thinking, model)
    _check_binding(thinking.get("block_binding"))


def _check_binding(binding: Document | None) -> None:
    if binding is None:
        return
    require_only("thinking.block_binding", binding, ("prefix_mismatch_behavior",))
    if binding.get("prefix_mismatch_behavior") not in (None, *_BEHAVIORS):
        place = "thinking.block_binding.prefix_mismatch_behavior"
        raise invalid(place, f"Input should be one of {_BEHAVIORS}")


def _check_enabled(document: Document, thinking: Document, _model: Model) -> None:
    require_only("thinking", thinking, ("type", "budget_tokens", "display", "block_binding"))
    budget = require("thinking", thinking, "budget_tokens", (int,))
    if budget < _SMALLEST:
        raise invalid("thinking.enabled.budget_tokens", "Input should be at least 1024")
    if budget >= document["max_tokens"]:
        raise ApiError(400, "`max_tokens` must be greater than `thinking.budget_tokens`.")
    _check_loop(document)


def _check_loop(document: Document) -> None:
    """In a tool loop the assistant's turn must begin with what it thought."""
    spoken = [turn for turn in turns(document) if turn.role != "system"]
    if spoken[-1].role != "user" or spoken[-1].content[0]["type"] != "tool_result":
        return
    first = spoken[-2].content[0]["type"]
    if first not in THOUGHTS:
        raise ApiError(
            400,
            f"messages.{spoken[-2].at}.content.0.type: Expected `thinking` or `redacted_thinking`, "
            f"but found `{first}`. When `thinking` is enabled, a final `assistant` message must "
            "start with a thinking block.",
        )


def _check_adaptive(_document: Document, thinking: Document, _model: Model) -> None:
    require_only("thinking", thinking, ("type", "display", "block_binding"))


def _check_disabled(document: Document, thinking: Document, model: Model) -> None:
    require_only("thinking", thinking, ("type",))
    most = model.most_effort_off
    if most is not None and _effort(document) > EFFORTS.index(most):
        raise ApiError(
            400, f'"thinking.type.disabled" is not supported with an effort above "{most}".'
        )


def _check_between_tools(document: Document, thinking: Document, _model: Model) -> None:
    require_only("thinking", thinking, ("type",))
    if _effort(document) > EFFORTS.index("high"):
        raise ApiError(
            400, '"thinking.type.between_tools" is not supported with an effort above "high".'
        )


def _effort(document: Document) -> int:
    effort = document.get("output_config", {}).get("effort")
    return EFFORTS.index(effort) if effort in EFFORTS else -1


_KINDS: dict[str, Callable[[Document, Document, Model], None]] = {
    "enabled": _check_enabled,
    "adaptive": _check_adaptive,
    "disabled": _check_disabled,
    "between_tools": _check_between_tools,
}
_REFUSALS = {
    "enabled": '"thinking.type.enabled" is not supported for this model. Use '
    '"thinking.type.adaptive" and "output_config.effort" to control thinking behavior.',
    "adaptive": "adaptive thinking is not supported on this model",
    "disabled": '"thinking.type.disabled" is not supported for this model.',
    "between_tools": '"thinking.type.between_tools" is not supported for this model.',
}
