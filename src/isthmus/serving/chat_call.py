"""One chat request under way: its translation for a route, and the turn that answers it."""

from __future__ import annotations

from hashlib import blake2b
from typing import cast

from msgspec import Struct

from isthmus.call import Capabilities, Facts, Outcome
from isthmus.errors import UpstreamRefused
from isthmus.routing.plan import Route
from isthmus.routing.router import Planned
from isthmus.serving import remarks as remarks_out
from isthmus.serving.attempting import Prepared
from isthmus.serving.lifecycle import day_of, told
from isthmus.serving.recollection import Recollection
from isthmus.serving.reply import Reply
from isthmus.serving.wishes import Wishes
from isthmus.translate.applied import Applied
from isthmus.translate.chat_over_messages.applied import applied
from isthmus.translate.chat_over_messages.memory import Memory
from isthmus.translate.chat_over_messages.recall import as_message
from isthmus.translate.chat_over_messages.request import (
    DEFAULT_TERMS,
    Terms,
    Translated,
    translate,
)
from isthmus.translate.remarks import Remarks
from isthmus.translate.to_messages.forced import as_call
from isthmus.translate.to_messages.form import PLAIN, AnswerForm
from isthmus.translate.to_messages.json_object import is_object
from isthmus.translate.to_messages.repair import repaired
from isthmus.translate.to_messages.turn import AnswerTurn
from isthmus.upstreams.upstream import MessagesCall
from isthmus.wire import json
from isthmus.wire.chat.documents import ChatRequest, Completion
from isthmus.wire.messages.documents import Block, Message, MessagesRequest

#: A body of so many bytes is a very long prompt, which takes its time to be read.
_LONG_PROMPT = 1024 * 1024


class ChatSettings(Struct, frozen=True, kw_only=True):
    """How chat requests are translated, and asked.

    An answer that cannot be longer than ``unary_max_tokens`` is asked for in one piece.
    """

    terms: Terms = DEFAULT_TERMS
    unary_max_tokens: int = 4096


