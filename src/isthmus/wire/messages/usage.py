"""Reads the usage of a Messages answer, whole or as it grows in a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from isthmus.call import Usage

#: No answer has more tokens than this; larger figures are damage, not usage.
_CEILING = 1 << 40


class UsageMeter:
    """Keeps the newest figure of each field: a stream's usage is cumulative, never a difference.

    ``message_delta`` may leave input figures out or send null; then those of ``message_start``
    stand. Figures that are not counts are ignored.
    """

    def __init__(self) -> None:
        self._seen: dict[str, Any] = {}
        self._usage: Usage | None = None

    def take(self, usage: object) -> None:
        """Take the ``usage`` of one event or of a whole answer."""
        if not isinstance(usage, dict):
            return
        figures = cast("dict[str, Any]", usage)
        self._usage = None
        self._seen.update({name: value for name, value in figures.items() if value is not None})

    @property
    def document(self) -> dict[str, Any]:
        """The figures as the upstream wrote them, newest of each."""
        return dict(self._seen)

    @property
    def usage(self) -> Usage | None:
        """What was used so far; None when the upstream has not said."""
        if self._usage is None and self._seen:
            self._usage = _read(self._seen)
        return self._usage


def _read(seen: Mapping[str, Any]) -> Usage:
    written = _count(seen.get("cache_creation_input_tokens", 0))
    written_1h = 0
    lifetimes = seen.get("cache_creation")
    if written and isinstance(lifetimes, dict):
        told = cast("Mapping[str, Any]", lifetimes).get("ephemeral_1h_input_tokens")
        written_1h = min(_count(told), written)
    thinking = None
    details = seen.get("output_tokens_details")
    if isinstance(details, dict):
        thinking = cast("Mapping[str, Any]", details).get("thinking_tokens")
    searches = seen.get("server_tool_use")
    return Usage(
        input_tokens=_count(seen.get("input_tokens", 0)),
        cache_read_tokens=_count(seen.get("cache_read_input_tokens", 0)),
        cache_write_5m_tokens=written - written_1h,
        cache_write_1h_tokens=written_1h,
        output_tokens=_count(seen.get("output_tokens", 0)),
        thinking_tokens=None if thinking is None else _count(thinking),
        service_tier=_word(seen.get("service_tier")),
        speed=_word(seen.get("speed")),
        inference_geo=_word(seen.get("inference_geo")),
        web_searches=0 if searches is None else _searches(searches),
    )


def _count(value: object) -> int:
    """Read a token count; an upstream's nonsense must never become a negative charge."""
    if type(value) is int and 0 <= value <= _CEILING:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(min(max(value, 0), _CEILING))


def _searches(told: object) -> int:
    if not isinstance(told, dict):
        return 0
    return _count(cast("Mapping[str, Any]", told).get("web_search_requests", 0))


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None


def usage_of(message: Mapping[str, Any]) -> Usage | None:
    """Return what a whole answer used; None where the upstream does not say."""
    usage: object = message.get("usage")
    return _read(cast("Mapping[str, Any]", usage)) if isinstance(usage, dict) and usage else None


def usage_document(usage: Usage) -> dict[str, Any]:
    """Build the ``usage`` member of an answer."""
    return {
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_5m_tokens,
            "ephemeral_1h_input_tokens": usage.cache_write_1h_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"thinking_tokens": usage.thinking_tokens or 0},
        "service_tier": usage.service_tier or "standard",
    }
