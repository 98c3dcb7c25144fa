"""``isthmus chat``: one question to a gateway that lives only for it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

from rich.console import Console

from isthmus.access.keys import KeyRing
from isthmus.cli import setting_up
from isthmus.cli.welcome import MODEL
from isthmus.config import Config
from isthmus.gateway import application
from isthmus.upstreams.asgi_transport import AsgiTransport
from isthmus.upstreams.transport import TransportError, UpstreamRequest, UpstreamResponse
from isthmus.wire import json, sse

_URL = "http://isthmus/v1/chat/completions"
_MAX_ERROR = 64 * 1024


def run(path: Path | None, model: str | None, text: str) -> int:
    """Ask and print the answer; return the exit code."""
    config = setting_up.configuration(path)
    request: dict[str, Any] = {
        "model": model or MODEL,
        "messages": [{"role": "user", "content": text}],
        "stream": True,
    }
    try:
        return asyncio.run(_ask(config, request))
    except KeyboardInterrupt:
        return 130
    except ValueError as error:
        setting_up.fail(str(error))


async def _ask(config: Config, document: dict[str, Any]) -> int:
    key = setting_up.minted()
    app = application(config, KeyRing({setting_up.LOCAL: key}))
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = UpstreamRequest(method="POST", url=_URL, headers=headers, body=json.encode(document))
    async with aclosing(app):
        response = await AsgiTransport(app).send(request, connect_timeout=0)
        try:
            return await _print_answer(response)
        finally:
            response.close()


async def _print_answer(response: UpstreamResponse) -> int:
    if response.status != 200:
        return _say_error(json.decode(await response.read_all(_MAX_ERROR)))
    console = Console(highlight=False, soft_wrap=True)
    printer = _Printer(console)
    decoder = sse.Decoder()
    try:
        while chunk := await response.read_some():
            for event in decoder.feed(chunk):
                if event.data == b"[DONE]":
                    continue
                document = json.decode(event.data)
                if "error" in document:
                    console.print()
                    return _say_error(document)
                printer.take(document)
    except TransportError:
        console.print()
        setting_up.warn("the answer broke off")
        return 1
    console.print()
    return 0


class _Printer:
    """Prints deltas: thinking dim, and a blank line between it and the answer."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._thought = False

    def take(self, chunk: dict[str, Any]) -> None:
        for choice in cast("list[dict[str, Any]]", chunk.get("choices", [])):
            delta = choice["delta"]
            if delta.get("reasoning_content"):
                self._thought = True
                self._print(delta["reasoning_content"], "dim")
            if delta.get("content"):
                if self._thought:
                    self._print("\n\n", None)
                    self._thought = False
                self._print(delta["content"], None)
            if delta.get("refusal"):
                self._print(delta["refusal"], "italic")

    def _print(self, text: str, style: str | None) -> None:
        self._console.print(text, style=style, end="", markup=False)
        self._console.file.flush()


def _say_error(document: dict[str, Any]) -> int:
    setting_up.complain(document["error"]["message"])
    return 1
