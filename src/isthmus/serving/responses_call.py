"""One Responses request under way: its translation for a route."""

from __future__ import annotations

import secrets
from typing import cast

from isthmus.call import Principal
from isthmus.errors import InvalidRequest
from isthmus.routing.plan import Route
from isthmus.routing.router import Planned
from isthmus.serving import over_chat
from isthmus.serving import remarks as remarks_out
from isthmus.serving.attempting import Prepared
from isthmus.serving.model_call import ModelCall, ModelSettings, word_for
from isthmus.serving.wishes import Wishes
from isthmus.storage.seal import Seal
from isthmus.translate.messages_over_chat.accepted import ACCEPTED
from isthmus.translate.responses_over_messages.applied import applied
from isthmus.translate.responses_over_messages.form import Head, ResponseForm
from isthmus.translate.responses_over_messages.request import translate
from isthmus.translate.responses_over_messages.sealing import Sealing
from isthmus.translate.responses_over_messages.wishes import Spelling
from isthmus.wire.messages.documents import AskedRequest, MessagesRequest
from isthmus.wire.responses.documents import ResponsesRequest


class ResponsesCall(ModelCall):
    """What both kinds of callers share. Thinking goes to ``principal`` under a ``seal``."""

    def __init__(
        self,
        document: ResponsesRequest,
        planned: Planned,
        *,
        wishes: Wishes,
        created: int,
        settings: ModelSettings,
        sealing: Sealing,
    ) -> None:
        super().__init__(planned, wishes=wishes, created=created, settings=settings)
        self.document = document
        self.stream = bool(document.get("stream"))
        self.head = Head(
            id=f"resp_{secrets.token_hex(24)}",
            created_at=created,
            model=document["model"],
        )
        self.told: ResponseForm | None = None
        self._sealing = sealing
        self._route: Route | None = None
        self._spelling: Spelling | None = None

    def prepare(self, route: Route, *, stream: bool) -> Prepared:
        """Translate for a route; without ``stream`` a short answer is asked for in one piece."""
        self.begin_anew(route)
        self._route, chat = route, route.chat is not None
        account = word_for(route.account) if route.capabilities.account_bound else ""
        asked = translate(
            self.document,
            route.model,
            ACCEPTED if chat else route.capabilities,
            remarks=self.remarks,
            sealing=Sealing(seal=self._sealing.seal, unseal=self._sealing.unseal, account=account),
            terms=self.settings.terms,
        )
        self.told, self._spelling = asked.form, asked.spelling
        if self.wishes.explains:
            planned = self.planned
            renamed = planned.requested != planned.model and not planned.substituted
            sent = asked.sent.document
            met = applied(self.document, sent, self.remarks, renamed=renamed)
            self.explained = remarks_out.explained(met)
        return self.first(asked.sent, stream=stream)

    def prepared(self, document: MessagesRequest, *, stream: bool) -> Prepared:
        """Return the translated request as the route takes it: translated once more, or as it is.

        Raises:
            InvalidRequest: what cannot be served there.
        """
        route, spelling = self._route, self._spelling
        if route is None or spelling is None or route.chat is None:
            return super().prepared(document, stream=stream)
        asked = cast("AskedRequest", {**document})
        asked.pop("stream", None)
        if asked.get("max_tokens") == ACCEPTED.max_output_tokens:
            del asked["max_tokens"]  # nobody set a limit
        asking = over_chat.Asking(
            model=self.head.model,
            request_id=self.head.id,
            keys=self.settings.signing,
            unsaid="as it does",
            hops=self.wishes.hops + 1,
        )
        self.remarks.spelling = spelling
        try:
            return over_chat.prepared(asked, route, asking, self.remarks, stream=stream)
        except InvalidRequest as error:
            raise spelling.respelled(error) from None

    @property
    def answer_form(self) -> ResponseForm:
        """How the answer is told, for the route that was prepared for last."""
        if self.told is None:
            raise RuntimeError("nothing was translated")
        return self.told


def sealing_for(principal: Principal, seal: Seal) -> Sealing:
    """Return how thinking is sealed for a caller: no other can bring it back."""
    return Sealing(
        seal=lambda content: seal.close(content, principal.id),
        unseal=lambda text: seal.open(text, principal.id),
    )
