"""Members of Claude's own protocol that chat callers may use as they are.

They mean here what they mean there. Where OpenAI's protocol has a word for the same, that word
counts, and the other is named in the warnings if it says something else.
"""

from __future__ import annotations

from typing import Any, cast

from isthmus.errors import InvalidRequest
from isthmus.translate.remarks import Remarks
from isthmus.wire.chat.documents import ChatRequest

_WORDS = frozenset({"stop_sequences", "output_config"})
_BETAS = ("betas", "anthropic_beta")


def spelled_out(request: ChatRequest, remarks: Remarks) -> ChatRequest:
    """Return the request with ``stop_sequences`` and ``output_config`` in OpenAI's words."""
    if _WORDS.isdisjoint(request):
        return request
    words: dict[str, Any] = {}
    sequences = request.get("stop_sequences")
    if sequences:
        stop = request.get("stop") or []
        words["stop"] = [*([stop] if isinstance(stop, str) else stop), *sequences]
    config: dict[str, Any] = request.get("output_config") or {}
    effort, wanted = config.get("effort"), config.get("format")
    if effort is not None:
        _settle(request, words, "reasoning_effort", effort, "output_config.effort", remarks)
    if wanted is not None:
        schema = {"name": "output", "schema": wanted["schema"], "strict": True}
        told = {"type": "json_schema", "json_schema": schema}
        _settle(request, words, "response_format", told, "output_config.format", remarks)
    for name in config.keys() - {"effort", "format"}:
        remarks.warn("unknown.ignored", f"output_config.{name}", "unknown, ignored")
    return cast("ChatRequest", {**request, **words}) if words else request


def _settle(
    request: ChatRequest,
    words: dict[str, Any],
    name: str,
    value: Any,
    param: str,
    remarks: Remarks,
) -> None:
    said = request.get(name)
    if said is None:
        words[name] = value
    elif said != value:
        remarks.warn("output_config.dropped", param, f"dropped, '{name}' says otherwise")


def betas(request: ChatRequest) -> tuple[str, ...]:
    """Return the betas that the caller asks for, each once.

    Raises:
        InvalidRequest: one of them could not stand in a header.
    """
    if "betas" not in request and "anthropic_beta" not in request:
        return ()
    found: dict[str, None] = {}
    for name in _BETAS:
        value: Any = request.get(name) or []
        for beta in value.split(",") if isinstance(value, str) else value:
            beta = beta.strip()  # noqa: PLW2901
            if not beta or not beta.isascii() or not beta.isprintable() or "," in beta:
                raise InvalidRequest(f"'{name}': {beta!r} is not the name of a beta.", param=name)
            found[beta] = None
    return tuple(found)
