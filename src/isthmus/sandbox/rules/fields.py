"""Members of a request: which there are, which must be there, and of what type they are."""

from __future__ import annotations

from typing import Any

from isthmus.sandbox.errors import invalid
from isthmus.sandbox.models import Model

Document = dict[str, Any]

#: The members of a request and the types they may have; a bool is no number.
_MEMBERS: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "max_tokens": (int,),
    "messages": (list,),
    "system": (str, list),
    "cache_control": (dict,),
    "container": (str, dict),
    "diagnostics": (dict,),
    "inference_geo": (str,),
    "metadata": (dict,),
    "output_config": (dict,),
    "service_tier": (str,),
    "speed": (str,),
    "stop_sequences": (list,),
    "stream": (bool,),
    "thinking": (dict,),
    "tool_choice": (dict,),
    "tools": (list,),
    "temperature": (int, float),
    "top_p": (int, float),
    "top_k": (int,),
}
#: Members that a beta brings, which are taken and change nothing here.
_BETA_MEMBERS = {"context_management": "context-management-2025-06-27"}
#: Members that may be null, which says the same as leaving them out.
_NULLABLE = frozenset({"cache_control", "container", "diagnostics", "inference_geo", "speed"})
#: What the prompt is made of, all that can be counted without asking for an answer.
PROMPT = frozenset(
    {
        *("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config"),
        *("cache_control", "speed"),
    }
)
#: Members of the small objects, all of which may be left out.
_CLOSED = {
    "metadata": ("user_id",),
    "container": ("id", "skills"),
    "diagnostics": ("previous_message_id",),
}
_REQUIRED = ("model", "messages", "max_tokens")
_ONE_OF = {"service_tier": ("auto", "standard_only"), "speed": ("standard", "fast")}


def check(document: Document, betas: frozenset[str] = frozenset()) -> None:
    """Check names and types of the members, and the small ones whole."""
    _check_members(document, betas)
    for name, allowed in _ONE_OF.items():
        if document.get(name) not in (None, *allowed):
            raise invalid(name, f"Input should be {' or '.join(map(repr, allowed))}")
    for name, members in _CLOSED.items():
        if isinstance(document.get(name), dict):
            require_only(name, document[name], members)
    user = document.get("metadata", {}).get("user_id")
    if user is not None and (not isinstance(user, str) or len(user) > 256):
        raise invalid("metadata.user_id", "Input should be a string of at most 256 characters")
    for at, stop in enumerate(document.get("stop_sequences", [])):
        require_type(f"stop_sequences.{at}", stop, (str,))
        if not stop.strip():
            raise invalid(f"stop_sequences.{at}", "each stop sequence must contain non-whitespace")


def _check_members(document: Document, betas: frozenset[str]) -> None:
    for name in _REQUIRED:
        if name not in document:
            raise invalid(name, "Field required")
    for name, value in document.items():
        if is_of_beta(name, betas):
            require_type(name, value, (dict,))
            continue
        if name not in _MEMBERS:
            raise invalid(name, "Extra inputs are not permitted")
        if value is not None or name not in _NULLABLE:
            require_type(name, value, _MEMBERS[name])


def is_of_beta(name: str, betas: frozenset[str]) -> bool:
    """Say whether one of the betas brings a member."""
    return _BETA_MEMBERS.get(name) in betas


def check_max_tokens(document: Document, model: Model) -> None:
    """Check the limit. 0 is allowed: it only warms the cache."""
    limit = document["max_tokens"]
    if limit < 0:
        raise invalid("max_tokens", "Input should be greater than or equal to 0")
    if limit > model.max_output:
        raise invalid(
            "max_tokens",
            f"{limit} > {model.max_output}, which is the maximum allowed number of output tokens "
            f"for {model.id}",
        )


def require_type(path: str, value: object, types: tuple[type, ...]) -> None:
    """Raise unless ``value`` is of one of the types."""
    is_bool = isinstance(value, bool)
    if not isinstance(value, types) or (is_bool and bool not in types):
        names = " or ".join(kind.__name__ for kind in types)
        raise invalid(path, f"Input should be a valid {names}")


def require_only(path: str, value: Document, allowed: tuple[str, ...] | frozenset[str]) -> None:
    """Raise if a value is no object, or one with members that nobody knows."""
    require_type(path, value, (dict,))
    for name in value:
        if name not in allowed:
            raise invalid(f"{path}.{name}", "Extra inputs are not permitted")


def require(path: str, value: Document, name: str, types: tuple[type, ...]) -> Any:
    """Return a member of an object that must be there and of one of the types."""
    if name not in value:
        raise invalid(f"{path}.{name}", "Field required")
    require_type(f"{path}.{name}", value[name], types)
    return value[name]
