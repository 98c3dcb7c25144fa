"""Asks the sandbox what Claude would answer, without a server or a gateway between."""

import asyncio
import json

from isthmus.sandbox.app import Sandbox, application
from isthmus.wire.messages.documents import Event
from isthmus.wire.messages.events import TextRun, decode
from isthmus.wire.sse import Decoder


def answer_to(document: bytes, version: str, betas: tuple[str, ...]) -> list[Event]:
    """Return the events that a Messages request brings."""
    return asyncio.run(_asked(application(), document, version, betas))


async def _asked(
    sandbox: Sandbox, body: bytes, version: str, betas: tuple[str, ...]
) -> list[Event]:
    received = b""
    incoming = iter([{"type": "http.request", "body": body, "more_body": False}])
    forever = asyncio.Event()

    async def receive() -> dict:
        message = next(incoming, None)
        return message if message is not None else await forever.wait()

    async def send(message: dict) -> None:
        nonlocal received
        if message["type"] == "http.response.start":
            assert message["status"] == 200, body
        received += message.get("body", b"")

    headers = [(b"anthropic-version", version.encode()), (b"content-type", b"application/json")]
    if betas:
        headers.append((b"anthropic-beta", ",".join(betas).encode()))
    scope = {"type": "http", "method": "POST", "path": "/v1/messages", "headers": headers}
    await sandbox({**scope, "query_string": b""}, receive, send)
    frames = [decode(frame) for frame in Decoder().feed(received)]
    return [
        json.loads(json.dumps(event))
        for frame in frames
        for event in (frame.events if isinstance(frame, TextRun) else [frame])
    ]
