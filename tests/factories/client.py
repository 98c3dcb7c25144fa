"""A plain HTTP client that shows what was really sent, the end of the connection included."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import Any

from factories.gateway import Gateway

HELLO = {"model": "only-main", "messages": [{"role": "user", "content": "Hello!"}]}


@dataclass
class Answer:
    """One answer. ``cut``: the connection ended before the answer did."""

    status: int
    headers: dict[str, str]
    body: bytes
    cut: bool = False
    frames: list[str] = field(default_factory=list)

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return self.document["error"]

    @property
    def data(self) -> list[Any]:
        """The documents of a stream, without its terminator."""
        texts = [frame[6:] for frame in self.frames if frame.startswith("data: ")]
        return [json.loads(text) for text in texts if text != "[DONE]"]

    @property
    def done(self) -> bool:
        return "data: [DONE]" in self.frames

    @property
    def text(self) -> str:
        pieces = [c["delta"] for d in self.data for c in d.get("choices", [])]
        return "".join(piece.get("content") or "" for piece in pieces)

    @property
    def comments(self) -> list[str]:
        return [frame[2:] for frame in self.frames if frame.startswith(": ")]


def ask(gateway: Gateway, document: Any = None, **headers: str) -> Answer:
    """Post a chat request and read the answer to wherever it ends."""
    body = document if isinstance(document, bytes) else json.dumps(document or HELLO).encode()
    return call(gateway, "POST", "/v1/chat/completions", body, **headers)


def stream(gateway: Gateway, **more: Any) -> Answer:
    """Post a streaming chat request."""
    return ask(gateway, {**HELLO, "stream": True, **more})


def message(gateway: Gateway, body: bytes | None = None, **headers: str) -> Answer:
    """Post a request of the Messages protocol."""
    body = body or json.dumps({**HELLO, "max_tokens": 9}).encode()
    return call(gateway, "POST", "/v1/messages", body, anthropic_version="2023-06-01", **headers)


def call(
    gateway: Gateway, method: str, path: str, body: bytes | None = None, **headers: str
) -> Answer:
    """Make any request."""
    given = {"authorization": f"Bearer {gateway.key}", "content-type": "application/json"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = gateway.connection()
    try:
        sent = {name: value for name, value in given.items() if value}
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        answer = Answer(response.status, dict(response.getheaders()), b"")
        try:
            answer.body = response.read()
        except http.client.IncompleteRead as error:
            answer.body, answer.cut = error.partial, True
        answer.frames = [f for f in answer.body.decode().split("\n\n") if f]
        return answer
    finally:
        connection.close()
