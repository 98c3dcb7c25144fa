"""Which routes may serve a model, in tiers. Pure: it knows nothing of health, time or a call.

A route is a model at one base URL of one upstream with one credential: what one attempt goes to.
The order in which a call tries them is for `affinity` (whose turn it is) and `failover` (who is
well) to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Literal, Protocol

from msgspec import Struct, structs

from isthmus.call import Capabilities, ChatCapabilities, Price
from isthmus.errors import UnknownModel
from isthmus.routing.catalog import Deprecation
from isthmus.routing.described import Descriptions, chat_capabilities
from isthmus.routing.overrides import Override

#: Kinds of upstreams that serve Claude models without being told so; the first that is there wins.
_SERVES_CLAUDE = ("anthropic", "sandbox")
#: From this version on the Messages API takes no sampling parameters.
_WITHOUT_SAMPLING = "2026-10-21"


class Credential(Struct, frozen=True):
    """One credential of an upstream, without its secret.

    ``number`` counts from 1, in the order of the file; ``id`` stands for the secret itself, so that
    a new one is not taken for the old; ``account`` is whose it is.
    """

    upstream: str
    number: int
    id: str
    account: str


class PlannedUpstream(Protocol):
    """What planning needs to know of an upstream. ``base_urls``: primary first, at least one."""

    @property
    def kind(self) -> str:
        """The platform it is."""
        ...

    @property
    def base_urls(self) -> Sequence[str]:
        """Where it can be reached."""
        ...

    @property
    def credentials(self) -> Sequence[Credential]:
        """With what, at least one."""
        ...

    @property
    def api_version(self) -> str | None:
        """The only version of the API it takes."""
        ...


class ConfiguredTarget(Protocol):
    """A model of one upstream, as the configuration names it."""

    @property
    def upstream(self) -> str:
        """The name of the upstream."""
        ...

    @property
    def model(self) -> str:
        """The model's id there."""
        ...

    @property
    def tier(self) -> int | None:
        """Lower tiers are tried first."""
        ...

    @property
    def weight(self) -> float | None:
        """Its share within its tier."""
        ...


class Target(Struct, frozen=True):
    """A model of one upstream; ``tier`` and ``weight`` as in the configuration."""

    upstream: str
    model: str
    tier: int | None = None
    weight: float | None = None


class Route(Struct, frozen=True, kw_only=True):
    """One way to serve a call: a target at one base URL of its upstream, with one credential."""

    upstream: str
    model: str
    base_url: str
    credential: Credential
    capabilities: Capabilities
    deprecation: Deprecation | None = None
    #: What the model accepts where its upstream speaks Chat Completions; None: it speaks Messages.
    chat: ChatCapabilities | None = None
    #: What it costs; empty: nobody knows.
    prices: tuple[Price, ...] = ()

    @property
    def account(self) -> str:
        """Whose credential it is; thinking and prompt caches are bound to that."""
        return self.credential.account


class Choice(Struct, frozen=True):
    """A target and its routes: credential by credential, each at every base URL."""

    upstream: str
    model: str
    weight: float
    routes: tuple[Route, ...]


class Plan(Struct, frozen=True):
    """The routes of a model in tiers; a tier is tried when all before it have failed.

    ``routes`` are all of them in the order of the file, at least one. ``varies``: their order
    depends on the conversation. ``chat``: how many of them speak Chat Completions.
    """

    tiers: tuple[tuple[Choice, ...], ...]
    routes: tuple[Route, ...]
    varies: bool
    chat: Literal["none", "some", "all"] = "none"


