"""Who may come in: the key first, then a place among the calls that are under way."""

from __future__ import annotations

from isthmus.access.keys import KeyRing
from isthmus.call import Outcome, Principal
from isthmus.serving.admission import Admission
from isthmus.serving.request import Request


class Gate:
    """Every call goes through it, before its body is read. Whoever has entered must leave."""

    def __init__(self, keys: KeyRing, admission: Admission) -> None:
        self._keys = keys
        self._admission = admission

    async def enter(self, request: Request, outcome: Outcome) -> Principal:
        """Take a place for a call, and return whose call it is.

        Raises:
            AccessDenied: the key is missing or wrong.
            GatewayBusy: there is no place.
        """
        headers = request.headers
        principal = self._keys.authenticate(headers.get("authorization"), headers.get("x-api-key"))
        outcome.principal = principal.id
        await self._admission.enter()
        return principal

    def leave(self) -> None:
        """Give the place back."""
        self._admission.leave()
