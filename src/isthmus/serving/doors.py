"""Every route on one screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from msgspec import Struct

from isthmus.call import Outcome
from isthmus.serving.chat import ChatCompletions
from isthmus.serving.messages import Messages
from isthmus.serving.models import Models
from isthmus.serving.passthrough import Passthrough
from isthmus.serving.probes import Probes
from isthmus.serving.reply import Reply
from isthmus.serving.request import Request
from isthmus.serving.responses import Responses
from isthmus.serving.stored import Stored
from isthmus.serving.usage import Usage

#: Answers requests of one route, or raises a `GatewayError` to be answered with.
Endpoint = Callable[[Request, Reply, Outcome], Awaitable[None]]


class Doors(Struct, frozen=True, kw_only=True):
    """The endpoints there are."""

    chat: ChatCompletions
    messages: Messages
    responses: Responses
    stored: Stored
    passthrough: Passthrough
    models: Models
    probes: Probes
    usage: Usage


class Route(Struct, frozen=True):
    """One door. ``key``: whether it needs one; ``says``: what it is for, also in the reference."""

    method: str
    path: str
    endpoint: Callable[[Doors], Endpoint]
    key: Literal["required", "not needed", "as configured"]
    says: str


ROUTES = (
    Route("POST", "/v1/chat/completions", lambda d: d.chat.complete, "required", "Answer a chat."),
    Route("POST", "/v1/messages", lambda d: d.messages.create, "required", "Answer a message."),
    Route(
        "POST",
        "/v1/messages/count_tokens",
        lambda d: d.messages.count_tokens,
        "required",
        "Count the tokens of a prompt.",
    ),
    Route("POST", "/v1/responses", lambda d: d.responses.create, "required", "Answer a response."),
    Route(
        "POST",
        "/v1/responses/input_tokens",
        lambda d: d.responses.input_tokens,
        "required",
        "Count the tokens of a response's input.",
    ),
    Route("GET", "/v1/responses/{id}", lambda d: d.stored.get, "required", "Show a response."),
    Route("DELETE", "/v1/responses/{id}", lambda d: d.stored.delete, "required", "Forget it."),
    Route(
        "GET",
        "/v1/responses/{id}/input_items",
        lambda d: d.stored.input_items,
        "required",
        "List what went into a response.",
    ),
    Route(
        "POST",
        "/v1/responses/{id}/cancel",
        lambda d: d.stored.cancel,
        "required",
        "Cancel a response; those that are stored have ended.",
    ),
    Route("GET", "/v1/models", lambda d: d.models.list, "as configured", "List the models."),
    Route("GET", "/v1/models/{id}", lambda d: d.models.one, "as configured", "Describe a model."),
    Route(
        "GET",
        "/v1/usage",
        lambda d: d.usage.get,
        "required",
        "Say what the key has used and spent, by day and model; `?days=7`.",
    ),
    Route("GET", "/", lambda d: d.probes.live, "not needed", "Whether anybody is here."),
    Route("GET", "/api/hello", lambda d: d.probes.live, "not needed", "The same."),
    Route("GET", "/livez", lambda d: d.probes.live, "not needed", "Whether the process runs."),
    Route("GET", "/healthz", lambda d: d.probes.live, "not needed", "The same."),
    Route("GET", "/readyz", lambda d: d.probes.ready, "not needed", "Whether it takes calls."),
)
