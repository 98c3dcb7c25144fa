"""Whose thoughts a model can read: its own, and those of some that are older."""

from __future__ import annotations

from isthmus.sandbox.models import Model

_NEWEST = ("claude-fable-5-2", "claude-mythos-5-2")
#: What a model reads beside the thoughts of all older generations.
_MORE = {
    "claude-fable-5-2": (*_NEWEST, "claude-opus-5-5"),
    "claude-mythos-5-2": (*_NEWEST, "claude-opus-5-5"),
    "claude-fable-5-1": ("claude-mythos-5-1", "claude-opus-5-5"),
    "claude-mythos-5-1": ("claude-fable-5-1", "claude-opus-5-5"),
    "claude-fable-5": ("claude-mythos-5",),
    "claude-mythos-5": ("claude-fable-5",),
}
#: Of older generations only what comes before this one, and these.
_LESS = {"claude-sonnet-5-5": ((5,), ("claude-sonnet-5",))}


def can_read(model: Model, maker: Model) -> bool:
    """Say whether ``model`` can read what ``maker`` thought."""
    if maker.id == model.id or maker.id in _MORE.get(model.id, ()):
        return True
    if maker.id in _NEWEST:
        return False
    before, others = _LESS.get(model.id, (_generation(model), ()))
    return _generation(maker) < before or maker.id in others


def _generation(model: Model) -> tuple[int, ...]:
    """Return the numbers of an id, without its date."""
    return tuple(int(part) for part in model.id.split("-")[2:4] if len(part) == 1)