class ChatCall:
    """What both kinds of chat callers share: the request, its translation and its remarks.

    ``created`` is in Unix seconds. ``form`` and ``turn`` are those of the route that was prepared
    for last; ``explained`` is what to tell a client of it that wants to know.
    """

    def __init__(
        self,
        document: ChatRequest,
        planned: Planned,
        *,
        wishes: Wishes,
        created: int,
        settings: ChatSettings,
        recollection: Recollection | None,
    ) -> None:
        if planned.thinking_suffix and not document.get("thinking"):
            document = cast("ChatRequest", {**document, "thinking": {"type": "adaptive"}})
        self.document = document
        self.planned = planned
        self.created = created
        self.facts = Facts(model=document["model"], stream=bool(document.get("stream")))
        self.remarks = Remarks(strict=wishes.strict)
        self.form: AnswerForm = PLAIN
        self.turn = AnswerTurn({})
        #: Whether the answer may hold what the client will not bring back.
        self.worth_remembering = False
        self.wishes = wishes
        self._settings = settings
        self._recollection = recollection
        self._account = ""
        self._translated: Translated | None = None
        self.explained = ""

    def announce(self, reply: Reply) -> None:
        """Say which model serves the call, in the headers."""
        reply.headers["x-isthmus-model"] = self.planned.model
        if self.planned.substituted:
            reply.headers["x-isthmus-model-substituted"] = self.planned.model

    # Requests -------------------------------------------------------------------------------

    def prepare(self, route: Route, *, stream: bool) -> Prepared:
        """Translate for a route; remarks of an earlier attempt are forgotten.

        Without ``stream`` the answer is asked for in one piece where it is short.
        """
        self.remarks = Remarks(strict=self.wishes.strict)
        if self.planned.substituted:
            self.remarks.note("model.substituted", "model", f"served by {self.planned.model}")
        if route.deprecation is not None:
            text = told(route.deprecation, day_of(self.created))
            self.remarks.note("model.deprecated", "model", text)
        self._account = route.account
        remembered = self._recollection
        translated = self._translated = translate(
            self.document,
            route.model,
            route.capabilities,
            remarks=self.remarks,
            terms=self._settings.terms,
            memory=Memory(
                recalled=remembered.recalled(route.account) if remembered is not None else None,
                account=word_for(route.account) if route.capabilities.account_bound else "",
            ),
        )
        if self.wishes.explains:
            self.explained = remarks_out.explained(self.applied(translated))
        self.form = translated.form
        self.worth_remembering = remembered is not None and _may_think(
            translated.document, route.capabilities
        )
        return self._first(translated.document, stream=stream or not self._is_short(translated))

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
        return [] if self._translated is None else self.applied(self._translated)

    def repaired(self, error: UpstreamRefused) -> Prepared | None:
        """Return the request as upstream may take it after all; None where it is final."""
        if self._translated is None:
            return None
        document = repaired(error, self._translated.document)
        if document is None:
            return None
        if self._recollection is not None:
            self._recollection.forget(self._account)
        self.remarks.note("thinking.refused", "messages", "asked again without earlier thinking")
        return self._first(document, stream=bool(document.get("stream")))

    def follow(self, message: Message, verbatim: list[Block]) -> Prepared | None:
        """Return what to ask next, where ``message`` is not the end of the turn."""
        document = self.turn.follow(message, verbatim)
        if document is None:
            if self.form.forced is not None:
                # In the history such a call is a call like any other.
                whole = as_call(self.turn.whole(message), self.form.forced)
                self.turn.verbatim = whole.get("content")
            return None
        return self._prepared(document, stream=bool(document.get("stream")))

    def _first(self, document: MessagesRequest, *, stream: bool) -> Prepared:
        if stream:
            document["stream"] = True
        self.turn = AnswerTurn(document, self.form.only)
        return self._prepared(document, stream=stream)

    def _prepared(self, document: MessagesRequest, *, stream: bool) -> Prepared:
        translated = cast("Translated", self._translated)
        call = MessagesCall(
            body=json.encode(document),
            version=translated.version,
            betas=translated.betas,
            hops=self.wishes.hops + 1,
        )
        slow_start = translated.slow_start or len(call.body) > _LONG_PROMPT
        return Prepared(call=call, stream=stream, slow_start=slow_start)

    def _is_short(self, translated: Translated) -> bool:
        document = translated.document
        thinks = document.get("thinking", {}).get("type", "disabled") != "disabled"
        formatted = "format" in document.get("output_config", {})
        short = document.get("max_tokens", 0) <= self._settings.unary_max_tokens
        return short and not thinks and not formatted

    # Answers --------------------------------------------------------------------------------

    def remember(self, completion: Completion) -> None:
        """Keep what upstream will want to see again of the turn that ``completion`` tells."""
        content = self.turn.verbatim
        if self._recollection is not None and self.worth_remembering and content is not None:
            self._recollection.keep(self._account, as_message(completion), content)

    def note_text(self, text: str) -> None:
        """Look at the whole text of an answer."""
        if self.form.json_object and not is_object(text):
            self.remarks.note(
                "response_format.object.missed", "response_format", "the model wrote no JSON object"
            )

    def note_dropped(self, thoughts: int) -> None:
        """Take how many thoughts upstream has dropped from the history."""
        if thoughts:
            self.remarks.note("thinking.dropped_upstream", "messages", f"{thoughts} thoughts")

    def complete_headers(self, reply: Reply, outcome: Outcome, message_id: str | None) -> None:
        """Add what is known once an upstream has answered."""
        attempt = outcome.attempts[-1]
        tell_attempts(reply, outcome)
        if message_id:
            reply.headers["x-isthmus-upstream-id"] = message_id
        if attempt.request_id:
            reply.headers["x-isthmus-upstream-request-id"] = attempt.request_id
        if len(self.remarks):
            reply.headers[remarks_out.WARNINGS] = remarks_out.header(self.remarks)
        if self.explained:
            reply.headers[remarks_out.EXPLAIN] = self.explained


def tell_attempts(reply: Reply, outcome: Outcome) -> None:
    """Say in the headers who was asked last, and how often somebody was."""
    if outcome.attempts:
        reply.headers["x-isthmus-upstream"] = outcome.attempts[-1].upstream
        reply.headers["x-isthmus-attempts"] = str(len(outcome.attempts))


def _may_think(document: MessagesRequest, capabilities: Capabilities) -> bool:
    kind = document.get("thinking", {}).get("type")
    if kind is None:
        return capabilities.thinking_default != "off"
    return kind != "disabled"


def word_for(account: str) -> str:
    """Return a short word for an account that says nothing about it."""
    return blake2b(account.encode(), digest_size=4).hexdigest()
