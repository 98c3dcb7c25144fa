"""Whether a model thinks, how hard, and what of it is shown.

Three dialects meet here: ``thinking`` with a budget (Claude until 4.6, and what callers of this
gateway were promised), ``reasoning_effort`` (OpenAI), and what each model really accepts (a row of
the catalog). ``thinking`` decides on or off, ``reasoning_effort`` the level.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from msgspec import Struct

from isthmus.call import EFFORTS, Capabilities, Effort
from isthmus.errors import InvalidRequest
from isthmus.translate.remarks import Remarks
from isthmus.wire.chat.documents import ChatRequest
from isthmus.wire.messages.documents import Block, Turn

SMALLEST_BUDGET = 1024

#: A budget of fewer tokens than the figure is nearest to the effort.
_EFFORT_BY_BUDGET: tuple[tuple[int, Effort], ...] = (
    (4_000, "low"), (12_000, "medium"), (32_000, "high"), (64_000, "xhigh"),
)  # fmt: skip
_BUDGET_BY_EFFORT: dict[str, int] = {
    "minimal": 1_024, "low": 2_048, "medium": 8_192, "high": 16_384, "xhigh": 32_768, "max": 32_768,
}  # fmt: skip

Wish = Literal["unsaid", "on", "off", "between_tools"]


class Decision(Struct, kw_only=True):
    """What to send: ``block`` as ``thinking``, ``effort`` in ``output_config``, and the limit.

    ``hidden`` means that the caller asked for no thinking of a model that cannot be kept from it.
    """

    max_tokens: int
    block: Block | None = None
    effort: Effort | None = None
    hidden: bool = False

    @property
    def on(self) -> bool:
        """Whether the request itself switches thinking on."""
        return self.block is not None and self.block["type"] in ("enabled", "adaptive")

    @property
    def manual(self) -> bool:
        """Whether thinking runs on a budget, which forbids some other things."""
        return self.block is not None and self.block["type"] == "enabled"


class Thinking:
    """Decides for one request and one model.

    ``asked_max_tokens`` is the limit as the caller set it (None: not at all), ``max_tokens`` the
    one that would be sent.
    """

    def __init__(
        self,
        request: ChatRequest,
        capabilities: Capabilities,
        *,
        asked_max_tokens: int | None,
        max_tokens: int,
        remarks: Remarks,
    ) -> None:
        self._thinking = request.get("thinking") or {}
        self._level = request.get("reasoning_effort")
        self._capabilities = capabilities
        self._asked_max_tokens = asked_max_tokens
        self._remarks = remarks
        self._decision = Decision(max_tokens=max_tokens)

    def decide(self) -> Decision:
        """Return the decision.

        Raises:
            InvalidRequest: a combination that the model refuses and that has no neighbour.
        """
        self._warn_of_idle_budget()
        wish = self._wish()
        accepted = self._capabilities.thinking
        if wish == "off":
            self._switch_off()
        elif wish == "between_tools" and "between_tools" in accepted:
            self._between_tools()
        elif wish == "between_tools":
            self._remarks.warn(
                "thinking.between_tools.near",
                "thinking.type",
                "this model thinks as needed instead",
            )
            self._switch_on()
        elif wish == "on":
            self._switch_on()
        else:
            self._show_default()
        return self._decision

    def _wish(self) -> Wish:
        kind = self._thinking.get("type")
        if kind in ("enabled", "adaptive"):
            return "on"
        if kind == "disabled":
            return "off"
        if kind == "between_tools":
            return "between_tools"
        if self._level is None:
            return "unsaid"
        return "off" if self._level == "none" else "on"

    def _warn_of_idle_budget(self) -> None:
        idle = self._thinking.get("type") != "enabled"
        if idle and self._thinking.get("budget_tokens") is not None:
            self._remarks.warn(
                "thinking.budget.ignored",
                "thinking.budget_tokens",
                "only counts with type 'enabled'",
            )

    # On -------------------------------------------------------------------------------------

    def _switch_on(self) -> None:
        budget = self._thinking.get("budget_tokens")
        asks_for_budget = self._thinking.get("type") == "enabled" and budget is not None
        if "enabled" in self._capabilities.thinking and asks_for_budget:
            self._spend(cast("int", budget))
            self._decision.effort = self._effort()
        elif "adaptive" in self._capabilities.thinking:
            self._decision.block = self._adaptive()
            if self._level is None and asks_for_budget:
                self._decision.effort = self._effort_for(cast("int", budget))
            else:
                self._decision.effort = self._effort()
        else:
            self._spend_for_level()
            self._decision.effort = self._effort()

    def _adaptive(self) -> Block:
        block: Block = {"type": "adaptive"}
        display = self._thinking.get("display")
        if display is None and self._capabilities.thinking_display == "omitted":
            display = "summarized"  # what a chat client would show is empty otherwise
        if display is not None:
            block["display"] = display
        return block

    def _spend(self, budget: int) -> None:
        """Set a budget, which upstream wants to be strictly less than the whole answer."""
        decision = self._decision
        self._make_room(budget)
        if budget >= decision.max_tokens:
            if self._asked_max_tokens == SMALLEST_BUDGET:
                decision.max_tokens = SMALLEST_BUDGET + 1
            wanted, budget = budget, decision.max_tokens - 1
            if wanted > budget + 1:
                self._remarks.warn(
                    "thinking.budget.clamped", "thinking.budget_tokens", f"clamped to {budget}"
                )
        decision.block = {"type": "enabled", "budget_tokens": max(budget, SMALLEST_BUDGET)}
        if self._thinking.get("display") is not None:
            decision.block["display"] = self._thinking.get("display")

    def _make_room(self, budget: int) -> None:
        """Where the caller set no limit, thinking does not take away from the answer."""
        if self._asked_max_tokens is None:
            most = self._capabilities.max_output_tokens
            self._decision.max_tokens = min(most, self._decision.max_tokens + budget)

    def _spend_for_level(self) -> None:
        """Choose a budget for models that know no effort for thinking."""
        level = self._level if self._level not in (None, "none") else "medium"
        budget = _BUDGET_BY_EFFORT[level]
        self._make_room(budget)
        budget = min(budget, self._decision.max_tokens - 1)
        param = "reasoning_effort" if self._level is not None else "thinking.type"
        if budget < SMALLEST_BUDGET:
            self._remarks.warn(
                "reasoning_effort.no_room", param, "no thinking, max_tokens leaves no room"
            )
            return
        self._decision.block = {"type": "enabled", "budget_tokens": budget}
        self._remarks.warn(
            "reasoning_effort.budget", param, f"approximated by a budget of {budget}"
        )

    # Off ------------------------------------------------------------------------------------

    def _switch_off(self) -> None:
        effort = self._effort()
        capabilities = self._capabilities
        if "disabled" in capabilities.thinking:
            self._refuse_strong(effort, capabilities.effort_without_thinking)
            if self._thinking.get("type") or capabilities.thinking_default != "off":
                self._decision.block = {"type": "disabled"}
            self._decision.effort = effort
        elif "between_tools" in capabilities.thinking:
            self._remarks.warn(
                "thinking.disabled.between_tools",
                self._param(),
                "this model cannot be kept from thinking between tool calls",
            )
            self._between_tools()
        else:
            self._remarks.warn(
                "thinking.disabled.hidden",
                self._param(),
                "this model always thinks; effort is low unless given, and the thinking is hidden",
            )
            self._decision.effort = effort or "low"
            self._decision.hidden = True

    def _between_tools(self) -> None:
        self._decision.block = {"type": "between_tools"}
        effort = self._effort()
        if effort in ("xhigh", "max"):
            self._remarks.warn(
                "thinking.between_tools.effort", "reasoning_effort", "clamped to high"
            )
            effort = "high"
        self._decision.effort = effort

    def _refuse_strong(self, effort: Effort | None, most: Effort | None) -> None:
        if effort and most and EFFORTS.index(effort) > EFFORTS.index(most):
            raise InvalidRequest(
                f"'reasoning_effort': this model takes at most '{most}' with thinking disabled.",
                param="reasoning_effort",
                code="unsupported_value",
            )

    # Neither --------------------------------------------------------------------------------

    def _show_default(self) -> None:
        """Ask to see what the model thinks anyway: notes between tool calls are in there."""
        thinks = self._capabilities.thinking_default != "off"
        wanted = self._thinking.get("display") != "omitted"
        if thinks and wanted and self._capabilities.thinking_display == "omitted":
            self._decision.block = self._adaptive()

    # Levels ---------------------------------------------------------------------------------

    def _effort(self) -> Effort | None:
        """Return the level as the model names it; None where the caller or the model has none."""
        accepted = self._capabilities.efforts
        if self._level in (None, "none"):
            return None
        if not accepted:
            if self._thinking.get("type") in ("enabled", "disabled"):
                self._remarks.warn(
                    "reasoning_effort.dropped", "reasoning_effort", "dropped, 'thinking' decides"
                )
            return None
        if self._level == "minimal":
            self._remarks.warn("reasoning_effort.minimal", "reasoning_effort", "served as low")
            return accepted[0]
        return self._supported(cast("Effort", self._level), "reasoning_effort")

    def _effort_for(self, budget: int) -> Effort | None:
        if not self._capabilities.efforts:
            return None
        wanted = _nearest_effort(budget)
        effort = self._supported(wanted, None)
        self._remarks.warn(
            "thinking.budget.approximated",
            "thinking.budget_tokens",
            f"approximated as effort {effort}, this model takes no budget",
        )
        return effort

    def _supported(self, wanted: Effort, param: str | None) -> Effort:
        accepted = self._capabilities.efforts
        strongest = EFFORTS.index(wanted)
        weaker: list[Effort] = [e for e in accepted if EFFORTS.index(e) <= strongest]
        best: Effort = weaker[-1] if weaker else accepted[0]
        if best != wanted and param is not None:
            self._remarks.warn("reasoning_effort.clamped", param, f"clamped to {best}")
        return best

    def _param(self) -> str:
        return "thinking.type" if self._thinking.get("type") else "reasoning_effort"


def _nearest_effort(budget: int) -> Effort:
    for most, effort in _EFFORT_BY_BUDGET:
        if budget < most:
            return effort
    return "max"


def thoughts(content: list[Block]) -> list[Block]:
    """Return the thinking among an answer's blocks."""
    return [block for block in content if block.get("type") in ("thinking", "redacted_thinking")]