class Planner:
    """Makes the plans of a configuration."""

    def __init__(
        self,
        descriptions: Descriptions,
        upstreams: Mapping[str, PlannedUpstream],
        models: Mapping[str, Sequence[ConfiguredTarget]],
        overrides: Mapping[str, Override] | None = None,
    ) -> None:
        """Take upstreams by name, and the targets of the operator's models, each in file order.

        ``overrides`` are by the same names, and hold for all their targets.

        Raises:
            ValueError: an upstream has no base URL; a model has no target, or one at an upstream
                that does not exist.
        """
        for name, upstream in upstreams.items():
            if not upstream.base_urls:
                raise ValueError(f"upstream {name!r} has no base URL")
        self._descriptions = descriptions
        self._upstreams = upstreams
        self._overrides = overrides or {}
        self._models = models
        self._claude = _claude_upstreams(upstreams)
        self._plans = {name: self._of_targets(name, targets) for name, targets in models.items()}
        for row in descriptions.catalog.rows:
            if self._claude and row.id not in self._plans:
                self._plans[row.id] = self._of_claude(row.id)

    def plan(self, model: str) -> Plan:
        """Plan a call to a model, named as `names.Names.resolve` names it.

        Raises:
            UnknownModel: no upstream serves it.
        """
        if model in self._plans:
            return self._plans[model]
        if not self._claude:
            raise UnknownModel("No upstream here serves this model.", param="model")
        return self._of_claude(model)

    def serves(self, model: str) -> bool:
        """Say whether there is a plan for a model of the catalog or of the operator's."""
        return model in self._plans

    def among(self, upstreams: Sequence[str], model: str) -> Plan:
        """Plan a call to some upstreams, whatever they make of the model's name.

        Where it is a name of the operator's, the model's ids at those upstreams take its place.
        """
        known = self._models.get(model, ())
        targets = [target for target in known if target.upstream in upstreams]
        return self._of(model, targets or [Target(upstream, model) for upstream in upstreams])

    def _of_claude(self, model: str) -> Plan:
        return self._of(model, [Target(upstream, model) for upstream in self._claude])

    def _of_targets(self, name: str, targets: Sequence[ConfiguredTarget]) -> Plan:
        missing = [target.upstream for target in targets if target.upstream not in self._upstreams]
        if missing:
            raise ValueError(f"model {name!r}: there is no upstream {missing[0]!r}")
        if not targets:
            raise ValueError(f"model {name!r} has no target")
        return self._of(name, targets)

    def _of(self, name: str, targets: Sequence[ConfiguredTarget]) -> Plan:
        override = self._overrides.get(name, Override())
        placed: dict[tuple[str, str], tuple[int, Choice]] = {}
        for place, target in enumerate(targets, 1):
            weighted = target.tier is None and target.weight is not None
            tier = target.tier or (1 if weighted else place)
            choice = Choice(
                upstream=target.upstream,
                model=target.model,
                weight=target.weight or 1.0,
                routes=tuple(self._to(target, override)),
            )
            placed.setdefault((target.upstream, target.model), (tier, choice))
        in_order = sorted(placed.values(), key=_tier)
        return _plan([[choice for _, choice in tier] for _, tier in groupby(in_order, key=_tier)])

    def _to(self, target: ConfiguredTarget, override: Override) -> Iterable[Route]:
        upstream = self._upstreams[target.upstream]
        known = self._descriptions.of(target.upstream, target.model)
        rules = override.applied_to(known.capabilities)
        dialect = self._descriptions.dialects.get(target.upstream)
        if upstream.api_version == _WITHOUT_SAMPLING:
            rules = structs.replace(rules, sampling="none")
        for credential in upstream.credentials:
            for base_url in upstream.base_urls:
                yield Route(
                    upstream=target.upstream,
                    model=target.model,
                    base_url=base_url,
                    credential=credential,
                    capabilities=rules,
                    deprecation=known.row.deprecation if known.row is not None else None,
                    prices=override.prices or (known.row.prices if known.row is not None else ()),
                    chat=None if dialect is None else chat_capabilities(rules, dialect),
                )


def _plan(tiers: Sequence[Sequence[Choice]]) -> Plan:
    routes = [[route for choice in tier for route in choice.routes] for tier in tiers]
    return Plan(
        tiers=tuple(map(tuple, tiers)),
        routes=tuple(route for tier in routes for route in tier),
        chat=_how_many([route.chat is not None for tier in routes for route in tier]),
        varies=any(len({(route.model, route.credential) for route in tier}) > 1 for tier in routes),
    )


def _how_many(speak: Sequence[bool]) -> Literal["none", "some", "all"]:
    if not any(speak):
        return "none"
    return "all" if all(speak) else "some"


def _tier(placed: tuple[int, Choice]) -> int:
    return placed[0]


def _claude_upstreams(upstreams: Mapping[str, PlannedUpstream]) -> tuple[str, ...]:
    for kind in _SERVES_CLAUDE:
        names = tuple(name for name, upstream in upstreams.items() if upstream.kind == kind)
        if names:
            return names
    return ()
