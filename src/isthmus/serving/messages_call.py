"""One Messages request under way: passed on where its upstream speaks the same protocol.

An upstream that speaks Chat Completions gets it translated.
"""

from __future__ import annotations

from collections.abc import Mapping

from isthmus.call import Outcome
from isthmus.routing.plan import Route
from isthmus.routing.router import Planned
from isthmus.serving import over_chat
from isthmus.serving import remarks as remarks_out
from isthmus.serving.answers import MESSAGE, Answer
from isthmus.serving.attempting import Prepared
from isthmus.serving.model_call import Allowed, announce, tell_attempts
from isthmus.serving.reply import Reply
from isthmus.serving.request import Request
from isthmus.serving.wishes import Wishes
from isthmus.translate.messages_over_chat.local import answered
from isthmus.translate.messages_over_chat.signature import without_foreign_thinking
from isthmus.translate.remarks import Remarks
from isthmus.upstreams.upstream import UpstreamCall
from isthmus.wire.messages.documents import CURRENT_VERSION, SAMPLING_VERSION, Message
from isthmus.wire.messages.passed import PassedRequest
from isthmus.wire.messages.shape import checked

#: Headers of the protocol that are not a caller's to send: they say for whom the account works.
_WITHHELD = frozenset({"anthropic-workspace-id", "anthropic-user-profile-id"})
_OURS = frozenset({"anthropic-version", "anthropic-beta"})
#: A body of so many bytes is a very long prompt, which takes its time to be read.
_LONG_PROMPT = 1024 * 1024


class PassedCall:
    """What goes upstream of one request, and what its answer says of the way it took.

    Of ``keys`` the first signs the thinking of other models than Claude.
    """

    def __init__(
        self,
        document: PassedRequest,
        request: Request,
        planned: Planned,
        wishes: Wishes,
        keys: tuple[bytes, ...],
    ) -> None:
        self.document = document
        self.planned = planned
        self.wishes = wishes
        self.remarks = Remarks(strict=wishes.strict)
        self._request = request
        self._keys = keys
        self._named = document.model
        self._request_id = ""
        self._allowed: Allowed | None = None
        self._headers = _passed(request.headers)

    def limit(self, tokens: int | None) -> None:
        """Limit the answer to what the caller's key allows; None: it asks for no more."""
        if tokens is not None:
            self._allowed = Allowed("max_tokens", tokens)
            self.document.replace({"max_tokens": tokens}, "max_tokens")

    def announce(self, reply: Reply) -> None:
        """Say which model serves the call, in the headers, and what was withheld."""
        self._request_id = reply.request_id
        announce(self.planned, reply)
        withheld = [name for name in self._request.headers if name in _WITHHELD]
        if withheld:
            told = "; ".join(f"{name}: dropped" for name in withheld)
            reply.headers[remarks_out.WARNINGS] = told

    def answered_here(self, message_id: str) -> Message | None:
        """Return the answer to a request that no upstream of other models needs to see."""
        if not self.document.asks_for_nothing:
            return None
        return answered(checked(self.document.whole()), message_id)

    def prepare(self, route: Route, *, path: str, answer: Answer) -> Prepared:
        """Address it to a route."""
        self.remarks = Remarks(strict=self.wishes.strict)
        if self._allowed is not None:
            self._allowed.said_in(self.remarks)
        if route.chat is not None:
            return self._translated(route)
        headers, document = self._request.headers, self.document
        beta = headers.get("anthropic-beta")
        if document.mentions(b'"isth1.'):
            document.replace(without_foreign_thinking(document.whole()), "messages")
        body = document.body(route.model)
        return Prepared(
            call=UpstreamCall(
                body=body,
                version=headers.get("anthropic-version", CURRENT_VERSION),
                betas=(beta,) if beta else (),
                path=f"{path}?beta=true" if b"beta=true" in self._request.query else path,
                headers=self._headers,
                hops=self.wishes.hops + 1,
            ),
            stream=document.stream and answer is MESSAGE,
            slow_start=document.slow_start or len(body) > _LONG_PROMPT,
            answer=answer,
        )

    def _translated(self, route: Route) -> Prepared:
        asking = over_chat.Asking(
            model=self._named,
            request_id=self._request_id,
            keys=self._keys,
            version=self._request.headers.get("anthropic-version", SAMPLING_VERSION),
            hops=self.wishes.hops + 1,
        )
        document = checked(self.document.whole())
        return over_chat.prepared(
            document, route, asking, self.remarks, stream=self.document.stream
        )

    def complete_headers(self, reply: Reply, outcome: Outcome) -> None:
        """Add what is known once an upstream has answered."""
        tell_attempts(reply, outcome)
        request_id = outcome.attempts[-1].request_id
        if request_id:
            reply.headers["x-isthmus-upstream-request-id"] = request_id
        if len(self.remarks):
            said = remarks_out.header(self.remarks)
            before = reply.headers.get(remarks_out.WARNINGS)
            reply.headers[remarks_out.WARNINGS] = f"{before}; {said}" if before else said


def _passed(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of the protocol, also those that nobody here knows."""
    return {
        name: value
        for name, value in headers.items()
        if name.startswith("anthropic-") and name not in _OURS and name not in _WITHHELD
    }
