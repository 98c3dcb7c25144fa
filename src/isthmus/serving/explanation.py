"""What would become of a chat request: who would be asked, and how, without asking anybody."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from isthmus.routing.plan import Route
from isthmus.routing.router import Planned
from isthmus.serving.chat_call import ChatCall
from isthmus.serving.chat_passing import PassedChat
from isthmus.translate.applied import Applied
from isthmus.upstreams import anthropic, openai_compatible
from isthmus.upstreams.transport import UpstreamRequest


class Explanation(Struct, frozen=True, kw_only=True):
    """What a request comes to. ``request`` is the first one sent, without any credential.

    ``routes`` are all that would be tried, in order; ``fields`` say what became of the request for
    the first of them.
    """

    planned: Planned
    routes: Sequence[Route]
    request: UpstreamRequest
    fields: Sequence[Applied]


def explain(call: ChatCall) -> Explanation:
    """Translate and address a call for its first route.

    Raises:
        InvalidRequest: it would be refused.
    """
    routes = call.planned.plan.routes
    prepared = call.prepare(routes[0], stream=call.facts.stream)
    return Explanation(
        planned=call.planned,
        routes=routes,
        request=anthropic.unsigned(prepared.call, routes[0].base_url),
        fields=call.fields,
    )


def explain_passed(call: PassedChat) -> Explanation:
    """Address a call whose first route speaks its protocol: nothing becomes of its fields."""
    routes = call.planned.plan.routes
    prepared = call.prepare(routes[0])
    return Explanation(
        planned=call.planned,
        routes=routes,
        request=openai_compatible.unsigned(prepared.call, routes[0].base_url),
        fields=(),
    )
