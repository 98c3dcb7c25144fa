"""All that routing knows of one configuration, put together once."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, structs

from isthmus.config import Config, UpstreamConfig
from isthmus.routing.catalog import Catalog
from isthmus.routing.listing import Listing
from isthmus.routing.names import Names
from isthmus.routing.overrides import Override, overridden
from isthmus.routing.plan import Planner
from isthmus.routing.router import Router

#: Only a name: nothing is ever looked up or connected to.
_IN_PROCESS = "http://sandbox"


class Directory(Struct, frozen=True, kw_only=True):
    """Who is asked, under which names. ``catalog``: with the operator's corrections.

    ``overrides`` are the operator's, by the name of the model they were written for.
    """

    catalog: Catalog
    names: Names
    router: Router
    listing: Listing
    overrides: Mapping[str, Override]


def directory(config: Config, catalog: Catalog | None = None) -> Directory:
    """Build the directory that ``config`` describes, on another ``catalog`` than ships if given.

    Raises:
        WrongOverride: a correction of the catalog does not fit.
        ValueError: names of the configuration contradict each other or the catalog.
    """
    catalog, overrides = overridden(catalog or Catalog.load(), config.models)
    served = {name: model.targets for name, model in config.models.items() if model.targets}
    names = Names(catalog, config.aliases, served)
    return Directory(
        catalog=catalog,
        names=names,
        router=Router(names, Planner(catalog, _reachable(config), served, overrides)),
        listing=Listing(catalog, names, served, overrides),
        overrides=overrides,
    )


def _reachable(config: Config) -> dict[str, UpstreamConfig]:
    """Give the sandboxes, which are called in process, an address to be planned by."""
    return {
        name: upstream
        if upstream.base_urls
        else structs.replace(upstream, base_urls=(_IN_PROCESS,))
        for name, upstream in config.upstreams.items()
    }
