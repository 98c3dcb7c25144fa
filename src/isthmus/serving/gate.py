"""Who may come in: the key first, then a place among the calls that are under way."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from isthmus.access.keys import KeyRing
from isthmus.call import Outcome, Principal
from isthmus.serving.admission import Admission
from isthmus.serving.request import Request


class Gate:
    """Every call goes through it, before its body is read."""

    def __init__(self, keys: KeyRing, admission: Admission) -> None:
        self._keys = keys
        self._admission = admission

    @asynccontextmanager
    async def entered(self, request: Request, outcome: Outcome) -> AsyncGenerator[Principal]:
        """Hold a place while a call is under way; gives whose call it is.

        Raises:
            AccessDenied: the key is missing or wrong.
            GatewayBusy: there is no place.
        """
        principal = self._keys.authenticate(
            request.headers.get("authorization"), request.headers.get("x-api-key")
        )
        outcome.principal = principal.id
        async with self._admission.admitted():
            yield principal
