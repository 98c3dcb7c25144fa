"""A Responses request becomes a Messages request for one model.

Its conversation is read item by item; what it asks for beside that is put into the words of Chat
Completions and settled as for every other caller. Pure: the same conversation gives the same bytes.
"""

from __future__ import annotations

from msgspec import Struct

from isthmus.call import Capabilities
from isthmus.errors import InvalidRequest
from isthmus.translate.remarks import Remarks
from isthmus.translate.responses_over_messages.conversation import Conversation, Ground
from isthmus.translate.responses_over_messages.echo import echo
from isthmus.translate.responses_over_messages.form import ResponseForm
from isthmus.translate.responses_over_messages.sealing import Sealing
from isthmus.translate.responses_over_messages.tools import Declared
from isthmus.translate.responses_over_messages.unserved import settle
from isthmus.translate.responses_over_messages.wishes import Spelling, shows_summaries, wishes
from isthmus.translate.to_messages.request import (
    DEFAULT_TERMS,
    Said,
    Terms,
    Translated,
    settled,
)
from isthmus.wire.responses.documents import ResponsesRequest


class Asked(Struct, frozen=True, kw_only=True):
    """A request as it goes upstream (``sent``), and how its answer is told (``form``).

    ``spelling`` names members as the caller wrote them.
    """

    sent: Translated
    form: ResponseForm
    spelling: Spelling


def translate(
    request: ResponsesRequest,
    model: str,
    capabilities: Capabilities,
    *,
    remarks: Remarks,
    sealing: Sealing,
    terms: Terms = DEFAULT_TERMS,
) -> Asked:
    """Translate ``request`` for ``model``, as its upstream names it, on the operator's terms.

    Responses that somebody keeps are resolved before: ``input`` holds all items, and
    ``previous_response_id`` is not there any more.

    Raises:
        InvalidRequest: what cannot be served, by its path in the caller's document.
    """
    settle(request, remarks)
    declared = Declared(request, remarks, searches=terms.web_search)
    asked = wishes(request, declared)
    ground = Ground(
        capabilities=capabilities, names=declared.names, sealing=sealing, remarks=remarks
    )
    conversation = Conversation(request, ground)
    said = Said(
        system=conversation.system,
        turns=conversation.turns,
        account=sealing.account if capabilities.account_bound else "",
    )
    spelling = Spelling(declared.paths, declared.search_path)
    in_other_words = Remarks()
    try:
        sent = settled(asked, said, model, capabilities, terms, in_other_words)
    except InvalidRequest as error:
        raise spelling.respelled(error) from None
    for remark in in_other_words:
        say = remarks.warn if remark.kind == "warning" else remarks.note
        say(remark.slug, spelling(remark.param), remark.text)
    form = ResponseForm(
        answer=sent.form,
        names=declared.names.known,
        sealing=sealing,
        shows_summaries=shows_summaries(request) and not sent.form.hide_thinking,
        model=model,
        echo=echo(request, conversation.thoughts.removed),
    )
    return Asked(sent=sent, form=form, spelling=spelling)
