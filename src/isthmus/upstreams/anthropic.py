"""Anthropic's own platform: where Messages requests go, and what they carry."""

from __future__ import annotations

from collections.abc import Mapping

from isthmus import __version__
from isthmus.upstreams.transport import Transport, UpstreamRequest
from isthmus.upstreams.upstream import MessagesCall, Timers

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

    def __init__(self, name: str, *, api_key: str, timers: Timers, transport: Transport) -> None:
        self.name = name
        self.timers = timers
        self.transport = transport
        self._headers = {**_HEADERS, "x-api-key": api_key}

    def request(self, call: MessagesCall, base_url: str) -> UpstreamRequest:
        """Address ``call`` to ``base_url``, which has no trailing slash and no ``/v1``."""
        return _addressed(call, base_url, self._headers)


def unsigned(call: MessagesCall, base_url: str) -> UpstreamRequest:
    """Address ``call`` as an upstream would, without the credential: to be shown, not sent."""
    return _addressed(call, base_url, _HEADERS)


def _addressed(call: MessagesCall, base_url: str, always: Mapping[str, str]) -> UpstreamRequest:
    headers = {**always, "anthropic-version": call.version}
    if call.betas:
        headers["anthropic-beta"] = ",".join(call.betas)
    return UpstreamRequest(
        method="POST", url=f"{base_url}/v1/messages", headers=headers, body=call.body
    )
