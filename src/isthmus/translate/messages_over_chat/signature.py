"""Signatures for thinking that Claude did not think.

Clients of the Messages protocol bring thinking back only with its signature, and Claude refuses
what it did not sign. So thinking of other models is signed here, in a form that can be told apart:
``isth1.<payload>.<mac>``, both base64url. The payload is JSON: ``v`` the vendor, ``m`` the model,
and ``t`` the thoughts themselves where the client is shown none.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any, cast

from msgspec import Struct

from isthmus.wire import json
from isthmus.wire.messages.documents import Block

_PREFIX = "isth1."


class Seal(Struct, frozen=True, kw_only=True):
    """Who thinks, and the key that says it was here. Without a key nothing can come back."""

    key: bytes
    vendor: str = ""
    model: str = ""

    def sign(self, thoughts: str, *, shown: bool = True) -> str:
        """Sign a block's thoughts; with ``shown`` false the signature carries them, too."""
        origin = {"v": self.vendor, "m": self.model}
        payload = json.encode(origin if shown else {**origin, "t": thoughts})
        return f"{_PREFIX}{_armoured(payload)}.{_armoured(_mac(self.key, payload, thoughts))}"


def is_foreign(signature: object) -> bool:
    """Say whether a signature has the form of ours; whether it is genuine, only `opened` knows."""
    return isinstance(signature, str) and signature.startswith(_PREFIX)


def opened(block: Block, keys: tuple[bytes, ...]) -> str | None:
    """Return the thoughts of a ``thinking`` block that was signed with one of ``keys``."""
    signature: str = block.get("signature") or ""
    if not is_foreign(signature):
        return None
    payload, _, mac = signature.removeprefix(_PREFIX).partition(".")
    document, sealed = _dearmoured(payload), _dearmoured(mac)
    if document is None or sealed is None:
        return None
    thoughts = _carried(document) or block.get("thinking") or ""
    macs = (_mac(key, document, thoughts) for key in keys)
    return thoughts if any(hmac.compare_digest(one, sealed) for one in macs) else None


def without_foreign_thinking(document: dict[str, Any]) -> dict[str, Any]:
    """Return a Messages request without the thinking of other models, for an upstream of Claude's.

    The document itself where there is none. A turn that held nothing else is left out.
    """
    messages: list[dict[str, Any]] = document["messages"]
    kept = [_without_foreign(message) for message in messages]
    if all(one is other for one, other in zip(kept, messages, strict=True)):
        return document
    return {**document, "messages": [message for message in kept if message["content"]]}


def _without_foreign(message: dict[str, Any]) -> dict[str, Any]:
    content: object = message["content"]
    if not isinstance(content, list):
        return message
    blocks = cast("list[Block]", content)
    kept = [block for block in blocks if not is_foreign(block.get("signature"))]
    return message if len(kept) == len(blocks) else {**message, "content": kept}


def _mac(key: bytes, payload: bytes, thoughts: str) -> bytes:
    told = hashlib.sha256(thoughts.encode()).digest()
    return hmac.new(key, told + payload, hashlib.sha256).digest()


def _carried(payload: bytes) -> str | None:
    try:
        document: Any = json.decode(payload)
    except json.MalformedJSON:
        return None
    carried: object = cast("dict[str, Any]", document).get("t") if type(document) is dict else None
    return carried if isinstance(carried, str) else None


def _armoured(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _dearmoured(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
