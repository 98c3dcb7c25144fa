"""Thinking that travels with the client, sealed: the ``encrypted_content`` of a reasoning item.

A seal is what keeps others from making thoughts up; its key is no business of a translation, so it
comes as two functions. What is inside is verbatim: Claude takes a thought back byte for byte as it
came, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

from msgspec import Struct

from isthmus.translate.to_messages.thinking import thoughts
from isthmus.wire import json
from isthmus.wire.messages.documents import Block

_VERSION = 1

Reason = Literal["model_mismatch", "organization_mismatch", "prefix_mismatch"]


class Sealing(Struct, frozen=True, kw_only=True):
    """How thoughts are sealed, and read again.

    ``unseal`` returns None for what ``seal`` has not made. ``account`` is a word for the account
    that will be asked.
    """

    seal: Callable[[bytes], str]
    unseal: Callable[[str], bytes | None]
    account: str = ""


def sealed(blocks: list[Block], model: str, sealing: Sealing) -> str | None:
    """Seal a run of thinking; None where nothing of it could go back.

    A thought that was cut off has no signature, and is left out.
    """
    whole = [_bare(block) for block in blocks if _is_whole(block)]
    if not whole:
        return None
    envelope = {"v": _VERSION, "account": sealing.account, "model": model, "blocks": whole}
    return sealing.seal(json.encode(envelope))


def unsealed(written: str, sealing: Sealing, *, bound: bool) -> list[Block] | Reason:
    """Read a run of thinking, or say why it cannot go back.

    ``bound``: only the account that produced it can read it.
    """
    content = sealing.unseal(written)
    if content is None:
        return "model_mismatch"
    try:
        envelope: Any = json.decode(content)
    except json.MalformedJSON:
        return "model_mismatch"
    if not isinstance(envelope, dict) or cast("Block", envelope).get("v") != _VERSION:
        return "model_mismatch"
    if bound and cast("Block", envelope).get("account") != sealing.account:
        return "organization_mismatch"
    return thoughts(cast("Block", envelope)["blocks"])


def _is_whole(block: Block) -> bool:
    return bool(block.get("data") or block.get("signature"))


def _bare(block: Block) -> Block:
    members = ("type", "thinking", "signature", "data")
    return {name: block[name] for name in members if name in block}
