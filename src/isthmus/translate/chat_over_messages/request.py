"""A chat request becomes a Messages request for one model.

This module puts together what its neighbours translate. It is pure: the same conversation gives
the same bytes, today and after a restart.
"""

from __future__ import annotations

from functools import partial

from msgspec import structs

from isthmus.call import Capabilities
from isthmus.errors import InvalidRequest
from isthmus.translate.chat_over_messages.content import blocks
from isthmus.translate.chat_over_messages.conversation import Conversation
from isthmus.translate.chat_over_messages.extensions import betas, spelled_out
from isthmus.translate.chat_over_messages.legacy import as_written, is_legacy, modern, respelled
from isthmus.translate.chat_over_messages.memory import NOTHING, Memory
from isthmus.translate.chat_over_messages.unserved import settle
from isthmus.translate.remarks import Remarks
from isthmus.translate.to_messages.request import (
    DEFAULT_TERMS,
    Said,
    Terms,
    Translated,
    settled,
)
from isthmus.wire.chat.documents import ChatRequest


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
        settle(written, remarks)
        written = spelled_out(written, remarks)
        said = _said(written, capabilities, remarks, memory)
        translated = settled(written, said, model, capabilities, terms, remarks)
    except InvalidRequest as error:
        if remarks.spelling is not None:
            raise respelled(error, request) from None
        raise
    if is_legacy(request):
        return structs.replace(translated, form=structs.replace(translated.form, legacy=True))
    return translated


def _said(
    request: ChatRequest, capabilities: Capabilities, remarks: Remarks, memory: Memory
) -> Said:
    conversation = Conversation(request["messages"], capabilities, remarks, memory)
    return Said(
        system=blocks(request.get("system"), "system", remarks) + conversation.system,
        turns=conversation.turns,
        betas=betas(request),
        account=memory.account if capabilities.account_bound else "",
    )
