"""A Messages request that is passed on as it is: looked at where need be, never rewritten.

Every top-level value stays the very text it came in. Members that are named twice collapse to the
last one, so that nobody behind can read another than the one that was looked at here.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec
from msgspec import Raw

from isthmus.errors import InvalidRequest
from isthmus.wire import json

_decoder = msgspec.json.Decoder(dict[str, Raw])
_FALSE = (b"false", b"null")


class PassedRequest:
    """A request's members by name, each as JSON text. ``model`` is the name its caller used."""

    def __init__(self, body: bytes) -> None:
        """Take a request's body.

        Raises:
            InvalidRequest: it is no JSON object, or names no model.
        """
        self._members = _members(body)
        self.model = self._text("model")
        self.stream = self._switch("stream")

    def body(self, model: str) -> bytes:
        """Write the request for an upstream that knows the model by this name."""
        if model != self.model:
            self._members["model"] = Raw(json.encode(model))
            self.model = model
        return json.encode(self._members)

    def mentions(self, text: bytes) -> bool:
        """Say whether a text stands anywhere in the conversation."""
        return text in self._bytes("messages")

    def whole(self) -> dict[str, Any]:
        """Return the whole request, decoded.

        Raises:
            InvalidRequest: it holds what is not strictly JSON.
        """
        try:
            document: object = json.decode(json.encode(self._members))
        except json.MalformedJSON as error:
            raise InvalidRequest(
                f"The request body is not valid JSON: {error}.", code="invalid_json"
            ) from None
        return cast("dict[str, Any]", document)

    def replace(self, document: dict[str, Any], name: str) -> None:
        """Put one member of ``document`` in the place of the one that came."""
        self._members[name] = Raw(json.encode(document[name]))

    @property
    def asks_for_nothing(self) -> bool:
        """Whether no tokens at all are asked for."""
        return self._bytes("max_tokens") == b"0"

    @property
    def max_tokens(self) -> int | None:
        """How long the answer may be; None where the request does not say."""
        limit = self._decoded("max_tokens") if "max_tokens" in self._members else None
        return limit if isinstance(limit, int) and not isinstance(limit, bool) else None

    @property
    def slow_start(self) -> bool:
        """Whether upstream may have to compile a grammar before it answers."""
        return b'"format"' in self._bytes("output_config") or b'"strict"' in self._bytes("tools")

    @property
    def opening(self) -> list[str]:
        """The texts a conversation opens with: the instructions, and what a user said first."""
        texts = _texts(self._decoded("system"))
        messages = self._decoded("messages")
        if isinstance(messages, list) and messages:
            first: object = cast("list[object]", messages)[0]
            if isinstance(first, dict):
                texts += _texts(cast("dict[str, object]", first).get("content"))
        return texts

    def _bytes(self, name: str) -> bytes:
        return bytes(self._members.get(name, b""))

    def _decoded(self, name: str) -> object:
        try:
            return json.decode_tolerantly(self._bytes(name))
        except json.MalformedJSON:
            return None

    def _text(self, name: str) -> str:
        if name not in self._members:
            raise InvalidRequest(f"{name}: Field required", param=name)
        value = self._decoded(name)
        if not isinstance(value, str) or not value:
            raise InvalidRequest(f"{name}: Input should be a valid string", param=name)
        return value

    def _switch(self, name: str) -> bool:
        value = self._bytes(name)
        if value and value != b"true" and value not in _FALSE:
            raise InvalidRequest(f"{name}: Input should be a valid boolean", param=name)
        return value == b"true"


def _members(body: bytes) -> dict[str, Raw]:
    try:
        if not body.isascii():
            body.decode()  # the decoder does not look into what it leaves as it is
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _malformed(body) from None


def _malformed(body: bytes) -> InvalidRequest:
    try:
        json.decode(body)
    except json.MalformedJSON as error:
        return InvalidRequest(f"The request body is not valid JSON: {error}.", code="invalid_json")
    return InvalidRequest("The request body is not a JSON object.", code="invalid_json")


def _texts(content: object) -> list[str]:
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    parts = cast("list[Any]", content)
    texts = [cast("dict[str, Any]", part).get("text") for part in parts if isinstance(part, dict)]
    return [text for text in texts if isinstance(text, str)]
