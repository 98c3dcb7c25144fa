"""One Responses request under way: its translation for a route."""

from __future__ import annotations

import secrets
from typing import Any, cast

from isthmus.errors import InvalidRequest
from isthmus.routing.plan import Route
from isthmus.routing.router import Planned
from isthmus.serving import over_chat
from isthmus.serving import remarks as remarks_out
from isthmus.serving.answers import COUNT
from isthmus.serving.attempting import Prepared
from isthmus.serving.model_call import ModelCall, ModelSettings, word_for
from isthmus.serving.stored import Memory
from isthmus.serving.wishes import Wishes
from isthmus.translate.messages_over_chat.accepted import ACCEPTED
from isthmus.translate.responses_over_messages.applied import applied
from isthmus.translate.responses_over_messages.form import Head, ResponseForm
from isthmus.translate.responses_over_messages.request import translate
from isthmus.translate.responses_over_messages.sealing import Sealing
from isthmus.translate.responses_over_messages.wishes import Spelling
from isthmus.upstreams.upstream import UpstreamCall
from isthmus.wire import json
from isthmus.wire.messages.documents import AskedRequest, MessagesRequest
from isthmus.wire.responses.documents import Response, ResponsesRequest

#: Members of a Messages request that its prompt depends on.
_SHAPE_PROMPTS = (
    *("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config"),
    *("cache_control", "speed"),
)


class ResponsesCall(ModelCall):
    """What both kinds of callers share. ``memory`` is what it has of what is kept."""

    def __init__(
        self,
        document: ResponsesRequest,
        planned: Planned,
        *,
        wishes: Wishes,
        created: int,
        settings: ModelSettings,
        memory: Memory,
    ) -> None:
        super().__init__(planned, wishes=wishes, created=created, settings=settings)
        self.document = document
        self.stream = bool(document.get("stream"))
        self.head = Head(
            id=f"resp_{secrets.token_hex(24)}",
            created_at=created,
            model=document["model"],
            stored=memory.keeps,
            previous_response_id=memory.previous,
        )
        self.told: ResponseForm | None = None
        self.memory = memory
        self._route: Route | None = None
        self._spelling: Spelling | None = None

    def prepare(self, route: Route, *, stream: bool) -> Prepared:
        """Translate for a route; without ``stream`` a short answer is asked for in one piece."""
        self.begin_anew(route)
        self._route, chat = route, route.chat is not None
        sealing = self.memory.sealing
        account = word_for(route.account) if route.capabilities.account_bound else ""
        asked = translate(
            self.document,
            route.model,
            ACCEPTED if chat else route.capabilities,
            remarks=self.remarks,
            sealing=Sealing(seal=sealing.seal, unseal=sealing.unseal, account=account),
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

    def counted(self, route: Route) -> Prepared:
        """Translate for a route that is asked only how long the prompt is."""
        self.prepare(route, stream=False)
        if self.translated is None:
            raise RuntimeError("nothing was translated")
        whole = cast("dict[str, Any]", self.translated.document)
        shaping = {name: whole[name] for name in _SHAPE_PROMPTS if name in whole}
        return Prepared(
            call=UpstreamCall(
                body=json.encode(shaping),
                version=self.translated.version,
                betas=self.translated.betas,
                path="/v1/messages/count_tokens",
                hops=self.wishes.hops + 1,
            ),
            stream=False,
            slow_start=False,
            answer=COUNT,
        )

    def keep(self, response: Response) -> None:
        """Keep the response, where responses are kept."""
        self.memory.keep(response)

    @property
    def answer_form(self) -> ResponseForm:
        """How the answer is told, for the route that was prepared for last."""
        if self.told is None:
            raise RuntimeError("nothing was translated")
        return self.told
