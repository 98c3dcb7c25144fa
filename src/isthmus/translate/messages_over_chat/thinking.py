"""Whether the model thinks, how hard, and what the client sees of it."""

from __future__ import annotations

from typing import NamedTuple

from isthmus.call import ChatCapabilities
from isthmus.translate.messages_over_chat.content import Means
from isthmus.translate.messages_over_chat.form import Visibility
from isthmus.wire.chat.documents import Part
from isthmus.wire.messages.documents import AskedRequest, Block

#: Efforts that stand for budgets: up to so many tokens, this one.
_EFFORT_OF_BUDGET = ((4_000, "low"), (16_000, "medium"))
_STRONGEST_OF_BUDGETS = "high"
_DEFAULT = "medium"
#: Weakest first.
_SCALE = ("minimal", "low", "medium", "high", "xhigh", "max")


class Decision(NamedTuple):
    """What is sent about thinking, whether the model thinks, and who sees it."""

    members: Part
    thinks: bool
    thoughts: Visibility


def decide(request: AskedRequest, has_tools: bool, means: Means) -> Decision:
    """Translate ``thinking`` and ``output_config.effort``."""
    asked: Block = request.get("thinking") or {}
    effort: str | None = (request.get("output_config") or {}).get("effort")
    wanted = asked.get("type", "disabled") != "disabled" or (not asked and effort is not None)
    capabilities = means.capabilities
    if capabilities.thinking == "never":
        _note_that_it_cannot(asked, effort, means)
        return Decision({}, thinks=False, thoughts="hidden")
    if wanted and has_tools and not capabilities.thinks_with_tools:
        means.remarks.warn(
            "thinking.with_tools", "thinking", "this model does not think with tools"
        )
        wanted = False
    if not wanted:
        return _without(asked, means)
    members = {**means.dialect.thinks, **_level(asked, effort, means)}
    if means.dialect.budget is not None and asked.get("budget_tokens"):
        members[means.dialect.budget] = asked["budget_tokens"]
    elif asked.get("budget_tokens"):
        path = "thinking.budget_tokens"
        means.remarks.warn("thinking.budget.approximated", path, "approximated by an effort")
    return Decision(members, thinks=True, thoughts=_visibility(asked, means))


def says_nothing(request: AskedRequest) -> bool:
    """Say whether a request leaves it open whether the model thinks."""
    effort = (request.get("output_config") or {}).get("effort")
    return not request.get("thinking") and effort is None


def by_itself(means: Means) -> Decision:
    """Let the model think as it does unasked, and show it."""
    thinks = means.capabilities.thinking != "never"
    return Decision({}, thinks=thinks, thoughts="shown" if thinks else "hidden")


def _note_that_it_cannot(asked: Block, effort: str | None, means: Means) -> None:
    if asked.get("type", "disabled") != "disabled":
        means.remarks.warn("thinking.unknown", "thinking", "dropped, this model does not think")
    if effort is not None:
        path = "output_config.effort"
        means.remarks.warn("effort.dropped", path, "dropped, this model has no levels")


def _without(asked: Block, means: Means) -> Decision:
    """Keep the model from thinking as far as it can be kept."""
    capabilities, dialect = means.capabilities, means.dialect
    if capabilities.thinking == "always":
        if asked:
            means.remarks.warn("thinking.always", "thinking", "this model thinks all the same")
        members: Part = (
            {"reasoning_effort": capabilities.efforts[0]} if capabilities.efforts else {}
        )
    else:
        members = dict(dialect.thinks_not)
        if capabilities.effort_none:
            members["reasoning_effort"] = "none"
    # What the vendor wants back must reach the client, who need not see it.
    back = capabilities.thinking == "always" and dialect.thoughts_member is not None
    return Decision(members, capabilities.thinking == "always", "sealed" if back else "hidden")


def _level(asked: Block, effort: str | None, means: Means) -> Part:
    """Return the nearest level that the model has: the next lower one, else its lowest."""
    levels = means.capabilities.efforts
    if not levels:
        if effort is not None:
            path = "output_config.effort"
            means.remarks.warn("effort.dropped", path, "dropped, this model has no levels")
        return {}
    wanted = effort or _of_budget(asked.get("budget_tokens"))
    lower = [level for level in levels if _SCALE.index(level) <= _SCALE.index(wanted)]
    level = lower[-1] if lower else levels[0]
    if effort not in (None, level):
        means.remarks.warn("effort.clamped", "output_config.effort", f"served as {level}")
    return {"reasoning_effort": level}


def _of_budget(budget: int | None) -> str:
    """Return the effort that stands for a budget."""
    if budget is None:
        return _DEFAULT
    return next((name for most, name in _EFFORT_OF_BUDGET if budget < most), _STRONGEST_OF_BUDGETS)


def _visibility(asked: Block, means: Means) -> Visibility:
    if asked and asked.get("display") != "omitted":
        return "shown"
    return "sealed" if means.dialect.thoughts_member is not None else "hidden"


def samples(capabilities: ChatCapabilities, *, thinks: bool) -> bool:
    """Say whether sampling parameters may be sent."""
    return capabilities.sampling == "all" or (
        capabilities.sampling == "without_thinking" and not thinks
    )
