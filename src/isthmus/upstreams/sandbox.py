"""The built-in sandbox as an upstream: the simulator, called in process."""

from __future__ import annotations

from isthmus.sandbox.app import application
from isthmus.upstreams.anthropic import AnthropicUpstream
from isthmus.upstreams.asgi_transport import AsgiTransport
from isthmus.upstreams.upstream import Timers


def sandbox_upstream(name: str, timers: Timers) -> AnthropicUpstream:
    """Make an upstream that answers from this process, by the same protocol as the real one."""
    transport = AsgiTransport(application())
    return AnthropicUpstream(name, api_keys=("sandbox",), timers=timers, transport=transport)
