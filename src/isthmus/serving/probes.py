"""``/livez``, ``/healthz`` and ``/readyz``: for whoever watches the process. They need no key."""

from __future__ import annotations

from isthmus.call import Outcome
from isthmus.serving.drain import Drain
from isthmus.serving.reply import Reply
from isthmus.serving.request import Request


class Probes:
    """Says how the process is. It never looks at upstreams: their trouble is not ours."""

    def __init__(self, drain: Drain) -> None:
        self._drain = drain

    async def live(self, _request: Request, reply: Reply, _outcome: Outcome) -> None:
        """Say that the event loop runs."""
        await reply.whole(200, {"status": "ok"})

    async def ready(self, _request: Request, reply: Reply, _outcome: Outcome) -> None:
        """Say whether new calls are welcome. Before the start there is nobody to answer at all."""
        if self._drain.draining:
            await reply.whole(503, {"status": "draining"})
        else:
            await reply.whole(200, {"status": "ok"})
