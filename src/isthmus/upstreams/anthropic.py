"""Anthropic's own platform: where Messages requests go, and what they carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from isthmus import __version__
from isthmus.upstreams.transport import Transport, UpstreamRequest
from isthmus.upstreams.upstream import Timers, UpstreamCall
from isthmus.wire import json
from isthmus.wire.messages.documents import CURRENT_VERSION

#: Counts gateways on the way, so that one that is its own upstream does not ask itself for ever.
HOPS = "x-isthmus-hops"
USER_AGENT = f"isthmus/{__version__}"


_HEADERS = {
    "content-type": "application/json",
    "accept": "application/json",
    # A compressed stream arrives in lumps, and saves nothing on small events.
    "accept-encoding": "identity",
    "user-agent": USER_AGENT,
}


class AnthropicUpstream:
    """Sends Messages requests to ``api.anthropic.com`` or whatever speaks its protocol.

    Nothing of the client's own headers is passed on: these are all there are.
    """

    def __init__(
        self,
        name: str,
        *,
        api_keys: Sequence[str],
        timers: Timers,
        transport: Transport,
        api_version: str | None = None,
        hedge_after: float | None = None,
    ) -> None:
        """Take the credentials; ``api_version`` takes the place of whatever a call asks for."""
        self.name = name
        self.hedge_after = hedge_after
        self.timers = timers
        self.transport = transport
        self._headers = [{**_HEADERS, "x-api-key": key} for key in api_keys]
        self._version = api_version

    def request(self, call: UpstreamCall, base_url: str, credential: int) -> UpstreamRequest:
        """Address ``call`` to ``base_url``, which has no trailing slash and no ``/v1``."""
        always = self._headers[credential - 1]
        return _addressed(call, base_url, always, self._version or call.version)

    def listing(self, base_url: str, credential: int, after: str | None) -> UpstreamRequest:
        """Ask for the models of the account, a page of them after the id ``after``."""
        query = f"?limit=1000&after_id={quote(after, safe='')}" if after else "?limit=1000"
        version = self._version or CURRENT_VERSION
        headers = {**self._headers[credential - 1], "anthropic-version": version}
        return UpstreamRequest(method="GET", url=f"{base_url}/v1/models{query}", headers=headers)

    def question(self, model: str) -> UpstreamCall:
        """Ask for an answer of one token."""
        message = {"role": "user", "content": "Hi"}
        document = {"model": model, "max_tokens": 1, "messages": [message]}
        return UpstreamCall(body=json.encode(document))

    def is_answer(self, document: object) -> bool:
        """Say whether what came is an answer to that."""
        return isinstance(document, Mapping) and "stop_reason" in document


def unsigned(call: UpstreamCall, base_url: str) -> UpstreamRequest:
    """Address ``call`` as an upstream would, without the credential: to be shown, not sent."""
    return _addressed(call, base_url, _HEADERS, call.version)


def _addressed(
    call: UpstreamCall, base_url: str, always: Mapping[str, str], version: str
) -> UpstreamRequest:
    headers = {**call.headers, **always, "anthropic-version": version, HOPS: str(call.hops)}
    if call.betas:
        headers["anthropic-beta"] = ",".join(call.betas)
    return UpstreamRequest(method="POST", url=base_url + call.path, headers=headers, body=call.body)
