"""What a request wants beside its conversation, settled for one model.

The wishes come in the words of Chat Completions, whichever protocol they were written in; how the
caller spells them is for `Remarks.spelling`.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from isthmus.call import Caching, Capabilities
from isthmus.errors import InvalidRequest
from isthmus.translate.remarks import Remarks
from isthmus.translate.to_messages.caching import set_marks
from isthmus.translate.to_messages.form import AnswerForm
from isthmus.translate.to_messages.identity import user_id
from isthmus.translate.to_messages.limits import (
    asked_max_tokens,
    max_tokens,
    refuse_large_budget,
    stop_sequences,
)
from isthmus.translate.to_messages.output import Output, output
from isthmus.translate.to_messages.sampling import sampling
from isthmus.translate.to_messages.thinking import (
    Decision,
    Thinking,
    refuse_forced_tool,
    thoughts,
    without_lost_thinking,
)
from isthmus.translate.to_messages.tool_choice import Choice, choose
from isthmus.translate.to_messages.tools import custom_names, declarations
from isthmus.translate.to_messages.turns import text_block
from isthmus.translate.to_messages.web_search import search_tool
from isthmus.wire.chat.documents import ChatRequest
from isthmus.wire.messages.documents import (
    CURRENT_VERSION,
    SAMPLING_VERSION,
    Block,
    MessagesRequest,
    Turn,
)

#: Lets a request say what shall become of thinking that no longer fits its conversation.
BINDING_BETA = "thinking-binding-controls-2026-08-01"
FAST_BETA = "fast-mode-2026-02-01"


class Terms(Struct, frozen=True, kw_only=True):
    """What the operator has decided. None as ``default_max_tokens`` means the model's most."""

    default_max_tokens: int | None = None
    caching: Caching = "auto"
    web_search: bool = False


DEFAULT_TERMS = Terms()


class Translated(Struct, frozen=True, kw_only=True):
    """A request as it goes upstream, and what its answer's translation must know.

    ``version`` goes into the header ``anthropic-version``. ``slow_start``: the first byte may take
    longer, because a grammar has to be compiled.
    """

    document: MessagesRequest
    version: str
    betas: tuple[str, ...]
    form: AnswerForm
    slow_start: bool


class Said(Struct, kw_only=True):
    """The conversation as it will be sent; ``betas`` are those that the caller asks for.

    ``account``: a word for the account that will be asked, where only that one can read the
    thinking again.
    """

    system: list[Block]
    turns: list[Turn]
    betas: tuple[str, ...] = ()
    account: str = ""


def settled(
    wishes: ChatRequest,
    said: Said,
    model: str,
    capabilities: Capabilities,
    terms: Terms,
    remarks: Remarks,
) -> Translated:
    """Settle what ``wishes`` asks for beside its conversation, which is ``said``.

    Raises:
        InvalidRequest: what cannot be served, by its path in the words of Chat Completions.
    """
    return _Settlement(model, capabilities, terms, remarks, said).of(wishes)


