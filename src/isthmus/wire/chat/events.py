"""Stream events of Chat Completions: chunks, an error, and the mark that ends a stream.

Chunks are documents without names; ``[DONE]`` is none. What a chunk holds is read tolerantly:
vendors leave out what they have no use for.
"""

from __future__ import annotations

from typing import cast

from msgspec import Struct

from isthmus.errors import UpstreamBroken
from isthmus.wire import json
from isthmus.wire.chat.documents import Chunk
from isthmus.wire.chat.thoughts import thoughts_of
from isthmus.wire.sse import ServerEvent


class Done(Struct, frozen=True):
    """The mark ``[DONE]``: the stream has ended as it should."""


DONE = Done()


def decode(frame: ServerEvent) -> Chunk | Done:
    """Decode one frame.

    Raises:
        UpstreamBroken: the data is neither the mark nor a JSON object.
    """
    if frame.data.strip() == b"[DONE]":
        return DONE
    try:
        chunk: object = json.decode_tolerantly(frame.data)
    except json.MalformedJSON:
        raise UpstreamBroken("The upstream sent an event that is not JSON.") from None
    if not isinstance(chunk, dict):
        raise UpstreamBroken("The upstream sent an event that is not an object.")
    return cast("Chunk", chunk)


def is_error(event: Chunk | Done) -> bool:
    """Say whether an event tells that the answer has failed."""
    return not isinstance(event, Done) and bool(event.get("error"))


def is_content(event: Chunk | Done) -> bool:
    """Say whether an event shows content, or the end of an answer without any."""
    if isinstance(event, Done):
        return True
    choice = first_choice(event)
    if choice is None:
        return False
    delta: object = choice.get("delta")
    if choice.get("finish_reason") or not isinstance(delta, dict):
        return bool(choice.get("finish_reason"))
    members = cast("Chunk", delta)
    said = (members.get(name) for name in ("content", "refusal", "tool_calls"))
    return any(said) or thoughts_of(members) is not None


def first_choice(document: Chunk) -> Chunk | None:
    """Return the choice that is read, the first; None where the document holds none.

    Raises:
        UpstreamBroken: what should be choices is something else.
    """
    choices: object = document.get("choices")
    if choices is None or choices == []:
        return None
    if not isinstance(choices, list):
        raise UpstreamBroken("The upstream sent choices that are no list.")
    for choice in cast("list[object]", choices):
        if not isinstance(choice, dict):
            raise UpstreamBroken("The upstream sent a choice that is no object.")
        members = cast("Chunk", choice)
        if members.get("index", 0) in (0, None):
            return members
    return None
