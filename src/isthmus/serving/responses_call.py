"""One Responses request under way: its translation for a route."""

from __future__ import annotations

import secrets

from isthmus.call import Principal
from isthmus.routing.plan import Route
from isthmus.routing.router import Planned
from isthmus.serving import remarks as remarks_out
from isthmus.serving.attempting import Prepared
from isthmus.serving.model_call import ModelCall, ModelSettings, word_for
from isthmus.serving.wishes import Wishes
from isthmus.storage.seal import Seal
from isthmus.translate.responses_over_messages.applied import applied
from isthmus.translate.responses_over_messages.form import Head, ResponseForm
from isthmus.translate.responses_over_messages.request import translate
from isthmus.translate.responses_over_messages.sealing import Sealing
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

    def prepare(self, route: Route, *, stream: bool) -> Prepared:
        """Translate for a route; without ``stream`` a short answer is asked for in one piece."""
        self.begin_anew(route)
        account = word_for(route.account) if route.capabilities.account_bound else ""
        asked = translate(
            self.document,
            route.model,
            route.capabilities,
            remarks=self.remarks,
            sealing=Sealing(seal=self._sealing.seal, unseal=self._sealing.unseal, account=account),
            terms=self.settings.terms,
        )
        self.told = asked.form
        if self.wishes.explains:
            planned = self.planned
            renamed = planned.requested != planned.model and not planned.substituted
            sent = asked.sent.document
            met = applied(self.document, sent, self.remarks, renamed=renamed)
            self.explained = remarks_out.explained(met)
        return self.first(asked.sent, stream=stream)

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
