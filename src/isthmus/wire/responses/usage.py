"""Usage as the Responses protocol tells it: all prompt tokens in one sum, both details always."""

from __future__ import annotations

from typing import Any

from isthmus.call import Usage


def usage_document(usage: Usage) -> dict[str, Any]:
    """Build the ``usage`` member. Reading from and writing to the cache are part of the input."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.thinking_tokens or 0},
        "total_tokens": usage.prompt_tokens + usage.output_tokens,
    }
