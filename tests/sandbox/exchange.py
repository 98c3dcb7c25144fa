"""Calls the sandbox without a server; the client can leave when it likes."""

import asyncio
import json
from typing import Any

from isthmus.sandbox.app import Sandbox, application

HEADERS = {"anthropic-version": "2026-10-21", "content-type": "application/json"}


class Exchange:
    """One request and what came back; `leave` closes the connection from the client's side."""

    def __init__(self, method: str, path: str, body: object = None, **headers: str) -> None:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        path, _, query = path.partition("?")
        self.scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(n.encode(), v.encode()) for n, v in (HEADERS | sent).items() if v],
        }
        self._incoming = [body if isinstance(body, bytes) else json.dumps(body).encode()]
        self._left = asyncio.Event()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.complete = False

    def leave(self) -> None:
        self._left.set()

    async def run(self, sandbox: Sandbox | None = None, *, require_key: bool = False) -> "Exchange":
        asked = sandbox or application(require_key=require_key)
        await asked(self.scope, self._receive, self._send)
        return self

    def document(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[str]:
        return [line[7:] for line in self.body.decode().splitlines() if line.startswith("event: ")]

    def message(self) -> Any:
        """Return the whole message, put together again if it was streamed."""
        if not self.headers["content-type"].startswith("text/event-stream"):
            return self.document()
        lines = self.body.decode().splitlines()
        told = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
        message = told[0]["message"]
        for event in told:
            _grow(message["content"], event)
        return message

    async def _receive(self) -> dict[str, Any]:
        if self._incoming:
            return {"type": "http.request", "body": self._incoming.pop(), "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {n.decode(): v.decode() for n, v in message["headers"]}
            return
        self.body += message["body"]
        self.complete = not message["more_body"]


def _grow(content: list[dict[str, Any]], event: dict[str, Any]) -> None:
    match event:
        case {"type": "content_block_start", "content_block": block}:
            content.append({**block, "input": ""} if "input" in block else block)
        case {"type": "content_block_delta", "delta": {"partial_json": piece}}:
            content[-1]["input"] += piece
        case {"type": "content_block_delta", "delta": {"citation": citation}}:
            content[-1]["citations"].append(citation)
        case {"type": "content_block_delta", "delta": delta}:
            [member] = delta.keys() - {"type"}
            content[-1][member] += delta[member]
        case {"type": "content_block_stop"} if "input" in content[-1]:
            content[-1]["input"] = json.loads(content[-1]["input"] or "{}")
        case _:
            return
