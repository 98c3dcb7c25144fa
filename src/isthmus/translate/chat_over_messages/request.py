"""A chat request becomes a Messages request for one model.

This module puts together what its neighbours translate. It is pure: the same conversation gives
the same bytes, today and after a restart.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from msgspec import Struct, structs

from isthmus.call import Caching, Capabilities
from isthmus.errors import InvalidRequest
from isthmus.translate.chat_over_messages.caching import set_marks
from isthmus.translate.chat_over_messages.content import blocks, text_block
from isthmus.translate.chat_over_messages.conversation import Conversation
from isthmus.translate.chat_over_messages.extensions import betas, spelled_out
from isthmus.translate.chat_over_messages.form import AnswerForm
from isthmus.translate.chat_over_messages.identity import user_id
from isthmus.translate.chat_over_messages.legacy import as_written, is_legacy, modern, respelled
from isthmus.translate.chat_over_messages.limits import (
    asked_max_tokens,
    max_tokens,
    refuse_large_budget,
    stop_sequences,
)
from isthmus.translate.chat_over_messages.memory import NOTHING, Memory
from isthmus.translate.chat_over_messages.output import Output, output
from isthmus.translate.chat_over_messages.recall import thoughts
from isthmus.translate.chat_over_messages.sampling import sampling
from isthmus.translate.chat_over_messages.thinking import (
    Decision,
    Thinking,
    refuse_forced_tool,
    without_lost_thinking,
)
from isthmus.translate.chat_over_messages.tool_choice import Choice, choose
from isthmus.translate.chat_over_messages.tools import custom_names, declarations
from isthmus.translate.chat_over_messages.unserved import settle
from isthmus.translate.chat_over_messages.web_search import search_tool
from isthmus.translate.remarks import Remarks
from isthmus.wire.chat.documents import ChatRequest
from isthmus.wire.messages.documents import (
    CURRENT_VERSION,
    SAMPLING_VERSION,
    Block,
    MessagesRequest,
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


def translate(
    request: ChatRequest,
    model: str,
    capabilities: Capabilities,
    *,
    remarks: Remarks,
    terms: Terms = DEFAULT_TERMS,
    memory: Memory = NOTHING,
) -> Translated:
    """Translate ``request`` for ``model``, as its upstream names it, on the operator's terms.

    Raises:
        InvalidRequest: what cannot be served, by its path in the caller's document.
    """
    written = modern(request)
    if written is not request:
        remarks.spelling = partial(as_written, request=request)
    try:
        translated = _Translation(model, capabilities, terms, remarks, memory).of(written)
    except InvalidRequest as error:
        if written is not request:
            raise respelled(error, request) from None
        raise
    if is_legacy(request):
        return structs.replace(translated, form=structs.replace(translated.form, legacy=True))
    return translated


class _Translation(NamedTuple):
    model: str
    capabilities: Capabilities
    terms: Terms
    remarks: Remarks
    memory: Memory

    def of(self, request: ChatRequest) -> Translated:
        capabilities, remarks = self.capabilities, self.remarks
        settle(request, remarks)
        request = spelled_out(request, remarks)
        asked = asked_max_tokens(request, remarks)
        refuse_large_budget(request, asked)
        conversation = Conversation(request["messages"], capabilities, remarks, self.memory)
        conversation.system[:0] = blocks(request.get("system"), "system", remarks)
        wanted = output(request, capabilities, remarks)
        tools = declarations(request, conversation.turns, wanted.format, remarks)
        choice = choose(request, tools, conversation.turns, capabilities, remarks)
        searches = search_tool(request, choice.tools, remarks, allowed=self.terms.web_search)
        decision = self._decide(request, asked)
        refuse_forced_tool(decision, choice.block, request, remarks)
        without_lost_thinking(decision, conversation.turns, remarks)
        form = AnswerForm(
            hide_thinking=decision.hidden,
            forced=choice.forced,
            custom_tools=custom_names(request),
            json_object=choice.forced is None and wanted.instruction is not None,
            cites=bool(searches),
            only=choice.only,
            account=self.memory.account if capabilities.account_bound else "",
        )
        if form.json_object and wanted.instruction is not None:
            conversation.system.append(text_block(wanted.instruction))
        choice.tools = choice.tools + searches
        document = self._document(conversation, choice, decision)
        asked_betas = (
            betas(request)
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

    def _document(
        self, conversation: Conversation, choice: Choice, decision: Decision
    ) -> MessagesRequest:
        document: MessagesRequest = {"model": self.model, "max_tokens": decision.max_tokens}
        if conversation.system:
            document["system"] = conversation.system
        document["messages"] = conversation.turns
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
