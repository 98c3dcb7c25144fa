"""A chat request becomes a Messages request for one model.

This module puts together what its neighbours translate. It is pure: the same conversation gives
the same bytes, today and after a restart.
"""

from __future__ import annotations

from msgspec import Struct

from isthmus.call import Caching, Capabilities
from isthmus.translate.chat_over_messages.caching import set_marks
from isthmus.translate.chat_over_messages.conversation import Conversation
from isthmus.translate.chat_over_messages.identity import user_id
from isthmus.translate.chat_over_messages.limits import (
    asked_max_tokens,
    max_tokens,
    refuse_large_budget,
    stop_sequences,
)
from isthmus.translate.chat_over_messages.output import output_format
from isthmus.translate.chat_over_messages.sampling import sampling
from isthmus.translate.chat_over_messages.thinking import (
    Decision,
    Thinking,
    refuse_forced_tool,
    without_lost_thinking,
)
from isthmus.translate.chat_over_messages.tools import choice, declarations
from isthmus.translate.chat_over_messages.unserved import settle
from isthmus.translate.remarks import Remarks
from isthmus.wire.chat.documents import ChatRequest
from isthmus.wire.messages.documents import (
    CURRENT_VERSION,
    SAMPLING_VERSION,
    Block,
    MessagesRequest,
)


class Translated(Struct, frozen=True, kw_only=True):
    """A request as it goes upstream, and what its answer's translation must know.

    ``version`` goes into the header ``anthropic-version``. ``slow_start``: the first byte may take
    longer, because a grammar has to be compiled.
    """

    document: MessagesRequest
    version: str
    hide_thinking: bool
    slow_start: bool


def translate(
    request: ChatRequest,
    model: str,
    capabilities: Capabilities,
    *,
    default_max_tokens: int | None,
    caching: Caching = "auto",
    remarks: Remarks,
) -> Translated:
    """Translate ``request`` for ``model``, as its upstream names it.

    Raises:
        InvalidRequest: what cannot be served, by its path in the caller's document.
    """
    settle(request, remarks)
    asked = asked_max_tokens(request, remarks)
    refuse_large_budget(request, asked)
    conversation = Conversation(request.get("messages", []), capabilities, remarks)
    tools = declarations(request, conversation.turns, remarks)
    tool_choice = choice(request, tools, capabilities, remarks)
    decision = Thinking(
        request,
        capabilities,
        asked_max_tokens=asked,
        max_tokens=max_tokens(asked, default_max_tokens, capabilities, remarks),
        remarks=remarks,
    ).decide()
    refuse_forced_tool(decision, tool_choice, request, remarks)
    without_lost_thinking(decision, conversation.turns, remarks)

    document: MessagesRequest = {"model": model, "max_tokens": decision.max_tokens}
    if conversation.system:
        document["system"] = conversation.system
    document["messages"] = conversation.turns
    if tools:
        document["tools"] = tools
    if tool_choice is not None:
        document["tool_choice"] = tool_choice
    if decision.block is not None:
        document["thinking"] = decision.block
    _configure_output(document, decision, output_format(request, capabilities, remarks))
    sampled = sampling(request, capabilities, thinking=decision.on, remarks=remarks)
    document.update(sampled)  # type: ignore[typeddict-item]
    _add_rest(document, request, remarks)
    set_marks(document, request, caching, capabilities, remarks)
    return Translated(
        document=document,
        version=SAMPLING_VERSION if sampled else CURRENT_VERSION,
        hide_thinking=decision.hidden,
        slow_start="format" in document.get("output_config", {})
        or any("strict" in tool for tool in tools),
    )


def _configure_output(document: MessagesRequest, decision: Decision, output: Block | None) -> None:
    config: Block = {}
    if decision.effort is not None:
        config["effort"] = decision.effort
    if output is not None:
        config["format"] = output
    if config:
        document["output_config"] = config


def _add_rest(document: MessagesRequest, request: ChatRequest, remarks: Remarks) -> None:
    stop = stop_sequences(request, remarks)
    if stop:
        document["stop_sequences"] = stop
    user = user_id(request, remarks)
    if user is not None:
        document["metadata"] = {"user_id": user}
    if request.get("service_tier") == "default":
        document["service_tier"] = "standard_only"
