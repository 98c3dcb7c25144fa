"""The exchange, with the gateway's credentials taken out of what upstreams say went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from isthmus.call import Observer, Outcome
from isthmus.errors import UpstreamError
from isthmus.redaction import masked
from isthmus.routing.health import Health
from isthmus.routing.plan import Route
from isthmus.serving.exchange import Caller, Exchange
from isthmus.upstreams.upstream import Upstream


class DiscreetExchange(Exchange):
    """Passes failures on without ``secrets``: an upstream may repeat the key that it refuses."""

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        health: Health,
        observer: Observer,
        secrets: Sequence[str],
    ) -> None:
        super().__init__(upstreams, health, observer)
        self._secrets = secrets

    async def run(self, routes: Sequence[Route], caller: Caller, outcome: Outcome) -> None:
        """Serve ``caller`` as the exchange does."""
        try:
            await super().run(routes, caller, outcome)
        except UpstreamError as error:
            error.message = masked(error.message, self._secrets)
            raise
