"""The models on offer, under every name they can be called by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from isthmus.errors import UnknownModel
from isthmus.routing.described import Descriptions
from isthmus.routing.names import Names
from isthmus.routing.overrides import Override
from isthmus.routing.plan import ConfiguredTarget
from isthmus.wire.models import ModelEntry


class Listing:
    """Describes models for the model list. ``entries``: newest first, then the operator's names."""

    def __init__(
        self,
        descriptions: Descriptions,
        names: Names,
        models: Mapping[str, Sequence[ConfiguredTarget]],
        overrides: Mapping[str, Override] | None = None,
        serves: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """Take what is known; names of models that nobody ``serves`` are not on offer."""
        self._descriptions = descriptions
        self._overrides = overrides or {}
        self._names = names
        self._models = models
        served = (name for name in names.public() if serves(names.resolve(name).model))
        self.entries = tuple(self._describe(name) for name in served)
        self._by_name = {entry.id: entry for entry in self.entries}

    def entry(self, name: str) -> ModelEntry:
        """Describe the model of one name, by that name if it is listed, else by the model's id.

        Raises:
            UnknownModel: it means no model, or one of which nothing is known but the name.
        """
        if name in self._by_name:
            return self._by_name[name]
        model = self._names.resolve(name).model
        if model in self._by_name:
            return self._by_name[model]
        raise UnknownModel("Nothing is known about this model.", param="model")

    def meant_by(self, name: str) -> str:
        """Return the model that a name means."""
        return self._names.resolve(name).model

    def _describe(self, name: str) -> ModelEntry:
        model = self._names.resolve(name).model
        targets = self._models.get(model)
        upstream, target = (targets[0].upstream, targets[0].model) if targets else ("", model)
        known = self._descriptions.of(upstream, target)
        override, row = self._overrides.get(model, Override()), known.row
        rules = override.applied_to(known.capabilities)
        if row is None:
            foreign = upstream in self._descriptions.dialects
            owner = upstream if foreign else "anthropic"
            return ModelEntry(id=name, display_name=name, capabilities=rules, owned_by=owner)
        return ModelEntry(
            id=name,
            display_name=name if name in self._models else row.display_name,
            capabilities=rules,
            created=row.created,
            lifecycle=row.lifecycle,
            line=row.line,
            deprecated_at=row.deprecated_at,
            retires_at=row.retires_at,
        )
