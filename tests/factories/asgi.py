"""Calls an application as a plain ASGI server does."""

import asyncio
import json

KEY = "a-key-of-some-length"


async def call(app, document: dict, leave: asyncio.Event) -> list[dict]:
    """Call the application as a plain ASGI server does; ``leave`` is the client's leaving."""
    body = iter([{"type": "http.request", "body": json.dumps(document).encode()}])
    sent: list[dict] = []

    async def receive():
        message = next(body, None)
        if message is None:
            await leave.wait()
            return {"type": "http.disconnect"}
        return message

    async def send(message):
        sent.append(message)

    headers = [(b"authorization", f"Bearer {KEY}".encode())]
    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers}
    await app(scope, receive, send)
    return sent
