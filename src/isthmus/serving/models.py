"""``GET /v1/models`` and ``GET /v1/models/{id}``, in the protocol the caller speaks."""

from __future__ import annotations

from typing import TypedDict
from urllib.parse import parse_qs

from isthmus.access.principal import Principal
from isthmus.call import Outcome
from isthmus.errors import InvalidRequest, UnknownModel
from isthmus.routing.listing import Listing
from isthmus.serving.gate import Gate
from isthmus.serving.reply import Reply
from isthmus.serving.request import Request
from isthmus.wire import models

PREFIX = "/v1/models/"
_ANYBODY = Principal("")


class Models:
    """Lists what is served. ``anonymous``: callers without any key see it too."""

    def __init__(self, *, gate: Gate, listing: Listing, anonymous: bool) -> None:
        self._gate = gate
        self._listing = listing
        self._anonymous = anonymous

    async def list(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Answer with all models; with ``anthropic-version``, page by page."""
        principal = await self._admit(request, outcome)
        entries = self._listing.entries
        if principal.bounds:
            entries = [one for one in entries if self._may_ask(principal, one.id)]
        if request.speaks_messages:
            document = models.anthropic_listing(entries, **_page(request.query))
        else:
            document = models.listing(entries)
        await reply.whole(200, document)

    async def one(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Answer with one model, by any name it goes by; ids may hold slashes."""
        principal = await self._admit(request, outcome)
        entry = self._listing.entry(request.path.removeprefix(PREFIX))
        if not self._may_ask(principal, entry.id):
            raise UnknownModel("There is no such model for this API key.", param="model")
        if request.speaks_messages:
            await reply.whole(200, models.anthropic_document(entry))
        else:
            await reply.whole(200, models.document(entry))

    async def _admit(self, request: Request, outcome: Outcome) -> Principal:
        """Let nobody pass with a wrong key, even where none is needed."""
        headers = request.headers
        if self._anonymous and not headers.get("authorization") and not headers.get("x-api-key"):
            return _ANYBODY
        return await self._gate.identify(request, outcome)

    def _may_ask(self, principal: Principal, name: str) -> bool:
        return principal.may_ask(self._listing.meant_by(name))


class _Page(TypedDict, total=False):
    limit: int
    after_id: str
    before_id: str


def _page(query: bytes) -> _Page:
    """Read which part of the list is asked for; other parameters are none of ours."""
    asked = parse_qs(query.decode("latin-1"))
    page: _Page = {}
    if "limit" in asked:
        if not asked["limit"][-1].isdecimal():
            raise InvalidRequest("'limit' must be a whole number.", param="limit")
        page["limit"] = int(asked["limit"][-1][:9])
    if "after_id" in asked:
        page["after_id"] = asked["after_id"][-1]
    if "before_id" in asked:
        page["before_id"] = asked["before_id"][-1]
    return page
