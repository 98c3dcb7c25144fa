"""Usage as Chat Completions tells it: all prompt tokens in one sum, the cache in its details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from isthmus.call import Usage

#: Where vendors write how much of the prompt came from their cache; the first one there counts.
_CACHED = (
    ("prompt_tokens_details", "cached_tokens"),
    ("prompt_cache_hit_tokens",),
    ("cached_tokens",),
)
_WRITTEN = (
    ("prompt_tokens_details", "cache_write_tokens"),
    ("prompt_tokens_details", "cache_creation_tokens"),
)
_THOUGHT = (("completion_tokens_details", "reasoning_tokens"), ("reasoning_tokens",))
#: No answer has more tokens than this; larger figures are damage, not usage.
_CEILING = 1 << 40


def usage_document(usage: Usage) -> dict[str, Any]:
    """Build the ``usage`` member. Reading from and writing to the cache are part of the prompt."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.prompt_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.thinking_tokens or 0},
    }


def usage_of(document: Mapping[str, Any]) -> Usage | None:
    """Read the usage of a whole answer or of a chunk; None where it does not say.

    Figures that are not counts are ignored, and the cache is never more than the prompt.
    """
    told: object = document.get("usage")
    if not isinstance(told, dict):
        return None
    figures = cast("dict[str, Any]", told)
    prompt = _count(figures.get("prompt_tokens")) or 0
    cached = min(_first(figures, _CACHED) or 0, prompt)
    written = min(_first(figures, _WRITTEN) or 0, prompt - cached)
    return Usage(
        input_tokens=prompt - cached - written,
        cache_read_tokens=cached,
        cache_write_5m_tokens=written,
        output_tokens=_count(figures.get("completion_tokens")) or 0,
        thinking_tokens=_first(figures, _THOUGHT),
    )


def _first(figures: Mapping[str, Any], paths: tuple[tuple[str, ...], ...]) -> int | None:
    for path in paths:
        value: Any = figures
        for name in path:
            value = cast("Any", value).get(name) if isinstance(value, dict) else None
        count = _count(value)
        if count is not None:
            return count
    return None


def _count(value: object) -> int | None:
    """Read a token count; nonsense must never become a negative charge."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(min(max(value, 0), _CEILING))
