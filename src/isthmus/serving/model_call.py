"""One request under way to a Messages model, in whatever protocol it was asked.

Owns what is alike: remarks, the turn that answers it, repair, and what the headers say of it.
"""

from __future__ import annotations

from hashlib import blake2b

from msgspec import Struct

from isthmus.call import Outcome, dollars
from isthmus.errors import UpstreamRefused
from isthmus.routing.plan import Route
from isthmus.routing.router import Planned
from isthmus.serving import remarks as remarks_out
from isthmus.serving.attempting import Prepared
from isthmus.serving.lifecycle import day_of, told
from isthmus.serving.reply import Reply
from isthmus.serving.wishes import Wishes
from isthmus.translate.remarks import Remarks
from isthmus.translate.to_messages.form import PLAIN, AnswerForm
from isthmus.translate.to_messages.json_object import is_object
from isthmus.translate.to_messages.repair import repaired
from isthmus.translate.to_messages.request import DEFAULT_TERMS, Terms, Translated
from isthmus.translate.to_messages.turn import AnswerTurn
from isthmus.upstreams.upstream import UpstreamCall
from isthmus.wire import json
from isthmus.wire.messages.documents import Block, Message, MessagesRequest

#: A body of so many bytes is a very long prompt, which takes its time to be read.
_LONG_PROMPT = 1024 * 1024


class ModelSettings(Struct, frozen=True, kw_only=True):
    """How requests are translated, and asked.

    An answer that cannot be longer than ``unary_max_tokens`` is asked for in one piece. Of
    ``signing`` the first key signs thinking of other models than Claude, all of them verify it.
    """

    terms: Terms = DEFAULT_TERMS
    unary_max_tokens: int = 4096
    signing: tuple[bytes, ...] = ()


class Allowed(Struct, frozen=True):
    """How many tokens an answer may have by the caller's key, which is less than it asked.

    ``param`` is what the caller's protocol calls that.
    """

    param: str
    tokens: int

    def said_in(self, remarks: Remarks) -> None:
        """Warn that the answer may be shorter than was asked for."""
        text = f"{self.tokens}: the key allows no more"
        remarks.warn("max_tokens.allowed", self.param, text)


class ModelCall:
    """One request. ``created`` is in Unix seconds.

    ``form`` and ``turn`` are those of the route that was prepared for last; ``explained`` is what
    to tell a client of it that wants to know.
    """

    def __init__(
        self, planned: Planned, *, wishes: Wishes, created: int, settings: ModelSettings
    ) -> None:
        self.planned = planned
        self.created = created
        self.wishes = wishes
        self.settings = settings
        self.remarks = Remarks(strict=wishes.strict)
        self.form: AnswerForm = PLAIN
        self.turn = AnswerTurn({})
        self.explained = ""
        self.translated: Translated | None = None
        self.allowed: Allowed | None = None

    # Requests -------------------------------------------------------------------------------

    def begin_anew(self, route: Route) -> None:
        """Forget the remarks of an earlier attempt, and make those that need no translation."""
        self.remarks = Remarks(strict=self.wishes.strict)
        if self.allowed is not None:
            self.allowed.said_in(self.remarks)
        if self.planned.substituted:
            self.remarks.note("model.substituted", "model", f"served by {self.planned.model}")
        if route.deprecation is not None:
            text = told(route.deprecation, day_of(self.created))
            self.remarks.note("model.deprecated", "model", text)

    def first(self, translated: Translated, *, stream: bool) -> Prepared:
        """Return the first request of the turn.

        Without ``stream`` the answer is asked for in one piece where it is short.
        """
        self.translated = translated
        self.form = translated.form
        return self._first(translated.document, stream=stream or not self._is_short(translated))

    def repaired(self, error: UpstreamRefused) -> Prepared | None:
        """Return the request as upstream may take it after all; None where it is final."""
        if self.translated is None or error.protocol != "messages":
            return None
        document = repaired(error, self.translated.document)
        if document is None:
            return None
        self.remarks.note("thinking.refused", "messages", "asked again without earlier thinking")
        return self._first(document, stream=bool(document.get("stream")))

    def follow(self, message: Message, verbatim: list[Block]) -> Prepared | None:
        """Return what to ask next, where ``message`` is not the end of the turn."""
        document = self.turn.follow(message, verbatim)
        if document is None:
            return None
        return self.prepared(document, stream=bool(document.get("stream")))

    def _first(self, document: MessagesRequest, *, stream: bool) -> Prepared:
        if stream:
            document["stream"] = True
        self.turn = AnswerTurn(document, self.form.only)
        return self.prepared(document, stream=stream)

    def prepared(self, document: MessagesRequest, *, stream: bool) -> Prepared:
        """Return ``document`` as the route takes it."""
        translated = self.translated
        if translated is None:
            raise RuntimeError("nothing was translated")
        call = UpstreamCall(
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
        short = document.get("max_tokens", 0) <= self.settings.unary_max_tokens
        return short and not thinks and not formatted

    # Answers --------------------------------------------------------------------------------

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

    def complete_headers(
        self, reply: Reply, outcome: Outcome, message_id: str | None = None
    ) -> None:
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

    def closing_words(self, outcome: Outcome) -> bytes:
        """Say as JSON what came too late for the headers."""
        cost = outcome.cost
        said = {
            "model": self.planned.model,
            "upstream": outcome.attempts[-1].upstream,
            "attempts": len(outcome.attempts),
            "cost": None if cost is None else dollars(cost),
            "warnings": remarks_out.documents(self.remarks),
        }
        if self.explained:
            said["explain"] = self.explained
        return json.encode(said)


def announce(planned: Planned, reply: Reply) -> None:
    """Say which model serves a call, in the headers."""
    reply.headers["x-isthmus-model"] = planned.model
    if planned.substituted:
        reply.headers["x-isthmus-model-substituted"] = planned.model


def tell_attempts(reply: Reply, outcome: Outcome) -> None:
    """Say in the headers who was asked last, and how often somebody was."""
    if outcome.attempts:
        reply.headers["x-isthmus-upstream"] = outcome.attempts[-1].upstream
        reply.headers["x-isthmus-attempts"] = str(len(outcome.attempts))


def tell_cost(reply: Reply, outcome: Outcome) -> None:
    """Say in the headers what a whole answer costs, in dollars."""
    cost = outcome.cost
    if cost is not None:
        reply.headers["x-isthmus-cost"] = dollars(cost)


def word_for(account: str) -> str:
    """Return a short word for an account that says nothing about it."""
    return blake2b(account.encode(), digest_size=4).hexdigest()
