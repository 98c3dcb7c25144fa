"""One Messages request under way to an upstream that speaks the same protocol: passed on."""

from __future__ import annotations

from collections.abc import Mapping

from isthmus.call import Outcome
from isthmus.errors import UpstreamRefused
from isthmus.routing.plan import Route
from isthmus.routing.router import Planned
from isthmus.serving.attempting import Prepared
from isthmus.serving.model_call import tell_attempts
from isthmus.serving.relay import Kind
from isthmus.serving.reply import Reply
from isthmus.serving.request import Request
from isthmus.serving.wishes import Wishes
from isthmus.upstreams.upstream import MessagesCall
from isthmus.wire.messages.documents import CURRENT_VERSION
from isthmus.wire.messages.passed import PassedRequest

#: Headers of the protocol that are not a caller's to send: they say for whom the account works.
_WITHHELD = frozenset({"anthropic-workspace-id", "anthropic-user-profile-id"})
_OURS = frozenset({"anthropic-version", "anthropic-beta"})
#: A body of so many bytes is a very long prompt, which takes its time to be read.
_LONG_PROMPT = 1024 * 1024


class PassedCall:
    """What is passed on of one request, and what its answer says of the way it took."""

    def __init__(
        self, document: PassedRequest, request: Request, planned: Planned, wishes: Wishes
    ) -> None:
        self.document = document
        self.planned = planned
        self.wishes = wishes
        self._request = request
        self._headers = _passed(request.headers)

    def announce(self, reply: Reply) -> None:
        """Say which model serves the call, in the headers, and what was withheld."""
        reply.headers["x-isthmus-model"] = self.planned.model
        if self.planned.substituted:
            reply.headers["x-isthmus-model-substituted"] = self.planned.model
        withheld = [name for name in self._request.headers if name in _WITHHELD]
        if withheld:
            told = "; ".join(f"{name}: dropped" for name in withheld)
            reply.headers["x-isthmus-warnings"] = told

    def prepare(self, route: Route, *, path: str, answer: Kind) -> Prepared:
        """Address it to a route."""
        headers, document = self._request.headers, self.document
        beta = headers.get("anthropic-beta")
        body = document.body(route.model)
        return Prepared(
            call=MessagesCall(
                body=body,
                version=headers.get("anthropic-version", CURRENT_VERSION),
                betas=(beta,) if beta else (),
                path=f"{path}?beta=true" if b"beta=true" in self._request.query else path,
                headers=self._headers,
                hops=self.wishes.hops + 1,
            ),
            stream=document.stream and answer == "message",
            slow_start=document.slow_start or len(body) > _LONG_PROMPT,
            answer=answer,
        )

    def complete_headers(self, reply: Reply, outcome: Outcome) -> None:
        """Add what is known once an upstream has answered."""
        tell_attempts(reply, outcome)
        request_id = outcome.attempts[-1].request_id
        if request_id:
            reply.headers["x-isthmus-upstream-request-id"] = request_id


def _passed(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of the protocol, also those that nobody here knows."""
    return {
        name: value
        for name, value in headers.items()
        if name.startswith("anthropic-") and name not in _OURS and name not in _WITHHELD
    }


def is_our_trouble(error: UpstreamRefused) -> bool:
    """Say whether an upstream refuses us rather than what was asked."""
    return error.upstream_status in (401, 402, 403)
