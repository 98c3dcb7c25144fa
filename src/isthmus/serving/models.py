"""``GET /v1/models`` and ``GET /v1/models/{id}``, in the protocol the caller speaks."""

from __future__ import annotations

from typing import TypedDict
from urllib.parse import parse_qs

from isthmus.access.keys import KeyRing
from isthmus.call import Outcome
from isthmus.errors import InvalidRequest
from isthmus.routing.listing import Listing
from isthmus.serving.reply import Reply
from isthmus.serving.request import Request
from isthmus.wire import models

PREFIX = "/v1/models/"


class Models:
    """Lists what is served. ``anonymous``: callers without any key see it too."""

    def __init__(self, *, keys: KeyRing, listing: Listing, anonymous: bool) -> None:
        self._keys = keys
        self._listing = listing
        self._anonymous = anonymous

    async def list(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Answer with all models; with ``anthropic-version``, page by page."""
        self._admit(request, outcome)
        entries = self._listing.entries
        if request.speaks_messages:
            document = models.anthropic_listing(entries, **_page(request.query))
        else:
            document = models.listing(entries)
        await reply.whole(200, document)

    async def one(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Answer with one model, by any name it goes by; ids may hold slashes."""
        self._admit(request, outcome)
        entry = self._listing.entry(request.path.removeprefix(PREFIX))
        if request.speaks_messages:
            await reply.whole(200, models.anthropic_document(entry))
        else:
            await reply.whole(200, models.document(entry))

    def _admit(self, request: Request, outcome: Outcome) -> None:
        """Let nobody pass with a wrong key, even where none is needed."""
        authorization = request.headers.get("authorization")
        x_api_key = request.headers.get("x-api-key")
        if self._anonymous and not authorization and not x_api_key:
            return
        outcome.principal = self._keys.authenticate(authorization, x_api_key).id


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
