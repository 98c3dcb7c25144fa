"""All that routing knows of one configuration, put together once."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

from msgspec import Struct

from isthmus.call import ChatDialect
from isthmus.config import Config, UpstreamConfig
from isthmus.routing import dialects
from isthmus.routing.catalog import Catalog
from isthmus.routing.described import Descriptions
from isthmus.routing.listing import Listing
from isthmus.routing.names import Names
from isthmus.routing.overrides import Override, WrongOverride, overridden
from isthmus.routing.plan import Credential, Planner
from isthmus.routing.router import Router

#: Only a name: nothing is ever looked up or connected to.
IN_PROCESS = "http://sandbox"


class _Reachable(Struct, frozen=True, kw_only=True):
    """An upstream as planning sees it."""

    kind: str
    base_urls: tuple[str, ...]
    credentials: tuple[Credential, ...]
    api_version: str | None


class Directory(Struct, frozen=True, kw_only=True):
    """Who is asked, under which names. ``catalog``: with the operator's corrections.

    ``overrides`` are the operator's, by the name of the model they were written for.
    """

    catalog: Catalog
    names: Names
    router: Router
    listing: Listing
    overrides: Mapping[str, Override]


def described(
    config: Config, catalog: Catalog | None = None
) -> tuple[Descriptions, dict[str, Override]]:
    """Return what is known of models, with the operator's corrections, and those by themselves.

    Raises:
        WrongOverride: a correction of the catalog does not fit, or a vendor is unknown.
    """
    spoken = _dialects(config)
    catalog, overrides = overridden(catalog or Catalog.load(), config.models, spoken)
    return Descriptions(catalog, spoken), overrides


def directory(config: Config, catalog: Catalog | None = None) -> Directory:
    """Build the directory that ``config`` describes, on another ``catalog`` than ships if given.

    Raises:
        WrongOverride: a correction of the catalog does not fit.
        ValueError: names of the configuration contradict each other or the catalog.
    """
    descriptions, overrides = described(config, catalog)
    catalog = descriptions.catalog
    served = {name: model.targets for name, model in config.models.items() if model.targets}
    reachable = {name: _reachable(name, upstream) for name, upstream in config.upstreams.items()}
    names = Names(catalog, config.aliases, served)
    planner = Planner(descriptions, reachable, served, overrides)
    return Directory(
        catalog=catalog,
        names=names,
        router=Router(names, planner, _passthrough(config)),
        listing=Listing(descriptions, names, served, overrides, planner.serves),
        overrides=overrides,
    )


def _dialects(config: Config) -> dict[str, ChatDialect]:
    """Return how those upstreams spell things that speak Chat Completions."""
    foreign = {n: one for n, one in config.upstreams.items() if one.kind == "openai_compatible"}
    if not foreign:
        return {}
    known = dialects.load()
    for name, one in foreign.items():
        if one.vendor is not None and one.vendor not in known:
            path = ("upstreams", name, "vendor")
            raise WrongOverride(path, f"must be one of {', '.join(known)}, or absent")
    return {name: known[one.vendor or dialects.PLAIN] for name, one in foreign.items()}


def _passthrough(config: Config) -> dict[str, list[str]]:
    """Return the further paths that upstreams list, and by which of them."""
    paths: dict[str, list[str]] = {}
    for name, upstream in config.upstreams.items():
        for path in upstream.passthrough:
            paths.setdefault(path, []).append(name)
    return paths


def _reachable(name: str, config: UpstreamConfig) -> _Reachable:
    """Describe an upstream; a sandbox, which is called in process, by names of its own."""
    credentials = tuple(
        Credential(
            upstream=name,
            number=number,
            id=_stand_in(key.secret.reveal()),
            account=key.account or name,
        )
        for number, key in enumerate(config.api_keys, 1)
    )
    return _Reachable(
        kind=config.kind,
        base_urls=config.base_urls or (IN_PROCESS,),
        credentials=credentials or (Credential(name, 1, "", name),),
        api_version=config.api_version,
    )


def _stand_in(secret: str) -> str:
    """Return a word that is another for another secret, and tells nothing about it."""
    return blake2b(secret.encode(), digest_size=8, key=b"isthmus credential").hexdigest()
