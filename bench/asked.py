"""What is asked and answered in this process: the same as the load client and the mock say."""

from __future__ import annotations

import json
from typing import Any

MODEL = "claude-sonnet-4-6"
_SYSTEM = (
    "You are a helpful assistant who answers briefly and precisely, who never makes things up, and "
    "who says so when a question cannot be answered from what is known. Answer in the language of "
    "the question. Prefer short sentences. Use lists only where order matters."
)
DOCUMENT: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 1024,
    "stream": False,
    "stop": ["END"],
    "user": "u-1234",
    "messages": [
        {"role": "system", "content": _SYSTEM},
        {"role": "user", "content": [{"type": "text", "text": "Hello there."}]},
    ],
}
BODY = json.dumps(DOCUMENT).encode()
#: One with a field that no model takes any more, which the answer's headers say.
WARNED = json.dumps({**DOCUMENT, "seed": 7}).encode()

ANSWER = json.dumps(
    {
        "id": "msg_01bench",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [
            {"type": "text", "text": " ".join(["The quick brown fox jumps over the lazy dog."] * 4)}
        ],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 25,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 40,
            "service_tier": "standard",
        },
    }
).encode()
