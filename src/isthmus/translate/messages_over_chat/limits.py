"""How long an answer may get, what ends it early, and how it is sampled."""

from __future__ import annotations

from typing import Literal, NamedTuple

from isthmus.errors import InvalidRequest
from isthmus.translate.messages_over_chat.content import Means
from isthmus.translate.messages_over_chat.thinking import samples
from isthmus.wire.chat.documents import Part
from isthmus.wire.messages.documents import CURRENT_VERSION, AskedRequest

_SAMPLING: tuple[Literal["temperature", "top_p", "top_k"], ...] = ("temperature", "top_p", "top_k")


class Stops(NamedTuple):
    """The stop sequences that are sent, and those that are looked for here."""

    sent: tuple[str, ...]
    watched: tuple[str, ...]


def max_tokens(request: AskedRequest, means: Means) -> Part:
    """Translate the limit of the answer, where there is one."""
    asked = request.get("max_tokens")
    if asked is None:
        return {}
    most = means.capabilities.max_output_tokens
    if most is not None and asked > most:
        means.remarks.warn("max_tokens.clamped", "max_tokens", f"clamped to {most}")
        asked = most
    return {means.dialect.limit: asked}


def stops(request: AskedRequest, means: Means) -> Stops:
    """Translate ``stop_sequences``: as many as the vendor takes, the others are watched for."""
    asked = request.get("stop_sequences") or []
    kept = tuple(entry for entry in dict.fromkeys(asked) if entry.strip())
    if any(not entry.strip() for entry in asked):
        means.remarks.warn(
            "stop_sequences.blank", "stop_sequences", "entries of white space alone are dropped"
        )
    most = means.dialect.most_stops
    return Stops(kept[:most], kept[most:])


def sampling(request: AskedRequest, version: str, means: Means, *, thinks: bool) -> Part:
    """Translate sampling parameters.

    Raises:
        InvalidRequest: the caller speaks a version of the protocol that has none.
    """
    members: Part = {}
    for name in _SAMPLING:
        value = request.get(name)
        if value is None:
            continue
        if version >= CURRENT_VERSION:
            raise InvalidRequest(
                f"'{name}': not supported in version {CURRENT_VERSION} of the protocol.",
                param=name,
                code="unsupported_parameter",
            )
        if name == "top_k" and not means.dialect.top_k:
            means.remarks.warn("top_k.dropped", name, "dropped, unknown upstream")
        elif samples(means.capabilities, thinks=thinks):
            members[name] = value
        else:
            means.remarks.warn(f"{name}.dropped", name, "dropped, this model takes none")
    return members
