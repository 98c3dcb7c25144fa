"""What the Messages API refuses, model by model, in its own words.

Each module is one topic; its ``check`` raises at the first rule that a request breaks. The rules
are written from the protocol, not from what the gateway sends.
"""

from __future__ import annotations

from typing import Any

from isthmus.sandbox.errors import ApiError, invalid
from isthmus.sandbox.models import Model, find
from isthmus.sandbox.rules import (
    caching,
    content,
    conversation,
    fields,
    output,
    sampling,
    server_tools,
    sources,
    thinking,
    tools,
)

Document = dict[str, Any]


def check(document: Document, version: str, betas: frozenset[str] = frozenset()) -> Model:
    """Check a request of an API version, with some betas; return the model it is for.

    Raises:
        ApiError: naming the first rule it breaks.
    """
    fields.check(document, betas)
    model = find(document["model"])
    if model is None:
        raise ApiError(404, f"model: {document['model']}")
    fields.check_max_tokens(document, model)
    content.check(document, version)
    sources.check_count(document, model)
    tools.check(document, model)
    conversation.check(document, model)
    server_tools.check(document)
    thinking.check(document, model, betas)
    sampling.check(document, model, version)
    output.check(document, model)
    caching.check(document)
    return model


def check_prompt(document: Document, version: str, betas: frozenset[str] = frozenset()) -> Model:
    """Check a request to count the tokens of a prompt; return the model it is for.

    Raises:
        ApiError: naming the first rule it breaks.
    """
    for name in document:
        if name not in fields.PROMPT and not fields.is_of_beta(name, betas):
            raise invalid(name, "Extra inputs are not permitted")
    model = find(document.get("model"))
    # Any budget for thinking fits: only the prompt is judged.
    limit = model.max_output if model else 1
    return check({**document, "max_tokens": limit}, version, betas)
