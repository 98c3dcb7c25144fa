"""Which conversation a call belongs to, as far as one can tell from a call alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, cast

from isthmus.wire.chat.documents import ChatMessage

#: Headers that name a session, the surest first.
SESSION_HEADERS = ("x-isthmus-session", "x-claude-code-session-id")
#: How much of a text is looked at: enough to tell conversations apart.
_ENOUGH = 4096
_INSTRUCTING = ("system", "developer")


def conversation(tenant: str, headers: Mapping[str, str], request: Mapping[str, Any]) -> bytes:
    """Return what stays the same throughout a conversation and differs between most.

    That is the session its client names, in a header or as ``prompt_cache_key``; else the tenant,
    the instructions and the first thing a user said.
    """
    key: object = request.get("prompt_cache_key")
    session = session_of(headers) or (key if isinstance(key, str) else None)
    return named(tenant, session, _opening(messages_in(request)))


def messages_in(request: Mapping[str, Any]) -> list[ChatMessage]:
    """Return the messages of a chat request, which need not have been looked at before."""
    said: object = request.get("messages")
    entries = cast("list[object]", said) if isinstance(said, list) else []
    return [cast("ChatMessage", entry) for entry in entries if _is_message(entry)]


def _is_message(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(cast("dict[str, Any]", entry).get("role"), str)


def session_of(headers: Mapping[str, str]) -> str | None:
    """Return the session that a client names in a header."""
    return next((headers[name] for name in SESSION_HEADERS if headers.get(name)), None)


def named(tenant: str, session: str | None, opening: Iterable[str]) -> bytes:
    """Name a conversation by its session, else by the texts it opens with."""
    digest = blake2b(tenant.encode(), digest_size=16)
    if session:
        digest.update(b"\0session\0" + session.encode("utf-8", "surrogatepass"))
        return digest.digest()
    for text in opening:
        digest.update(b"\0" + text[:_ENOUGH].encode("utf-8", "surrogatepass"))
    return digest.digest()


def _opening(messages: Iterable[ChatMessage]) -> Iterable[str]:
    for message in messages:
        if message["role"] in _INSTRUCTING or message["role"] == "user":
            yield from _texts(message.get("content"))
        if message["role"] not in _INSTRUCTING:
            return


def _texts(content: object) -> Iterable[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in cast("list[object]", content):
            match part:
                case {"text": str(text)}:
                    yield text
                case _:
                    continue
