"""The models as ``GET /v1/models`` lists them: one document each, page by page."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from urllib.parse import parse_qs

from isthmus.sandbox.errors import invalid
from isthmus.sandbox.models import EFFORTS, MODELS, Model

Document = dict[str, Any]

_LIMIT = re.compile(r"[0-9]{1,4}")
_CURSORS = ("after_id", "before_id")
_LIFECYCLES = ("active", "deprecated", "retired")
_THINKING = ("adaptive", "between_tools", "disabled", "enabled")


def page(query: bytes) -> Document:
    """Return one page of the list, newest model first.

    Raises:
        ApiError: a limit outside of 1 to 1000, or a cursor that names no model.
    """
    asked = parse_qs(query.decode("latin-1"))
    limit = asked.get("limit", ["20"])[-1]
    if not _LIMIT.fullmatch(limit) or not 1 <= int(limit) <= 1000:
        raise invalid("limit", "Input should be between 1 and 1000")
    listed = _listed(asked)
    ids = [model.id for model in listed]
    cursors = {name: asked[name][-1] for name in _CURSORS if name in asked}
    for name, cursor in cursors.items():
        if cursor not in ids:
            raise invalid(name, "names no model")
    first = ids.index(cursors["after_id"]) + 1 if "after_id" in cursors else 0
    last = ids.index(cursors["before_id"]) if "before_id" in cursors else len(ids)
    left = listed[first:last]
    # A page before a cursor ends at it; any other starts where it starts.
    shown = left[-int(limit) :] if "before_id" in cursors else left[: int(limit)]
    return {
        "data": [document(model) for model in shown],
        "first_id": shown[0].id if shown else None,
        "last_id": shown[-1].id if shown else None,
        "has_more": len(left) > len(shown),
    }


def _listed(asked: dict[str, list[str]]) -> list[Model]:
    """Leave out what another lifecycle was asked for; a retired model is never here."""
    stages = asked.get("lifecycle[]", asked.get("lifecycle", ["active", "deprecated"]))
    for stage in stages:
        if stage not in _LIFECYCLES:
            raise invalid("lifecycle", f"Input should be one of {_LIFECYCLES}")
    return [model for model in MODELS if model.lifecycle in stages]


def document(model: Model) -> Document:
    """Return what the API says of one model."""
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.display_name,
        "created_at": _time(model.created),
        "lifecycle": model.lifecycle,
        "deprecated_at": None,
        "retires_at": _time(model.retires) if model.retires else None,
        "line": model.line,
        "max_input_tokens": model.max_input,
        "max_tokens": model.max_output,
        "capabilities": _capabilities(model),
    }


def _capabilities(model: Model) -> Document:
    """Say what of the protocol works here: no batches, no code, no citations of documents."""
    return {
        "batch": _supported(value=False),
        "citations": _supported(value=False),
        "code_execution": _supported(value=False),
        "context_management": _supported(value=False),
        "effort": {
            **_supported(value=bool(model.efforts)),
            **{effort: _supported(value=effort in model.efforts) for effort in EFFORTS},
        },
        "image_input": _supported(value=True),
        "pdf_input": _supported(value=True),
        "server_tools": {
            **_supported(value=True),
            "web_search": _supported(value=True),
            "code_execution": _supported(value=False),
        },
        "structured_outputs": _supported(value=True),
        "thinking": {
            **_supported(value=True),
            "types": {kind: _supported(value=kind in model.thinking) for kind in _THINKING},
        },
    }


def _supported(*, value: bool) -> Document:
    return {"supported": value}


def _time(day: dt.date) -> str:
    return f"{day.isoformat()}T00:00:00Z"