def thoughts_dropped(message: Mapping[str, Any]) -> int:
    """Return how many thoughts upstream says it has dropped from the history."""
    told = message.get("input_transformations")
    if not isinstance(told, list):
        return 0
    return sum(
        isinstance(entry, dict) and cast("Block", entry).get("type") == "thinking_dropped"
        for entry in cast("list[object]", told)
    )


def without_lost_thinking(decision: Decision, turns: list[Turn], remarks: Remarks) -> None:
    """Switch thinking off where a budget model would refuse the tool loop it is in.

    Such a model wants the assistant turn of a tool loop to begin with its thinking. A client that
    did not bring it back can only be served without.
    """
    if not decision.manual or not _answers_calls(turns):
        return
    if turns[-2]["content"][0]["type"] not in ("thinking", "redacted_thinking"):
        decision.block = {"type": "disabled"}
        remarks.warn(
            "thinking.lost", "thinking", "off, the thinking of the last assistant turn is missing"
        )


def _answers_calls(turns: list[Turn]) -> bool:
    if len(turns) < 2 or turns[-2]["role"] != "assistant":
        return False
    return any(block["type"] == "tool_result" for block in turns[-1]["content"])


def refuse_forced_tool(
    decision: Decision, choice: Block | None, request: ChatRequest, remarks: Remarks
) -> None:
    """Settle a forced tool with thinking on a budget, which exclude each other.

    Raises:
        InvalidRequest: both were asked for. A budget that only stands for an effort gives way.
    """
    if not decision.manual or choice is None or choice["type"] not in ("any", "tool"):
        return
    if (request.get("thinking") or {}).get("type"):
        raise InvalidRequest(
            "'tool_choice': this model cannot be made to call a tool while it thinks; "
            "use 'auto', or disable 'thinking'.",
            param="tool_choice",
            code="unsupported_value",
        )
    decision.block = None
    remarks.warn(
        "reasoning_effort.forced_tool", "reasoning_effort", "no thinking, a tool is forced"
    )
