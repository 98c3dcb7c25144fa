"""The names models go by: from what a caller writes to the model that is meant.

Ids are compared whole, never by their beginning: `claude-opus-5` is not `claude-opus-5-5`. What a
model can do is for `catalog.py`, who serves it for `plan.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from msgspec import Struct

from isthmus.errors import UnknownModel
from isthmus.routing.catalog import Catalog, ModelRow, RetiredModel

Aliases = Mapping[str, str | Literal[False]]

#: A Claude id as other platforms, peers and Claude Code dress it up.
_DRESSED = re.compile(
    r"(?:anthropic/|claude/|vertex_ai/|(?:bedrock/)?(?:(?:us|eu|apac|jp|au|global)\.)?anthropic\.)?"
    r"(?P<stem>claude-.+?)"
    r"(?:-latest|-v[12](?::0)?)?(?P<thinking>-thinking)?(?:\[1m\])?"
)
_VERTEX_DATE = re.compile(r"@(?=[0-9]{8}$)")
_DOT = re.compile(r"(?<=[0-9])\.(?=[0-9])")
#: The family goes last up to 3.x and first from 4 on: `claude-3-7-sonnet`, `claude-sonnet-4-5`.
_FAMILY_LAST = re.compile(r"claude-([4-9]|[1-9][0-9])((?:-[0-9]{1,2})?)-([a-z]+)((?:-[0-9]{8})?)")
_FAMILY_FIRST = re.compile(r"claude-([a-z]+)-3((?:-[0-9])?)((?:-[0-9]{8})?)")
_DATED = re.compile(r"(.+)-[0-9]{8}")
#: What may stand in an id that is passed on unseen.
_ID = re.compile(r"claude-[A-Za-z0-9._:@/\[\]-]{1,200}")
_SHOWN = 120


class Spelling(NamedTuple):
    """A Claude id in its plain form. ``thinking``: it was asked for by a suffix of the name."""

    form: str
    thinking: bool


class Resolution(Struct, frozen=True, kw_only=True):
    """Which model a name means.

    ``model`` is a name of the operator's, the id of a catalog row, or an unknown ``claude-`` id.
    ``substituted``: an alias has put another model in the place of the one asked for.
    ``thinking_suffix``: the name asked for thinking by ending in ``-thinking``.
    """

    requested: str
    model: str
    substituted: bool = False
    thinking_suffix: bool = False


def spelled(name: str) -> Spelling | None:
    """Return the plain form of a Claude id; None for a name that is nothing of the kind."""
    dressed = _DRESSED.fullmatch(name.lower()) if name.isascii() else None
    if dressed is None:
        return None
    form = _DOT.sub("-", _VERTEX_DATE.sub("-", dressed["stem"]))
    if last := _FAMILY_LAST.fullmatch(form):
        form = f"claude-{last[3]}-{last[1]}{last[2]}{last[4]}"
    elif first := _FAMILY_FIRST.fullmatch(form):
        form = f"claude-3{first[2]}-{first[1]}{first[3]}"
    return Spelling(form, dressed["thinking"] is not None)


class Names:
    """Knows every name: the operator's, the catalog's, and the spellings of both.

    ``aliases`` are the operator's (False switches a shipped one off), ``served`` the names of the
    operator's own models.
    """

    def __init__(self, catalog: Catalog, aliases: Aliases, served: Iterable[str]) -> None:
        """Check the aliases against each other and the catalog.

        Raises:
            ValueError: an alias runs in a circle, leads nowhere, takes the name of a served model,
                or switches off what is not there.
        """
        self._catalog = catalog
        self._served = dict.fromkeys(served)
        self._aliases = {name: target for name, target in aliases.items() if target is not False}
        self._by_model = self._aliases_by_model(aliases)
        for name in aliases:
            self._check(name)

    def public(self) -> tuple[str, ...]:
        """Return the names to offer: ids, their undated forms, the operator's, shipped aliases."""
        known = [name for row in self._catalog.rows for name in (row.id, *row.aliases)]
        shipped = [name for name in self._catalog.aliases if self._model_of(name) in self._by_model]
        return tuple(dict.fromkeys([*known, *shipped, *self._served, *self._aliases]))

    def resolve(self, name: str) -> Resolution:
        """Find the model that is meant by a name.

        Raises:
            UnknownModel: there is none (``model_not_found``), or none any more (``model_retired``).
        """
        model, thinking, aliased = self._find(name, ())
        return Resolution(
            requested=name,
            model=model,
            substituted=aliased and model != self._model_of(name),
            thinking_suffix=thinking,
        )

    def _find(self, name: str, trail: tuple[str, ...]) -> tuple[str, bool, bool]:
        """Return the model, whether thinking is asked for, and whether an alias was followed."""
        if name in trail:
            raise ValueError(f"aliases run in a circle: {' -> '.join((*trail, name))}")
        if name in self._served:
            return name, False, False
        if name in self._aliases:
            return self._follow(self._aliases[name], (*trail, name))
        if self._catalog.row(name) is not None:
            return name, False, False
        spelling = spelled(name)
        if spelling is None:
            raise _not_found(name)
        form, suffixed = spelling
        if form != name and (form in self._served or form in self._aliases):
            model, thinking, aliased = self._find(form, trail)
            return model, thinking or suffixed, aliased
        known = self._catalog.find(form)
        if known is None:
            return self._unknown(name, form), False, False
        model, thinking, aliased = self._known(known, name, form, trail)
        return model, thinking or suffixed, aliased

    def _known(
        self, known: ModelRow | RetiredModel, name: str, form: str, trail: tuple[str, ...]
    ) -> tuple[str, bool, bool]:
        if known.id in self._served:
            return known.id, False, False
        # An exact id is never redirected by an alias of another spelling, unless it is retired.
        target = self._by_model.get(known.id)
        if target is not None and (form != known.id or isinstance(known, RetiredModel)):
            return self._follow(target, (*trail, name))
        if isinstance(known, RetiredModel):
            raise _retired(name, known)
        return known.id, False, False

    def _follow(self, target: str, trail: tuple[str, ...]) -> tuple[str, bool, bool]:
        model, thinking, _ = self._find(target, trail)
        return model, thinking, True

    def _unknown(self, name: str, form: str) -> str:
        """Let an id pass that may belong to a model newer than the catalog."""
        dated = _DATED.fullmatch(form)
        if dated:
            base = self._catalog.find(dated[1])
            # Ids since 4.6 name one snapshot and have no dated form: this one is invented.
            if base is not None and base.id == dated[1]:
                raise _not_found(name)
        if _ID.fullmatch(name) is None:
            raise _not_found(name)
        return name

    def _model_of(self, name: str) -> str | None:
        """Return the id of the model that a name spells, aliases aside."""
        spelling = spelled(name)
        known = self._catalog.find(spelling.form) if spelling else None
        return known.id if known else None

    def _aliases_by_model(self, aliases: Aliases) -> dict[str, str]:
        """Key aliases of Claude models by id, so that they hold for every spelling of it.

        Where several name the same model, the one for its exact id counts, else the first.
        """
        shipped: dict[str, str] = {}
        for name, target in self._catalog.aliases.items():
            shipped[self._model_of(name) or name] = target
        chosen: dict[str, str | Literal[False]] = {}
        for name, target in aliases.items():
            spelling = spelled(name)
            model = self._model_of(name)
            if target is False and model not in shipped:
                raise ValueError(f"alias {name!r} is switched off, but nothing by it is shipped")
            if model is None or spelling is None or spelling.thinking:
                continue
            if target is not False and self._model_of(target) == model:
                continue  # only another way to write it
            if name == model:
                chosen[model] = target
            else:
                chosen.setdefault(model, target)
        kept = {model: target for model, target in shipped.items() if model not in chosen}
        return kept | {model: target for model, target in chosen.items() if target is not False}

    def _check(self, name: str) -> None:
        if name in self._served:
            raise ValueError(f"{name!r} is both a model and an alias")
        if name not in self._aliases:
            return
        try:
            self._find(name, ())
        except UnknownModel as error:
            raise ValueError(f"alias {name!r}: {error.message}") from None


def find_row(catalog: Catalog, model: str) -> ModelRow | None:
    """Return the row of a model by any spelling of its id."""
    spelling = spelled(model)
    known = catalog.find(spelling.form) if spelling else None
    return known if isinstance(known, ModelRow) else None


def _not_found(name: str) -> UnknownModel:
    return UnknownModel(f"There is no model '{name[:_SHOWN]}' here.", param="model")


def _retired(name: str, model: RetiredModel) -> UnknownModel:
    return UnknownModel(
        f"The model '{name[:_SHOWN]}' was retired on {model.retired_at}; "
        f"use '{model.successor}' instead.",
        code="model_retired",
        param="model",
    )
