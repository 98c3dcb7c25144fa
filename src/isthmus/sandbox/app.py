"""The sandbox as an ASGI application: the Messages API's paths, errors and streams."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from isthmus.sandbox.answer import Answer, last_text
from isthmus.sandbox.binding import Bound, bind
from isthmus.sandbox.directives import Directives, UnknownDirectiveError, parse
from isthmus.sandbox.errors import STATUS_BY_KIND, ApiError, invalid
from isthmus.sandbox.grammar import CONTENT, events
from isthmus.sandbox.listing import document as model_document
from isthmus.sandbox.listing import page
from isthmus.sandbox.models import Model, find
from isthmus.sandbox.prompt_cache import PromptCache
from isthmus.sandbox.rules import check, check_prompt
from isthmus.sandbox.rules.thinking import BINDING_BETA
from isthmus.sandbox.searching import declared as web_search_tool
from isthmus.wire import json, sse

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Document = dict[str, Any]

MAX_BODY = 32 * 1024 * 1024
#: Every so many content events an unpaced stream looks whether its client is still there, and lets
#: others have their turn.
_PATIENCE = 16
#: How much of the digest of a key names its account.
_ACCOUNT = 16
VERSIONS = ("2023-06-01", "2026-10-21")

#: The stream breaks without its HTTP end where the server lets an application ask for it.
_EXTENSION = "isthmus.connection"


def application(*, require_key: bool = False) -> Sandbox:
    """Make a sandbox. With ``require_key`` requests must carry some key, any key."""
    return Sandbox(PromptCache(), require_key=require_key)


class Sandbox:
    """The ASGI application. What it remembers from call to call is its prompt cache."""

    def __init__(self, cache: PromptCache, *, require_key: bool = False) -> None:
        self._require_key = require_key
        self._cache = cache

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request, or the server's lifespan."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["type"] == "http":
            exchange = _Exchange(scope, receive, send, self._cache)
            await exchange.serve(require_key=self._require_key)


class _BrokenOff(Exception):
    """The answer ends here, without an end."""


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Message, receive: Receive, send: Send, cache: PromptCache) -> None:
        self._scope = scope
        self._cache = cache
        self._receive = receive
        self._send = send
        self._headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        self._request_id = "req_sandbox"

    async def serve(self, *, require_key: bool) -> None:
        """Answer."""
        try:
            if require_key:
                self._require_key()
            await self._route()
        except ApiError as error:
            await self._whole(error.status, error.document(self._request_id), error.headers)
        except _BrokenOff:
            connection = self._scope.get("extensions", {}).get(_EXTENSION)
            if connection is not None:
                connection.abort()

    def _credential(self) -> str:
        """Return the key a request carries, or nothing."""
        scheme, _, token = self._headers.get("authorization", "").partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else ""
        return bearer or self._headers.get("x-api-key", "").strip()

    def _account(self) -> str:
        """Name whose request it is: each key is an account of its own."""
        key = self._credential()
        return hashlib.sha256(key.encode()).hexdigest()[:_ACCOUNT] if key else "anonymous"

    def _betas(self) -> frozenset[str]:
        """Return the betas a request asks for, in one header or in several."""
        lists = [value for name, value in self._scope["headers"] if name == b"anthropic-beta"]
        named = b",".join(lists).decode("latin-1").split(",")
        return frozenset(beta.strip() for beta in named)

    def _require_key(self) -> None:
        if not self._credential():
            raise ApiError(401, "x-api-key header is required")

    async def _route(self) -> None:
        path: str = self._scope["path"].rstrip("/")
        match (self._scope["method"], path):
            case ("POST", "/v1/messages"):
                document = await self._document()
                model = check(document, self._version(), self._betas())
                await self._answer(bind(document, model, self._account()), model)
            case ("POST", "/v1/messages/count_tokens"):
                document = await self._document()
                model = check_prompt(document, self._version(), self._betas())
                prompt = bind(document, model, self._account()).prompt
                await self._whole(200, {"input_tokens": prompt.tokens})
            case ("GET", "/v1/models"):
                self._version()
                await self._whole(200, page(self._scope.get("query_string", b"")))
            case ("GET", _) if path.startswith("/v1/models/"):
                self._version()
                name = path.removeprefix("/v1/models/")
                model = find(name)
                if model is None:
                    raise ApiError(404, f"model: {name}")
                await self._whole(200, model_document(model))
            case _:
                raise ApiError(404, "Not Found")

    def _version(self) -> str:
        version = self._headers.get("anthropic-version")
        if version is None:
            raise invalid("anthropic-version", "header is required")
        if version not in VERSIONS:
            raise invalid("anthropic-version", f'"{version}" is not a valid version')
        return version

    async def _document(self) -> Document:
        body = bytearray()
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise _BrokenOff
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > MAX_BODY:
                raise ApiError(413, "Request exceeds the maximum size")
        self._request_id = f"req_{hashlib.sha256(body).hexdigest()[:24]}"
        try:
            document: object = json.decode(bytes(body))
        except json.MalformedJSON as error:
            raise ApiError(400, f"The request body is not valid JSON: {error}") from None
        if not isinstance(document, dict):
            raise ApiError(400, "The request body is not a JSON object")
        return document  # pyright: ignore[reportUnknownVariableType]

    # Answers --------------------------------------------------------------------------------

    async def _answer(self, bound: Bound, model: Model) -> None:
        document, prompt = bound.document, bound.prompt
        try:
            directives = parse(last_text(document))
        except UnknownDirectiveError as error:
            raise invalid("sandbox", str(error)) from None
        _refuse_undeclared(directives, document)
        if directives.fail is not None:
            raise _failure(directives)
        prompt.check_fits(model)
        answer = Answer(bound, model, directives)
        message = answer.message(self._cache.use(prompt, model, self._credential()).document())
        if BINDING_BETA in self._betas():
            message["input_transformations"] = bound.transformations
        if document.get("stream"):
            await self._stream(message, directives)
            return
        if directives.fault is not None:
            await self._spoil_whole(message, directives.fault)
        elif directives.pace:
            paced = sum(event["type"] in CONTENT for event in events(message))
            await self._wait(directives.pace * paced)
        await self._whole(200, message)

    async def _stream(self, message: Document, directives: Directives) -> None:
        kind = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
        await self._start(200, kind)
        content = 0
        for event in events(message):
            is_content = event["type"] in CONTENT
            if directives.fault is not None and _is_due(directives.fault[1], event, content):
                await self._spoil(directives.fault)
                return
            content += is_content
            if is_content and (directives.pace or content % _PATIENCE == 0):
                await self._wait(directives.pace)
            await self._body(sse.named_frame(event["type"], json.encode(event)))
        await self._body(b"", more=False)

    async def _spoil(self, fault: tuple[str, int, str]) -> None:
        """Let the stream go wrong in the way that was asked for."""
        kind, _, detail = fault
        match kind:
            case "error":
                said = {"type": detail or "overloaded_error", "message": "The sandbox was told to."}
                event = {"type": "error", "error": said}
                await self._body(sse.named_frame("error", json.encode(event)), more=False)
            case "end":
                await self._body(b"", more=False)
            case "stall":
                await self._until_left()
                raise _BrokenOff
            case "garbage":
                await self._body(b'event: content_block_delta\ndata: {"type":\n\n', more=False)
            case _:
                raise _BrokenOff

    async def _spoil_whole(self, message: Document, fault: tuple[str, int, str]) -> None:
        """Do the like to an answer in one piece: an error, silence, or half a body."""
        kind, _, detail = fault
        if kind == "error":
            kind = detail or "overloaded_error"
            raise ApiError(STATUS_BY_KIND.get(kind, 500), "The sandbox was told to.")
        if kind == "stall":
            await self._until_left()
            raise _BrokenOff
        body = json.encode(message)
        await self._start(
            200, {"content-type": "application/json", "content-length": str(len(body))}
        )
        await self._body(body[: len(body) // 2])
        raise _BrokenOff

    # Sending --------------------------------------------------------------------------------

    async def _whole(
        self, status: int, document: Document, headers: dict[str, str] | None = None
    ) -> None:
        body = json.encode(document)
        more = {"content-type": "application/json", "content-length": str(len(body))}
        await self._start(status, {**more, **(headers or {})})
        await self._body(body, more=False)

    async def _start(self, status: int, headers: dict[str, str]) -> None:
        sent = {"request-id": self._request_id, **headers}
        pairs = [(name.encode(), value.encode()) for name, value in sent.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def _body(self, body: bytes, *, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def _wait(self, seconds: float) -> None:
        """Wait, but not for a client that has left."""
        try:
            async with asyncio.timeout(seconds):
                await self._until_left()
        except TimeoutError:
            return
        raise _BrokenOff

    async def _until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue


def _is_due(position: int, event: Document, content: int) -> bool:
    """Say whether a fault comes before ``event``; an answer too short for it ends with it."""
    if event["type"] == "message_delta":
        return True
    return event["type"] in CONTENT and content == position


def _refuse_undeclared(directives: Directives, document: Document) -> None:
    # Those that have a schema are the client's; the others nobody there could answer.
    declared = {tool["name"] for tool in document.get("tools", []) if "input_schema" in tool}
    for call in directives.calls:
        if call.name not in declared:
            raise invalid("sandbox", f"no tool {call.name!r} is declared")
    if directives.queries and web_search_tool(document) is None:
        raise invalid("sandbox", "no web search is declared")


def _failure(directives: Directives) -> ApiError:
    headers: dict[str, str] = {}
    if directives.retry_after is not None:
        headers["retry-after"] = str(directives.retry_after)
    return ApiError(directives.fail or 500, "The sandbox was told to fail.", headers=headers)
