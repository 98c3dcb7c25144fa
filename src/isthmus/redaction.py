"""Takes secrets out of texts that are about to be shown: to a client, or in the log."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "[redacted]"
#: Anything shorter stands in too many texts by chance.
_SHORTEST = 8
#: Keys of Anthropic, OpenAI and ours, and whatever an Authorization header would carry.
_LOOKS_SECRET = re.compile(
    r"\bsk-[A-Za-z0-9_-]{16,}"
    r"|\bsk-ant-[A-Za-z0-9_-]+"
    r"|\bisk-[0-9A-Za-z]{8}_[0-9A-Za-z]+"
    r"|(?<=\bbearer )[A-Za-z0-9._~+/=-]{8,}",
    re.IGNORECASE,
)


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """Return ``text`` without ``secrets``, and without anything that looks like a key."""
    for secret in secrets:
        if len(secret) >= _SHORTEST and secret in text:
            text = text.replace(secret, MASK)
    return _LOOKS_SECRET.sub(MASK, text)