class _Settlement(NamedTuple):
    model: str
    capabilities: Capabilities
    terms: Terms
    remarks: Remarks
    said: Said

    def of(self, request: ChatRequest) -> Translated:
        capabilities, remarks, said = self.capabilities, self.remarks, self.said
        asked = asked_max_tokens(request, remarks)
        refuse_large_budget(request, asked)
        wanted = output(request, capabilities, remarks)
        tools = declarations(request, said.turns, wanted.format, remarks)
        choice = choose(request, tools, said.turns, capabilities, remarks)
        searches = search_tool(request, choice.tools, remarks, allowed=self.terms.web_search)
        decision = self._decide(request, asked)
        refuse_forced_tool(decision, choice.block, request, remarks)
        without_lost_thinking(decision, said.turns, remarks)
        form = AnswerForm(
            hide_thinking=decision.hidden,
            forced=choice.forced,
            custom_tools=custom_names(request),
            json_object=choice.forced is None and wanted.instruction is not None,
            cites=bool(searches),
            only=choice.only,
            account=said.account,
        )
        if form.json_object and wanted.instruction is not None:
            said.system.append(text_block(wanted.instruction))
        choice.tools = choice.tools + searches
        document = self._document(choice, decision)
        asked_betas = (
            said.betas
            + _bind_thinking(document, capabilities)
            + _hurry(document, request, capabilities)
        )
        _configure_output(document, decision, _format(choice, wanted))
        sampled = sampling(request, capabilities, thinking=decision.on, remarks=remarks)
        document.update(sampled)  # type: ignore[typeddict-item]
        _add_rest(document, request, remarks, written=choice.forced is not None)
        set_marks(document, request, self.terms.caching, capabilities, remarks)
        return Translated(
            document=document,
            version=SAMPLING_VERSION if sampled else CURRENT_VERSION,
            betas=tuple(dict.fromkeys(asked_betas)) if asked_betas else (),
            form=form,
            slow_start="format" in document.get("output_config", {})
            or any("strict" in tool for tool in choice.tools),
        )

    def _decide(self, request: ChatRequest, asked: int | None) -> Decision:
        return Thinking(
            request,
            self.capabilities,
            asked_max_tokens=asked,
            max_tokens=max_tokens(
                asked, self.terms.default_max_tokens, self.capabilities, self.remarks
            ),
            remarks=self.remarks,
        ).decide()

    def _document(self, choice: Choice, decision: Decision) -> MessagesRequest:
        document: MessagesRequest = {"model": self.model, "max_tokens": decision.max_tokens}
        if self.said.system:
            document["system"] = self.said.system
        document["messages"] = self.said.turns
        if choice.tools:
            document["tools"] = choice.tools
        if choice.block is not None:
            document["tool_choice"] = choice.block
        if decision.block is not None:
            document["thinking"] = decision.block
        return document


def _bind_thinking(document: MessagesRequest, capabilities: Capabilities) -> tuple[str, ...]:
    """Have upstream drop thinking that no longer fits its conversation, rather than refuse it.

    Returns the betas that this takes. Nothing here breaks that bond knowingly; a client that edits
    its history does.
    """
    thinking = document.get("thinking")
    if capabilities.prefix_check == "none" or thinking is None:
        return ()
    if thinking["type"] not in ("enabled", "adaptive") or not any(
        thoughts(turn["content"]) for turn in document.get("messages", [])
    ):
        return ()
    thinking["block_binding"] = {"prefix_mismatch_behavior": "drop_block"}
    return (BINDING_BETA,)


def _hurry(
    document: MessagesRequest, request: ChatRequest, capabilities: Capabilities
) -> tuple[str, ...]:
    """Ask for a fast answer where the caller does and may; return the betas that this takes."""
    if request.get("service_tier") not in ("priority", "fast"):
        return ()
    if not capabilities.fast_mode:
        raise InvalidRequest(
            "'service_tier': fast answers cost more, and are not enabled for this model.",
            param="service_tier",
            code="unsupported_value",
        )
    document["speed"] = "fast"
    return (FAST_BETA,)


def _format(choice: Choice, wanted: Output) -> Block | None:
    """Return the format of the answer; a call that is written as one leaves no other answer."""
    if choice.schema is not None:
        return {"type": "json_schema", "schema": choice.schema}
    return wanted.format


def _configure_output(document: MessagesRequest, decision: Decision, output: Block | None) -> None:
    config: Block = {}
    if decision.effort is not None:
        config["effort"] = decision.effort
    if output is not None:
        config["format"] = output
    if config:
        document["output_config"] = config


def _add_rest(
    document: MessagesRequest, request: ChatRequest, remarks: Remarks, *, written: bool
) -> None:
    """Add what depends on nothing else; ``written``: the answer is a call, as a text."""
    stop = stop_sequences(request, remarks)
    if stop and written:
        remarks.warn("stop.dropped", "stop", "dropped, it could cut the demanded call")
    elif stop:
        document["stop_sequences"] = stop
    user = user_id(request, remarks)
    if user is not None:
        document["metadata"] = {"user_id": user}
    if request.get("service_tier") == "default":
        document["service_tier"] = "standard_only"
