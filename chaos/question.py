"""What a client asks, how it behaves while it is answered, and the bytes of its request."""

from __future__ import annotations

import json
import random
from typing import Any, Literal, NamedTuple

from marker import TOOL, question

#: ``slow`` reads in small steps; ``leaves`` goes away in the middle; ``half`` never finishes its
#: request.
Manner = Literal["plain", "slow", "leaves", "half"]

MODELS = ("first-a", "first-b", "first-c")
#: Whether an answer is asked for in one piece upstream depends on how long it may become.
_SHORT, _LONG = 1000, 8000

_TOOL = {
    "type": "function",
    "function": {
        "name": TOOL,
        "description": "Takes a note.",
        "parameters": {"type": "object", "properties": {"marker": {"type": "string"}}},
    },
}


class Question(NamedTuple):
    """One question. ``leaves_after``: seconds, ``half``: how much of the request goes out."""

    marker: str
    model: str
    stream: bool
    tools: bool
    usage: bool
    max_tokens: int
    keep_alive: bool
    manner: Manner
    leaves_after: float = 0.0
    half: float = 1.0

    @property
    def document(self) -> dict[str, Any]:
        """The request as the API has it."""
        asked: dict[str, Any] = {
            "model": self.model,
            "max_tokens": self.max_tokens,
            "messages": [{"role": "user", "content": question(self.marker)}],
        }
        if self.tools:
            asked["tools"] = [_TOOL]
        if self.stream:
            asked["stream"] = True
            if self.usage:
                asked["stream_options"] = {"include_usage": True}
        return asked

    def written(self, key: str) -> bytes:
        """Write the request."""
        return request(self.document, key, keep_alive=self.keep_alive)


def request(document: dict[str, Any], key: str, *, keep_alive: bool = True) -> bytes:
    """Write a chat request."""
    body = json.dumps(document).encode()
    lines = [
        "POST /v1/chat/completions HTTP/1.1",
        "host: localhost",
        f"authorization: Bearer {key}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *([] if keep_alive else ["connection: close"]),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def drawn(number: int, seed: str, rng: random.Random) -> Question:
    """Draw a question: mostly ordinary ones, some by clients that behave badly."""
    kind = rng.random()
    manner: Manner = "plain"
    size = "S" if rng.random() < 0.02 else ""
    if kind < 0.05:
        manner, size = "slow", rng.choice(("", "", "L"))
    elif kind < 0.13:
        manner, size = "leaves", rng.choice(("", "S"))
    elif kind < 0.16:
        manner = "half"
    stream = rng.random() < 0.6 or size == "L"
    return Question(
        marker=f"{seed}-{number:06d}{size}",
        model=rng.choice(MODELS),
        stream=stream,
        tools=rng.random() < 0.3,
        usage=rng.random() < 0.7,
        max_tokens=rng.choice((_SHORT, _LONG)),
        keep_alive=rng.random() < 0.7,
        manner=manner,
        leaves_after=rng.choice((0.0, 0.005, 0.02, 0.1, 0.5)),
        half=rng.uniform(0.05, 0.95),
    )
