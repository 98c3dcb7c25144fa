"""One chat request under way: its translation for a route, and what is remembered of its answer."""

from __future__ import annotations

from typing import cast

from isthmus.call import Capabilities, Facts
from isthmus.errors import UpstreamRefused
from isthmus.routing.plan import Route
from isthmus.routing.router import Planned
from isthmus.serving import remarks as remarks_out
from isthmus.serving.attempting import Prepared
from isthmus.serving.model_call import ModelCall, ModelSettings, word_for
from isthmus.serving.recollection import Recollection
from isthmus.serving.wishes import Wishes
from isthmus.translate.applied import Applied
from isthmus.translate.chat_over_messages.applied import applied
from isthmus.translate.chat_over_messages.memory import Memory
from isthmus.translate.chat_over_messages.recall import as_message
from isthmus.translate.chat_over_messages.request import translate
from isthmus.translate.to_messages.forced import as_call
from isthmus.translate.to_messages.request import Translated
from isthmus.wire.chat.documents import ChatRequest, Completion
from isthmus.wire.messages.documents import Block, Message, MessagesRequest


class ChatCall(ModelCall):
    """What both kinds of chat callers share."""

    def __init__(
        self,
        document: ChatRequest,
        planned: Planned,
        *,
        wishes: Wishes,
        created: int,
        settings: ModelSettings,
        recollection: Recollection | None,
    ) -> None:
        super().__init__(planned, wishes=wishes, created=created, settings=settings)
        if planned.thinking_suffix and not document.get("thinking"):
            document = cast("ChatRequest", {**document, "thinking": {"type": "adaptive"}})
        self.document = document
        self.facts = Facts(model=document["model"], stream=bool(document.get("stream")))
        #: Whether the answer may hold what the client will not bring back.
        self.worth_remembering = False
        self._recollection = recollection
        self._account = ""

    @property
    def stream(self) -> bool:
        """Whether the client reads along."""
        return self.facts.stream

    def prepare(self, route: Route, *, stream: bool) -> Prepared:
        """Translate for a route; without ``stream`` a short answer is asked for in one piece."""
        self.begin_anew(route)
        self._account = route.account
        remembered = self._recollection
        translated = translate(
            self.document,
            route.model,
            route.capabilities,
            remarks=self.remarks,
            terms=self.settings.terms,
            memory=Memory(
                recalled=remembered.recalled(route.account) if remembered is not None else None,
                account=word_for(route.account) if route.capabilities.account_bound else "",
            ),
        )
        if self.wishes.explains:
            self.explained = remarks_out.explained(self.applied(translated))
        self.worth_remembering = remembered is not None and _may_think(
            translated.document, route.capabilities
        )
        return self.first(translated, stream=stream)

    def applied(self, translated: Translated) -> list[Applied]:
        """List what became of the request's fields."""
        return applied(
            self.document,
            translated.document,
            self.remarks,
            renamed=self.planned.requested != self.planned.model and not self.planned.substituted,
        )

    @property
    def fields(self) -> list[Applied]:
        """What became of the request's fields for the route that was prepared for last."""
        return [] if self.translated is None else self.applied(self.translated)

    def repaired(self, error: UpstreamRefused) -> Prepared | None:
        """Return the request as upstream may take it after all; None where it is final."""
        prepared = super().repaired(error)
        if prepared is not None and self._recollection is not None:
            self._recollection.forget(self._account)
        return prepared

    def follow(self, message: Message, verbatim: list[Block]) -> Prepared | None:
        """Return what to ask next, where ``message`` is not the end of the turn."""
        prepared = super().follow(message, verbatim)
        if prepared is None and self.form.forced is not None:
            # In the history such a call is a call like any other.
            whole = as_call(self.turn.whole(message), self.form.forced)
            self.turn.verbatim = whole.get("content")
        return prepared

    def remember(self, completion: Completion) -> None:
        """Keep what upstream will want to see again of the turn that ``completion`` tells."""
        content = self.turn.verbatim
        if self._recollection is not None and self.worth_remembering and content is not None:
            self._recollection.keep(self._account, as_message(completion), content)


def _may_think(document: MessagesRequest, capabilities: Capabilities) -> bool:
    kind = document.get("thinking", {}).get("type")
    if kind is None:
        return capabilities.thinking_default != "off"
    return kind != "disabled"
