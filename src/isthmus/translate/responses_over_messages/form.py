"""What the translation of an answer must know of its request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from isthmus.translate.responses_over_messages.namespaces import Named
from isthmus.translate.responses_over_messages.sealing import Sealing
from isthmus.translate.to_messages.form import AnswerForm


class Head(Struct, frozen=True, kw_only=True):
    """What a response says of itself. ``id`` begins with ``resp_``; ``created_at`` in Unix seconds.

    ``model`` is the name that the caller used; ``stored`` and ``previous_response_id`` are for
    whoever keeps responses.
    """

    id: str
    created_at: int
    model: str
    stored: bool = False
    previous_response_id: str | None = None


class ResponseForm(Struct, frozen=True, kw_only=True):
    """How an answer is told.

    ``names`` are those of tools in namespaces, by what the model calls them; ``echo`` is what every
    response repeats of its request.
    """

    answer: AnswerForm
    names: Mapping[str, Named]
    sealing: Sealing
    shows_summaries: bool
    #: The model as its upstream names it.
    model: str
    echo: dict[str, Any]
