"""The models the gateway knows: `catalog.toml`, read once and checked.

Owns the rows and what an id without a row is treated as. How people spell ids is for `names.py`;
what a price makes of a usage is for the ledger.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from importlib import resources
from typing import Literal

import msgspec
from msgspec import Struct, structs

from isthmus.call import Capabilities, Price

Line = Literal["haiku", "sonnet", "opus", "fable", "mythos"]

_PICO_DOLLARS = 10**12
_TOKENS_PRICED = 10**6
#: Writing to the prompt cache costs the input price times this.
_CACHE_WRITE_5M = Decimal("1.25")
_CACHE_WRITE_1H = Decimal(2)


class Rate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price as price lists print it: US dollars per million tokens.

    ``above_tokens``: it holds for prompts longer than this. Absent cache writes follow from
    ``input``.
    """

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    above_tokens: int = 0

    def price(self) -> Price:
        """Convert to pico-dollars per token.

        Raises:
            ValueError: a price is finer than a pico-dollar per token.
        """
        write_5m, write_1h = self.cache_write_5m, self.cache_write_1h
        return Price(
            input=_pico_dollars(self.input),
            output=_pico_dollars(self.output),
            cache_read=_pico_dollars(self.cache_read),
            cache_write_5m=_pico_dollars(
                self.input * _CACHE_WRITE_5M if write_5m is None else write_5m
            ),
            cache_write_1h=_pico_dollars(
                self.input * _CACHE_WRITE_1H if write_1h is None else write_1h
            ),
            above_tokens=self.above_tokens,
        )


class _Known(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    #: Undated ids that mean this snapshot; ids since 4.6 have no date and none of these.
    aliases: tuple[str, ...] = ()
    display_name: str
    line: Line
    #: The day of release.
    created: dt.date
    #: Where the row was read, and when.
    source: str
    date: dt.date


class _Callable(_Known, frozen=True, kw_only=True, forbid_unknown_fields=True):
    lifecycle: Literal["active", "deprecated"]
    deprecated_at: dt.date | None = None
    retires_at: dt.date | None = None
    successor: str | None = None
    capabilities: Capabilities
    #: Fields that are inferred, as paths: ``prices.cache_read``.
    uncertain: tuple[str, ...] = ()


class _WrittenRow(_Callable, frozen=True, kw_only=True, forbid_unknown_fields=True):
    prices: tuple[Rate, ...]


class Deprecation(Struct, frozen=True):
    """A model's announced end: its last day, and the model to use instead, if they are known."""

    retires_at: dt.date | None
    successor: str | None


class ModelRow(_Callable, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that can be called. ``prices``: by prompt length, shortest prompts first."""

    prices: tuple[Price, ...]

    @property
    def deprecation(self) -> Deprecation | None:
        """Its announced end; None while it is active."""
        if self.lifecycle == "active":
            return None
        return Deprecation(self.retires_at, self.successor)


class RetiredModel(_Known, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that can no longer be called, and the one to call instead."""

    retired_at: dt.date
    successor: str


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    newest: str
    aliases: dict[str, str]
    models: tuple[_WrittenRow, ...]
    retired: tuple[RetiredModel, ...]


class Catalog:
    """All models by id. ``rows``: those that can be called, newest first.

    ``aliases`` are the shipped ones: names of retired models that another model serves. A Claude
    id without a row goes by the capabilities of ``newest``, and is unpriced.
    """

    def __init__(
        self,
        rows: Iterable[ModelRow],
        retired: Iterable[RetiredModel],
        aliases: Mapping[str, str],
        newest: str,
    ) -> None:
        """Index the rows.

        Raises:
            ValueError: two models share a name, or one names a model or field there is not.
        """
        self.rows = tuple(rows)
        self.retired = tuple(retired)
        self.aliases = dict(aliases)
        self._rows = {row.id: row for row in self.rows}
        self._named: dict[str, ModelRow | RetiredModel] = {}
        for model in (*self.rows, *self.retired):
            self._name(model)
        _check_fields(self.rows)
        mentioned = [newest, *self.aliases.values()]
        mentioned += [model.successor for model in (*self.rows, *self.retired) if model.successor]
        for name in mentioned:
            if name not in self._rows:
                raise ValueError(f"catalog: there is no row {name!r}")
        self.newest = self._rows[newest]

    @classmethod
    def load(cls) -> Catalog:
        """Read the catalog that ships with the gateway."""
        file = resources.files("isthmus.routing").joinpath("catalog.toml")
        return cls.parse(file.read_text("utf-8"))

    @classmethod
    def parse(cls, text: str) -> Catalog:
        """Read a catalog from TOML.

        Raises:
            ValueError: it is not TOML, not of the form of `catalog.toml`, or contradicts itself.
        """
        written = msgspec.convert(tomllib.loads(text, parse_float=Decimal), _File)
        return cls(map(_priced, written.models), written.retired, written.aliases, written.newest)

    def replaced(self, rows: Mapping[str, ModelRow]) -> Catalog:
        """Return the catalog with other rows for some ids."""
        return Catalog(
            [rows.get(row.id, row) for row in self.rows],
            self.retired,
            self.aliases,
            self.newest.id,
        )

    def row(self, model: str) -> ModelRow | None:
        """Return the row of an exact id."""
        return self._rows.get(model)

    def find(self, name: str) -> ModelRow | RetiredModel | None:
        """Return the model with this id, or with this undated form of its id."""
        return self._named.get(name)

    def _name(self, model: ModelRow | RetiredModel) -> None:
        for name in (model.id, *model.aliases):
            if name in self._named:
                raise ValueError(f"catalog: two models are called {name!r}")
            self._named[name] = model


def price_list(rates: Sequence[Rate]) -> tuple[Price, ...]:
    """Convert the rates of one model.

    Raises:
        ValueError: they do not start with the shortest prompts and rise, or one is too fine.
    """
    starts = [rate.above_tokens for rate in rates]
    if starts[:1] != [0] or starts != sorted(set(starts)):
        raise ValueError("the prices do not start at 0 tokens and rise from there")
    return tuple(rate.price() for rate in rates)


def _pico_dollars(dollars: Decimal) -> int:
    pico = dollars * _PICO_DOLLARS / _TOKENS_PRICED
    if pico < 0 or pico != pico.to_integral_value():
        raise ValueError(f"{dollars} is no price in whole pico-dollars per token")
    return int(pico)


def _priced(written: _WrittenRow) -> ModelRow:
    fields = structs.asdict(written)
    try:
        fields["prices"] = price_list(written.prices)
    except ValueError as error:
        raise ValueError(f"catalog: {written.id!r}: {error}") from None
    return ModelRow(**fields)


def _check_fields(rows: Iterable[ModelRow]) -> None:
    owners = {"": ModelRow, "prices": Price, "capabilities": Capabilities}
    for row in rows:
        for path in row.uncertain:
            owner, _, name = path.rpartition(".")
            if owner not in owners or name not in owners[owner].__struct_fields__:
                raise ValueError(f"catalog: {row.id!r} has no field {path!r}")
