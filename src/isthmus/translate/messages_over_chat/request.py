"""A Messages request becomes a chat request for one model.

This module puts together what its neighbours translate. It is pure: the same conversation gives
the same bytes, today and after a restart.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from isthmus.call import ChatCapabilities
from isthmus.translate.messages_over_chat.content import Means
from isthmus.translate.messages_over_chat.conversation import Conversation
from isthmus.translate.messages_over_chat.form import AnswerForm
from isthmus.translate.messages_over_chat.identity import user
from isthmus.translate.messages_over_chat.limits import max_tokens, sampling, stops
from isthmus.translate.messages_over_chat.output import instruction, response_format
from isthmus.translate.messages_over_chat.signature import Seal
from isthmus.translate.messages_over_chat.thinking import Decision, by_itself, decide, says_nothing
from isthmus.translate.messages_over_chat.tools import choice, declarations
from isthmus.translate.messages_over_chat.unserved import settle
from isthmus.translate.remarks import Remarks
from isthmus.wire.chat.documents import Part
from isthmus.wire.messages.documents import SAMPLING_VERSION, AskedRequest, Block


class Terms(Struct, frozen=True, kw_only=True):
    """What the call's surroundings decide.

    ``version`` is the protocol's, as the caller names it. Of ``keys`` the first signs thinking and
    all of them verify it; without any no thinking is shown. ``vendor`` is a word for the upstream.
    ``unsaid`` is what silence about thinking means: none of it, or as the model does by itself.
    """

    version: str = SAMPLING_VERSION
    vendor: str = ""
    keys: tuple[bytes, ...] = ()
    unsaid: Literal["none", "as it does"] = "none"


DEFAULT_TERMS = Terms()


class Translated(Struct, frozen=True, kw_only=True):
    """A request as it goes upstream, and what its answer's translation must know."""

    document: Part
    form: AnswerForm


def translate(
    request: AskedRequest,
    model: str,
    capabilities: ChatCapabilities,
    *,
    remarks: Remarks,
    terms: Terms = DEFAULT_TERMS,
) -> Translated:
    """Translate ``request`` for ``model``, as its upstream names it.

    Raises:
        InvalidRequest: what cannot be served, by its path in the caller's document.
    """
    means = Means(capabilities, remarks)
    settle(request, remarks)
    told = instruction(request, means)
    conversation = Conversation(_with_instruction(request, told), means, terms.keys)
    tools = declarations(request, means)
    if terms.unsaid != "none" and says_nothing(request):
        decision = by_itself(means)
    else:
        decision = decide(request, bool(tools), means)
    ends = stops(request, means)
    document: Part = {"model": model, "messages": conversation.messages}
    if tools:
        document["tools"] = tools
    document.update(choice(request, tools, means))
    document.update(max_tokens(request, means))
    document.update(sampling(request, terms.version, means, thinks=decision.thinks))
    if ends.sent:
        document["stop"] = list(ends.sent)
    document.update(decision.members)
    document.update(response_format(request, means))
    document.update(user(request, means))
    form = AnswerForm(
        seal=_seal(decision, terms, model),
        thoughts=decision.thoughts,
        stops=ends.sent,
        watched=ends.watched,
    )
    return Translated(document=document, form=form)


def streaming(document: Part) -> Part:
    """Return ``document`` as a request for a stream that ends with its usage."""
    return {**document, "stream": True, "stream_options": {"include_usage": True}}


def _seal(decision: Decision, terms: Terms, model: str) -> Seal | None:
    if not terms.keys or decision.thoughts == "hidden":
        return None
    return Seal(key=terms.keys[0], vendor=terms.vendor, model=model)


def _with_instruction(request: AskedRequest, told: str | None) -> AskedRequest:
    """Return the request with one more instruction at the end of ``system``."""
    if told is None:
        return request
    system = request.get("system") or []
    blocks: list[Block] = [{"type": "text", "text": system}] if isinstance(system, str) else system
    return {**request, "system": [*blocks, {"type": "text", "text": told}]}
