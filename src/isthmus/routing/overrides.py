"""What the operator says of models otherwise than the catalog, applied and checked.

Values that are wrong by themselves are found when the file is read; here it is known what they are
put in the place of, and whether the whole still fits together.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct, field, structs

from isthmus.call import EFFORTS, Capabilities, Price
from isthmus.config import CapabilitiesConfig, ModelConfig, RateConfig
from isthmus.routing.catalog import Catalog, ModelRow, Rate, price_list
from isthmus.routing.described import UNDESCRIBED
from isthmus.routing.names import find_row


class WrongOverride(ValueError):
    """An override that cannot be. ``path``: the setting's place in the configuration."""

    def __init__(self, path: tuple[str, ...], message: str) -> None:
        super().__init__(f"{'.'.join(path)}: {message}")
        self.path = path
        self.message = message


class Override(Struct, frozen=True, kw_only=True):
    """What one model's entry says. Empty ``prices``: nothing about them."""

    capabilities: Mapping[str, Any] = field(default_factory=dict[str, Any])
    prices: tuple[Price, ...] = ()

    def applied_to(self, rules: Capabilities) -> Capabilities:
        """Put what is said here in the place of what ``rules`` say."""
        return structs.replace(rules, **_completed(self.capabilities)) if self else rules

    def corrected(self, row: ModelRow) -> ModelRow:
        """Return the row with what is said here."""
        return structs.replace(
            row,
            capabilities=self.applied_to(row.capabilities),
            prices=self.prices or row.prices,
        )

    def __bool__(self) -> bool:
        return bool(self.capabilities or self.prices)


def overridden(
    catalog: Catalog, models: Mapping[str, ModelConfig], foreign: Container[str] = ()
) -> tuple[Catalog, dict[str, Override]]:
    """Return the catalog with the operator's corrections, and those of every name by themselves.

    ``foreign`` are the upstreams that speak Chat Completions.

    Raises:
        WrongOverride: capabilities that do not fit together, prices in no order, or a name without
            targets that is no id of the catalog.
    """
    overrides: dict[str, Override] = {}
    rows: dict[str, ModelRow] = {}
    for name, model in models.items():
        row = catalog.row(name)
        if not model.targets and row is None:
            raise WrongOverride(("models", name), _without_targets(catalog, name))
        override = _override(name, model)
        if not override and not model.targets:
            raise WrongOverride(("models", name), "says nothing: no targets, nothing to correct")
        if override:
            overrides[name] = override
        if row is not None:
            rows[name] = override.corrected(row)
        for rules in _rules_below(catalog, row, model, foreign):
            _check(name, override, override.applied_to(rules))
    return catalog.replaced(rows), overrides


def _override(name: str, model: ModelConfig) -> Override:
    capabilities = _given(model.capabilities) if model.capabilities is not None else {}
    written = model.prices
    rates = (written,) if isinstance(written, RateConfig) else written
    if rates is None:
        return Override(capabilities=capabilities)
    try:
        prices = price_list([_rate(rate) for rate in rates])
    except ValueError as error:
        raise WrongOverride(("models", name, "prices"), str(error)) from None
    return Override(capabilities=capabilities, prices=prices)


def _given(config: CapabilitiesConfig) -> dict[str, Any]:
    return {name: value for name, value in structs.asdict(config).items() if value is not None}


def _rate(config: RateConfig) -> Rate:
    write_5m, write_1h = config.cache_write_5m, config.cache_write_1h
    return Rate(
        input=_exact(config.input),
        output=_exact(config.output),
        cache_read=_exact(config.cache_read),
        cache_write_5m=None if write_5m is None else _exact(write_5m),
        cache_write_1h=None if write_1h is None else _exact(write_1h),
        above_tokens=config.above_tokens,
    )


def _exact(dollars: float) -> Decimal:
    """Take the number as it was written, not as a binary fraction has it."""
    return Decimal(str(dollars))


def _completed(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """A model said to have no levels has no default level either: no file can say "none"."""
    if given.get("efforts") == ():
        return {"default_effort": None, "effort_without_thinking": None, **given}
    return given


def _without_targets(catalog: Catalog, name: str) -> str:
    known = find_row(catalog, name)
    meant = f"; did you mean {known.id!r}?" if known is not None else ""
    return f"needs targets, it is no id of the catalog{meant}"


def _rules_below(
    catalog: Catalog, row: ModelRow | None, model: ModelConfig, foreign: Container[str]
) -> Iterator[Capabilities]:
    """Name everything that the override is put on top of."""
    if row is not None:
        yield row.capabilities
    for target in model.targets:
        known = find_row(catalog, target.model)
        if known is None and target.upstream in foreign:
            yield UNDESCRIBED
        else:
            yield (known or catalog.newest).capabilities


def _check(name: str, override: Override, whole: Capabilities) -> None:
    for fields, message in contradictions(whole):
        blamed = next((field for field in fields if field in override.capabilities), None)
        if blamed is not None:
            raise WrongOverride(("models", name, "capabilities", blamed), message)


def contradictions(rules: Capabilities) -> Iterator[tuple[tuple[str, ...], str]]:
    """Find what does not fit together: the fields it is about, and why."""
    yield from _limits(rules)
    yield from _thinking(rules)
    yield from _efforts(rules)


def _limits(rules: Capabilities) -> Iterator[tuple[tuple[str, ...], str]]:
    answer, prompt = rules.max_output_tokens, rules.max_input_tokens
    if prompt and answer > prompt:
        fields = ("max_output_tokens", "max_input_tokens")
        yield fields, f"answers of {answer} tokens, prompts of fewer"


def _thinking(rules: Capabilities) -> Iterator[tuple[tuple[str, ...], str]]:
    kinds, default = rules.thinking, rules.thinking_default
    fields = ("thinking", "thinking_default")
    if not kinds or len(set(kinds)) != len(kinds):
        yield ("thinking",), "must name at least one type, and none twice"
    if default == "always" and "disabled" in kinds:
        yield fields, "a model that always thinks does not take 'disabled'"
    if default == "off" and "disabled" not in kinds:
        yield fields, "a model that does not think unasked takes 'disabled'"
    if default != "off" and not {"adaptive", "enabled"} & set(kinds):
        yield fields, "a model that thinks unasked takes 'adaptive' or 'enabled'"


def _efforts(rules: Capabilities) -> Iterator[tuple[tuple[str, ...], str]]:
    levels = rules.efforts
    if list(levels) != sorted(set(levels), key=EFFORTS.index):
        yield ("efforts",), "must stand weakest first, each once"
    for name in ("default_effort", "effort_without_thinking"):
        level = getattr(rules, name)
        if level is not None and level not in levels:
            yield (name, "efforts"), f"{level!r} is none of the model's efforts"
    if levels and rules.default_effort is None:
        yield ("efforts", "default_effort"), "levels of effort need a default_effort"
