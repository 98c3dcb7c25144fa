"""Signatures of the sandbox's own thinking. Nothing made elsewhere verifies here."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import msgspec

#: Not a secret: it only keeps the sandbox's signatures and real ones apart.
_KEY = b"isthmus sandbox"
_REDACTED = b"isthmus sandbox, redacted"
_DIGEST = 32
#: The member of each kind of thought that holds its signature.
_SIGNED_IN = {"thinking": "signature", "redacted_thinking": "data"}
THOUGHTS = tuple(_SIGNED_IN)


class Bond(msgspec.Struct, frozen=True, array_like=True):
    """What a thought is bound to; its signature carries it.

    ``model`` made it, for ``account``. ``prefix`` is the digest of what stood before it, thoughts
    left out. ``first`` and ``last`` name the thoughts that stood there, None where none did.
    """

    model: str
    account: str
    prefix: str
    first: str | None = None
    last: str | None = None


def sign(thought: str, bond: Bond) -> str:
    """Sign a thought."""
    return _seal(thought, bond, _KEY)


def is_signed(shown: str, signature: str) -> bool:
    """Say whether ``signature`` is ours, and ``shown`` the thought it is for, or nothing at all.

    A model that does not show its thinking sends it empty, and takes it back so.
    """
    signed = _signed(signature, _KEY)
    return signed is not None and (not shown or _digest(shown) == signed[:_DIGEST])


def redact(thought: str, bond: Bond) -> str:
    """Return the data of a redacted thought: opaque, and not a signature."""
    return _seal(thought, bond, _REDACTED)


def is_redacted(data: str) -> bool:
    """Say whether ``data`` was made by `redact`."""
    return _signed(data, _REDACTED) is not None


def bond(block: dict[str, Any]) -> Bond:
    """Return what a thought is bound to. ``block``: one whose signature verifies."""
    raw = base64.b64decode(block[_SIGNED_IN[block["type"]]])
    return msgspec.json.decode(raw[2 * _DIGEST :], type=Bond)


def name(block: dict[str, Any]) -> str:
    """Return a short name of a thought, the same whether its text is shown or not."""
    return hashlib.sha256(block[_SIGNED_IN[block["type"]]].encode()).hexdigest()[:_DIGEST]


def _seal(thought: str, bond: Bond, key: bytes) -> str:
    signed = _digest(thought) + msgspec.json.encode(bond)
    return base64.b64encode(_mac(signed, key) + signed).decode()


def _signed(encoded: str, key: bytes) -> bytes | None:
    """Return what was signed, None where the signature is not ours."""
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
    mac, signed = raw[:_DIGEST], raw[_DIGEST:]
    return signed if hmac.compare_digest(mac, _mac(signed, key)) else None


def _digest(thought: str) -> bytes:
    return hashlib.sha256(thought.encode()).digest()


def _mac(signed: bytes, key: bytes) -> bytes:
    return hmac.new(key, signed, hashlib.sha256).digest()
