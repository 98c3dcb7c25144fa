"""Platforms that speak Chat Completions: where requests go, and what they carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from isthmus.upstreams.anthropic import HOPS, USER_AGENT
from isthmus.upstreams.transport import Transport, UpstreamRequest
from isthmus.upstreams.upstream import Timers, UpstreamCall
from isthmus.wire import json

PATH = "/chat/completions"
_HEADERS = {
    "content-type": "application/json",
    "accept": "application/json",
    # A compressed stream arrives in lumps, and saves nothing on small events.
    "accept-encoding": "identity",
    "user-agent": USER_AGENT,
}


class OpenAICompatibleUpstream:
    """Sends chat requests to any vendor that speaks OpenAI's protocol.

    Nothing of the client's own headers is passed on: these are all there are.
    """

    def __init__(
        self,
        name: str,
        *,
        api_keys: Sequence[str],
        timers: Timers,
        transport: Transport,
        hedge_after: float | None = None,
    ) -> None:
        """Take the credentials, of which there may be none: a server at home asks for no key."""
        self.name = name
        self.hedge_after = hedge_after
        self.timers = timers
        self.transport = transport
        keyed = [{**_HEADERS, "authorization": f"Bearer {key}"} for key in api_keys]
        self._headers = keyed or [_HEADERS]

    def request(self, call: UpstreamCall, base_url: str, credential: int) -> UpstreamRequest:
        """Address ``call`` to ``base_url``, which has no trailing slash but its version."""
        headers = {**call.headers, **self._headers[credential - 1], HOPS: str(call.hops)}
        return UpstreamRequest(
            method="POST", url=base_url + call.path, headers=headers, body=call.body
        )

    def listing(self, base_url: str, credential: int, _after: str | None) -> UpstreamRequest:
        """Ask for the models of the account, all of which come at once."""
        headers = self._headers[credential - 1]
        return UpstreamRequest(method="GET", url=f"{base_url}/models", headers=headers)

    def question(self, model: str) -> UpstreamCall:
        """Ask for an answer of one token."""
        message = {"role": "user", "content": "Hi"}
        document = {"model": model, "max_tokens": 1, "messages": [message]}
        return UpstreamCall(body=json.encode(document), path=PATH)

    def is_answer(self, document: object) -> bool:
        """Say whether what came is an answer to that."""
        return isinstance(document, Mapping) and "choices" in document


def unsigned(call: UpstreamCall, base_url: str) -> UpstreamRequest:
    """Address ``call`` as an upstream would, without the credential: to be shown, not sent."""
    headers = {**call.headers, **_HEADERS, HOPS: str(call.hops)}
    return UpstreamRequest(method="POST", url=base_url + call.path, headers=headers, body=call.body)
